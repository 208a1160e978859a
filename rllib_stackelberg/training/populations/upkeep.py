"""What training on a game with a population needs of RLlib's algorithm: one callback class, which also reports values.

Made and called by RLlib; `report_values` (training/tuning.py) asks for values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.callbacks.callbacks import RLlibCallback

from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.policy import BoxActor, PopulationPolicy
from rllib_stackelberg.rules.held import rules_in
from rllib_stackelberg.rules.registry import populated
from rllib_stackelberg.streams import Purpose
from rllib_stackelberg.training.leaders.callbacks import RESTORE_SECONDS, hand_over
from rllib_stackelberg.training.leaders.modules import layers_of

SHOWN = {
    "value": "leader_value", "standard_error": "standard_error", "members_value": "members_value", "lasted": "lasted",
}  # fmt: skip
"""Of an evaluation: what results report, by the name that they report it under."""


class Skipping(Protocol):
    """An env runner whose plays can begin where none has been."""

    def skip(self, played: int) -> None:
        """Go on with plays that no runner of this number has had among so many periods of all."""


def start_elsewhere(runner: Skipping, played: int) -> None:
    """Let an env runner that has been started again skip what it may have played before.

    Args:
        runner: on its own process.
        played: periods, of all env runners.
    """
    runner.skip(played)


class PopulationUpkeep(RLlibCallback):
    """Brings env runners up to date that were lost, and values greedy policies where that is asked for."""

    def on_env_runners_recreated(
        self, *, algorithm: Any, env_runner_group: Any, env_runner_indices: list[int], **kwargs: Any
    ) -> None:
        """One comes back with fresh streams: it skips the plays that it may have had."""
        played = algorithm.metrics.peek(("env_runners", "num_env_steps_sampled_lifetime"), default=0)
        env_runner_group.foreach_env_runner(
            partial(start_elsewhere, played=int(played)),
            remote_worker_ids=env_runner_indices,
            local_env_runner=False,
            timeout_seconds=RESTORE_SECONDS,
        )

    def on_algorithm_init(self, *, algorithm: Algorithm, **kwargs: Any) -> None:
        """Make ready what is to be reported, if anything is."""
        given = algorithm.config.env_config
        judge, seed = given.get("judge"), algorithm.config.seed or 0
        self._reported = ReportedValues(given, seed=seed, **judge) if judge else None

    def on_train_result(self, *, algorithm: Algorithm, result: dict[str, Any], **kwargs: Any) -> None:
        """Report values."""
        if self._reported:
            result["leader"] = self._reported(self.policy(algorithm), result["training_iteration"])

    def policy(self, algorithm: Any) -> PopulationPolicy:
        """What both sides do."""
        return algorithm.policy()


class SideUpkeep(PopulationUpkeep):
    """Of an algorithm that trains one side against the other (side_configs.py)."""

    def on_train_result(self, *, algorithm: Algorithm, result: dict[str, Any], **kwargs: Any) -> None:
        """As the base says, of what has been learned."""
        hand_over(algorithm)
        super().on_train_result(algorithm=algorithm, result=result, **kwargs)

    def policy(self, algorithm: Any) -> PopulationPolicy:
        """As the base says: one side has learned, the other is as it was given."""
        given = algorithm.config.env_config
        return given["policy"].with_side(given["side"], actor_of(algorithm, given["policy"], given["side"]))


def actor_of(algorithm: Algorithm, policy: PopulationPolicy, side: str = "leader") -> BoxActor:
    """What an algorithm has learned for a side, as data; statistics and box of actions are those of its problem.

    Args:
        algorithm: that trains the side.
        policy: that its problem was made of.
        side: "leader" or "members".
    """
    return replace(policy.of_side(side), layers=tuple(layers_of(algorithm.get_module().pi)))


class ReportedValues:
    """What both sides get by an algorithm's greedy policies, on the streams by which snapshots are selected."""

    def __init__(self, given: Mapping[str, Any], plays: int, every: int, seed: int):
        """Hold what is valued.

        Args:
            given: the environment's configuration.
            plays: of a valuation.
            every: iterations between valuations, the last one standing in between.
            seed: of the plays' streams.
        """
        self._game, self._plays, self._every, self._seed = populated(rules_in(given)), plays, every, seed
        self._found: dict[str, float] = {}

    def __call__(self, policy: PopulationPolicy, iteration: int) -> dict[str, float]:
        """After an iteration."""
        if not self._found or iteration % self._every == 0:
            found = evaluate_population(self._game, policy, self._seed, Purpose.SELECTION, self._plays).data()
            self._found = {name: found[entry] for name, entry in SHOWN.items()}
        return dict(self._found)
