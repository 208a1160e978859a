"""Options that training runs of either kind of game have: how long, where it runs, and where it is followed."""

from __future__ import annotations

import importlib.util
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.validation import validated
from rllib_stackelberg.rules.base import Rules
from rllib_stackelberg.rules.registry import GameName, find_spec
from rllib_stackelberg.runs.game_options import GameOptions
from rllib_stackelberg.runs.ray_files import check_places

CLUSTER_ADDRESS = re.compile(r"auto|[\w.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

MOST_FAILURES = 5
GAME_SECONDS = 300.0
LONGEST = 1e6
"""Seconds that a game may be given from one question to the next: twelve days."""

SERVICES = ("mlflow", "wandb")
OF_A_PERSON = ("ray_address", *SERVICES)
"""Options by which a run reaches out: never taken from a folder."""


class RunOptions(GameOptions):
    """What to train, for how long, and where. Subclasses say by which algorithms.

    Attributes:
        game: id or "package.module:ClassName"; params: its constructor parameters.
        settings: those that differ from the game's defaults.
        algo: how it is trained.
        seed: of the whole run.
        max_seconds: of training; None: the game's default, or no limit if `max_iterations` is given.
        max_iterations: after which it ends; with it, and no remote env runners, a run repeats exactly.
        num_env_runners: remote sampling processes; 0 samples in the main one.
        ray_address: of a running cluster to join ("auto", "HOST:PORT"), by default that of RAY_ADDRESS; None: a Ray of
            the run's own. Not saved: where a run runs is no part of what it computes.
        mlflow, wandb: MLflow experiment or W&B project that the run is logged to besides TensorBoard's event files.
        max_failures: errors of the game, in each process that plays it, after which it is started again; one more
            stops the run.
        game_timeout: seconds in which all parallel plays must come from one question to the next; a game that does
            not return stops the run.
        out: run folder, new or empty; None: a new one under ./runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    game: GameName
    params: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    algo: str
    seed: int = Field(default=0, ge=0, lt=2**31, description="random seed of the whole run")
    max_seconds: Positive | None = Field(
        default=None,
        description="train at most so long [default: as `games GAME` says, else 60; none with --max-iterations]",
    )
    max_iterations: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="train at most so many RLlib iterations; with it a run repeats exactly [default: no limit]",
    )
    num_env_runners: int = Field(default=0, ge=0, description="further processes that play episodes")
    ray_address: str | None = Field(
        default=None,
        exclude=True,
        description="join a cluster: auto, HOST:PORT [default: that of RAY_ADDRESS, else a Ray of its own]",
    )
    mlflow: str | None = Field(default=None, description="log to this MLflow experiment too [default: none]")
    wandb: str | None = Field(default=None, description="log to this W&B project too [default: none]")
    max_failures: int = Field(
        default=MOST_FAILURES,
        ge=0,
        description="so often a process makes the game anew after an error in it; then the run stops",
    )
    game_timeout: float = Field(
        default=GAME_SECONDS,
        gt=0,
        le=LONGEST,
        allow_inf_nan=False,
        description="stop if the game takes so many seconds from one question to the next",
    )
    out: Path | None = Field(
        default=None, description="run folder, new or empty [default: runs/GAME-TIME-PROCESS, a new one]"
    )

    @classmethod
    def checked(cls, rules: Rules | None = None, /, **values: Any) -> Self:
        """Build options and refuse, by field name, what cannot work.

        Args:
            rules: the game, if it has been made.
            values: fields.

        Raises:
            InvalidFieldError: naming the field and what it may be.
        """
        values["ray_address"] = values.get("ray_address") or os.environ.get("RAY_ADDRESS") or None
        options = validated(cls, values).holding(rules)
        options.check_training()
        if options.ray_address is not None:
            _refuse_address(options.ray_address)
        else:
            check_places()
            _check_runners(options.num_env_runners)
        for package in SERVICES:
            if getattr(options, package) and importlib.util.find_spec(package) is None:
                raise InvalidFieldError(
                    package, "its package is not installed", 'after: pip install "rllib-stackelberg[track]"'
                )
        return options.model_copy(update=options._left_open())

    def check_training(self) -> None:
        """Refuse, by field name, an algorithm or settings that cannot train the game.

        Raises:
            InvalidFieldError: naming the field and what it may be.
        """
        raise NotImplementedError

    def new_folder(self) -> Path:
        """A folder of its own for a run that names none, by time and process."""
        name = find_spec(self.game).name or self.game.rpartition(":")[2]
        return Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"

    def _left_open(self) -> Mapping[str, float | Path | None]:
        """Limit and folder, by field, where they are not given."""
        limited = self.max_seconds is not None or self.max_iterations is not None
        return {
            "max_seconds": self.max_seconds if limited else find_spec(self.game).defaults.max_seconds,
            "out": self.out or self.new_folder(),
        }


def _refuse_address(address: str) -> None:
    """Addresses of Ray's other doors (jobs: http://, clients: ray://) are no place for a driver."""
    if not CLUSTER_ADDRESS.fullmatch(address):
        raise InvalidFieldError("ray_address", f"got {address!r}", "auto, or HOST:PORT of a cluster's head")


def _check_runners(number: int) -> None:
    """Refuse more sampling processes than a Ray of the run's own has CPUs for."""
    cpus = os.cpu_count() or 1
    if number > cpus:
        raise InvalidFieldError("num_env_runners", f"{number} on {cpus} CPUs", f"0..{cpus} on this machine")
