"""Training runs: `train` begins one, `resume` goes on with one; either ends in a result in a run folder.

Runs of both kinds of game: what is trained follows from the kind of the options, or of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import singledispatch
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import Run, open_run
from rllib_stackelberg.runs.run_options import RunOptions
from rllib_stackelberg.training.leader_training import LeaderTraining
from rllib_stackelberg.training.populations.population_training import PopulationTraining
from rllib_stackelberg.training.running.training_session import Configure, Report, Training


@singledispatch
def kind_of(options: RunOptions) -> type[Training[Any, Any]]:
    """What trains by these options."""
    raise NotImplementedError(type(options).__name__)


@kind_of.register
def _(options: TrainOptions) -> type[Training[Any, Any]]:
    return LeaderTraining


@kind_of.register
def _(options: PopulationOptions) -> type[Training[Any, Any]]:
    return PopulationTraining


def train(options: RunOptions, report: Report | None = None, configure: Configure | None = None) -> dict[str, Any]:
    """Train, keep the best greedy policies, and leave a run folder with what they are worth.

    Args:
        options: what to train, and for how long: `TrainOptions`, or `PopulationOptions`.
        report: called with the progress after every iteration.
        configure: has the last word on the RLlib configuration.

    Returns:
        The content of result.json.

    Raises:
        RunStoppedError: the run cannot go on, and why: the game failed (`RulesError`), env runners were lost, the disk
            is full, a signal came. The last generation is whole; a note on the error says how to go on.
    """
    with training(options, report, configure) as result:
        return result


@contextmanager
def training(
    options: RunOptions, report: Report | None = None, configure: Configure | None = None
) -> Iterator[dict[str, Any]]:
    """As `train`, but the result is there before Ray has ended, which takes seconds; the report is written at the end.

    Args:
        options, report, configure: as for `train`.
    """
    with kind_of(options).begun(options, report, configure) as result:
        yield result


def resume(
    run: str | Path,
    report: Report | None = None,
    configure: Configure | None = None,
    max_seconds: float | None = None,
    max_iterations: int | None = None,
    game: str | None = None,
    reach: Mapping[str, str | None] = MappingProxyType({}),
) -> dict[str, Any]:
    """Go on with a run from its last good generation, as if it had never been stopped.

    In a game with a population, plays that were under way begin anew, on streams of their own: so the result is not,
    bit for bit, that of a run that was never stopped. A run that has a result, and no higher limit, is left as it is.

    Args:
        run: its folder; report, configure: as for `train` (and the same).
        max_seconds, max_iterations: new limits in place of the run's; they count from its first beginning.
        game: the game's class, where it is not a registered one: code that you trust.
        reach: `ray_address`, `mlflow`, `wandb`: what the run reaches out to, and `device` of a population's networks.
            The folder's own word is not taken.

    Returns:
        The content of result.json.

    Raises:
        InvalidFieldError: no run folder, one in use, or limits that cannot work.
        RunStoppedError: as for `train`.
    """
    opened = open_run(run, game)
    limits = {"max_seconds": max_seconds, "max_iterations": max_iterations}
    with going_on(opened, opened.options(reach, **limits), limits, report, configure) as result:
        return result


@contextmanager
def going_on(
    run: Run,
    options: RunOptions,
    limits: Mapping[str, Any],
    report: Report | None = None,
    configure: Configure | None = None,
) -> Iterator[dict[str, Any]]:
    """As `resume`, of a run that is open, and as in `training`.

    Args:
        run: the run.
        options: its own, under the limits.
        limits: new ones in place of the run's, if any is given.
        report, configure: as for `train`.
    """
    with kind_of(options)(run, options, configure).gone_on_with(limits, report) as result:
        yield result
