"""What a training leader needs of RLlib's algorithm: the one callback class that is required.

What it needs of env runners is in their classes (resumable.py), whatever callbacks there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.dqn import DQN
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core import COMPONENT_RL_MODULE

from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.held import rules_in
from rllib_stackelberg.rules.registry import finite
from rllib_stackelberg.solvers import solve
from rllib_stackelberg.streams import replay_generator
from rllib_stackelberg.training.leaders.resumable import start_elsewhere
from rllib_stackelberg.training.leaders.snapshots import SELECTION_SAMPLES, Valuer

RESTORE_SECONDS = 20.0
"""In which an env runner that came back must have taken its place."""


def others(given: Any, own: type[RLlibCallback]) -> list[type[RLlibCallback]]:
    """Callback classes that are given to RLlib besides one of ours.

    Args:
        given: a class, several, or None.
        own: ours.
    """
    classes = list(given) if isinstance(given, list | tuple) else [given]
    return [each for each in classes if each not in (own, None)]


def hand_over(algorithm: Algorithm) -> None:
    """Hand the driver's own copy of what acts the weights: IMPALA and APPO send them to remote env runners alone.

    Args:
        algorithm: that has learned.
    """
    if algorithm.env_runner_group.num_remote_env_runners() and algorithm.env_runner is not None:
        algorithm.env_runner.set_state({COMPONENT_RL_MODULE: algorithm.learner_group.get_weights()})


class LeaderUpkeep(RLlibCallback):
    """Seeds what RLlib does not, brings env runners up to date, and values the greedy leader where that is asked for.

    Made and called by RLlib; `report_values` asks for values.
    """

    def on_algorithm_init(self, *, algorithm: Algorithm, **kwargs: Any) -> None:
        """Seed the replay buffer, if there is one: RLlib does not."""
        if isinstance(algorithm, DQN):  # SAC is one, too
            algorithm.local_replay_buffer.rng = replay_generator(algorithm.config.seed or 0)
        judge = algorithm.config.env_config.get("judge")
        self._reported = ReportedValue(algorithm.config.env_config, **judge) if judge else None

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

    def on_train_result(self, *, algorithm: Algorithm, result: dict[str, Any], **kwargs: Any) -> None:
        """Report values, if that is asked for."""
        hand_over(algorithm)
        if self._reported:
            result["leader"] = self._reported(algorithm, result["training_iteration"])


class ReportedValue:
    """Value, gap and certificate of an algorithm's greedy policy.

    Args:
        given: the environment's configuration; settings: of the followers it is valued against; every: iterations
            between valuations, the last one standing in between.
    """

    def __init__(self, given: Mapping[str, Any], settings: dict[str, Any], every: int):
        game = finite(rules_in(given))
        solution = solve(game)
        self._exact = solution.leader_value if solution and solution.exists else math.nan
        self._value = Valuer(game, LeaderSettings.checked(**settings).fitted(game), given["seed"])
        self._every = every
        self._found: dict[str, float] = {}

    def __call__(self, algorithm: Algorithm, iteration: int) -> dict[str, float]:
        """After an iteration."""
        if not self._found or iteration % self._every == 0:
            found = self._value(algorithm.get_module().export(), SELECTION_SAMPLES[0])
            certified = found.certificate.data()
            self._found = {
                "value": found.leader_value,
                "gap": self._exact - found.leader_value,
                "equilibrium": float(found.certificate.equilibrium),
            } | {name: certified[name] for name in ("deviation_gain", "bcce_gap", "regret")}
        return dict(self._found)
