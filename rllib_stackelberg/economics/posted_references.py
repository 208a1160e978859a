"""What posted prices stand beside: first best, and the best price for each kind that is the same for everybody.

Static prices learn nothing on the way. So given the world only how much of each kind is left matters, and what they
are worth is a sum over buyers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.comparisons import ROUNDING
from rllib_stackelberg.economics.optimal_auctions import best_revenue, expected_largest
from rllib_stackelberg.economics.posted_beliefs import MOST_OFFERS, kind_alone, price_levels
from rllib_stackelberg.economics.posted_sales import PostedSale
from rllib_stackelberg.economics.purchases import ITEMS, take_all
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import Bound

optimize = LazyModule("scipy.optimize")

MOST_ASSIGNED = 4096
"""Types and worlds together up to which the best assignment is found for each."""

MOST_ORDERS = 120
"""Orders of buyers that differ, up to which all are tried with static prices."""


@dataclass(frozen=True)
class Static:
    """Prices `[kinds]` for everybody, in this order of visits, and what they are worth."""

    value: float
    prices: tuple[float, ...]
    order: tuple[int, ...]


def kinds_together(sale: PostedSale) -> float:
    """Largest expected welfare if every buyer wanted every kind: no less than there is."""
    total = 0.0
    for world, likely in enumerate(sale.worlds):
        own = np.resize(sale.values[world], (sale.buyers, *sale.values.shape[2:]))
        for kind in range(sale.kinds):
            marginals = [parts[int(sale.part_of[kind])] for parts in sale.marginals]
            values = [own[b, kind, : len(marginal)] for b, marginal in enumerate(marginals)]
            total += likely * expected_largest(values, marginals, int(sale.stock[kind]))
    return total


def first_best(sale: PostedSale) -> Bound:
    """What nothing exceeds: an efficient sale, or the best auction of one kind of item to independent buyers."""
    if sale.bundled:
        return Bound(_each_alone(sale), "every buyer gets the bundle that it likes best")
    if sale.kinds == 1 and len(sale.worlds) == 1 and sale.revenue and sale.values.shape[3] <= MOST_ASSIGNED:
        marginals = [parts[0] for parts in sale.marginals]
        own = np.resize(sale.values[0], (sale.buyers, *sale.values.shape[2:]))[:, 0]
        values = [own[b, : len(marginal)] for b, marginal in enumerate(marginals)]
        if all((np.diff(each) > 0).all() for each in values):
            best = best_revenue(values, marginals, int(sale.stock[0]))
            return Bound(best, "optimal auction, ironed virtual values", "Myerson 1981")
    if sale.additive:
        return Bound(kinds_together(sale), "first best: every item to whom it is worth most")
    nature = Prior.independent(*(part for own in sale.marginals for part in own), sale.worlds)
    if nature.size <= MOST_ASSIGNED and sale.wants == 1:
        return Bound(_assigned(sale, nature), "first best: the best assignment of items")
    return Bound(min(kinds_together(sale), _each_alone(sale)), "first best, if items or buyers did not compete")


def _each_alone(sale: PostedSale) -> float:
    """Expected worth of every buyer's best bundle, if there were enough for all; at most."""
    total = 0.0
    for own in range(sale.buyers):
        for world, likely in enumerate(sale.worlds):
            values = sale.values[world, own % sale.values.shape[1]]
            wanted = [(values[e], sale.marginals[own][int(p)]) for e, p in enumerate(sale.part_of)]
            best = expected_largest([v[: len(m)] for v, m in wanted], [m for _, m in wanted], sale.wants)
            apart = sale.parts == len(sale.part_of)
            if not apart:  # one type tells all values: the best ones of each
                tops = np.sort(values, axis=0)[::-1][: sale.wants].sum(axis=0)
                best = float(sale.marginals[own][0] @ tops[: len(sale.marginals[own][0])])
            elif sale.bundled:
                best = expected_largest([v[: len(m)] for v, m in wanted], [m for _, m in wanted], 1)
            total += float(likely) * best
    return total


def _assigned(sale: PostedSale, nature: Prior) -> float:
    """Expected worth of the best assignment of units to buyers who want one each."""
    drawn, chances = nature.support()
    units = np.repeat(np.arange(sale.kinds), sale.stock)
    buyers, columns = np.arange(sale.buyers), sale.buyers * sale.parts
    total = 0.0
    for row, likely in zip(drawn, chances, strict=True):
        types = row[:columns].reshape(sale.buyers, sale.parts)[:, sale.part_of]
        world = sale.values[row[columns], buyers % sale.values.shape[1]]
        worth = np.take_along_axis(world, types[:, :, None], axis=2)[:, :, 0][:, units]
        rows, taken = optimize.linear_sum_assignment(worth, maximize=True)
        total += likely * float(worth[rows, taken].sum())
    return total


