"""Best posted prices by dynamic programming over who is left, what is left, and which world is likely.

Given the world, buyers' values do not depend on each other: of all that has happened only who is left, the stock, and
the probabilities of the worlds matter (Brero et al. 2021, propositions 5 and theorem 1). Prices matter by which types
take what. With one kind of item these are intervals of values, sold to at the lowest one: the programme is exact. With
several kinds prices are values of each kind: that is the best there is only if nothing better can be, as where it
reaches first best, and the plan says so.

Where a buyer takes each kind whatever else it takes (additive values) kinds are sold as if there were no others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import ROUNDING
from rllib_stackelberg.economics.posted_sales import PostedSale
from rllib_stackelberg.economics.purchases import ITEMS, take_all
from rllib_stackelberg.errors import BeyondLimitsError

MOST_STATES = 100_000
"""States that are searched at most."""

MOST_OFFERS = 4096
"""Combinations of prices of several kinds that are tried at most for a buyer."""

DIGITS = 12
"""Of probabilities of worlds, up to which they are the same."""

Node = tuple[int, tuple[int, ...], tuple[float, ...]]
"""Who has been visited (a set of bits, or how many in order), the stock, probabilities of worlds."""


@dataclass(frozen=True, eq=False)
class Offers:
    """What may be posted to a buyer; of prices that sell the same to the same types the highest.

    Attributes:
        prices: `[offers, kinds]`; bundles: that somebody may take, `[bundles]`.
        chance: that it is taken, `[offers, bundles, worlds]`; gain: of the seller from that, times it.
    """

    prices: NDArray[np.float64]
    bundles: list[int]
    chance: NDArray[np.float64]
    gain: NDArray[np.float64]


@dataclass(frozen=True)
class PostedPlan:
    """What the best prices are worth, and what to do at which node: buyer and prices."""

    value: float
    choices: dict[Node, tuple[int, NDArray[np.float64]]]


def price_levels(sale: PostedSale, buyer: int) -> list[NDArray[np.float64]]:
    """Of each kind the prices worth a thought: values above 0 that the buyer may have, and the largest price."""
    own = sale.values[:, buyer % sale.values.shape[1]]
    return [np.unique(np.append(values[values > 0], sale.top)) for values in np.moveaxis(own, 1, 0)]


def offers_to(sale: PostedSale, buyer: int, available: int) -> Offers:
    """All that is worth posting to a buyer whose type is a single part, of the kinds that are left, as bits.

    Raises:
        BeyondLimitsError: there are too many combinations of prices.
    """
    levels = price_levels(sale, buyer)
    if math.prod(map(len, levels)) > MOST_OFFERS:
        problem = f"{math.prod(map(len, levels)):,} combinations of prices for a buyer"
        raise BeyondLimitsError("game", problem, f"up to {MOST_OFFERS:,}: fewer kinds or values")
    own, likely = sale.values[:, buyer % sale.values.shape[1]], sale.marginals[buyer][0]
    posted = np.array(list(itertools.product(*levels)))
    worths = np.ascontiguousarray(np.moveaxis(own, 1, 2)[:, : len(likely)].reshape(-1, sale.kinds))  # by world and type
    taken = np.zeros((len(posted), len(worths)), dtype=np.int64)
    paid, worth = np.zeros(taken.shape), np.zeros(taken.shape)
    take_all(ITEMS, worths, sale.bundled, sale.wants, posted, available, sale.slack, taken, paid, worth)
    last = np.unique(taken[::-1], axis=0, return_index=True)[1]  # of prices that sell the same, the highest
    rows = np.sort(len(posted) - 1 - last)
    taken, gained = taken[rows], (paid if sale.revenue else worth)[rows]
    bundles = np.unique(taken)
    shape = len(rows), len(bundles), len(own), len(likely)
    chosen = (taken[:, None, :] == bundles[:, None]).reshape(shape) * likely
    return Offers(
        posted[rows],
        bundles.tolist(),
        chosen.sum(axis=3),
        (chosen * gained.reshape(len(rows), 1, *shape[2:])).sum(axis=3),
    )


def one_kind_offers(sale: PostedSale, buyer: int, available: int) -> Offers:
    """As `offers_to`, of a single kind of item that is left, with any number of values."""
    own, likely = sale.values[:, buyer % sale.values.shape[1], 0], sale.marginals[buyer][0]
    prices = price_levels(sale, buyer)[0]
    values = own[:, : len(likely)]
    buys = values[None] >= prices[:, None, None] - sale.slack
    sold = (buys * likely).sum(axis=2)
    paid = prices[:, None] * sold if sale.revenue else (buys * likely * values).sum(axis=2)
    chance = np.stack([1 - sold, sold], axis=1)
    return Offers(prices[:, None], [0, 1], chance, np.stack([np.zeros_like(paid), paid], axis=1))


class BeliefProgram:
    """The programme of a sale whose buyers' types are a single part each."""

    def __init__(self, sale: PostedSale):
        self.sale = sale
        self.in_order = sale.alike or not sale.chosen
        self.best: dict[Node, tuple[float, int, int]] = {}
        self._offers: dict[tuple[int, int], Offers] = {}

    def offers(self, buyer: int, stock: tuple[int, ...]) -> Offers:
        """To a buyer, of what is left; the same to all that are alike."""
        available = sum(1 << kind for kind, units in enumerate(stock) if units)
        key = 0 if self.sale.alike else buyer, available
        if key not in self._offers:
            find = one_kind_offers if self.sale.kinds == 1 else offers_to
            self._offers[key] = find(self.sale, *key)
        return self._offers[key]

    def solve(self) -> PostedPlan:
        """Value and choices.

        Raises:
            BeyondLimitsError: too many states.
        """
        value = self._value(self.start)
        choices = {
            node: (buyer, self.offers(buyer, node[1]).prices[offer])
            for node, (_, buyer, offer) in self.best.items()
            if offer >= 0
        }
        return PostedPlan(value, choices)

    @property
    def start(self) -> Node:
        """Nobody has been visited."""
        return self._node(0, tuple(self.sale.stock.tolist()), self.sale.worlds)

    def _node(self, visited: int, stock: tuple[int, ...], belief: NDArray[np.float64]) -> Node:
        return visited, stock, tuple(np.round(belief, DIGITS).tolist())

    def left(self, visited: int) -> Iterator[int]:
        """Who may be next: of those that are alike, the one with the lowest number."""
        if self.in_order:
            return iter([visited] if visited < self.sale.buyers else [])
        left = np.array([not visited >> b & 1 for b in range(self.sale.buyers)])
        return iter(np.flatnonzero(left & ~(left @ self.sale.earlier)).tolist())

    def after(self, node: Node, buyer: int, bundle: int, chance: NDArray[np.float64]) -> Node:
        """The node after a buyer has taken a bundle, which has these chances by world."""
        visited = node[0] + 1 if self.in_order else node[0] | 1 << buyer
        stock = tuple(units - (bundle >> kind & 1) for kind, units in enumerate(node[1]))
        belief = np.array(node[2]) * chance
        return self._node(visited, stock, belief / belief.sum())

    def _value(self, node: Node) -> float:
        if node in self.best:
            return self.best[node][0]
        if len(self.best) >= MOST_STATES:
            raise BeyondLimitsError("game", "has too many states", f"up to {MOST_STATES:,}: fewer buyers or items")
        found = (0.0, -1, -1)
        if any(node[1]):
            for buyer in self.left(node[0]):
                values = self._values(node, buyer)
                offer = int(values.argmax())
                if found[1] < 0 or values[offer] - found[0] > ROUNDING * max(values[offer], found[0]):
                    found = (float(values[offer]), buyer, offer)
        self.best[node] = found
        return found[0]

    def _values(self, node: Node, buyer: int) -> NDArray[np.float64]:
        """Of all offers to a buyer."""
        offers, belief = self.offers(buyer, node[1]), np.array(node[2])
        found: NDArray[np.float64] = (offers.gain @ belief).sum(axis=1)
        likely = offers.chance @ belief
        for b, bundle in enumerate(offers.bundles):
            if len(belief) == 1:  # what is taken says nothing: all offers lead to the same node
                found += likely[:, b] * self._value(self.after(node, buyer, bundle, np.ones(1)))
                continue
            for o in np.flatnonzero(likely[:, b] > 0):
                found[o] += likely[o, b] * self._value(self.after(node, buyer, bundle, offers.chance[o, b]))
        return found


def kind_alone(sale: PostedSale, kind: int) -> PostedSale:
    """The sale of a single kind."""
    part = int(sale.part_of[kind])
    return replace(
        sale,
        values=sale.values[:, :, kind : kind + 1],
        part_of=np.zeros(1, dtype=np.int64),
        marginals=[[own[part]] for own in sale.marginals],
        stock=sale.stock[kind : kind + 1],
        wants=1,
        form=ITEMS,
    )


def kinds_apart(sale: PostedSale) -> list[PostedPlan]:
    """The best plan of each kind of an additive sale of independent buyers, who are visited in order or alike.

    >>> from rllib_stackelberg.economics.posted_sales import uniform_sale
    >>> plans = kinds_apart(uniform_sale(buyers=5, tops=[1] * 5, quantiles=1000, wants=5))
    >>> round(sum(plan.value for plan in plans), 3)  # of all values, 5 V_5 with V_n = (1 + V_{n-1})^2 / 4: 3.0038
    3.006
    """
    if sale.kinds_alike:
        return [BeliefProgram(kind_alone(sale, 0)).solve()] * sale.kinds
    return [BeliefProgram(kind_alone(sale, kind)).solve() for kind in range(sale.kinds)]
