"""Menus for one buyer: lotteries over items with a price each, of which the buyer takes the best, or nothing.

Whatever mechanism is run with a single buyer, what it can come to is a menu: for everything that the buyer may do, the
probabilities with which it gets each item, and what it pays (the taxation principle; Rochet 1985). Choosing from a
menu is truthful without further ado. An *additive* buyer values a set of items at the sum of their values, one of
*unit demand* at the largest of them; it wants one item, so the probabilities of its lottery sum to no more than 1.

What a menu is worth is exact over finitely many types (`Buyer.revenue`), and over values spread evenly over ranges
(`evenly_spread_revenue`): with one item or two the buyers of each entry are an interval or a polygon, whose size is
computed in fractions; with more it is estimated from points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import standard_error, tied
from rllib_stackelberg.economics.optimal_auctions import best_revenue
from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    from scipy.stats import qmc
else:
    qmc = LazyModule("scipy.stats.qmc")

Demand = Literal["additive", "unit"]
"""What a set of items is worth to the buyer: the sum of their values, or the largest."""

EXACT_ITEMS = 2
"""Most items of which evenly spread buyers are counted exactly."""

NEAR = 1e-6
"""Payoffs that differ by such a share of what they are made of may be a tie."""

REPLICATES, POINTS = 16, 1 << 14
"""Of an estimate over more items: independent ones, and values of the buyer in each of them (a power of 2)."""


class Menu(NamedTuple):
    """What is offered beside nothing, which is free.

    Attributes:
        lotteries: probability of each item, `[..., entries, items]`.
        prices: of the entries, `[..., entries]`, in the unit of values.
    """

    lotteries: NDArray[np.float64]
    prices: NDArray[np.float64]


def menu_of(numbers: NDArray[np.float64], highest: NDArray[np.float64], demand: Demand) -> Menu:
    """Menus from numbers in [0, 1], `[..., entries * (items + 1)]`: entry by entry the probabilities, then the price.

    A price is a share of what its lottery is worth at the highest values, so that somebody may take it whatever it is.
    To a buyer of unit demand probabilities that sum to more than 1 are scaled down.

    Args:
        numbers: of the menus; highest: value of each item, `[items]`; demand: of the buyer.

    >>> menu_of(np.array([1.0, 1.0, 0.6]), np.array([1.0, 2.0]), "unit")
    Menu(lotteries=array([[0.5, 0.5]]), prices=array([0.9]))
    """
    entries = numbers.reshape(*numbers.shape[:-1], -1, len(highest) + 1)
    lotteries, shares = entries[..., :-1], entries[..., -1]
    if demand == "unit":
        lotteries = lotteries / np.maximum(worth_of(lotteries, np.ones_like(highest)), 1.0)[..., None]
    return Menu(lotteries, shares * worth_of(lotteries, highest))


def worth_of(lotteries: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of lotteries `[..., items]` at values `[..., items]`; neither the batch nor its layout changes a bit of it."""
    total = lotteries[..., 0] * values[..., 0]
    for item in range(1, lotteries.shape[-1]):
        total = total + lotteries[..., item] * values[..., item]
    return total


def numbers_of(menu: Menu, highest: NDArray[np.float64], entries: int) -> NDArray[np.float64]:
    """The inverse of `menu_of`: of a menu `[own entries, items]`, filled up to `entries` with nothing for nothing.

    >>> numbers_of(Menu(np.array([[0.5, 0.5]]), np.array([0.9])), np.array([1.0, 2.0]), 2).tolist()
    [0.5, 0.5, 0.6, 0.0, 0.0, 0.0]
    """
    most = worth_of(menu.lotteries, highest)
    rows = np.zeros((entries, len(highest) + 1))
    shares = np.divide(menu.prices, most, out=np.zeros_like(most), where=most > 0)
    rows[: len(most)] = np.column_stack([menu.lotteries, np.minimum(shares, 1.0)])
    return rows.ravel()


