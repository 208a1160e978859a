"""Price competition of firms whose demand is logit: what firms sell and earn, and what consumers gain.

A consumer takes good i with probability s_i = exp((a_i - p_i) / mu) / (sum_j exp((a_j - p_j) / mu) + exp(a_0 / mu)),
the sum over the goods on show, and nothing with what is left (McFadden 1974; Anderson, de Palma & Thisse 1992, ch. 7):

    profit_i = (p_i - c_i) s_i        consumer surplus = mu log(sum_j exp((a_j - p_j) / mu) + exp(a_0 / mu)) - a_0

A firm's best price solves p_i - c_i = mu / (1 - s_i). Bertrand-Nash prices solve that for all firms at once; they are
the only equilibrium of one period (Caplin & Nalebuff 1991). At prices that maximise what all firms earn together every
markup is the same, m = mu / s_0, with s_0 the share that buys nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rllib_stackelberg.arrays import Flags, Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule

optimize = LazyModule("scipy.optimize")

STEEPEST = 500.0
"""Largest exponent: those of all goods together are to be numbers still."""

TIGHT = 1e-13
"""Tolerance of roots, relative to mu."""


@dataclass(frozen=True)
class LogitMarket:
    """n firms, each with one good.

    Attributes:
        qualities: a, what consumers value each good at, in the unit of prices, `[n]`.
        costs: c, of one unit, `[n]`.
        mu: how much consumers differ, positive: the larger, the less prices matter to them.
        outside: a_0, what buying nothing is worth to them.

    Raises:
        InvalidFieldError: naming what is out of range.

    >>> market = LogitMarket((2.0, 2.0), (1.0, 1.0), mu=0.25)  # Calvano et al. 2020
    >>> market.nash_prices().round(5), market.monopoly_prices().round(5)
    (array([1.47293, 1.47293]), array([1.92498, 1.92498]))
    """

    qualities: tuple[float, ...]
    costs: tuple[float, ...]
    mu: float
    outside: float = 0.0

    def __post_init__(self) -> None:
        numbers = (*self.qualities, *self.costs, self.mu, self.outside)
        if not np.isfinite(numbers).all():
            raise InvalidFieldError("qualities", f"got {numbers}", "finite numbers, costs and mu too")
        if not self.qualities or len(self.qualities) != len(self.costs):
            problem = f"{len(self.costs)} for {len(self.qualities)} goods"
            raise InvalidFieldError("costs", problem, "one for each good, of which there is one at least")
        if min(self.costs) < 0:
            raise InvalidFieldError("costs", f"got {min(self.costs):g}", "numbers, at least 0")
        widest = max((abs(self.outside), *map(abs, np.subtract(self.qualities, self.costs))))
        if not self.mu > 0 or widest / self.mu > STEEPEST:
            allowed = f"a positive number, at least {widest / STEEPEST:g} here"
            raise InvalidFieldError("mu", f"got {self.mu:g}", allowed)

    @property
    def firms(self) -> int:
        """How many, n."""
        return len(self.costs)

    def attraction(self, prices: Numbers, shown: Flags | bool = True) -> Numbers:
        """exp((quality - price) / mu) of goods on show, else 0: `[..., n]`."""
        return np.where(shown, np.exp((np.asarray(self.qualities) - prices) / self.mu), 0.0)

    def shares(self, prices: Numbers, shown: Flags | bool = True) -> Numbers:
        """Of consumers who take each good, at prices `[..., n]`; none those not on show (bool `[..., n]`)."""
        attraction = self.attraction(prices, shown)
        return attraction / (attraction.sum(axis=-1, keepdims=True) + np.exp(self.outside / self.mu))

    def profits(self, prices: Numbers, shown: Flags | bool = True) -> Numbers:
        """Of each firm in a period: `[..., n]`."""
        return (prices - np.asarray(self.costs)) * self.shares(prices, shown)

    def surplus(self, prices: Numbers, shown: Flags | bool = True) -> Numbers:
        """What consumers gain on buying nothing, in a period: `[...]`."""
        attraction = self.attraction(prices, shown)
        return self.mu * np.log(attraction.sum(axis=-1) + np.exp(self.outside / self.mu)) - self.outside

    def nash_prices(self) -> Numbers:
        """Equilibrium of one period: nobody earns more at another price, `[n]`."""
        costs = np.asarray(self.costs)

        def gap(prices: Numbers) -> Numbers:
            """By how much each seller's markup is above its best one, relative to that."""
            return (prices - costs) * (1 - self.shares(prices)) / self.mu - 1

        found = optimize.root(gap, costs + self.mu, tol=TIGHT)
        if np.abs(gap(found.x)).max() > np.sqrt(TIGHT):
            raise InvalidFieldError("mu", f"got {self.mu:g}, where no equilibrium was found", "a larger one")
        return np.asarray(found.x)

    def monopoly_prices(self) -> Numbers:
        """What pays all firms together most, `[n]`."""
        costs = np.asarray(self.costs)

        def gap(markup: float) -> float:
            """By how much a common markup is above the best one, relative to that."""
            return float(markup * (1 - self.shares(costs + markup).sum()) / self.mu - 1)

        highest = 2 * self.mu
        while gap(highest) < 0:
            highest *= 2
        return costs + optimize.brentq(gap, self.mu, highest, xtol=TIGHT * self.mu)

    def profit_gain(self, profits: Numbers) -> Numbers:
        """Where average profits `[..., n]` stand between equilibrium (0) and the best joint prices (1): `[...]`."""
        nash, monopoly = (self.profits(prices).mean() for prices in (self.nash_prices(), self.monopoly_prices()))
        return (np.mean(profits, axis=-1) - nash) / (monopoly - nash)

    def price_grid(self, levels: int, margin: float = 0.1) -> Numbers:
        """Equally spaced prices of each firm, `[n, levels]`.

        From below its equilibrium price to above its monopoly price, by `margin` of the distance of the two (Calvano et
        al. 2020, section II.B).
        """
        nash, monopoly = self.nash_prices(), self.monopoly_prices()
        beyond = margin * (monopoly - nash)
        return np.linspace(nash - beyond, monopoly + beyond, levels, axis=-1)
