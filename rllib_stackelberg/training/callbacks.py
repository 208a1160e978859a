"""What RLlib tells the leader's environment, and what it reports of it: value and regret of every episode."""

from __future__ import annotations

from functools import partial
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.dqn import DQN
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core import COMPONENT_RL_MODULE

from rllib_stackelberg.streams import replay_generator
from rllib_stackelberg.training.resumable import start_elsewhere

WINDOW = 256

RESTORE_SECONDS = 20.0
"""In which an env runner that came back must have taken its place."""


class LeaderMetrics(RLlibCallback):
    """Logs `leader_value` and `follower_regret` under `env_runners`, mean of the last `WINDOW` episodes.

    And `game_failures`: the most errors of the game that an env runner has survived.
    """

    def on_algorithm_init(self, *, algorithm: Algorithm, **kwargs: Any) -> None:
        """Seed the replay buffer, if there is one: RLlib does not."""
        if isinstance(algorithm, DQN):  # SAC is one, too
            algorithm.local_replay_buffer.rng = replay_generator(algorithm.config.seed or 0)

    def on_environment_created(self, *, env: Any, env_context: Any, **kwargs: Any) -> None:
        """Tell the environment which runner it is on."""
        env.place(int(env_context.worker_index or 0), env_context["note"])

    def on_episode_end(self, *, episode: Any, metrics_logger: Any, **kwargs: Any) -> None:
        """Read them off the last info of the episode (they describe it; nothing is trained on them)."""
        if episode.is_terminated:  # not cut short by an error of the game
            info = episode.get_infos(-1)
            metrics_logger.log_value("leader_value", info["leader_value"], reduce="mean", window=WINDOW)
            metrics_logger.log_value("follower_regret", info["regret"], reduce="mean", window=WINDOW)

    def on_sample_end(self, *, env_runner: Any, metrics_logger: Any, **kwargs: Any) -> None:
        """Report the game's errors."""
        metrics_logger.log_value("game_failures", env_runner.env.unwrapped.failures.count, reduce="max", window=1)

    def on_env_runners_recreated(
        self, *, algorithm: Any, env_runner_group: Any, env_runner_indices: list[int], **kwargs: Any
    ) -> None:
        """A runner that was lost comes back with fresh streams: it skips the episodes that it may have played."""
        played = algorithm.metrics.peek(("env_runners", "num_episodes_lifetime"), default=0)
        env_runner_group.foreach_env_runner(
            partial(start_elsewhere, played=int(played)),
            remote_worker_ids=env_runner_indices,
            local_env_runner=False,
            timeout_seconds=RESTORE_SECONDS,
        )

    def on_train_result(self, *, algorithm: Algorithm, **kwargs: Any) -> None:
        """Hand the driver's own copy of the leader the weights: IMPALA and APPO send them to remote runners alone."""
        if algorithm.env_runner_group.num_remote_env_runners() and algorithm.env_runner is not None:
            weights = algorithm.learner_group.get_weights()
            algorithm.env_runner.set_state({COMPONENT_RL_MODULE: weights})
