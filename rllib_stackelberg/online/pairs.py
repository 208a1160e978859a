"""What players of finite games keep: estimates of payoffs by pair of actions, with confidence radii.

With probability 1 - delta every mean of rewards in [0, 1] is within sqrt(2 ln(2 |A| |B| t^2 / delta) / n) of its
estimate at all times t, n being the times that the pair was played (Yu & Chen 2024, arXiv 2405.03158).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.online.arena import finite
from rllib_stackelberg.online.learners import FollowerLearner
from rllib_stackelberg.rules.game import StackelbergGame


def finite_only(game: StackelbergGame) -> str | None:
    """The misfit of learners that keep a number per action, in words; None where they fit."""
    return None if finite(game.turns) else "finitely many actions of both players"


def discrete(actions: NDArray) -> NDArray[np.int64]:
    """Discrete actions `[S]`, of actions as the loop hands them over `[S, w]`."""
    return actions[:, 0].astype(np.int64)


@dataclass(frozen=True)
class PairLearner(FollowerLearner):
    """A follower that keeps means per pair of actions.

    Attributes:
        delta: probability that a bound fails, in (0, 1).
    """

    delta: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.delta < 1:
            raise InvalidFieldError("follower.delta", f"got {self.delta}", "a number strictly between 0 and 1")

    @classmethod
    def misfit(cls, game: StackelbergGame) -> str | None:
        """See `finite_only`."""
        return finite_only(game)


class PairEstimates:
    """Means of rewards in [0, 1] by pair of actions, over seeds side by side.

    Attributes:
        counts: `[S, leader action, follower action]`.
    """

    def __init__(self, seeds: int, rows: int, columns: int, delta: float):
        self.counts = np.zeros((seeds, rows, columns))
        self._sums = np.zeros((seeds, rows, columns))
        self._delta = delta
        self._seeds = np.arange(seeds)

    def record(self, leader: NDArray[np.int64], follower: NDArray[np.int64], rewards: NDArray[np.float64]) -> None:
        """Take in a reward per seed, `[S]` each."""
        self.counts[self._seeds, leader, follower] += 1
        self._sums[self._seeds, leader, follower] += rewards

    def bounds(self, round_: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper confidence bounds; infinite of a pair that was never played."""
        played = self.counts > 0
        times = np.maximum(self.counts, 1)
        spread = 2 * math.log(2 * self.counts[0].size * (round_ + 1) ** 2 / self._delta)
        radius = np.where(played, np.sqrt(spread / times), np.inf)
        mean = self._sums / times
        return mean - radius, mean + radius
