"""Where a fresh leader begins that is asked one question for numbers: close to the best answer, or at a lucky one.

What such a leader earns may be level over wide parts of the box, and better in a small one that no slope leads to:
traffic settles the same way for many tolls. There the best of many random answers is a better beginning than one of
them. What was best in one episode may have been luck, so the best few are tried again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Purpose

ROUNDS, FEW = 4, 8
"""Rounds of parallel episodes in which random answers are tried, and how many of them are tried again in one more."""

SOME, MOST = 0.3, 0.4
"""Share of the schedule that a leader skips who begins at a lucky answer, and close to the best one so far."""

CLOSEST = 1.3
"""Share of the schedule, beyond its end, to which exploring goes on shrinking then: edges are found to a hair."""


class Beginning(NamedTuple):
    """Of a fresh leader.

    Attributes:
        point: its first answer, in the unit box `[numbers]`.
        skipped: share of its schedule; end: share of it at which exploring shrinks no more.
    """

    point: NDArray[np.float64]
    skipped: float
    end: float


class Beginnings:
    """Finds them, by episodes of its own."""

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, seed: int, episodes: int):
        """Play nothing yet.

        Args:
            game, settings, seed: of the run; episodes: in parallel.
        """
        once = settings.model_copy(update={"leader_queries": "once", "response_transitions": 1.0})
        self.game, self.settings, self.seed, self.episodes = game, once, seed, max(episodes, FEW)

    def close(self, network: LeaderNetwork) -> Beginning:
        """Close to what a leader answers."""
        env = StackelbergPOMDP(self.game, self.settings, num_envs=1, seed=self.seed)
        env.begin(np.arange(1))
        seen = env.observe(env.front(np.arange(1)))
        return Beginning(np.clip(network.greedy(seen["actor"])[0], 0.0, 1.0), MOST, CLOSEST)

    def lucky(self, number: int) -> Beginning:
        """At the best of many random answers; the same for the same number."""
        source = np.random.SeedSequence(self.seed, spawn_key=(int(Purpose.SELECTION), number))
        rng = np.random.default_rng(source)
        env = StackelbergPOMDP(self.game, self.settings, self.episodes, seed=int(rng.integers(2**31)))
        points = rng.random((ROUNDS, self.episodes, self.game.leader_turn.numbers))
        paid = np.concatenate([_paid(env, each) for each in points])
        best = np.concatenate(points)[np.argsort(-paid, kind="stable")[:FEW]]
        again = np.arange(self.episodes) % FEW
        means = np.bincount(again, weights=_paid(env, best[again])) / np.bincount(again)
        return Beginning(best[means.argmax()], SOME, CLOSEST)


def _paid(env: StackelbergPOMDP, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """What an episode pays a leader in training who gives each answer, `[episodes]`."""
    everywhere = np.arange(env.num_envs)
    env.begin(everywhere)
    env.answer(env.front(everywhere), points)
    return np.asarray(env.elicitation.value - env.elicitation.penalty)
