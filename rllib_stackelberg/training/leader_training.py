"""The training of a leader of a game of finite types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

from rllib_stackelberg import compilation
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.run import FiniteRun
from rllib_stackelberg.training.config import config_for
from rllib_stackelberg.training.loop import Loop
from rllib_stackelberg.training.running.checkpoints import State
from rllib_stackelberg.training.running.failures import LONG
from rllib_stackelberg.training.running.generation_loop import GenerationLoop
from rllib_stackelberg.training.running.interruptions import Interruption
from rllib_stackelberg.training.running.training_session import Configure, Training

ANNEALED_SHARE = 0.85
"""Of a start's iterations, in which the leader's spread shrinks; in the rest it is small."""


class LeaderTraining(Training[FiniteRun, TrainOptions]):
    """As the base says: RLlib trains a leader, whose best greedy policy is certified."""

    run_kind = FiniteRun

    def loads(self) -> None:
        """As the base says: what compiles."""
        compilation.load()

    def loop(self, parts: Mapping[str, State] | None, interruption: Interruption) -> Loop:
        """As the base says."""
        algo = self.failures.survived(configured, self.options, self.configure).build_algo()
        return Loop(algo, self.run.folder, self.options, self.failures, interruption)

    def finish(self, loop: GenerationLoop[Any], interruption: Interruption) -> dict[str, Any]:
        """As the base says: value and certificate."""
        return self.failures.survived(self.run.evaluate, long=True)


def configured(options: TrainOptions, configure: Configure | None = None) -> AlgorithmConfig:
    """The RLlib configuration of a run.

    Args:
        options: of the run.
        configure: has the last word on it.
    """
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
