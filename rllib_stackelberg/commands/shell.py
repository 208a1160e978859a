"""What commands about followers and about runs share: options, and how something that runs is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import typer
from rich.live import Live

from rllib_stackelberg.commands.signatures import written
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import read_document
from rllib_stackelberg.followers import Learner
from rllib_stackelberg.reports import tables
from rllib_stackelberg.response.models import FollowerModel, models_from
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.registry import OWN_GAME, find_spec
from rllib_stackelberg.terminal import Terminal

FIRST_LINE_SECONDS = 10.0
"""After which something that runs says how it stands where nothing can be printed over; then after twice as long."""

NOTHING_LEFT = "nothing left to do; more --max-seconds or --max-iterations make a run longer"

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
        """A line of progress, at times that double."""
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
