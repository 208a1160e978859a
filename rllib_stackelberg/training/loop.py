"""The loop of a training run: RLlib trains, snapshots are valued, the best is kept, and all of it is saved.

What the loop does depends on nothing that a generation does not hold, so a run that goes on from one is the run that
was never stopped; only clocks differ.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.core import COMPONENT_RL_MODULE

from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.progress import Progress
from rllib_stackelberg.training.leaders.search import Search
from rllib_stackelberg.training.running.checkpoints import Checkpoints, State
from rllib_stackelberg.training.running.deadlines import TimeIsUpError, until
from rllib_stackelberg.training.running.failures import Failures
from rllib_stackelberg.training.running.generations import algorithm_parts, due, restore_algorithm, storing
from rllib_stackelberg.training.running.interruptions import Interruption
from rllib_stackelberg.training.running.lost_runners import learn_once
from rllib_stackelberg.training.running.randomness import generator_states, set_generator_states
from rllib_stackelberg.training.running.restoring import check_run, fitting
from rllib_stackelberg.training.running.tracking import Tracking

CUT_SECONDS = 1.0
"""An iteration that takes longer is saved before the next one, if that may be cut by the end of the run's time."""


class Loop:
    """A run from its beginning, or from a generation, to its end.

    Attributes:
        iteration: how many there have been; saved: the iteration of the last generation, None if there is none.
    """

    def __init__(
        self,
        algo: Algorithm,
        folder: RunFolder,
        options: TrainOptions,
        failures: Failures,
        interruption: Interruption,
        tracking: Tracking,
    ):
        self.algo = algo
        self.folder = folder
        self.options = options
        self.interruption = interruption
        self.tracking = tracking
        self.checkpoints = Checkpoints(folder.path)
        self.game, self.settings = options.make_game(), options.make_settings()
        self.failures = failures
        self.search = self._call(Search, options, self.game, self.settings)
        self.iteration = 0
        self.progress: Progress | None = None
        self.saved: int | None = None
        self._game_failures = 0
        self._lasted = 0.0  # seconds of the last iteration
        self._network: LeaderNetwork | None = None  # after it
        self._began = self._saved_at = time.monotonic()

    def _call(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls that play many times: the game may fail in them, too, and need not return soon."""
        return self.failures.survived(partial(call, *args, **kwargs), long=True)

    @property
    def seconds(self) -> float:
        """Of training, those before a resumption included."""
        return time.monotonic() - self._began

    def run(self, parts: dict[str, State] | None, report: Callable[[Progress], None] | None) -> dict[str, Any]:
        """Train to the end; returns what the run reports of its training.

        Args:
            parts: of the generation to go on from; report: called with the progress after every iteration.
        """
        if parts is None:
            self.save()
        # What is compiled on first use is compiled before the clock starts.
        self._call(StackelbergPOMDP(self.game, self.settings).reset)
        self._call(self.search.value, self.algo.get_module().export(), 1)
        self._began = time.monotonic()
        if parts is not None:
            self._restore(parts)
        try:
            while not self.search.finished(self.iteration, self.seconds):
                self._stop_if_told()
                self._iterate()
                if report and self.progress:
                    report(self.progress)
                if due(self.iteration, self._saved_at) or self._cut_next():
                    self.save()
            self.save()
        except TimeIsUpError:
            self.iteration = self.progress.iteration if self.progress else 0  # what was cut has not been
        return self._finish()

    @property
    def _ends(self) -> float:
        """When what is under way is cut; without a first iteration nothing would have been learned."""
        limit = self.options.max_seconds
        return math.inf if limit is None or not self.iteration else self._began + limit

    def _cut_next(self) -> bool:
        """Whether the next iteration may be cut, in the middle of which nothing can be saved."""
        return self._lasted > CUT_SECONDS and time.monotonic() + 2 * self._lasted > self._ends

    def _iterate(self) -> None:
        began = time.monotonic()
        with until(self._ends):
            if self.search.restarts(self.iteration):
                restart(self.algo)
            result = learn_once(self.algo)
            self.iteration += 1
            progress = self._look(result)
        self.progress, self._lasted = progress, time.monotonic() - began
        self._warn_of_failures(result)
        with storing(self.folder.path):
            self.folder.append_progress(self.progress.line())
            self.tracking.log(self.progress.line(), result)

    def _look(self, result: dict[str, Any]) -> Progress:
        runners = result["env_runners"]
        mean_return = float(runners.get("leader_value", float("nan")))
        network = self.algo.get_module().export()
        found = self._call(self.search.look, self.iteration, network, mean_return)
        self._network = network
        assert self.search.best.found is not None
        return Progress(
            iteration=self.iteration,
            episodes=int(runners.get("num_episodes_lifetime", 0)),
            seconds=self.seconds,
            mean_return=mean_return,
            value=found.leader_value,
            best=self.search.best.found.leader_value,
            exact=self.search.exact,
            explained_variance=float(result["learners"]["default_policy"].get("vf_explained_var", float("nan"))),
        )

    def _warn_of_failures(self, result: dict[str, Any]) -> None:
        reported = float(result["env_runners"].get("game_failures", 0))
        failures = int(reported) if math.isfinite(reported) else 0  # runners that came back have no report yet
        if failures > self._game_failures:
            problem = f"the game has failed {failures} time(s) and was started again; {self.options.max_failures} are"
            warnings.warn(f"{problem} survived (max_failures)", RuntimeWarning, stacklevel=4)
        self._game_failures = failures

    def _stop_if_told(self) -> None:
        if self.interruption.signal is not None:
            self.save()
            raise self.interruption.error()

    def save(self) -> None:
        """Write a generation, unless there is one of this iteration."""
        if self.saved == self.iteration:
            return
        with storing(self.folder.path):
            self.checkpoints.save(self.iteration, self._parts())
        self.saved, self._saved_at = self.iteration, time.monotonic()

    def _parts(self) -> dict[str, State]:
        run = {
            "iteration": self.iteration,
            "seconds": self.seconds,
            "progress": self.progress and self.progress.line(),
            "search": self.search.get_state(),
            "generators": generator_states(),
        }
        return algorithm_parts(self.algo) | {"run": run}

    def _restore(self, parts: dict[str, State]) -> None:
        with fitting(self.folder.path):
            run = parts["run"]
            check_run(run)
            restore_algorithm(self.algo, parts)
            self.iteration = self.saved = run["iteration"]
            self.progress = run["progress"] and Progress(**run["progress"])
            self.search.set_state(run["search"])
            self._began = time.monotonic() - run["seconds"]
            set_generator_states(run["generators"])
        self.folder.cut_progress(self.iteration)

    def _finish(self) -> dict[str, Any]:
        progress, best = self.progress, self.search.best
        assert progress is not None
        assert best.network is not None
        with storing(self.folder.path):
            best.network.save(self.folder.path)
        final = (self._network or self.algo.get_module().export()).acting_in(self.game)
        value = self._call(evaluate_policy, self.game, final, self.settings, self.options.seed, every_play=False)
        return {
            "episodes": progress.episodes,
            "iterations": self.iteration,
            "seconds": self.seconds,
            "mean_return": progress.mean_return,
            "explained_variance": progress.explained_variance,
            "final_value": value[1].leader_value,
            "stopped": self.search.reason(),
        }


def restart(algo: Algorithm) -> None:
    """A fresh leader on the same workers, whose episodes and streams go on."""
    algo.learner_group.foreach_learner(lambda learner: learner.restart())
    # Handed over without a sequence number: with its old one a runner would take them for the weights it has.
    weights = algo.learner_group.get_weights()
    algo.env_runner_group.foreach_env_runner(lambda runner: runner.set_state({COMPONENT_RL_MODULE: weights}))
