"""UCBE in the leader's seat: the action of the largest mean reward + (S / n)^(1/2), n the times it was played.

The bonus does not grow with time: with S large enough for the smallest gap the best action is told from the others
early (Audibert, Bubeck & Munos 2010), also while the follower still learns (Yu & Chen 2024, arXiv 2405.03158).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.learners import Feedback, LeaderLearner, LeaderPlayer, Traits
from rllib_stackelberg.online.pairs import discrete, finite_only
from rllib_stackelberg.rules.game import StackelbergGame


@dataclass(frozen=True)
class UCBE(LeaderLearner):
    """Upper confidence bounds for exploration.

    Attributes:
        bonus: S, for rewards in [0, 1], > 0.
    """

    bonus: float = 50.0

    traits = Traits("UCBE")

    def __post_init__(self) -> None:
        if not 0 < self.bonus < math.inf:
            raise InvalidFieldError("leader.bonus", f"got {self.bonus}", "a finite number above 0")

    @classmethod
    def misfit(cls, game: StackelbergGame) -> str | None:
        """Keeps a mean per action."""
        return finite_only(game)

    def begin(self, arena: Arena, seeds: int, rounds: int) -> LeaderPlayer:
        """A leader that has not learned anything."""
        return _Player(self, arena, seeds)


class _Player(LeaderPlayer):
    def __init__(self, learner: UCBE, arena: Arena, seeds: int):
        self._bonus, self._arena = learner.bonus, arena
        self._counts = np.zeros((seeds, arena.leader_turn.choices))
        self._sums = np.zeros_like(self._counts)
        self._seeds = np.arange(seeds)

    def act(self, round_: int, uniforms: NDArray) -> NDArray:
        """The action that may be best, with the bonus of UCB-E."""
        times = np.maximum(self._counts, 1)
        index = np.where(self._counts > 0, self._sums / times + np.sqrt(self._bonus / times), np.inf)
        return index.argmax(axis=1)[:, None].astype(float)

    def learn(self, feedback: Feedback) -> None:
        """Count what the action has earned."""
        drawn = discrete(feedback.leader)
        self._counts[self._seeds, drawn] += 1
        self._sums[self._seeds, drawn] += self._arena.unit(feedback.own, 0)
