"""UCB best response: a follower that sees its own rewards alone plays, at every leader action, its best upper bound.

One bandit problem per leader action, with the radii of pairs.py. Under this information best responding is the most
a follower can learn to do (Yu & Chen 2024, arXiv 2405.03158); one that sees more does better: fmucb.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.learners import Feedback, FollowerPlayer, Traits
from rllib_stackelberg.online.pairs import PairEstimates, PairLearner, discrete


@dataclass(frozen=True)
class UCB(PairLearner):
    """Upper confidence bounds on its own reward."""

    traits = Traits("UCB")

    def begin(self, arena: Arena, seeds: int, rounds: int) -> FollowerPlayer:
        """A follower that has not learned anything."""
        return _Player(self, arena, seeds)


class _Player(FollowerPlayer):
    def __init__(self, learner: UCB, arena: Arena, seeds: int):
        shape = arena.leader_turn.choices, arena.follower_turn.choices
        self._arena, self._own = arena, PairEstimates(seeds, *shape, learner.delta)
        self._seeds = np.arange(seeds)

    def act(self, round_: int, leader: NDArray, uniforms: NDArray) -> NDArray:
        """The action that may be best, as far as is known."""
        _, high = self._own.bounds(round_)
        return high[self._seeds, discrete(leader)].argmax(axis=1)[:, None].astype(float)

    def learn(self, feedback: Feedback) -> None:
        """Count the follower's own rewards."""
        rewards = self._arena.unit(feedback.own, 1)
        self._own.record(discrete(feedback.leader), discrete(feedback.follower), rewards)
