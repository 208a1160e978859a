"""FBM in the follower's seat: it knows both players' payoffs and commits to its best manipulation.

The response is that of followers/best_manipulation.py (Yu & Chen 2024, arXiv 2405.03158), at the expected payoffs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.followers.best_manipulation import best_manipulation
from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.learners import Feedback, FollowerLearner, FollowerPlayer, Traits
from rllib_stackelberg.online.pairs import discrete, finite_only
from rllib_stackelberg.rules.game import StackelbergGame


@dataclass(frozen=True)
class FBM(FollowerLearner):
    """The best manipulation at the true payoffs."""

    traits = Traits("FBM")

    @classmethod
    def misfit(cls, game: StackelbergGame) -> str | None:
        """Knows a payoff per pair of actions."""
        return finite_only(game)

    def begin(self, arena: Arena, seeds: int, rounds: int) -> FollowerPlayer:
        """A follower with nothing to learn."""
        return _Player(arena)


class _Player(FollowerPlayer):
    def __init__(self, arena: Arena):
        leader, follower = np.moveaxis(arena.means, -1, 0)
        self._response = best_manipulation(leader, leader, follower).response

    def act(self, round_: int, leader: NDArray, uniforms: NDArray) -> NDArray:
        """As it has committed to respond."""
        return self._response[discrete(leader), None].astype(float)

    def learn(self, feedback: Feedback) -> None:
        """It knows the game."""
