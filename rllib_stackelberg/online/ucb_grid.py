"""UCB over a grid of prices: the baseline that knows nothing of the game but its range of actions.

Every price of the grid is posted once; then the one of the largest mean reward + exploration (high - low)
sqrt(2 ln t / n), n being how often it was posted (Auer, Cesa-Bianchi & Fischer 2002); low and high bound rewards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.learners import Feedback, LeaderLearner, LeaderPlayer, Traits
from rllib_stackelberg.rules.game import StackelbergGame

MOST_PRICES = 10_000


@dataclass(frozen=True)
class UCBGrid(LeaderLearner):
    """UCB on equally spaced prices.

    Attributes:
        prices: how many; the ends of the range are left out.
        exploration: factor on the confidence term.
    """

    prices: float = 25
    exploration: float = 0.005
    traits = Traits("UCB-grid")

    def __post_init__(self) -> None:
        if not (1 <= self.prices <= MOST_PRICES and float(self.prices).is_integer()):
            raise InvalidFieldError("leader.prices", f"got {self.prices:g}", f"an integer in 1..{MOST_PRICES:,}")
        if not 0 <= self.exploration < np.inf:
            raise InvalidFieldError("leader.exploration", f"got {self.exploration:g}", "a number of at least 0")

    @classmethod
    def misfit(cls, game: StackelbergGame) -> str | None:
        """Plays games whose leader names one number."""
        turn = game.leader_turn
        return None if isinstance(turn.actions, Box) and turn.width == 1 else "a leader that posts a price"

    def begin(self, arena: Arena, seeds: int, rounds: int) -> LeaderPlayer:
        """A leader that has posted nothing."""
        space = arena.leader_turn.actions
        assert isinstance(space, Box), "misfit() refuses other games"
        grid = np.linspace(space.low[0], space.high[0], int(self.prices) + 2)[1:-1]
        return _Player(grid, seeds, self.exploration * float(arena.high[0] - arena.low[0]))


class _Player(LeaderPlayer):
    def __init__(self, grid: NDArray, seeds: int, scale: float):
        self._grid, self._scale = grid, scale
        self._sums, self._counts = np.zeros((2, seeds, len(grid)))
        self._chosen = np.zeros(seeds, dtype=np.int64)

    def act(self, round_: int, uniforms: NDArray) -> NDArray:
        """The price of the grid that may be best."""
        counts = np.maximum(self._counts, 1)
        bonus = self._scale * np.sqrt(2 * np.log(round_ + 1) / counts)
        index = np.where(self._counts > 0, self._sums / counts + bonus, np.inf)
        self._chosen = index.argmax(axis=1)
        return self._grid[self._chosen, None]

    def learn(self, feedback: Feedback) -> None:
        """Count what the price has earned."""
        seeds = np.arange(len(self._chosen))
        self._sums[seeds, self._chosen] += feedback.own
        self._counts[seeds, self._chosen] += 1
