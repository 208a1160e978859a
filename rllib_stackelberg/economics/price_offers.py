"""How a seller's action names an offer: somebody, and a price in [0, 1].

The seller names one of a number of *names*: the buyers, or the messages that they may have sent. `Choice`: the name
itself and a price. `Scores`: a score per name and a price; the open name of the highest score is meant, ties to the
lowest. `Grid`: name b and price j/(k-1) as b*k + j; if that name is not open, the next one that is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import numpy as np
from gymnasium.spaces import Box, Discrete, Space, Tuple

from rllib_stackelberg.arrays import Flags, Index, Numbers
from rllib_stackelberg.errors import InvalidFieldError

CHOICE, SCORES, GRID = range(3)
"""The ways, as compiled rules know them (sale_engine.py)."""

Open = Callable[[], Flags]
"""() -> which names are open now, `[B, names]`; called by who needs it."""


class Offers(ABC):
    """A way to name offers.

    Attributes:
        names: how many there are; actions: the seller's; masked: whether it may name only what is open.
        form: which way it is.
    """

    form: int
    names: int
    actions: Space
    masked = False

    @abstractmethod
    def read(self, actions: Numbers, open_names: Open) -> tuple[Index, Numbers]:
        """Names and prices `[B]` that actions `[B, >= width]` mean."""

    @abstractmethod
    def write(self, name: int, price: float) -> int | tuple[float, ...]:
        """The action that makes an offer, wherever the name is open."""


class Choice(Offers):
    """The name itself, and a price."""

    form = CHOICE
    masked = True

    def __init__(self, names: int):
        self.names, self.actions = names, Tuple((Discrete(names), Box(0.0, 1.0, (1,), np.float64)))

    def read(self, actions: Numbers, open_names: Open) -> tuple[Index, Numbers]:
        """As it stands."""
        return actions[:, 0].astype(np.int64), actions[:, 1]

    def write(self, name: int, price: float) -> int | tuple[float, ...]:
        """Name and price."""
        return name, float(price)


class Scores(Offers):
    """A score per name, and a price."""

    form = SCORES

    def __init__(self, names: int):
        self.names, self.actions = names, Box(0.0, 1.0, (names + 1,), np.float64)

    def read(self, actions: Numbers, open_names: Open) -> tuple[Index, Numbers]:
        """The open name of the highest score."""
        scores = np.where(open_names(), actions[:, : self.names], -np.inf)
        return scores.argmax(axis=1), actions[:, self.names]

    def write(self, name: int, price: float) -> int | tuple[float, ...]:
        """Score 1 for the name, 0 for all others."""
        return (*(1.0 if k == name else 0.0 for k in range(self.names)), float(price))


class Grid(Offers):
    """Name and one of `prices` equally spaced prices as one number."""

    form = GRID

    def __init__(self, names: int, prices: int):
        self.names, self.prices, self.actions = names, prices, Discrete(names * prices)

    def read(self, actions: Numbers, open_names: Open) -> tuple[Index, Numbers]:
        """The name, or the next one that is open."""
        wanted, step = np.divmod(actions[:, 0].astype(np.int64), self.prices)
        order = (wanted[:, None] + np.arange(self.names)) % self.names
        first = np.take_along_axis(open_names(), order, axis=1).argmax(axis=1)
        return order[np.arange(len(order)), first], step / (self.prices - 1)

    def write(self, name: int, price: float) -> int | tuple[float, ...]:
        """The nearest price of the grid."""
        return name * self.prices + round(price * (self.prices - 1))


def offers_of(names: int, leader: Literal["choice", "scores"], price_grid: int | None) -> Offers:
    """The way that a game's parameters `leader` and `price_grid` ask for."""
    if price_grid is not None:
        if leader == "scores":
            raise InvalidFieldError("leader", "is scores, with a price grid", "choice, or prices from an interval")
        return Grid(names, price_grid)
    return Scores(names) if leader == "scores" else Choice(names)
