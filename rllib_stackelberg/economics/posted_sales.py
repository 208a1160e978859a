"""Sales at posted prices: buyers who are visited one after another, kinds of items, and what they are worth to whom.

A buyer's type has parts, each drawn by itself: its value of each kind, where these are independent, or a single part
that tells all of its values. Values of several buyers depend on each other where there are several *worlds*, one of
which is drawn and seen by nobody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Flags, Index
from rllib_stackelberg.economics.purchases import BUNDLES, ITEMS, SIZES, numbers_of
from rllib_stackelberg.errors import InvalidFieldError

SLACK = 1e-12
"""Of the largest value, that a buyer may lose by rounding."""


@dataclass(frozen=True, eq=False)
class PostedSale:
    """An instance.

    Attributes:
        values: by world, buyer (or one for all that are alike), kind (or bundle, the empty one left out), and type.
        part_of: which part of a type tells each of them, `[kinds or bundles]`.
        marginals: probabilities of each part of each buyer's type, `[buyers][parts][types]`.
        worlds: probabilities.
        stock: units of each kind.
        wants: kinds that a buyer has a use for at most.
        bundled: whether values are of bundles.
        form: of prices (purchases.py).
        chosen: whether the seller says who is next, or visits buyers in their order.
        revenue: whether it is paid the prices, or what buyers' items are worth to them.
    """

    values: NDArray[np.float64]
    part_of: NDArray[np.int64]
    marginals: Sequence[Sequence[NDArray[np.float64]]]
    worlds: NDArray[np.float64]
    stock: NDArray[np.int64]
    wants: int
    bundled: bool = False
    form: int = ITEMS
    chosen: bool = False
    revenue: bool = True

    @property
    def buyers(self) -> int:
        """How many."""
        return len(self.marginals)

    @property
    def kinds(self) -> int:
        """How many kinds of items."""
        return len(self.stock)

    @property
    def parts(self) -> int:
        """Of a type."""
        return len(self.marginals[0])

    @property
    def numbers(self) -> int:
        """Prices that are posted to a buyer."""
        return numbers_of(self.form, self.kinds)

    @cached_property
    def top(self) -> float:
        """The largest value of a kind, or of a bundle."""
        return float(self.values.max())

    @cached_property
    def groups(self) -> Index:
        """Of each buyer the number of its group; those of a group are alike, and can change places."""
        numbers: dict[bytes, int] = {}
        found = [numbers.setdefault(self._told_of(b), len(numbers)) for b in range(self.buyers)]
        return np.array(found, dtype=np.int64)

    def _told_of(self, buyer: int) -> bytes:
        """All that there is to know of a buyer beforehand."""
        own = self.values[:, buyer % self.values.shape[1]]
        return b"".join([own.tobytes(), *(part.tobytes() for part in self.marginals[buyer])])

    @property
    def alike(self) -> bool:
        """Whether all buyers can change places."""
        return not self.groups.any()

    @cached_property
    def earlier(self) -> Flags:
        """`[b, c]`: whether buyer b is of the group of buyer c, and has the lower number: it is visited before c."""
        return np.triu(self.groups[:, None] == self.groups, 1)

    @cached_property
    def visited_sets(self) -> int:
        """How many sets of visited buyers may come about."""
        if not self.chosen:
            return self.buyers + 1
        return math.prod(int(size) + 1 for size in np.bincount(self.groups))

    @cached_property
    def kinds_alike(self) -> bool:
        """Whether kinds can change places: single items whose values are drawn independently and alike."""
        if self.bundled or self.parts != self.kinds or (self.stock != 1).any():
            return False
        same = all(np.array_equal(self.values[:, :, k], self.values[:, :, 0]) for k in range(self.kinds))
        return same and all(np.array_equal(part, each[0]) for each in self.marginals for part in each)

    @property
    def additive(self) -> bool:
        """Whether every kind is worth the same to a buyer whatever else it has."""
        return not self.bundled and self.wants >= self.kinds

    @property
    def slack(self) -> float:
        """What a buyer may lose by rounding."""
        return SLACK * self.top

    @cached_property
    def most_worth(self) -> float:
        """No bundle is worth more to a buyer."""
        return self.top * (1 if self.bundled else min(self.wants, self.kinds))

    @cached_property
    def most_welfare(self) -> float:
        """All buyers together get no more."""
        units = int(self.stock.sum())
        return self.top * min(units, self.buyers * (self.kinds if self.bundled else min(self.wants, self.kinds)))

    @cached_property
    def highest(self) -> NDArray[np.float64]:
        """The largest price of each number that is posted."""
        highest = np.full(self.numbers, self.top)
        if self.form == BUNDLES and not self.bundled:
            sizes = np.bitwise_count(np.arange(1, self.numbers + 1))
            highest *= np.minimum(sizes, self.wants)
        return highest

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            InvalidFieldError: naming what.
        """
        if self.bundled and self.form != BUNDLES:
            raise InvalidFieldError("prices", "are not of bundles, but values are", "bundles with demand=subset")
        if self.form == BUNDLES and self.kinds > MOST_BUNDLED:
            problem = f"of bundles of {self.kinds} kinds are {self.numbers:,}"
            raise InvalidFieldError("prices", problem, f"items, fee, sizes, or bundles of up to {MOST_BUNDLED} kinds")
        if self.form == SIZES and (self.stock != 1).any():
            raise InvalidFieldError("prices", "by number of items, with several units of a kind", "items, fee")


