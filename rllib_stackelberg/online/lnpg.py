"""LNPG: supplier and retailer of a newsvendor game learn demand, each optimistic within its confidence ellipsoid.

Both see prices and demand, so both regress demand on (1, -price). The supplier posts the wholesale price that is best
for it under the most favourable hypothesis of its ellipsoid, against the retailer's rule; it plans anew when the
determinant of what it has seen has grown enough (Abbasi-Yadkori et al. 2011, section 5.1). The retailer takes, at every
retail price, the largest mean demand of its ellipsoid, and prices and orders by its rule. Its price may be moved up or
down by a fair coin, by `dispersion` t^(-1/4) in round t: with narrow ellipsoids prices settle otherwise, and with them
what can be known. Greedy learners take the estimate for the truth. Source: Liu & Rong 2024, arXiv 2404.00203.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.economics.demand_game import DemandGame
from rllib_stackelberg.economics.newsvendor import Market, optimal_value, order_at, supplier_value
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.demand import DemandEstimate
from rllib_stackelberg.online.learners import (
    Feedback,
    FollowerLearner,
    FollowerPlayer,
    LeaderLearner,
    LeaderPlayer,
    OnlineLearner,
    Player,
    Traits,
)
from rllib_stackelberg.rules.game import StackelbergGame

HYPOTHESES = 24
"""Points on the ellipsoid that a supplier looks at, beside the estimate."""

WHOLESALE_PRICES = 48
"""Of the grid on which a supplier looks for the best one, and of the finer one around it."""

RETAIL_PRICES = 181
"""Of the grid on which a retailer does; the best one is the vertex of a parabola through three."""


PLAN_GROWTH = 1.1
"""Factor by which the determinant of what was seen grows between two plans of a supplier."""


@dataclass(frozen=True)
class _Regression(OnlineLearner):
    """What every learner here is told.

    Attributes:
        ridge: weight, in observations, of the guess that the regression is pulled to.
    """

    ridge: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.ridge < np.inf:
            raise InvalidFieldError(f"{self.seat}.ridge", f"got {self.ridge:g}", "a positive number")

    @classmethod
    def misfit(cls, game: StackelbergGame) -> str | None:
        """Plays games with linear demand."""
        return None if isinstance(game, DemandGame) else "a game with linear demand"


@dataclass(frozen=True)
class _Optimism(_Regression):
    """What an optimistic learner is told, too.

    Attributes:
        confidence: the ellipsoid is this many times as wide as theory asks for; 1 is proven, less is better in play.
        delta: probability of missing the truth, of the ellipsoid of theory.
    """

    confidence: float = 0.03
    delta: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.confidence < np.inf:
            raise InvalidFieldError(f"{self.seat}.confidence", f"got {self.confidence:g}", "a number of at least 0")
        if not 0 < self.delta < 1:
            raise InvalidFieldError(f"{self.seat}.delta", f"got {self.delta:g}", "a probability above 0 and below 1")


@dataclass(frozen=True)
class LNPGLeader(_Optimism, LeaderLearner):
    """An optimistic supplier."""

    traits = Traits("LNPG")

    def begin(self, arena: Arena, seeds: int, rounds: int) -> LeaderPlayer:
        """A supplier that has seen nothing."""
        market = market_of(arena)
        return _Supplier(market, DemandEstimate(market, seeds, self.ridge, self.confidence, self.delta))


@dataclass(frozen=True)
class GreedyLeader(_Regression, LeaderLearner):
    """A supplier that takes its estimate for the truth."""

    traits = Traits("greedy")

    def begin(self, arena: Arena, seeds: int, rounds: int) -> LeaderPlayer:
        """A supplier that has seen nothing."""
        market = market_of(arena)
        return _Supplier(market, DemandEstimate(market, seeds, self.ridge))


@dataclass(frozen=True)
class LNPGFollower(_Optimism, FollowerLearner):
    """An optimistic retailer.

    Attributes:
        dispersion: in round t the price is moved by this times t^(-1/4), up or down.
    """

    dispersion: float = 0.0
    traits = Traits("LNPG", draws=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_dispersion(self.dispersion)

    def begin(self, arena: Arena, seeds: int, rounds: int) -> FollowerPlayer:
        """A retailer that has seen nothing."""
        market = market_of(arena)
        demand = DemandEstimate(market, seeds, self.ridge, self.confidence, self.delta)
        return _Retailer(market, demand, self.dispersion)


@dataclass(frozen=True)
class GreedyFollower(_Regression, FollowerLearner):
    """A retailer that takes its estimate for the truth.

    Attributes:
        dispersion: as that of LNPG.
    """

    dispersion: float = 0.0
    traits = Traits("greedy", draws=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_dispersion(self.dispersion)

    def begin(self, arena: Arena, seeds: int, rounds: int) -> FollowerPlayer:
        """A retailer that has seen nothing."""
        market = market_of(arena)
        return _Retailer(market, DemandEstimate(market, seeds, self.ridge), self.dispersion)


def _check_dispersion(dispersion: float) -> None:
    if not 0 <= dispersion < np.inf:
        raise InvalidFieldError("follower.dispersion", f"got {dispersion:g}", "a number of at least 0")


def market_of(arena: Arena) -> Market:
    """What is public of the market: all but the two numbers of demand."""
    assert isinstance(arena.game, DemandGame), "misfit() refuses other games"
    return replace(arena.game.market, theta0=np.nan, theta1=np.nan)


class _Regressing(Player):
    """A player that regresses demand on the retail price."""

    def __init__(self, market: Market, demand: DemandEstimate):
        self.market, self.demand = market, demand

    def learn(self, feedback: Feedback) -> None:
        """Add what was sold at a price to the regression."""
        self.demand.add(feedback.follower[:, 1], feedback.signal[:, 0])

    def estimate(self) -> NDArray:
        """Demand, as estimated so far: `[S, 2]`."""
        return self.demand.theta


class _Supplier(_Regressing, LeaderPlayer):
    def __init__(self, market: Market, demand: DemandEstimate):
        super().__init__(market, demand)
        self._planned = np.zeros_like(demand.determinant)
        self._wholesale = np.zeros_like(self._planned)

    def act(self, round_: int, uniforms: NDArray) -> NDArray:
        """A wholesale price, planned anew once the estimate has become sharper."""
        stale = np.flatnonzero(self.demand.determinant > PLAN_GROWTH * self._planned)
        if len(stale):
            self._planned[stale] = self.demand.determinant[stale]
            self._wholesale[stale] = self._plan(self._hypotheses()[stale])
        return self._wholesale[:, None]

    def _hypotheses(self) -> NDArray:
        """`[S, H, 2]`: the estimate, and points on the ellipsoid around it."""
        alone = self.demand.allowed(self.demand.theta)[:, None]
        if not self.demand.confidence:
            return alone
        return np.concatenate([alone, self.demand.surface(HYPOTHESES)], axis=1)

    def _plan(self, hypotheses: NDArray) -> NDArray:
        """Best wholesale price under the most favourable hypothesis: `[N, H, 2]` -> `[N]`."""
        cap, few = self.market.price_cap, WHOLESALE_PRICES
        grid = np.broadcast_to(np.linspace(0, cap, few), (*hypotheses.shape[:2], few))
        values = self._values(hypotheses, grid)
        entry = np.arange(len(values))
        best = values.max(axis=2).argmax(axis=1)
        chosen, place = hypotheses[entry, best][:, None], values[entry, best].argmax(axis=1)
        around = np.clip(grid[0, 0][place][:, None] + np.linspace(-1, 1, few) * cap / (few - 1), 0, cap)
        found = self._values(chosen, around[:, None])[:, 0].argmax(axis=1)
        return around[entry, found]

    def _values(self, hypotheses: NDArray, wholesale: NDArray) -> NDArray:
        """`[N, H, 2]` and `[N, H, A]` -> `[N, H, A]`."""
        believed = replace(self.market, theta0=hypotheses[..., :1], theta1=hypotheses[..., 1:])
        return supplier_value(believed, wholesale)


class _Retailer(_Regressing, FollowerPlayer):
    def __init__(self, market: Market, demand: DemandEstimate, dispersion: float):
        super().__init__(market, demand)
        self._dispersion = dispersion
        self._pricing_sigma = market.sigma if market.retailer == "exact" else 0.0
        self._grid = np.linspace(0, market.price_cap, RETAIL_PRICES)[None]

    def act(self, round_: int, leader: NDArray, uniforms: NDArray) -> NDArray:
        """An order and a retail price, which is moved a little to learn."""
        cap = self.market.price_cap
        price = self._best_price(leader)
        if self._dispersion:
            step = self._dispersion * (round_ + 1) ** -0.25
            price = np.clip(price + np.where(uniforms < 0.5, -step, step), np.minimum(leader, cap), cap)
        order, price = order_at(self.market, leader, price, self.demand.largest_mean(price))
        return np.concatenate([order, price], axis=1)

    def _best_price(self, wholesale: NDArray) -> NDArray:
        """The retail price that is best if demand is as large as can be believed: `[S, 1]`."""
        mean = self.demand.largest_mean(self._grid)
        values = optimal_value(mean, self._pricing_sigma, wholesale, self._grid)
        values = np.where(self._grid > wholesale, values, -np.inf)
        best = values.argmax(axis=1)
        inner = np.clip(best, 1, RETAIL_PRICES - 2)
        low, middle, high = (np.take_along_axis(values, (inner + k)[:, None], axis=1) for k in (-1, 0, 1))
        bend = low - 2 * middle + high
        peaked = np.isfinite(bend) & (bend < 0) & (best == inner)[:, None]
        shift = np.divide(low - high, 2 * bend, out=np.zeros_like(bend), where=peaked)
        return self._grid[0, best][:, None] + np.clip(shift, -1, 1) * (self._grid[0, 1] - self._grid[0, 0])
