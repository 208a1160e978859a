"""Options of a training run: checked before anything starts, saved with the run."""

from __future__ import annotations

import importlib.util
import os
import re
import time
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.validation import validated
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.workload import RESPONSE_SAMPLES, check_workload
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.registry import GameName, find_spec, make_game
from rllib_stackelberg.runs.algorithms import ALGORITHMS, check_algorithm
from rllib_stackelberg.runs.game_options import GameOptions
from rllib_stackelberg.runs.ray_files import check_places

CLUSTER_ADDRESS = re.compile(r"auto|[\w.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

MOST_FAILURES = 5
GAME_SECONDS = 300.0
LONGEST = 1e6
"""Seconds that a game may be given from one question to the next: twelve days."""


class TrainOptions(GameOptions):
    """What to train and for how long.

    Attributes:
        game: id or "package.module:ClassName"; params: its constructor parameters.
        settings: fields of `LeaderSettings` that differ from the game's defaults.
        algo: RLlib algorithm; critic: "central" or "local"; None: central, where the algorithm has one.
        seed: of the whole run.
        max_seconds: of training; an iteration that is under way then is cut and does not count, but for the first one.
            None: the game's default, or no limit if `max_iterations` is given.
        max_iterations: of RLlib; with it, a run repeats exactly.
        restart_after: iterations after which a leader that has not reached the certified optimum starts afresh
            (earlier if its mean return has long been that of its snapshots); the best snapshot of all starts
            is kept. None: when its schedule is over, if an optimum or a bound is known and missed, and time is left.
        stop_at_optimum: end when nothing is left to learn: the best snapshot has reached the exact value, in an
            equilibrium of the followers, or what the best of all leader strategies is worth, where they are few enough
            to try all; and the exploring leader's mean return is within .2 % of the payoff range of it.
        num_env_runners: remote sampling processes; 0 samples in the main one.
        ray_address: of a running cluster to join ("auto", "HOST:PORT"), by default that of RAY_ADDRESS; None: a Ray of
            the run's own. Not saved: where a run runs is no part of what it computes.
        mlflow, wandb: MLflow experiment or W&B project that the run is logged to besides TensorBoard's event files.
        max_failures: errors of the game, in each process that plays it, after which it is started again; one more
            stops the run.
        game_timeout: seconds in which all parallel episodes must come from one question to the next; a game that does
            not return stops the run.
        out: run folder, new or empty; None: a new one under ./runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    game: GameName
    params: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    algo: str = Field(default="PPO", description=", ".join(ALGORITHMS))
    critic: Literal["central", "local"] | None = Field(
        default=None, description="what the critic sees [default: central, where there is a critic]"
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="random seed of the whole run")
    max_seconds: Positive | None = Field(
        default=None,
        description="train at most so long [default: as `games GAME` says, else 60; none with --max-iterations]",
    )
    max_iterations: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="train at most so many RLlib iterations; with it a run repeats exactly [default: no limit]",
    )
    restart_after: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="iterations after which a leader that missed the optimum starts afresh [default: once its "
        "exploration has ended, if the optimum or a bound is known and missed]",
    )
    stop_at_optimum: bool = Field(default=True, description="end once nothing is left to learn [default: end]")
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
    def checked(cls, rules: StackelbergGame | None = None, /, **values: Any) -> Self:
        """Build options and refuse, by field name, what cannot work.

        Args:
            rules: the game, if it has been made.
            values: fields.

        Raises:
            InvalidFieldError: naming the field and what it may be.
        """
        values["ray_address"] = values.get("ray_address") or os.environ.get("RAY_ADDRESS") or None
        options = validated(cls, values).holding(rules)
        game, settings = options.rules, options.resolved_settings
        check_algorithm(options.algo, game, settings, options.critic, field="algo")
        check_workload(game, settings, RESPONSE_SAMPLES)  # its result is valued in the end
        if options.ray_address is not None:
            _refuse_address(options.ray_address)
        else:
            check_places()
            check_runners(options.num_env_runners)
        for package in ("mlflow", "wandb"):
            if getattr(options, package) and importlib.util.find_spec(package) is None:
                raise InvalidFieldError(
                    package, "its package is not installed", 'after: pip install "rllib-stackelberg[track]"'
                )
        return options.model_copy(
            update=left_open(options.game, options.max_seconds, options.max_iterations, options.out)
        )

    @cached_property
    def rules(self) -> StackelbergGame:
        """The game, made when it is first asked for."""
        return make_game(self.game, **self.params)

    @cached_property
    def resolved_settings(self) -> LeaderSettings:
        """The game's default settings with this run's changes, fitted to the game's size."""
        given = (
            {"response_updates": self.rules.response_updates} | find_spec(self.game).defaults.settings | self.settings
        )
        return LeaderSettings.checked(**given).fitted(self.rules)

    def new_folder(self) -> Path:
        """A folder of its own for a run that names none."""
        return new_folder(self.game)

    def finished(self, iteration: int, seconds: float) -> bool:
        """Whether the run has used up its budget."""
        if self.max_iterations is not None and iteration >= self.max_iterations:
            return True
        return self.max_seconds is not None and iteration > 0 and seconds >= self.max_seconds


def _refuse_address(address: str) -> None:
    """Addresses of Ray's other doors (jobs: http://, clients: ray://) are no place for a driver."""
    if not CLUSTER_ADDRESS.fullmatch(address):
        raise InvalidFieldError("ray_address", f"got {address!r}", "auto, or HOST:PORT of a cluster's head")


def check_runners(number: int) -> None:
    """Refuse more sampling processes than a Ray of the run's own has CPUs for."""
    cpus = os.cpu_count() or 1
    if number > cpus:
        raise InvalidFieldError("num_env_runners", f"{number} on {cpus} CPUs", f"0..{cpus} on this machine")


def left_open(
    game: str, max_seconds: float | None, max_iterations: int | None, out: Path | None
) -> dict[str, float | Path | None]:
    """Limit and folder of a run on a game, by field, where they are not given."""
    limited = max_seconds is not None or max_iterations is not None
    return {
        "max_seconds": max_seconds if limited else find_spec(game).defaults.max_seconds,
        "out": out or new_folder(game),
    }


def new_folder(game: str) -> Path:
    """A folder of its own for a run on a game, by time and process."""
    name = find_spec(game).name or game.rpartition(":")[2]
    return Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
