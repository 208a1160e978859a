"""Both sides of a population in turns: each learns by an algorithm of its own against the other as it is.

A round is some epochs or iterations of the members, then some of the leader. Learners, critics and replay buffers go on
from round to round; rates and exploration of SMFRL fall by rounds. What either side sees is normalised by what random
play has shown.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

from rllib_stackelberg.populations.policy import SIDES, BoxActor, PopulationPolicy
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.training.populations.env_runners import MEMBERS_RETURN
from rllib_stackelberg.training.populations.side_configs import side_config
from rllib_stackelberg.training.populations.side_runners import SideEnvRunner
from rllib_stackelberg.training.populations.smfrl import SMFRL, config_for
from rllib_stackelberg.training.populations.upkeep import actor_of
from rllib_stackelberg.training.running.checkpoints import State
from rllib_stackelberg.training.running.failures import LONG
from rllib_stackelberg.training.running.lost_runners import learn_once

EPOCHS, ITERATIONS = 4, 4
"""Of a round: of SMFRL, or of another algorithm of RLlib's."""

LOOKING_EPOCHS = 2
"""Of random play, before the first round."""

CPUS_EACH = 0.5
"""Of an env runner: while those of one side play, those of the other wait."""

RETURNS = {"leader": "episode_return_mean", "members": MEMBERS_RETURN}


class Turn(ABC):
    """A side that learns while the other stays as it is.

    Attributes:
        side: "leader" or "members"; algo: by which it learns.
    """

    algo: Algorithm

    def __init__(self, side: str, options: PopulationOptions):
        self.side, self.options = side, options

    @abstractmethod
    def learn(self, policy: PopulationPolicy) -> tuple[BoxActor, dict[str, Any]]:
        """Learn against what the other side does in a policy; returns the side's network, and RLlib's last result."""

    @abstractmethod
    def told(self, result: Mapping[str, Any]) -> dict[str, float]:
        """What a result says of plays: `periods` and `plays` so far, their mean `payoff`, the game's `failures`."""

    def _started(self, config: AlgorithmConfig) -> Any:
        """The algorithm, on the run's env runners and within its limits."""
        options = self.options
        config.environment(
            env_config={"most_failures": options.max_failures, "game_seconds": options.game_timeout}
        ).env_runners(
            num_env_runners=options.num_env_runners, num_cpus_per_env_runner=CPUS_EACH,
            sample_timeout_s=LONG * options.game_timeout,
        )  # fmt: skip
        return config.learners(num_gpus_per_learner=int(options.device == "cuda")).build_algo()


class OffPolicyTurn(Turn):
    """By SMFRL, whose other side does not learn."""

    algo: SMFRL

    def __init__(self, side: str, options: PopulationOptions, first: PopulationPolicy):
        """Begin at a policy."""
        super().__init__(side, options)
        settings = options.resolved_settings
        falls = settings.rate_decay_epochs * EPOCHS  # once in so many rounds
        settings = settings.model_copy(update={"learning": (side,), "rate_decay_epochs": falls})
        self.algo = self._started(config_for(options.entries, settings, options.seed))
        self.algo.start_from(first)

    def learn(self, policy: PopulationPolicy) -> tuple[BoxActor, dict[str, Any]]:
        """As the base says."""
        other = next(side for side in SIDES if side != self.side)
        self.algo.act_as(other, policy.of_side(other))
        result: dict[str, Any] = {}
        for _ in range(EPOCHS):
            result = self.algo.iterate()
        return self.algo.policy().of_side(self.side), result

    def told(self, result: Mapping[str, Any]) -> dict[str, float]:
        """As the base says."""
        return _told(result["env_runners"], RETURNS[self.side])


class OnPolicyTurn(Turn):
    """By an algorithm that learns from what it has just played."""

    def __init__(self, side: str, options: PopulationOptions, first: PopulationPolicy, algorithm: str):
        """Begin afresh, and see as a policy does."""
        super().__init__(side, options)
        config = side_config(algorithm, side, options.entries, first, options.rules, options.seed)
        config.training(gamma=options.resolved_settings.gamma)
        self._first, self._seats = first, config.env_config["seats"]
        self.algo = self._started(config)

    def learn(self, policy: PopulationPolicy) -> tuple[BoxActor, dict[str, Any]]:
        """As the base says."""
        self.algo.env_runner_group.foreach_env_runner(partial(_respond, policy))
        result: dict[str, Any] = {}
        for _ in range(ITERATIONS):
            result = learn_once(self.algo)
        return actor_of(self.algo, self._first, self.side), result

    def told(self, result: Mapping[str, Any]) -> dict[str, float]:
        """As the base says; those who learn in a play count as one."""
        found = _told(result["env_runners"], "episode_return_mean")
        scales = self.algo.env_runner_group.foreach_env_runner(_scale)
        scale = next((scale for scale in scales if scale is not None), math.nan)
        each = {name: found[name] / self._seats for name in ("periods", "plays")}
        return found | each | {"payoff": found["payoff"] * scale}


