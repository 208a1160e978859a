"""One side's own problem in a game with a population: the other side acts by a given policy.

A gymnasium vector environment for any algorithm that trains one agent. A step is a period: the observation is what the
side's network in the policy would be given (normalised, logarithms taken), the action is squashed to the unit box, as
that network's outputs are, and stretched to the box of actions; so what an algorithm learns here is a `BoxActor`.
Rewards are payoffs over `scale`. A play that ends by itself terminates, one that reaches the horizon is truncated.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.populations.evaluation import PopulationEvaluation, evaluate_population
from rllib_stackelberg.populations.play import PopulationPlays
from rllib_stackelberg.populations.policy import CLIP, BoxActor, PopulationPolicy
from rllib_stackelberg.rules.population import RUNNING, PopulationGame
from rllib_stackelberg.streams import Purpose, Streams

FURTHEST = 10.0
"""From the middle, of what is squashed: beyond it all actions are the same in single precision."""

SCALED_BY = 2
"""Plays from which the scale of rewards is taken."""


class SideEnv(VectorEnv):
    """Plays of a game side by side, seen by those of one side who learn: `seats` in every play.

    Attributes:
        side: which: "leader" or "members"; game: the rules; policy: by which everybody else acts.
        seats: environments of a play, whose numbers follow each other.
        scale: what payoffs are divided by.
    """

    side: ClassVar[str]
    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 (gymnasium's)

    def __init__(self, game: PopulationGame, policy: PopulationPolicy, plays: int, seats: int = 1, run: int = 0):
        """Begin plays.

        Args:
            game: the rules.
            policy: of both sides.
            plays: how many side by side; seats: of those who learn, in each.
            run: of the streams of the plays.
        """
        self.game, self.policy, self.seats, self.num_envs = game, policy, seats, plays * seats
        self._run = run
        first = evaluate_population(game, policy, run, Purpose.TRAINING, SCALED_BY)
        self.scale = max(float(np.abs(self._paid(first) / first.periods).mean()), 1e-6)
        seen, acted = self._widths()
        self.single_observation_space = Box(-CLIP, CLIP, (seen,), np.float32)
        self.single_action_space = Box(-FURTHEST, FURTHEST, (acted,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.place(0)

    @property
    def actor(self) -> BoxActor:
        """Of this side, whose statistics and box count."""
        return self.policy.of_side(self.side)

    @abstractmethod
    def _widths(self) -> tuple[int, int]:
        """How many numbers one who learns sees and does."""

    @abstractmethod
    def _paid(self, evaluation: PopulationEvaluation) -> NDArray[np.float64]:
        """What this side is paid in plays `[P]`."""

    @abstractmethod
    def _observe(self) -> NDArray[np.float32]:
        """What those who learn are given `[num_envs, d]`."""

    @abstractmethod
    def _play(self, rows: NDArray[np.int64], actions: Numbers) -> Numbers:
        """A period of some plays, and what those who learn are paid `[R, seats]` for their actions `[R, seats, w]`."""

    @property
    def plays(self) -> int:
        """How many there are side by side."""
        return self.num_envs // self.seats

    @property
    def episodes(self) -> NDArray[np.int64]:
        """How often each play has begun anew `[plays]`."""
        return self._plays.episodes

    def place(self, worker: int) -> None:
        """Begin afresh with the streams of an env runner: no two play the same plays."""
        self._streams = Streams(self._run, Purpose.TRAINING, worker)
        self._plays = PopulationPlays(self.game, self._streams, range(self.plays))
        self._over = np.zeros(self.plays, dtype=bool)

    def begin_after(self, episodes: NDArray[np.int64], game: PopulationGame | None = None) -> None:
        """Begin all plays anew.

        Args:
            episodes: with numbers that none of the first so many beginnings of each had `[plays]`.
            game: the rules, made anew, if those in use have failed.
        """
        self.game = game or self.game
        self._plays = PopulationPlays(self.game, self._streams, range(self.plays))
        self._plays.restart_after(episodes)
        self._over[:] = False

    def respond(self, policy: PopulationPolicy) -> None:
        """Everybody acts by another policy from now on; how what is seen is normalised is as before."""
        self.policy = policy.with_side(self.side, replace(self.actor, layers=policy.of_side(self.side).layers))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[NDArray, dict]:
        """Begin all plays anew; the numbers they have come from the run's streams, not from `seed`."""
        self._plays.restart(np.arange(self.plays))
        self._over[:] = False
        return self._observe(), {}

    def step(self, actions: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray, dict]:
        """A period of every play; those that ended in the one before begin anew instead."""
        self._plays.restart(np.flatnonzero(self._over))
        rows = np.flatnonzero(~self._over)
        rewards = np.zeros((self.plays, self.seats))
        if len(rows):
            raw = np.asarray(actions, dtype=np.float64).reshape(self.plays, self.seats, -1)[rows]
            actor = self.actor
            acted = actor.low + (0.5 + 0.5 * np.tanh(raw)) * (actor.high - actor.low)
            rewards[rows] = self._play(rows, np.clip(acted, actor.low, actor.high)) / self.scale
        ending = self._plays.state.ending
        self._over = ending != RUNNING
        cut = ending == self.game.horizon
        over, cut = (np.repeat(flags, self.seats) for flags in (self._over & ~cut, cut))
        return self._observe(), rewards.reshape(-1), over, cut, {}


