"""What the commands share: arguments, options, how a bad one is refused, and how results are shown."""

from __future__ import annotations

import inspect
import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, NoReturn, Protocol, TypeVar

import typer
from rich.live import Live
from rich.text import Text

from rllib_stackelberg.commands.signatures import written
from rllib_stackelberg.errors import InvalidFieldError, RunStoppedError
from rllib_stackelberg.files.documents import read_document
from rllib_stackelberg.files.folder import to_json
from rllib_stackelberg.followers import Learner
from rllib_stackelberg.reports import tables
from rllib_stackelberg.response.models import FollowerModel, models_from
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.registry import OWN_GAME, find_spec
from rllib_stackelberg.runs.doctor import PACKAGE, installed
from rllib_stackelberg.terminal import Terminal

FIRST_LINE_SECONDS = 10.0
"""After which something that runs says how it stands where nothing can be printed over; then after twice as long."""

NOTHING_LEFT = "nothing left to do; more --max-seconds or --max-iterations make a run longer"

HELP = "Leader-follower games: exact solutions, learned leaders, certificates."

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=HELP,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

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
TrustedGame = Annotated[
    str | None,
    typer.Option("--game", help=f"the run's game, if it is your own code: {OWN_GAME} [default: none]", metavar="GAME"),
]
FollowersOption = Annotated[
    str,
    typer.Option(
        "--followers",
        help=f"learner of all followers, with parameters as in mw:epsilon=0.1: {', '.join(sorted(Learner.registry))} "
        "[default: as `games GAME` says, else mw]",
    ),
]
ModelOption = Annotated[
    list[str],
    typer.Option("--model", help="one of the learners of --followers, given once per model: an episode draws one"),
]
ModelsOption = Annotated[
    Path,
    typer.Option(
        "--models", help=f"JSON file: list of models, each an object with {', '.join(FollowerModel.model_fields)}"
    ),
]
FOLLOWERS = written(followers=FollowersOption, model=ModelOption, models=ModelsOption)
"""Options that say who the followers are."""


def _version(asked: bool) -> None:
    if asked:
        Terminal().print(f"{PACKAGE} {installed(PACKAGE) or '(run from a folder, not installed)'}")
        raise typer.Exit


@app.callback()
def _all_commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def _help(function: Callable[..., Any]) -> str:
    """The docstring of a command; its examples stay lines of their own."""
    text = inspect.getdoc(function) or ""
    about, heading, examples = text.partition("Examples:\n")
    return f"{about}\b\n{heading}{examples}" if heading else text


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a command; bad input exits with 2, a stopped run with its own code, each with a line that says why.

    Its docstring is its help, and ends in a section "Examples:".
    """

    @app.command(help=_help(function))
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
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


class Running(Protocol):
    """Where something that runs stands."""

    @property
    def seconds(self) -> float:
        """Since it began."""


Now = TypeVar("Now", bound=Running, contravariant=True)


@contextmanager
def watched(console: Terminal, title: str, cells: Callable[[Now], dict[str, str]]) -> Iterator[Callable[[Now], None]]:
    """Show how something that runs stands: a table that changes, or, where nothing can be printed over, a few lines.

    Args:
        console: where to.
        title: of the table.
        cells: what to show of it, by column.
    """
    if console.live:
        with Live(console=console, refresh_per_second=4) as live:
            yield lambda now: live.update(tables.one_line(title, cells(now)))
        return
    due = FIRST_LINE_SECONDS

    def say(now: Now) -> None:
        nonlocal due
        if now.seconds >= due:
            shown = ", ".join(f"{name} {value}" for name, value in cells(now).items())
            console.print(f"{title}: {now.seconds:.0f} s, {shown}", soft_wrap=True)
            due = 2 * max(due, now.seconds)

    yield say


def settings_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `LeaderSettings` among the options that are given; models of followers come from either option."""
    found = {name: value for name, value in given.items() if name in LeaderSettings.model_fields}
    if "models" in given:
        if "model" in given:
            raise InvalidFieldError("model", "models are in a file already", "--model or --models")
        found["models"] = models_from(read_document("models", given["models"]))
    elif "model" in given:
        found["models"] = given["model"]
    return found


def default_settings(game: str, **given: Any) -> LeaderSettings:
    """A game's default settings, but for what is given."""
    return LeaderSettings.checked(**(find_spec(game).defaults.settings | given))
