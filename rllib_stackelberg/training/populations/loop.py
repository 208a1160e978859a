"""The loop of a run on a population game: epochs, snapshots that are valued, and generations to go on from.

What a generation holds is all that later epochs depend on, but for the plays under way: those begin anew, with streams
that no play has had.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.progress import PopulationProgress
from rllib_stackelberg.training.populations.alternation import Alternation
from rllib_stackelberg.training.populations.buffer import check_widths
from rllib_stackelberg.training.populations.checkpoints import BUFFER, PopulationCheckpoints
from rllib_stackelberg.training.populations.smfrl import SMFRL
from rllib_stackelberg.training.populations.snapshots import Snapshots
from rllib_stackelberg.training.running.checkpoints import State
from rllib_stackelberg.training.running.generations import algorithm_parts, due, restore_algorithm, storing
from rllib_stackelberg.training.running.interruptions import Interruption
from rllib_stackelberg.training.running.randomness import generator_states, set_generator_states
from rllib_stackelberg.training.running.restoring import check_run, fitting

RETURNS = ("episode_return_mean", "members_return_mean")
"""Of exploring plays, as env runners report them."""


Report = Callable[[PopulationProgress], None]


class PopulationLoop:
    """A run from its beginning, or from a generation, to its end.

    Attributes:
        snapshots: the latest and the best; iteration: how many epochs there have been; progress: after the last.
        saved: the iteration of the last generation, None if there is none.
    """

    def __init__(
        self,
        algo: SMFRL | Alternation,
        folder: RunFolder,
        options: PopulationOptions,
        checkpoints: PopulationCheckpoints,
        interruption: Interruption,
    ):
        self.algo, self.folder, self.options = algo, folder, options
        self.checkpoints, self.interruption = checkpoints, interruption
        self.snapshots = Snapshots(options)
        self.iteration = 0
        self.progress: PopulationProgress | None = None
        self.saved: int | None = None
        self._returns: dict[str, float] = {}  # reported in epochs in which plays end
        self._done = 0.0  # share of the run
        self._began = self._saved_at = time.monotonic()

    @property
    def seconds(self) -> float:
        """Of training, those before a resumption included."""
        return time.monotonic() - self._began

    def run(self, parts: dict[str, State] | None, report: Report | None) -> PopulationProgress:
        """Train to the end.

        Args:
            parts: of the generation to go on from; report: called with the progress after every epoch.
        """
        if parts is None:
            self.save()
            self._began = time.monotonic()
        else:
            self._restore(parts)
        while self._done < 1:
            self._stop_if_told()
            self._iterate(report)
            if due(self.iteration, self._saved_at):
                self.save()
        self.save()
        assert self.progress is not None
        return self.progress

    def _iterate(self, report: Report | None) -> None:
        reported = self.algo.iterate()
        self._returns |= {name: reported[name] for name in RETURNS if not math.isnan(reported.get(name, math.nan))}
        self.iteration += 1
        self._done = self.options.done(self.iteration, self.seconds)
        every = self.snapshots.settings.evaluate_every
        if self._done >= 1 or self.iteration % every == 0 or not self.snapshots.found:
            self.snapshots.look(self.algo.policy(), self._done)
        self.progress = self._where(reported | self._returns)
        with storing(self.folder.path):
            self.folder.append_progress(self.progress.line())
        if report:
            report(self.progress)

    def _where(self, runners: dict[str, Any]) -> PopulationProgress:
        found = self.snapshots.found
        return PopulationProgress(
            iteration=self.iteration,
            periods=int(runners["num_env_steps_sampled_lifetime"]),
            plays=int(runners.get("num_episodes_lifetime", 0)),
            seconds=self.seconds,
            done=min(1.0, self._done),
            mean_return=float(runners.get("episode_return_mean", math.nan)),
            members_return=float(runners.get("members_return_mean", math.nan)),
            value=found["leader_value"],
            members_value=found["members_value"],
            lasted=found["lasted"],
            best=self.snapshots.best,
        )

    def _stop_if_told(self) -> None:
        if self.interruption.signal is not None:
            self.save()
            raise self.interruption.error()

    def save(self) -> None:
        """Write a generation, unless there is one of this iteration, or the run keeps none."""
        if self.saved == self.iteration or not self.options.resumable:
            return
        with storing(self.folder.path):
            self.checkpoints.save(self.iteration, self._parts())
        self.saved, self._saved_at = self.iteration, time.monotonic()

    def _parts(self) -> dict[str, State]:
        assert isinstance(self.algo, SMFRL)
        run = {
            "iteration": self.iteration,
            "seconds": self.seconds,
            "progress": self.progress and self.progress.line(),
            "returns": self._returns,
            "snapshots": self.snapshots.get_state(),
            "generators": generator_states(),
        }
        buffer = self.algo.local_replay_buffer.get_state(since=self.checkpoints.added)
        return algorithm_parts(self.algo) | {BUFFER: buffer, "run": run}

    def _restore(self, parts: dict[str, State]) -> None:
        assert isinstance(self.algo, SMFRL)
        with fitting(self.folder.path):
            run = parts["run"]
            check_run(run)
            restore_algorithm(self.algo, parts)
            held = parts.pop(BUFFER)  # else it would be in memory twice
            check_widths(held["pieces"], self.snapshots.game, self.snapshots.settings.kept(self.snapshots.game))
            self.algo.local_replay_buffer.set_state(held)
            self.iteration = self.saved = run["iteration"]
            self.progress = run["progress"] and PopulationProgress(**run["progress"])
            self._returns = {name: float(run["returns"][name]) for name in RETURNS if name in run["returns"]}
            self.snapshots.set_state(run["snapshots"])
            self._began = time.monotonic() - run["seconds"]
            self._done = self.options.done(self.iteration, run["seconds"])
            set_generator_states(run["generators"])
        self.folder.cut_progress(self.iteration)
