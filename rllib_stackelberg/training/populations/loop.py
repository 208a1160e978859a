"""The loop of a run on a population game: epochs, snapshots that are valued, and generations to go on from.

What a generation holds is all that later epochs depend on, but for the plays under way: those begin anew, with streams
that no play has had.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm

from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.progress import PopulationProgress
from rllib_stackelberg.training.populations.buffer import check_widths
from rllib_stackelberg.training.populations.checkpoints import BUFFER, PopulationCheckpoints
from rllib_stackelberg.training.populations.smfrl import SMFRL
from rllib_stackelberg.training.populations.snapshots import Snapshots
from rllib_stackelberg.training.populations.turns import Turns
from rllib_stackelberg.training.running.checkpoints import State
from rllib_stackelberg.training.running.failures import Failures
from rllib_stackelberg.training.running.generation_loop import GenerationLoop
from rllib_stackelberg.training.running.generations import storing
from rllib_stackelberg.training.running.interruptions import Interruption
from rllib_stackelberg.training.running.tracking import Tracking

RETURNS = ("episode_return_mean", "members_return_mean")
"""Of exploring plays, as env runners report them."""


Report = Callable[[PopulationProgress], None]


class PopulationLoop(GenerationLoop[PopulationProgress]):
    """Of a population: an iteration is an epoch, the best is what the snapshots keep.

    Attributes:
        snapshots: the latest and the best.
    """

    checkpoints: PopulationCheckpoints

    def __init__(
        self,
        algo: SMFRL | Turns,
        folder: RunFolder,
        options: PopulationOptions,
        failures: Failures,
        checkpoints: PopulationCheckpoints,
        interruption: Interruption,
    ):
        super().__init__(folder, options, failures, checkpoints, interruption, PopulationProgress)
        self.algo, self.options = algo, options
        self.snapshots = Snapshots(options)
        self._returns: dict[str, float] = {}  # reported in epochs in which plays end
        self._done = 0.0  # share of the run
        self._stopped = False

    @property
    def algorithms(self) -> dict[str, Algorithm]:
        """Of both sides, or of each."""
        return self.algo.algorithms

    def finished(self) -> bool:
        """Whether the budget was used up by the last epoch."""
        return self._done >= 1

    def iterate(self) -> dict[str, Any]:
        """An epoch."""
        return self.algo.iterate()

    def stop(self) -> None:
        """What trains."""
        if not self._stopped:
            self._stopped = True
            self.algo.stop()

    def look(self, reported: dict[str, Any]) -> PopulationProgress:
        """Value the snapshot, if it is due."""
        runners = reported["env_runners"]
        self._returns |= {name: runners[name] for name in RETURNS if not math.isnan(runners.get(name, math.nan))}
        self._done = self.options.done(self.iteration, self.seconds)
        every = self.snapshots.settings.evaluate_every
        if self._done >= 1 or self.iteration % every == 0 or not self.snapshots.found:
            self.called(self.snapshots.look, self.algo.policy(), self._done)
        return self._where(runners | self._returns)

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

    def run(
        self, parts: dict[str, State] | None, report: Report | None = None, tracking: Tracking | None = None
    ) -> dict[str, Any]:
        """As the parent's; what was best by its end, whichever that is, is saved."""
        try:
            return super().run(parts, report, tracking)
        finally:
            if self.snapshots.policy is not None:
                with storing(self.folder.path):
                    self.snapshots.policy.save(self.folder.path, self.snapshots.game)

    def outcome(self) -> dict[str, Any]:
        """Of the last epoch."""
        last = self.progress
        assert last is not None
        return {
            "iterations": last.iteration,
            "periods": last.periods,
            "seconds": last.seconds,
            "final_value": last.value,
        }

    def get_state(self) -> dict[str, State]:
        """What was reported, snapshots, policies of turns, and what is new of the replay buffer, if there is one."""
        run = {"returns": self._returns, "snapshots": self.snapshots.get_state()}
        own: dict[str, State] = {"run": run | self.algo.own_state()}
        if (buffered := self.algo.buffered) is not None:
            own[BUFFER] = buffered.local_replay_buffer.get_state(since=self.checkpoints.added)
        return own

    def set_state(self, parts: dict[str, State]) -> None:
        """The inverse, of a buffer that is held whole."""
        run = parts["run"]
        if (buffered := self.algo.buffered) is not None:
            held = parts.pop(BUFFER)  # else it would be in memory twice
            check_widths(held["pieces"], self.snapshots.game, self.snapshots.settings.kept(self.snapshots.game))
            buffered.local_replay_buffer.set_state(held)
        self._returns = {name: float(run["returns"][name]) for name in RETURNS if name in run["returns"]}
        self.snapshots.set_state(run["snapshots"])
        self._done = self.options.done(self.iteration, run["seconds"])
