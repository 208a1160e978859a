"""The application that all commands belong to: how one is registered, refused, and shown to people and programs."""

from __future__ import annotations

import inspect
import json
import traceback
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.text import Text

from rllib_stackelberg.errors import InvalidFieldError, RunStoppedError
from rllib_stackelberg.files.folder import to_json
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.terminal import Terminal

if TYPE_CHECKING:
    from rllib_stackelberg.runs import doctor
else:
    doctor = LazyModule("rllib_stackelberg.runs.doctor")

HELP = "Leader-follower games: exact solutions, learned leaders, certificates."

GameArgument = Annotated[
    str,
    typer.Argument(
        help="one of `games`, package.module:ClassName or path/to/file.py:ClassName", metavar="GAME", show_default=False
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Argument(help="the game's own parameters, as `games GAME` lists them", metavar="[KEY=VALUE]..."),
]
Json = Annotated[bool, typer.Option("--json", help="last line of output is one JSON object")]


def _version(asked: bool) -> None:
    if asked:
        name = doctor.PACKAGE
        Terminal().print(f"{name} {doctor.installed(name) or '(run from a folder, not installed)'}")
        raise typer.Exit


def _all_commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def application() -> typer.Typer:
    """The application, without any command."""
    made = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help=HELP,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_all_commands)
    return made


app = application()


def list_of_commands(texts: Mapping[str, str]) -> typer.Typer:
    """An application that says which commands there are, and runs none.

    Args:
        texts: docstrings by the name of the command.
    """
    made = application()
    for name, text in texts.items():
        made.command(name, help=_help(text))(lambda: None)
    return made


def _help(docstring: str | None) -> str:
    """The docstring of a command; its examples stay lines of their own."""
    text = inspect.cleandoc(docstring or "")
    about, heading, examples = text.partition("Examples:\n")
    return f"{about}\b\n{heading}{examples}" if heading else text


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a command; bad input exits with 2, a stopped run with its own code, each with a line that says why.

    Its docstring is its help, and ends in a section "Examples:".
    """

    @app.command(help=_help(function.__doc__))
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        """The command; what it refuses or what stops it is said in words."""
        try:
            function(*args, **kwargs)
        except InvalidFieldError as error:
            fail("\n".join([str(error), *getattr(error, "__notes__", [])]), 2)
        except RunStoppedError as error:
            fail("\n".join([str(error), *getattr(error, "__notes__", [])]), error.code)
        except KeyboardInterrupt:
            fail("interrupted", 130)
        except SystemExit as error:  # no command ends like this: somebody else's code did
            fail(f"a game ended Python by sys.exit({error.code!r}):\n{traceback.format_exc()}", 1)

    return run


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong on standard error, and exit."""
    Terminal(stderr=True, soft_wrap=True).print(Text.assemble(("error", "bold red"), " ", message))
    raise SystemExit(code)


def say_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Say a warning on standard error; in the place of `warnings.showwarning`, which tells a line of code instead."""
    Terminal(stderr=True, soft_wrap=True).print(Text.assemble(("warning", "bold yellow"), " ", str(message)))


def parsed(pairs: list[str] | None) -> dict[str, str]:
    """Parameters from KEY=VALUE pairs."""
    found = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InvalidFieldError(pair, "is no parameter", "KEY=VALUE")
        found[key] = value
    return found


def show(table: Any, data: Any, as_json: bool) -> None:
    """A table for people; with --json the data after it, on one line."""
    Terminal().print(table)
    if as_json:
        print(json.dumps(json.loads(to_json(data))))
