"""The leader's own problem in a game with a population: members answer by a given policy.

A gymnasium vector environment for any algorithm that trains one agent. A step is a period: the observation is what the
policy's leader network would be given (normalised, logarithms taken), the action is squashed to the unit box, as that
network's outputs are, and stretched to the box of actions; so what an algorithm learns here is a `BoxActor`. Rewards
are payoffs over `scale`. A play that ends by itself terminates, one that reaches the horizon is truncated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.play import PopulationPlays
from rllib_stackelberg.populations.policy import CLIP, PopulationPolicy
from rllib_stackelberg.rules.population import RUNNING, PopulationGame
from rllib_stackelberg.streams import Purpose, Streams

FURTHEST = 10.0
"""From the middle, of what is squashed: beyond it all actions are the same in single precision."""

SCALED_BY = 2
"""Plays from which the scale of rewards is taken."""


class PopulationLeaderEnv(VectorEnv):
    """Plays of a game side by side, seen by the leader.

    Attributes:
        game: the rules; policy: whose members answer; scale: what payoffs are divided by.
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 (gymnasium's)

    def __init__(self, game: PopulationGame, policy: PopulationPolicy, num_envs: int, run: int = 0):
        """`run`: of the streams of the plays."""
        self.game, self.policy, self.num_envs = game, policy, num_envs
        self._run = run
        first = evaluate_population(game, policy, run, Purpose.TRAINING, SCALED_BY)
        self.scale = max(float(np.abs(first.leader / first.periods).mean()), 1e-6)
        self.single_observation_space = Box(-CLIP, CLIP, game.leader_space.shape, np.float32)
        self.single_action_space = Box(-FURTHEST, FURTHEST, game.leader_actions.shape, np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.place(0)

    def place(self, worker: int) -> None:
        """Begin afresh with the streams of an env runner: no two play the same plays."""
        streams = Streams(self._run, Purpose.TRAINING, worker)
        self._plays = PopulationPlays(self.game, streams, range(self.num_envs))
        self._over = np.zeros(self.num_envs, dtype=bool)

    def respond(self, policy: PopulationPolicy) -> None:
        """Members answer by another policy from now on; what the leader sees is as before."""
        self.policy = PopulationPolicy(self.policy.leader, policy.members, policy.sees_leader)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[NDArray, dict]:
        """Begin all plays anew; the numbers they have come from the run's streams, not from `seed`."""
        self._plays.restart(np.arange(self.num_envs))
        self._over[:] = False
        return self._observe(), {}

    def step(self, actions: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray, dict]:
        """A period of every play; those that ended in the one before begin anew instead."""
        begun = np.flatnonzero(self._over)
        self._plays.restart(begun)
        rows = np.flatnonzero(~self._over)
        rewards = np.zeros(self.num_envs)
        if len(rows):
            actor = self.policy.leader
            unit = 0.5 + 0.5 * np.tanh(np.asarray(actions, dtype=np.float64)[rows])
            leader = np.clip(actor.low + unit * (actor.high - actor.low), actor.low, actor.high)
            seen = self.game.observe_members(self._plays.state.take(rows))
            rewards[rows] = self._plays.step(leader, self.policy.follow(seen, leader), rows)[0] / self.scale
        ending = self._plays.state.ending
        self._over = ending != RUNNING
        cut = ending == self.game.horizon
        return self._observe(), rewards, self._over & ~cut, cut, {}

    def _observe(self) -> NDArray[np.float32]:
        return self.policy.leader.features(self.game.observe_leader(self._plays.state)).astype(np.float32)