class PopulationLeaderEnv(SideEnv):
    """The leader's problem: members answer by the policy."""

    side = "leader"

    def __init__(self, game: PopulationGame, policy: PopulationPolicy, plays: int, run: int = 0):
        super().__init__(game, policy, plays, run=run)

    def _widths(self) -> tuple[int, int]:
        return self.game.leader_space.shape[0], self.game.leader_actions.shape[0]

    def _paid(self, evaluation: PopulationEvaluation) -> NDArray[np.float64]:
        return evaluation.leader

    def _observe(self) -> NDArray[np.float32]:
        return self.actor.features(self.game.observe_leader(self._plays.state)).astype(np.float32)

    def _play(self, rows: NDArray[np.int64], actions: Numbers) -> Numbers:
        leader = actions[:, 0]
        seen = self.game.observe_members(self._plays.state.take(rows))
        return self._plays.step(leader, self.policy.follow(seen, leader), rows)[0][:, None]


class PopulationMembersEnv(SideEnv):
    """A member's problem: the leader, and all members but those who learn, act by the policy.

    Members are alike, so those with the first numbers learn, for all of them. They see the leader's action, as far as
    members do in the policy.
    """

    side = "members"

    def __init__(self, game: PopulationGame, policy: PopulationPolicy, plays: int, seats: int, run: int = 0):
        super().__init__(game, policy, plays, min(seats, game.members), run)

    def _widths(self) -> tuple[int, int]:
        shown = self.game.leader_actions.shape[0] if self.policy.sees_leader else 0
        return self.game.member_space.shape[0] + shown, self.game.member_actions.shape[0]

    def _paid(self, evaluation: PopulationEvaluation) -> NDArray[np.float64]:
        return evaluation.members

    def _observe(self) -> NDArray[np.float32]:
        state = self._plays.state
        self._led = self.policy.lead(self.game.observe_leader(state))
        seen = self.policy.given(self.game.observe_members(state)[:, : self.seats], self._led)
        return seen.reshape(self.num_envs, -1).astype(np.float32)

    def _play(self, rows: NDArray[np.int64], actions: Numbers) -> Numbers:
        leader = self._led[rows]
        members = self.policy.follow(self.game.observe_members(self._plays.state.take(rows)), leader)
        members[:, : self.seats] = actions
        return self._plays.step(leader, members, rows)[1][:, : self.seats]