def chosen(menu: Menu, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """What buyers take: 0 is nothing, 1 the first entry; where several are equally good, the dearest.

    Args:
        menu: one for each buyer, `[B, entries, items]`, or the same for all, `[1, entries, items]`.
        values: of the items, `[B, items]`.

    >>> half = Menu(np.array([[[1.0], [0.5]]]), np.array([[0.6, 0.1]]))
    >>> chosen(half, np.array([[0.1], [0.2], [0.9], [1.0]])).tolist()
    [0, 2, 2, 1]
    """
    prices = np.broadcast_to(menu.prices, (len(values), menu.prices.shape[-1]))
    if not prices.size:
        return np.zeros(len(values), dtype=np.int64)
    worth = worth_of(menu.lotteries, values[:, None])
    pays, close = worth - prices, NEAR * (worth + prices)
    best = pays.argmax(axis=1)
    largest = np.maximum(pays[np.arange(len(pays)), best], 0.0)
    taken = np.where(largest > 0, best + 1, 0)
    # Few buyers are near a tie; what rounding may be is looked at for them alone.
    near = (pays + close >= largest[:, None]).sum(axis=1) + (largest <= close.max(axis=1))
    rows = np.flatnonzero(near > 1)
    taken[rows] = _dearest_of_the_best(worth[rows], prices[rows])
    return taken


def _dearest_of_the_best(worth: NDArray[np.float64], prices: NDArray[np.float64]) -> NDArray[np.int64]:
    """What is taken of entries that are worth so much, `[B, entries]`, ties in the seller's favour."""
    nothing = np.zeros((len(worth), 1))
    good = tied(np.column_stack([nothing, worth - prices]), np.column_stack([nothing, worth + prices]))
    return np.where(good, np.column_stack([nothing, prices]), -np.inf).argmax(axis=1)


@dataclass(frozen=True, eq=False)
class Buyer:
    """A buyer of finitely many types.

    Attributes:
        values: of the items, to each type, `[types, items]`; prior: probabilities of types.
        demand: what a set of items is worth.
    """

    values: NDArray[np.float64]
    prior: NDArray[np.float64]
    demand: Demand = "additive"

    @cached_property
    def highest(self) -> NDArray[np.float64]:
        """Value of each item to the type that values it most, `[items]`."""
        return self.values.max(axis=0)

    @cached_property
    def most(self) -> NDArray[np.float64]:
        """What all items together are worth to each type."""
        return self.values.sum(axis=1) if self.demand == "additive" else self.values.max(axis=1)

    def shares(self, menu: Menu) -> NDArray[np.float64]:
        """Probabilities with which nothing and each entry are taken, `[1 + entries]`."""
        taken = chosen(Menu(menu.lotteries[None], menu.prices[None]), self.values)
        return np.bincount(taken, weights=self.prior, minlength=1 + len(menu.prices)).astype(np.float64)

    def revenue(self, menu: Menu) -> float:
        """Expected payment for a menu, ties in the seller's favour.

        >>> tenths = Buyer(np.arange(1, 11)[:, None] / 10, np.full(10, 0.1))
        >>> round(tenths.revenue(Menu(np.ones((1, 1)), np.array([0.5]))), 12)
        0.3
        """
        return float(self.shares(menu)[1:] @ menu.prices)

    def simple_menus(self) -> dict[str, float]:
        """What the classic sales are worth, by name: the best price of each item, and of all items together."""
        together = "all items for one price" if self.demand == "additive" else "the same price for every item"
        found = {together: _best_price(self.most, self.prior)}
        if self.demand == "additive":
            found["a price for each item"] = sum(_best_price(own, self.prior) for own in self.values.T)
        return found


def _best_price(worth: NDArray[np.float64], prior: NDArray[np.float64]) -> float:
    """Revenue of the best price of something that is worth so much to types."""
    levels, place = np.unique(worth, return_inverse=True)
    return best_revenue([levels], [np.bincount(place, weights=prior).astype(np.float64)])


class Spread(NamedTuple):
    """What a menu is worth where values are spread evenly.

    Attributes:
        revenue: expected payment; error: its standard error, 0 where it is exact.
    """

    revenue: float
    error: float


def evenly_spread_revenue(menu: Menu, ranges: NDArray[np.float64]) -> Spread:
    """Expected payment of a buyer whose values are independent and uniform.

    Args:
        menu: of one seller, lotteries `[entries, items]`; ranges: lowest and highest value of each item, `[items, 2]`.

    >>> best = Menu(np.array([[1, 0], [0, 1], [1, 1]]), np.array([2 / 3, 2 / 3, (4 - 2**0.5) / 3]))
    >>> evenly_spread_revenue(best, np.array([[0.0, 1.0]] * 2)).revenue - (12 + 2 * 2**0.5) / 27 < 1e-12
    True
    """
    if len(ranges) <= EXACT_ITEMS:
        sizes = buyers_of(menu, ranges)
        whole = sum(sizes)
        return Spread(float(sum(Fraction(p) * size for p, size in zip(menu.prices, sizes[1:], strict=True)) / whole), 0)
    means = []
    for replicate in range(REPLICATES):
        points = qmc.Sobol(len(ranges), seed=replicate).random(POINTS)
        prices = np.append(0.0, menu.prices)
        values = ranges[:, 0] + points * (ranges[:, 1] - ranges[:, 0])
        means.append(prices[chosen(Menu(menu.lotteries[None], menu.prices[None]), values)].mean())
    return Spread(float(np.mean(means)), float(standard_error(np.array(means))))


Point = tuple[Fraction, Fraction]


def buyers_of(menu: Menu, ranges: NDArray[np.float64]) -> list[Fraction]:
    """Sizes of the sets of values at which nothing and each entry are taken: of one item lengths, of two areas.

    Each is what is left of the rectangle of all values once it is cut by a line for every other entry. Of entries that
    are alike the first is taken, of equally good ones at a single line of values it does not matter.

    >>> [float(size) for size in buyers_of(Menu(np.ones((1, 1)), np.array([0.25])), np.array([[0.0, 1.0]]))]
    [0.25, 0.75]
    """
    one = len(ranges) == 1
    box = [*ranges.tolist(), *([[0.0, 1.0]] if one else [])]
    (left, right), (low, high) = [[Fraction(end) for end in ends] for ends in box]
    rows = [[Fraction(share) for share in (*lottery, *([0] if one else []))] for lottery in menu.lotteries.tolist()]
    prices = [Fraction(0), *map(Fraction, menu.prices.tolist())]
    entries = [(Fraction(0), Fraction(0)), *((row[0], row[1]) for row in rows)]
    found = []
    for own, (lottery, price) in enumerate(zip(entries, prices, strict=True)):
        area: list[Point] = [(left, low), (right, low), (right, high), (left, high)]
        for other, (theirs, dearer) in enumerate(zip(entries, prices, strict=True)):
            if (lottery, price) == (theirs, dearer):
                area = area if own <= other else []
                continue
            area = _cut(area, (lottery[0] - theirs[0], lottery[1] - theirs[1]), price - dearer)
        found.append(_area(area))
    return found


def _cut(area: Sequence[Point], slope: Point, least: Fraction) -> list[Point]:
    """The part of a convex polygon in which slope . point >= least."""
    above = [slope[0] * x + slope[1] * y - least for x, y in area]
    kept: list[Point] = []
    for k, (x, y) in enumerate(area):
        here, (fx, fy), before = above[k], area[k - 1], above[k - 1]
        if (here > 0 > before) or (here < 0 < before):
            share = before / (before - here)
            kept.append((fx + share * (x - fx), fy + share * (y - fy)))
        if here >= 0:
            kept.append((x, y))
    return kept


def _area(corners: Sequence[Point]) -> Fraction:
    if not corners:
        return Fraction(0)
    turns = (x * v - u * y for (x, y), (u, v) in pairwise([*corners, corners[0]]))
    return abs(sum(turns, Fraction(0))) / 2


def spread_points(count: int, items: int) -> NDArray[np.float64]:
    """Points spread evenly over the unit cube, `[count, items]`: multiples of irrational steps, without whole parts.

    Seen from any side no two are in line, unlike those of a grid, whose gaps a price could use. Steps are powers of the
    root above 1 of x^(items + 1) = x + 1 (the golden ratio of one item), as in Roberts 2018, "The unreasonable
    effectiveness of quasirandom sequences".

    >>> spread_points(2, 1).round(3).tolist()
    [[0.118], [0.736]]
    """
    root = 2.0
    for _ in range(100):
        root = (1 + root) ** (1 / (items + 1))
    steps = root ** -np.arange(1, items + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0


def grid_points(count: int, items: int) -> NDArray[np.float64]:
    """Middles of the cells of a grid of so many an item, `[count^items, items]`.

    >>> grid_points(2, 1).tolist()
    [[0.25], [0.75]]
    """
    middles = (np.arange(count) + 0.5) / count
    return np.stack(np.meshgrid(*[middles] * items, indexing="ij"), axis=-1).reshape(-1, items)