def _told(runners: Mapping[str, Any], payoff: str) -> dict[str, float]:
    names = {"periods": "num_env_steps_sampled_lifetime", "plays": "num_episodes_lifetime", "failures": "game_failures"}
    counted = {name: float(runners.get(entry, 0)) for name, entry in names.items()}
    return counted | {"payoff": float(runners.get(payoff, math.nan))}


def _respond(policy: PopulationPolicy, runner: SideEnvRunner) -> None:
    """Let plays of an env runner go on by a policy; the local one has no plays beside remote ones."""
    if runner.env is not None:
        runner.problem.respond(policy)


def _scale(runner: SideEnvRunner) -> float | None:
    return None if runner.env is None else runner.problem.scale


def first_policy(options: PopulationOptions) -> PopulationPolicy:
    """Actors that have learned nothing, and what random play looks like."""
    settings = options.resolved_settings.model_copy(update={"random_epochs": LOOKING_EPOCHS})
    algo = config_for(options.entries, settings, options.seed).build_algo()
    try:
        for _ in range(LOOKING_EPOCHS):
            algo.iterate()
        return algo.policy()
    finally:
        algo.stop()


def policies_of(run: State, game: PopulationGame) -> tuple[PopulationPolicy, PopulationPolicy]:
    """What the part `run` of a generation of turns holds: the policy by which both see, and the present one.

    Raises:
        InvalidFieldError: they are of another game.
    """
    first, now = (PopulationPolicy.of(*run["turns"][name]) for name in ("first", "now"))
    for policy in (first, now):
        policy.check(game, "run")
    return first, now


class Turns:
    """Both sides; call `iterate` for a round. Runs in a Ray session.

    Attributes:
        sides: how each learns, members first.
    """

    def __init__(self, options: PopulationOptions, held: tuple[PopulationPolicy, PopulationPolicy] | None = None):
        """Begin, or go on from what a generation has held (`policies_of`); the algorithms' state is RLlib's."""
        self._first, self._policy = held or (first_policy(options),) * 2
        algorithms = {"members": options.members_algo, "leader": options.algo}
        self.sides = {side: self._turn(side, options, name) for side, name in algorithms.items()}

    def _turn(self, side: str, options: PopulationOptions, algorithm: str) -> Turn:
        if algorithm == "SMFRL":
            return OffPolicyTurn(side, options, self._policy)
        return OnPolicyTurn(side, options, self._first, algorithm)

    @property
    def algorithms(self) -> dict[str, Algorithm]:
        """Of each side, by name."""
        return {side: turn.algo for side, turn in self.sides.items()}

    @property
    def buffered(self) -> SMFRL | None:
        """The algorithm with a replay buffer; there is at most one."""
        return next((turn.algo for turn in self.sides.values() if isinstance(turn, OffPolicyTurn)), None)

    def iterate(self) -> dict[str, Any]:
        """A round; returns what both sides were told in it, in the form of a result of RLlib's."""
        told, learners = {}, {}
        for side, turn in self.sides.items():
            actor, result = turn.learn(self._policy)
            self._policy = self._policy.with_side(side, actor)
            told[side], learners[side] = turn.told(result), result.get("learners", {})
        runners = {
            "num_env_steps_sampled_lifetime": sum(found["periods"] for found in told.values()),
            "num_episodes_lifetime": sum(found["plays"] for found in told.values()),
            "game_failures": max(found["failures"] for found in told.values()),
            **{RETURNS[side]: found["payoff"] for side, found in told.items()},
        }
        return {"env_runners": runners, "learners": learners}

    def policy(self) -> PopulationPolicy:
        """What both do at present."""
        return self._policy

    def own_state(self) -> State:
        """What a generation holds besides RLlib's state: the policy by which both see, and the present one."""
        return {"turns": {"first": self._first.data(), "now": self._policy.data()}}

    def stop(self) -> None:
        """End both."""
        for turn in self.sides.values():
            turn.algo.stop()
