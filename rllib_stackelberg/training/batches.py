"""Batches of whole leader episodes, as many as one likes, however the leader is asked."""

from __future__ import annotations

import numpy as np
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.runs.options import TrainOptions


def fill_batches(config: AlgorithmConfig, options: TrainOptions, parallel: int | None) -> None:
    """That many leader episodes in parallel, and whole ones in a batch, however the leader is asked; None: as it is."""
    if parallel is None:
        return
    game, settings = options.rules, options.resolved_settings
    once = settings.leader_queries == "once"  # then RLlib is handed whole episodes, one per environment at least
    rows = parallel if once else parallel * turns_of_an_episode(game, settings)
    config.env_runners(num_envs_per_env_runner=parallel)
    config.training(train_batch_size_per_learner=rows, minibatch_size=None)


def turns_of_an_episode(game: StackelbergGame, settings: LeaderSettings) -> int:
    """How often the leader is asked in an episode in which it always gives its first answer."""
    env = StackelbergPOMDP(game, settings)
    env.reset()
    turns, over = 0, False
    while not over:
        over = bool(env.step(np.zeros((1, *(env.single_action_space.shape or ()))))[2][0])
        turns += 1
    return turns
