"""Training runs on games with a population: SMFRL trains, the best snapshot is kept and reported.

`train_population` begins one, `resume_population` goes on with one that was stopped or killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rllib_stackelberg.errors import RunStoppedError
from rllib_stackelberg.runs.folder import RunFolder, command_for
from rllib_stackelberg.runs.game_of_run import parameters
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import PopulationRun
from rllib_stackelberg.training.populations.checkpoints import PopulationCheckpoints
from rllib_stackelberg.training.populations.exploitability import exploitability
from rllib_stackelberg.training.populations.loop import PopulationLoop, Report
from rllib_stackelberg.training.populations.setup import Configure, started
from rllib_stackelberg.training.running.generations import nothing_left, storing
from rllib_stackelberg.training.running.interruptions import interruptible
from rllib_stackelberg.training.running.ray_sessions import KILLED, ray_session, torch_threads
from rllib_stackelberg.training.running.reporting import leave_report

REPORT_SECONDS = 120.0
"""In which the page about a run must be written."""


def train_population(
    options: PopulationOptions, report: Report | None = None, configure: Configure | None = None
) -> dict[str, Any]:
    """Train both sides, keep the best greedy policies, and leave a run folder.

    Args:
        options: what to train, and for how long; report: called with the progress after every epoch.
        configure: has the last word on the RLlib configuration.

    Returns:
        The content of result.json.

    Raises:
        RunStoppedError: the run cannot go on, and why. What was best is saved, and the last generation is whole; a note
            on the error says how to go on.
    """
    assert options.out is not None
    folder = RunFolder.create(options.out, options.game)
    with folder.locked(), nothing_left(folder):
        with storing(folder.path):
            folder.begin(options.resolved())
        own = options.kept_in(folder.path, parameters(folder))
        return _run(PopulationRun(folder, own.rules), own, report, configure)


def resume_population(
    run: str | Path,
    report: Report | None = None,
    configure: Configure | None = None,
    max_seconds: float | None = None,
    max_iterations: int | None = None,
    game: str | None = None,
) -> dict[str, Any]:
    """Go on with a run from its last good generation, or from its beginning where it has none.

    Networks, targets, optimizers, statistics, replay buffer, counters and the best snapshot are as they were; plays
    that were under way begin anew, on streams of their own. So the result is not, bit for bit, that of a run that was
    never stopped. A run that has a result, and no higher limit, is left as it is.

    Args:
        run: its folder; report, configure: as for `train_population` (and the same).
        max_seconds, max_iterations: new limits in place of the run's; they count from its first beginning.
        game: the game's class, where it is not a registered one: code that you trust.

    Returns:
        The content of result.json.

    Raises:
        InvalidFieldError: no run folder, one in use, one that keeps no generations, or limits that cannot work.
        RunStoppedError: as for `train_population`.
    """
    opened = PopulationRun.open(run, game)
    limits = {"max_seconds": max_seconds, "max_iterations": max_iterations}
    return go_on(opened, opened.options(**limits), limits, report, configure)


def go_on(
    run: PopulationRun,
    options: PopulationOptions,
    limits: Mapping[str, Any],
    report: Report | None = None,
    configure: Configure | None = None,
) -> dict[str, Any]:
    """As `resume_population`, of a run that is open.

    Args:
        run: the run.
        options: its own, under the limits.
        limits: new ones in place of the run's, if any is given.
        report, configure: as for `train_population`.
    """
    with run.folder.locked():
        if (result := run.finished(options)) is not None:
            return result
        with storing(run.folder.path):
            run.folder.change(**limits)
        return _run(run, options, report, configure)


def _run(
    run: PopulationRun, options: PopulationOptions, report: Report | None, configure: Configure | None
) -> dict[str, Any]:
    """From the last good generation of the folder, if it has one, to the result."""
    folder = run.folder
    advice = f"go on with: {command_for('resume', folder.path, options.game)}"
    farewell = f"{KILLED}; {advice}" if options.resumable else KILLED
    try:
        with storing(folder.path), ray_session(options.num_env_runners, farewell=farewell), torch_threads():
            folder.write("training", _trained(folder, options, report, configure))
            if options.exploitability:
                folder.write("exploitability", exploitability(options, run.policies()))
            result = run.evaluate()
            folder.write("result", result)
            leave_report(run, REPORT_SECONDS)
    except RunStoppedError as error:
        if options.resumable:
            error.add_note(advice)
        raise
    return result


def _trained(
    folder: RunFolder, options: PopulationOptions, report: Report | None, configure: Configure | None
) -> dict[str, Any]:
    checkpoints = PopulationCheckpoints(folder.path)
    parts = checkpoints.load()
    if parts is None:
        folder.cut_progress(0)
    algo = started(options, configure)
    try:
        with interruptible() as interruption:
            return PopulationLoop(algo, folder, options, checkpoints, interruption).run(parts, report)
    finally:
        algo.stop()
