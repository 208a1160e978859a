"""Best sequential price mechanisms: who is offered an item next, and at what price.

Without messages (or with messages nobody listens to) buyers have nothing to choose but the dominant reply, and the
best adaptive order and prices follow from dynamic programming over who has refused or won. With independent types
what a refusal reveals does not matter for the others, so the state is who has refused and who has won: n T steps for
each of at least 2^n states (one item), whose number is limited. Buyers that are alike (the same values, the same
probabilities) may be visited in any order: then only how many are left and how many items matter, for any number of
them. With correlated types the posterior is part of the state, and the number of histories is limited.

Mechanism of Brero et al. 2022 (arXiv 2210.03852); sequential posted prices: Agrawal et al. (EC 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import ROUNDING, beyond_rounding
from rllib_stackelberg.economics.optimal_auctions import expected_largest
from rllib_stackelberg.errors import InvalidFieldError

Objective = Literal["welfare", "revenue"]

HISTORIES = 200_000
"""Most histories of a correlated prior that are searched."""

STATUSES = 20_000
"""Most states (who has refused, who has won) of an independent prior that are searched, or listed in a plan."""


class Sale(NamedTuple):
    """An offer to a buyer: at what price, how likely it is taken, what it gives the leader."""

    price: float
    probability: float
    gain: float


@dataclass(frozen=True, eq=False)
class Market:
    """Buyers with finite values and a prior over their types.

    Attributes:
        values: per buyer the values in [0, 1], increasing.
        prior: joint probabilities, an axis per buyer; None if types are independent with `marginals`.
        marginals: per buyer; ignored if `prior` is given.
        items: identical items, one per buyer at most.
        objective: "welfare": winners' values minus the largest values there are; "revenue": prices paid.
        price_grid: how many equally spaced prices from 0 to 1 there are; any price if None.
    """

    values: Sequence[NDArray[np.float64]]
    marginals: Sequence[NDArray[np.float64]]
    prior: NDArray[np.float64] | None = None
    items: int = 1
    objective: Objective = "welfare"
    price_grid: int | None = None

    @cached_property
    def joint(self) -> NDArray[np.float64]:
        """Joint probabilities, of every combination of types."""
        if self.prior is not None:
            return self.prior
        joint = np.ones(())
        for marginal in self.marginals:
            joint = np.multiply.outer(joint, marginal)
        return joint

    @cached_property
    def best_welfare(self) -> float:
        """Expected sum of the largest values: what an efficient mechanism would give; 0 for revenue."""
        if self.objective == "revenue":
            return 0.0
        if self.prior is None:
            return expected_largest(self.values, self.marginals, self.items)
        grids = np.meshgrid(*self.values, indexing="ij")
        tops = np.sort(np.stack(grids), axis=0)[::-1][: self.items].sum(axis=0)
        return float((self.joint * tops).sum())

    def paid(self, gain: float) -> float:
        """The leader's payoff of what a mechanism gains it: less what an efficient one would. No more than rounding of
        welfare is lost by an efficient one."""
        if self.objective == "revenue":
            return gain
        return 0.0 - float(beyond_rounding(self.best_welfare - gain, self.best_welfare))

    @cached_property
    def exchangeable(self) -> bool:
        """Whether types are independent and all buyers alike: who is visited first does not matter."""
        return self.prior is None and all(
            np.array_equal(own, self.values[0]) and np.array_equal(marginal, self.marginals[0])
            for own, marginal in zip(self.values, self.marginals, strict=True)
        )

    @property
    def histories(self) -> int:
        """Number of states `no_message_solve` searches, about."""
        n = len(self.values)
        if self.prior is not None:
            return math.factorial(n) * math.prod(len(own) + 1 for own in self.values)
        if self.exchangeable:
            return n * self.items
        return sum(math.comb(n, won) * 2 ** (n - won) for won in range(self.items + 1))

    @property
    def searchable(self) -> bool:
        """Whether `no_message_solve` is within its limits."""
        return self.histories <= (STATUSES if self.prior is None else HISTORIES)

    def thresholds(self, buyer: int) -> list[tuple[int, float]]:
        """(lowest type that buys, highest such price), for every set of types that some price sells to, or to none."""
        own = self.values[buyer]
        lows, highs = np.append(-1.0, own), np.append(own, 1.0)
        if self.price_grid is None:
            return [(k, float(high)) for k, (low, high) in enumerate(zip(lows, highs, strict=True)) if high > low]
        # A value that a price of the grid exceeds by rounding only is that price.
        grid = np.linspace(0, 1, self.price_grid)
        slack = ROUNDING * float(own[-1])
        between = [grid[(grid > low + slack) & (grid <= high + slack)] for low, high in zip(lows, highs, strict=True)]
        return [(k, float(prices[-1])) for k, prices in enumerate(between) if len(prices)]

    def sales(self, buyer: int) -> list[Sale]:
        """What can be offered to a buyer, of independent types."""
        own, chance = self.values[buyer], self.marginals[buyer]
        found = []
        for k, price in self.thresholds(buyer):
            sold = chance[k:].sum()
            found.append(
                Sale(price, sold, price * sold if self.objective == "revenue" else float(chance[k:] @ own[k:]))
            )
        return found


@dataclass
class Plan:
    """The best order and prices.

    Attributes:
        value: of it, to the leader.
        offers: what to do by status: per buyer 0 left, 1 refused, 2 won -> (buyer, price). Of buyers that are alike for
            the statuses that come about if they are visited in their order; empty if these are more than `STATUSES`.
    """

    value: float
    offers: dict[tuple[int, ...], tuple[int, float]] = field(default_factory=dict)


def no_message_solve(market: Market) -> Plan:
    """Best adaptive order and prices.

    Raises:
        InvalidFieldError: too many buyers that are not alike, or a correlated prior with too many histories.

    >>> thirds = np.linspace(0, 1, 3)
    >>> plan = no_message_solve(Market([thirds, thirds], [np.ones(3) / 3] * 2))
    >>> round(plan.value, 9)  # -1/18
    -0.055555556
    >>> ninths = np.linspace(0, 1, 9)
    >>> round(no_message_solve(Market([ninths] * 64, [np.ones(9) / 9] * 64)).value, 6)
    -0.000103
    """
    n = len(market.values)
    if not market.searchable:
        if market.prior is None:
            problem = f"{n} that are not alike, with {market.histories} states"
            raise InvalidFieldError("buyers", problem, f"up to {STATUSES} states, or buyers that are alike")
        raise InvalidFieldError("prior", f"correlated with {market.histories} histories", f"up to {HISTORIES}")
    if market.prior is not None:
        gain, offers = _best_correlated(market, market.prior, (0,) * n)
    elif market.exchangeable:
        gain, offers = _best_exchangeable(market)
    else:
        gain, offers = _best_independent(market)
    return Plan(market.paid(float(gain)), offers)


def _after(status: tuple[int, ...], buyer: int, outcome: int) -> tuple[int, ...]:
    return (*status[:buyer], outcome, *status[buyer + 1 :])


def _finished(market: Market, status: tuple[int, ...]) -> bool:
    return status.count(2) >= market.items or 0 not in status


def _best_independent(market: Market) -> tuple[float, dict]:
    best: dict[tuple[int, ...], float] = {}
    offers: dict[tuple[int, ...], tuple[int, float]] = {}
    n = len(market.values)
    sales = [market.sales(buyer) for buyer in range(n)]
    # Statuses with fewer buyers left come first, so that every continuation is known.
    for status in sorted(_statuses(n, market.items), key=lambda s: s.count(0)):
        best[status] = 0.0
        if _finished(market, status):
            continue
        found = -1.0  # below everything: values and prices are not negative
        for buyer in (i for i in range(n) if status[i] == 0):
            won, refused = best[_after(status, buyer, 2)], best[_after(status, buyer, 1)]
            gain, price = _best_sale(sales[buyer], won, refused)
            if gain - found > ROUNDING * max(gain, found):
                found, offers[status] = gain, (buyer, price)
        best[status] = found
    start = (0,) * n
    return best[start], offers


def _best_exchangeable(market: Market) -> tuple[float, dict]:
    """Backwards over how many buyers are left, and how many items."""
    n, items, sales = len(market.values), market.items, market.sales(0)
    best = np.zeros((n + 1, items + 1))
    prices = np.zeros((n + 1, items + 1))
    for left in range(1, n + 1):
        for stock in range(1, items + 1):
            won, refused = float(best[left - 1, stock - 1]), float(best[left - 1, stock])
            best[left, stock], prices[left, stock] = _best_sale(sales, won, refused)
    offers = {}
    if sum(math.comb(visited, won) for visited in range(n) for won in range(items)) <= STATUSES:
        reached: list[tuple[int, ...]] = [()]
        for buyer in range(n):
            for done in reached:
                price = prices[n - buyer, items - done.count(2)]
                offers[(*done, *(0,) * (n - buyer))] = buyer, float(price)
            after = ((*done, outcome) for done in reached for outcome in (1, 2))
            reached = [done for done in after if done.count(2) < items]
    return float(best[n, items]), offers


def _best_sale(sales: list[Sale], won: float, refused: float) -> tuple[float, float]:
    """The best gain with a buyer and after it, which is worth `won` or `refused`; and at what price."""
    found, best = -1.0, 0.0  # below everything: values and prices are not negative
    for price, probability, paid in sales:
        gain = paid + probability * won + (1 - probability) * refused
        if gain - found > ROUNDING * max(gain, found):
            found, best = gain, price
    return found, best


def _statuses(buyers: int, items: int) -> list[tuple[int, ...]]:
    """Every combination of left, refused and won with at most that many winners."""
    found: list[tuple[int, ...]] = [()]
    for _ in range(buyers):
        found = [(*status, k) for status in found for k in range(3) if k < 2 or status.count(2) < items]
    return found


def _best_correlated(market: Market, weights: NDArray[np.float64], status: tuple[int, ...]) -> tuple[float, dict]:
    """Best gain, weighted by the probability of getting here (`weights`: of the types that lead here)."""
    if _finished(market, status) or not weights.any():
        return 0.0, {}
    found, offers = -1.0, {}
    for buyer in (i for i in range(len(status)) if status[i] == 0):
        own = market.values[buyer].reshape([-1 if axis == buyer else 1 for axis in range(len(status))])
        buys = np.arange(own.size).reshape(own.shape)
        for k, price in market.thresholds(buyer):
            sold = np.where(buys >= k, weights, 0.0)
            paid = price * sold.sum() if market.objective == "revenue" else float((sold * own).sum())
            won, after_won = _best_correlated(market, sold, _after(status, buyer, 2))
            refused, after_refused = _best_correlated(market, weights - sold, _after(status, buyer, 1))
            gain = paid + won + refused
            if gain - found > ROUNDING * max(gain, found):
                found = gain
                offers = {status: (buyer, price), **after_won, **after_refused}
    return found, offers
