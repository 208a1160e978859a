"""What RLlib tells the leader's environment, and what it reports of it: value and regret of every episode."""

from __future__ import annotations

from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.dqn import DQN
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core import COMPONENT_RL_MODULE

from rllib_stackelberg.streams import replay_generator

WINDOW = 256


class LeaderMetrics(RLlibCallback):
    """Logs `leader_value` and `follower_regret` under `env_runners`, mean of the last `WINDOW` episodes."""

    def on_algorithm_init(self, *, algorithm: Algorithm, **kwargs: Any) -> None:
        """Seed the replay buffer, if there is one: RLlib does not."""
        if isinstance(algorithm, DQN):  # SAC is one, too
            algorithm.local_replay_buffer.rng = replay_generator(algorithm.config.seed or 0)

    def on_environment_created(self, *, env: Any, env_context: Any, **kwargs: Any) -> None:
        """Tell the environment which runner it is on."""
        env.place(int(env_context.worker_index or 0), env_context["note"])

    def on_episode_end(self, *, episode: Any, metrics_logger: Any, **kwargs: Any) -> None:
        """Read them off the last info of the episode (they describe it; nothing is trained on them)."""
        info = episode.get_infos(-1)
        metrics_logger.log_value("leader_value", info["leader_value"], reduce="mean", window=WINDOW)
        metrics_logger.log_value("follower_regret", info["regret"], reduce="mean", window=WINDOW)

    def on_train_result(self, *, algorithm: Algorithm, **kwargs: Any) -> None:
        """Hand the driver's own copy of the leader the weights: IMPALA and APPO send them to remote runners alone."""
        if algorithm.env_runner_group.num_remote_env_runners() and algorithm.env_runner is not None:
            weights = algorithm.learner_group.get_weights()
            algorithm.env_runner.set_state({COMPONENT_RL_MODULE: weights})