def static_plan(sale: PostedSale) -> Static | None:
    """The best price for each kind that is the same for everybody; None where it is not known.

    >>> from rllib_stackelberg.economics.posted_sales import uniform_sale
    >>> plan = static_plan(uniform_sale(buyers=2, tops=[1], quantiles=1000, wants=1))  # most of p (1 - p^2): .3849
    >>> round(plan.value, 3), round(plan.prices[0], 2)
    (0.385, 0.58)
    """
    if sale.bundled:
        return None
    if sale.additive and (sale.alike or not sale.chosen):
        first = _alone(kind_alone(sale, 0))
        each = [first if sale.kinds_alike or not kind else _alone(kind_alone(sale, kind)) for kind in range(sale.kinds)]
        return Static(sum(plan.value for plan in each), tuple(plan.prices[0] for plan in each), each[0].order)
    if sale.parts > 1:
        return None
    by_buyer = [price_levels(sale, b) for b in _kinds_of_buyers(sale)]
    levels = [np.unique(np.concatenate(own)) for own in zip(*by_buyer, strict=True)]
    orders = list(_orders(sale))
    if math.prod(map(len, levels)) * len(orders) > MOST_OFFERS or len(orders) > MOST_ORDERS:
        return None
    plans = (_valued(sale, np.array(prices), order) for order in orders for prices in itertools.product(*levels))
    return max(plans, key=lambda plan: plan.value)


def _alone(sale: PostedSale) -> Static:
    """Of one kind, visited in order: all prices at once."""
    prices = np.unique(np.concatenate([price_levels(sale, b)[0] for b in _kinds_of_buyers(sale)]))
    total = np.zeros(len(prices))
    for world, likely in enumerate(sale.worlds):
        left = np.zeros((len(prices), int(sale.stock[0]) + 1))
        left[:, -1] = 1.0
        for b in range(sale.buyers):
            own, chances = sale.values[world, b % sale.values.shape[1], 0], sale.marginals[b][0]
            buys = (own[: len(chances)] >= prices[:, None] - sale.slack) * chances
            sold, gained = buys.sum(axis=1), buys @ own[: len(chances)]
            total += likely * (1 - left[:, 0]) * (prices * sold if sale.revenue else gained)
            moved = left[:, 1:] * sold[:, None]
            left[:, 1:] -= moved
            left[:, :-1] += moved
    best = int(np.argmax(total * (1 + ROUNDING)))
    return Static(float(total[best]), (float(prices[best]),), tuple(range(sale.buyers)))


def _groups(sale: PostedSale) -> list[list[int]]:
    """Buyers that are alike."""
    return [np.flatnonzero(sale.groups == group).tolist() for group in range(int(sale.groups.max()) + 1)]


def _kinds_of_buyers(sale: PostedSale) -> list[int]:
    """The first of all buyers that are alike."""
    return [group[0] for group in _groups(sale)]


def _orders(sale: PostedSale) -> Iterator[tuple[int, ...]]:
    """Orders of visits that differ, buyers that are alike one after another."""
    groups = _groups(sale)
    if not sale.chosen or math.factorial(len(groups)) > MOST_ORDERS:
        yield tuple(range(sale.buyers))
        return
    for order in itertools.permutations(groups):
        yield tuple(itertools.chain(*order))


def _valued(sale: PostedSale, prices: NDArray[np.float64], order: tuple[int, ...]) -> Static:
    """What static prices are worth, exactly."""
    total = 0.0
    for world, likely in enumerate(sale.worlds):
        left: dict[tuple[int, ...], float] = {tuple(sale.stock.tolist()): 1.0}
        for b in order:
            after: dict[tuple[int, ...], float] = {}
            for stock, chance in left.items():
                bundles, gained = _taken(sale, world, b, prices, stock)
                likely_types = sale.marginals[b][0]
                total += likely * chance * float(likely_types @ gained)
                for bundle, own in zip(bundles.tolist(), likely_types, strict=True):
                    rest = tuple(units - (bundle >> k & 1) for k, units in enumerate(stock))
                    after[rest] = after.get(rest, 0.0) + chance * float(own)
            left = after
    return Static(total, tuple(prices.tolist()), order)


def _taken(
    sale: PostedSale, world: int, buyer: int, prices: NDArray[np.float64], stock: tuple[int, ...]
) -> tuple[Index, NDArray[np.float64]]:
    """By type the bundle, and what it gives the seller."""
    count = len(sale.marginals[buyer][0])
    worths = np.ascontiguousarray(sale.values[world, buyer % sale.values.shape[1], :, :count].T)
    taken = np.zeros((1, count), dtype=np.int64)
    paid, worth = np.zeros((1, count)), np.zeros((1, count))
    available = sum(1 << kind for kind, units in enumerate(stock) if units)
    take_all(ITEMS, worths, sale.bundled, sale.wants, prices[None], available, sale.slack, taken, paid, worth)
    return taken[0], (paid if sale.revenue else worth)[0]