MOST_KINDS = 12
"""Most kinds of items."""

MOST_BUNDLED = 6
"""Most kinds whose bundles have a price each."""


def uniform_sale(
    buyers: int,
    tops: Sequence[float],
    quantiles: int,
    wants: int,
    form: int = ITEMS,
    chosen: bool = False,
    revenue: bool = True,
) -> PostedSale:
    """Independent values, uniform from 0 to `tops` of each item: at the middles of so many equal parts.

    >>> sale = uniform_sale(buyers=2, tops=[1, 2], quantiles=2, wants=2)
    >>> sale.values[0, 0].tolist(), sale.numbers
    ([[0.25, 0.75], [0.5, 1.5]], 2)
    """
    if not 1 <= len(tops) <= MOST_KINDS or not all(0 < top < np.inf for top in tops):
        raise InvalidFieldError("tops", f"got {list(tops)}", f"1..{MOST_KINDS} numbers above 0, one for each item")
    points = (np.arange(quantiles) + 0.5) / quantiles
    kinds = len(tops)
    return PostedSale(
        values=np.multiply.outer(np.asarray(tops, dtype=float), points)[None, None],
        part_of=np.arange(kinds),
        marginals=[[np.full(quantiles, 1 / quantiles)] * kinds] * buyers,
        worlds=np.ones(1),
        stock=np.ones(kinds, dtype=np.int64),
        wants=wants,
        form=form,
        chosen=chosen,
        revenue=revenue,
    )


def subset_sale(buyers: int, items: int, quantiles: int, chosen: bool = False, revenue: bool = True) -> PostedSale:
    """Independent values of bundles, uniform from 0 to the root of their size.

    Setting E of Ravindranath et al. 2024 (arXiv 2407.08022).
    """
    if items > MOST_BUNDLED:
        raise InvalidFieldError("items", f"{items} with a value for each bundle", f"1..{MOST_BUNDLED}")
    points = (np.arange(quantiles) + 0.5) / quantiles
    sizes = np.bitwise_count(np.arange(1, 2**items))
    return PostedSale(
        values=np.multiply.outer(np.sqrt(sizes), points)[None, None],
        part_of=np.arange(len(sizes)),
        marginals=[[np.full(quantiles, 1 / quantiles)] * len(sizes)] * buyers,
        worlds=np.ones(1),
        stock=np.ones(items, dtype=np.int64),
        wants=items,
        bundled=True,
        form=BUNDLES,
        chosen=chosen,
        revenue=revenue,
    )
