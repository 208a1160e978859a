"""FMUCB in the follower's seat: it learns its best manipulation, from its own rewards and the leader's.

Every round the best manipulation (followers/best_manipulation.py) of confidence bounds (pairs.py): a pair qualifies if
the leader surely gets more at it than at any other action under the worst answer there, and the one of the largest
upper bound of the follower's payoff is chosen. While none qualifies, UCB best response.

Yu & Chen 2024, arXiv 2405.03158 (noisy side information). What it never plays it does not learn: a threat is found only
at leader actions that the leader still tries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.followers.best_manipulation import best_manipulation
from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.learners import Feedback, FollowerPlayer, Traits
from rllib_stackelberg.online.pairs import PairEstimates, PairLearner, discrete


@dataclass(frozen=True)
class FMUCB(PairLearner):
    """The best manipulation by confidence bounds."""

    traits = Traits("FMUCB", sees="noisy")

    def begin(self, arena: Arena, seeds: int, rounds: int) -> FollowerPlayer:
        """A follower that has not learned anything."""
        return _Player(self, arena, seeds)


class _Player(FollowerPlayer):
    def __init__(self, learner: FMUCB, arena: Arena, seeds: int):
        shape = arena.leader_turn.choices, arena.follower_turn.choices
        self._arena = arena
        self._other, self._own = (PairEstimates(seeds, *shape, learner.delta) for _ in range(2))
        self._seeds = np.arange(seeds)

    def act(self, round_: int, leader: NDArray, uniforms: NDArray) -> NDArray:
        """The best manipulation, as far as rewards are known."""
        _, hoped = self._own.bounds(round_)
        response = best_manipulation(*self._other.bounds(round_), hoped).response
        return response[self._seeds, discrete(leader), None].astype(float)

    def learn(self, feedback: Feedback) -> None:
        """Count the rewards of both."""
        assert feedback.other is not None, "it is shown the leader's rewards"
        leader, follower = discrete(feedback.leader), discrete(feedback.follower)
        self._own.record(leader, follower, self._arena.unit(feedback.own, 1))
        self._other.record(leader, follower, self._arena.unit(feedback.other, 0))
