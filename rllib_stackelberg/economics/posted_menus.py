"""Best known prices for items that are alike: a fee or prices by number, by dynamic programming and search.

Of alike items how many are left is all that matters, and of a buyer's values the sums of the largest ones. For each
number of buyers and items left prices are searched for that pay most, what the rest is worth then included: the
programme of Ravindranath et al. 2024 (arXiv 2407.08022), which they solve by training a network for each set of
items. Revenue is neither smooth nor concave in prices, so that better ones are not ruled out; how much they are worth
is measured in plays of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.comparisons import standard_error
from rllib_stackelberg.economics.posted_sales import PostedSale
from rllib_stackelberg.economics.purchases import FEE, menu_value, sizes_taken

SEARCHED = 65_536
"""Types times items that prices are searched on."""

VALUED, PLAYED = 16_384, 200_000
"""Types that say what they are worth, and plays of the whole plan."""

FIRST_STEP, LAST_STEP = 0.08, 0.002
"""Of the search, as shares of the largest price."""

BETTER = 1e-7
"""Least gain of a step, as a share of the largest value."""


@dataclass(frozen=True, eq=False)
class Menus:
    """Prices by visit and number of items left, and what they are worth.

    Attributes:
        prices: `[buyers, items + 1, numbers]`, as they are posted.
        value: mean over plays; error: its standard error.
    """

    prices: NDArray[np.float64]
    value: float
    error: float


def largest_sums(sale: PostedSale, left: int, count: int, rng: np.random.Generator) -> Numbers:
    """Sums of the largest values of so many items, `[count, sizes]`: no more of them than a buyer wants."""
    points, likely = sale.values[0, 0, 0], sale.marginals[0][0]
    drawn = points[np.searchsorted(np.cumsum(likely)[:-1], rng.random((count, left)), side="right")]
    sizes = min(left, sale.wants)
    tops = -np.sort(-drawn, axis=1)[:, :sizes]
    return np.concatenate([np.zeros((count, 1)), np.cumsum(tops, axis=1)], axis=1)


class MenuSearch:
    """Goes from the last buyer to the first."""

    def __init__(self, sale: PostedSale, seed: int = 0):
        assert sale.kinds_alike, "items are alike"
        self.sale, self.rng = sale, np.random.default_rng(seed)
        self.fee = sale.form == FEE
        self._searched = [largest_sums(sale, k, SEARCHED // sale.kinds, self.rng) for k in range(sale.kinds + 1)]

    def menus(self) -> Menus:
        """The best prices found."""
        sale = self.sale
        prices = np.full((sale.buyers, sale.kinds + 1, sale.numbers), sale.top / 2)
        after = np.zeros(sale.kinds + 1)
        if self.fee:
            prices[..., -1] = 0.0
        for visit in reversed(range(sale.buyers)):
            now = after.copy()
            for left in range(1, sale.kinds + 1):
                first = prices[min(visit + 1, sale.buyers - 1), left]
                worth_after = after[left - np.arange(min(left, sale.wants) + 1)]
                prices[visit, left] = self._best(left, first, worth_after)
                valued = largest_sums(sale, left, VALUED, self.rng)
                now[left] = self._value(valued, prices[visit, left], worth_after)
            after = now
        return Menus(prices, *self._played(prices))

    def _menu(self, numbers: Numbers, sizes: int) -> Numbers:
        """What each number of items costs, from 0 on."""
        each = np.full(sizes, numbers[0]) if self.fee else numbers[:sizes]
        return np.concatenate([[0.0], np.cumsum(each) + (numbers[-1] if self.fee else 0.0)])

    def _value(self, sums: Numbers, numbers: Numbers, worth_after: Numbers) -> float:
        menu = self._menu(numbers, sums.shape[1] - 1)
        return float(menu_value(sums, menu, worth_after, self.sale.revenue))

    def _moves(self, sizes: int) -> NDArray[np.float64]:
        """Directions that are tried: a price alone, one against the next, all of them."""
        if self.fee:
            each = np.concatenate([np.ones(self.sale.kinds), [0.0]])
            fee = np.concatenate([np.zeros(self.sale.kinds), [1.0]])
            return np.stack([each, fee, fee - each, fee - each / sizes])
        alone = np.eye(self.sale.numbers)[:sizes]
        traded = alone[:-1] - alone[1:]
        return np.concatenate([alone, traded, alone.sum(axis=0, keepdims=True)])

    def _best(self, left: int, numbers: Numbers, worth_after: Numbers) -> Numbers:
        """Pattern search from given prices (Hooke & Jeeves 1961)."""
        sums, top = self._searched[left], self.sale.top
        best, value = numbers.copy(), self._value(self._searched[left], numbers, worth_after)
        moves, step = self._moves(sums.shape[1] - 1), FIRST_STEP
        while step > LAST_STEP:
            moved = False
            for move in np.concatenate([moves, -moves]):
                tried = np.clip(best + step * top * move, 0.0, top)
                worth = self._value(sums, tried, worth_after)
                if worth > value + BETTER * top:
                    best, value, moved = tried, worth, True
            step = step if moved else step / 2
        return best

    def _played(self, prices: Numbers) -> tuple[float, float]:
        """Mean worth of all prices together, in plays of their own, and its standard error."""
        sale = self.sale
        left, gained = np.full(PLAYED, sale.kinds), np.zeros(PLAYED)
        for visit in range(sale.buyers):
            after = left.copy()
            for items in range(1, sale.kinds + 1):
                rows = np.flatnonzero(left == items)
                sums = largest_sums(sale, items, len(rows), self.rng)
                menu, taken = self._menu(prices[visit, items], sums.shape[1] - 1), np.zeros(len(rows), dtype=np.int64)
                sizes_taken(sums, menu, taken)
                gained[rows] += menu[taken] if sale.revenue else sums[np.arange(len(rows)), taken]
                after[rows] -= taken
            left = after
        return float(gained.mean()), float(standard_error(gained))
