"""Training runs: `train` begins one, `resume` goes on with one; either ends in a certified result in a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

from rllib_stackelberg import compilation
from rllib_stackelberg.errors import RunStoppedError
from rllib_stackelberg.runs.folder import RunFolder, command_for
from rllib_stackelberg.runs.game_of_run import parameters
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.progress import Progress
from rllib_stackelberg.runs.run import FiniteRun
from rllib_stackelberg.training.config import config_for
from rllib_stackelberg.training.loop import Loop
from rllib_stackelberg.training.running.checkpoints import Checkpoints, State
from rllib_stackelberg.training.running.deadlines import DeadlineError, deadline
from rllib_stackelberg.training.running.failures import LONG, Failures
from rllib_stackelberg.training.running.generations import nothing_left, storing
from rllib_stackelberg.training.running.interruptions import interruptible
from rllib_stackelberg.training.running.ray_sessions import KILLED, ray_session, torch_threads
from rllib_stackelberg.training.running.reporting import leave_report
from rllib_stackelberg.training.running.tracking import Tracking

ANNEALED_SHARE = 0.85
"""Of a start's iterations, in which the leader's spread shrinks; in the rest it is small."""

STOP_SECONDS = 30.0
"""In which RLlib must stop its workers; one that does not react is left to Ray."""

Report = Callable[[Progress], None]
Configure = Callable[[AlgorithmConfig], Any]


def train(options: TrainOptions, report: Report | None = None, configure: Configure | None = None) -> dict[str, Any]:
    """Train a leader, keep and certify its best greedy policy, and leave a run folder.

    Args:
        options: what to train, and for how long.
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
    options: TrainOptions, report: Report | None = None, configure: Configure | None = None
) -> Iterator[dict[str, Any]]:
    """As `train`, but the result is there before Ray has ended, which takes seconds; the report is written at the end.

    Args:
        options, report, configure: as for `train`.
    """
    folder = RunFolder.create(options.out or options.new_folder(), options.game)
    with folder.locked(), storing(folder.path):
        folder.begin(options.resolved())
    own = options.kept_in(folder.path, parameters(folder))
    with _run(FiniteRun(folder, own.rules), own, None, report, configure, nothing_left(folder)) as result:
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

    Args:
        run: its folder; report, configure: as for `train` (and the same).
        max_seconds, max_iterations: new limits in place of the run's; they count from its first beginning.
        game: the game's class, where it is not a registered one: code that you trust.
        reach: `ray_address`, `mlflow`, `wandb`: what the run reaches out to. The folder's own word is not taken.

    Returns:
        The content of result.json.

    Raises:
        InvalidFieldError: no run folder, one in use, or limits that cannot work.
        RunStoppedError: as for `train`.
    """
    opened = FiniteRun.open(run, game)
    limits = {"max_seconds": max_seconds, "max_iterations": max_iterations}
    with going_on(opened, opened.options(reach, **limits), limits, report, configure) as result:
        return result


@contextmanager
def going_on(
    run: FiniteRun,
    options: TrainOptions,
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
    folder = run.folder
    with folder.locked():
        parts = Checkpoints(folder.path).load()
        with storing(folder.path):
            folder.change(**limits)
            if parts is None:
                folder.cut_progress(0)
    with _run(run, options, parts, report, configure, nullcontext()) as result:
        yield result


@contextmanager
def _run(
    run: FiniteRun,
    options: TrainOptions,
    parts: dict[str, State] | None,
    report: Report | None,
    configure: Configure | None,
    scope: AbstractContextManager[None],
) -> Iterator[dict[str, Any]]:
    folder, failures = run.folder, Failures(options.max_failures, options.game_timeout)
    advice = f"go on with: {command_for('resume', folder.path, options.game)}"
    try:
        session = ray_session(options.num_env_runners, options.ray_address, f"{KILLED}; {advice}", compilation.load)
        with folder.locked(), scope, session, torch_threads(), interruptible() as interruption:
            algo = failures.survived(_configured, options, configure).build_algo()
            try:
                with Tracking(folder.path, options) as tracking:
                    told = Loop(algo, folder, options, failures, interruption, tracking).run(parts, report)
                with storing(folder.path):
                    folder.write("training", told)
                result = failures.survived(run.evaluate, long=True)
                with storing(folder.path):
                    folder.write("result", result)
                yield result
            finally:
                _stop(algo)
    except RunStoppedError as error:
        error.add_note(advice)
        raise
    leave_report(run, LONG * options.game_timeout)


def _configured(options: TrainOptions, configure: Configure | None) -> AlgorithmConfig:
    settings = options.resolved_settings
    config = config_for(options.algo, options.rules, options.entries, settings, options.critic, options.seed)
    limits = {"most_failures": options.max_failures, "game_seconds": options.game_timeout}
    config.environment(env_config=limits)
    config.env_runners(num_env_runners=options.num_env_runners, sample_timeout_s=LONG * options.game_timeout)
    schedule = config.learner_config_dict
    if options.restart_after and "anneal_updates" in schedule:
        shorter = {"anneal_updates": ANNEALED_SHARE * options.restart_after}
        config.learners(learner_config_dict=schedule | shorter)
    if configure:
        configure(config)
    return config


def _stop(algo: Algorithm) -> None:
    with suppress(DeadlineError), deadline(STOP_SECONDS):
        algo.stop()
