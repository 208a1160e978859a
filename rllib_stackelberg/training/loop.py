"""The loop of a training run: RLlib trains, snapshots are valued, the best is kept, and all of it is saved.

What the loop does depends on nothing that a generation does not hold, so a run that goes on from one is the run that
was never stopped; only clocks differ.
"""

from __future__ import annotations

import math
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.core import COMPONENT_RL_MODULE

from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.response.sampled_engine import planned
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.progress import Progress
from rllib_stackelberg.training.leaders.beginnings import Beginning, Beginnings
from rllib_stackelberg.training.leaders.search import USUAL_SCHEDULE, Search
from rllib_stackelberg.training.running.checkpoints import Checkpoints, State
from rllib_stackelberg.training.running.failures import Failures
from rllib_stackelberg.training.running.generation_loop import GenerationLoop
from rllib_stackelberg.training.running.generations import storing
from rllib_stackelberg.training.running.interruptions import Interruption
from rllib_stackelberg.training.running.lost_runners import learn_once

UPDATES_PER_SECOND = 200_000
"""Of training, that are sure in small games."""


class Loop(GenerationLoop[Progress]):
    """Of a leader: an iteration is one of RLlib's, the best is what the search keeps."""

    def __init__(
        self,
        algo: Algorithm,
        folder: RunFolder,
        options: TrainOptions,
        failures: Failures,
        interruption: Interruption,
    ):
        super().__init__(folder, options, failures, Checkpoints(folder.path), interruption, Progress)
        self.algo, self.options = algo, options
        self.game, self.settings = options.rules, options.resolved_settings
        assert algo.config is not None
        schedule = float(algo.config.learner_config_dict.get("anneal_updates", USUAL_SCHEDULE))
        self.search = self.called(Search, options, self.game, self.settings, schedule)
        self._network: LeaderNetwork | None = None  # after the last iteration

    @property
    def algorithms(self) -> dict[str, Algorithm]:
        """The leader's."""
        return {"": self.algo}

    def stop(self) -> None:
        """RLlib's workers."""
        self.algo.stop()

    @property
    def ends(self) -> float:
        """When what is under way is cut; without a first iteration nothing would have been learned."""
        limit = self.options.max_seconds
        return math.inf if limit is None or not self.iteration else self._began + limit

    def finished(self) -> bool:
        """Whether the budget is used up, or nothing is left to find."""
        return self.search.finished(self.iteration, self.seconds)

    def prepare(self) -> None:
        """What is compiled on first use is compiled before the clock starts."""
        with planned(self._updates()):
            self.called(StackelbergPOMDP(self.game, self.settings).reset)
            self.called(self.search.value, self.algo.get_module().export(), 1)

    def _updates(self) -> float:
        """Of followers, that the run has time for."""
        config, iterations = self.algo.config, self.options.max_iterations
        assert config is not None
        by_time = UPDATES_PER_SECOND * (self.options.max_seconds or math.inf)
        in_one = config.num_envs_per_env_runner * self.settings.response_updates * len(self.game.learned_turns)
        return min(by_time, math.inf if iterations is None else iterations * in_one)

    def iterate(self) -> dict[str, Any]:
        """One of RLlib's, with a fresh leader where the search wants one."""
        if self.search.restarts(self.iteration, self.seconds):
            restart(self.algo, self._beginning())
        return learn_once(self.algo)

    def _beginning(self) -> Beginning | None:
        """Where a fresh leader begins that is scattered; None: as always."""
        config = self.algo.config
        assert config is not None
        if not config.learner_config_dict.get("scattered"):
            return None
        known = (self.game, self.settings, self.options.seed, config.num_envs_per_env_runner)
        found: Beginning | None = self.called(self.search.beginning, Beginnings(*known))
        return found

    def look(self, reported: dict[str, Any]) -> Progress:
        """Value the snapshot, if it is due."""
        runners = reported["env_runners"]
        mean_return = float(runners.get("leader_value", float("nan")))
        network = self.algo.get_module().export()
        found = self.called(self.search.look, self.iteration, network, mean_return)
        self._network = network
        assert self.search.best.found is not None
        return Progress(
            iteration=self.iteration,
            episodes=int(runners.get("num_episodes_lifetime", 0)),
            seconds=self.seconds,
            mean_return=mean_return,
            value=found.leader_value,
            best=self.search.best.found.leader_value,
            exact=self.search.target.exact,
            explained_variance=float(reported["learners"]["default_policy"].get("vf_explained_var", float("nan"))),
        )

    def get_state(self) -> dict[str, State]:
        """What the search knows."""
        return {"run": {"search": self.search.get_state()}}

    def set_state(self, parts: dict[str, State]) -> None:
        """Go on searching."""
        self.search.set_state(parts["run"]["search"])

    def outcome(self) -> dict[str, Any]:
        """Saves the best, and values the last."""
        progress, best = self.progress, self.search.best
        assert progress is not None
        assert best.network is not None
        with storing(self.folder.path):
            best.network.save(self.folder.path)
        stood = self.search.target.meanwhile
        final = (self._network or self.algo.get_module().export()).acting_in(self.game)
        value = self.called(evaluate_policy, self.game, final, self.settings, self.options.seed, every_play=False)
        return {
            "episodes": progress.episodes,
            "iterations": self.iteration,
            "seconds": self.seconds,
            "mean_return": progress.mean_return,
            "explained_variance": progress.explained_variance,
            "final_value": value[1].leader_value,
            "stopped": self.search.reason(),
            **({"meanwhile": stood} if stood else {}),
        }


def restart(algo: Algorithm, beginning: Beginning | None = None) -> None:
    """A fresh leader on the same workers, whose episodes and streams go on; arguments as of `LeaderLearner.restart`."""
    algo.learner_group.foreach_learner(lambda learner: learner.restart(beginning))
    # Handed over without a sequence number: with its old one a runner would take them for the weights it has.
    weights = algo.learner_group.get_weights()
    algo.env_runner_group.foreach_env_runner(lambda runner: runner.set_state({COMPONENT_RL_MODULE: weights}))
