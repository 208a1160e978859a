"""What a seller sees of a sale at posted prices, and the key of it.

It sees who is left and how much of each kind is. Of buyers that are alike the one with the lowest number is visited
first, so that it sees how many are left. Where values of buyers depend on each other, what one of them has
bought says something of the others: then it sees who took what. Of single items that are alike it sees how many are
left. A key is a sum of what visits and units sold add to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Flags, Index
from rllib_stackelberg.economics import buyer_sets
from rllib_stackelberg.economics.posted_sales import PostedSale
from rllib_stackelberg.economics.purchases import SIZES
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.game import State

NUMBERED = 2**62
"""Keys below it fit a 64-bit number, with room for arithmetic."""

MOST_TOLD = 64
"""Most numbers that tell a buyer from others; of more, who it is."""


@dataclass
class PostedState(State):
    """Plays of a sale.

    `at`: whose turn it is, 0 the seller's, else a buyer's number and 1; `left`: set of buyers (buyer_sets.py);
    `stock`: units of each kind, `[B, kinds]`; `question`: key of what the seller sees; `prices`: the last ones
    posted, `[B, numbers]`.
    """

    at: NDArray[np.int64]
    left: NDArray[np.uint64]
    stock: NDArray[np.int64]
    question: NDArray[np.int64]
    prices: NDArray[np.float64]


class PostedView:
    """What the seller of a sale sees.

    Attributes:
        sale: the instance.
        history: whether it sees who took what; counted: whether it sees how many items are left, not which.
        stocks: how many different stocks it sees; questions: keys below it.
        visit_places, digit_places, kind_places: of the key, as of `PostedFacts`.

    Raises:
        InvalidFieldError: there is too much to see to be numbered.

    >>> from rllib_stackelberg.economics.posted_sales import uniform_sale
    >>> view = PostedView(uniform_sale(buyers=2, tops=[1, 1], quantiles=2, wants=2))
    >>> view.questions, view.described(5)
    (12, 'buyer 1 next, sold: kind 0')
    """

    def __init__(self, sale: PostedSale):
        self.sale, buyers = sale, range(sale.buyers)
        self.history = len(sale.worlds) > 1
        self.counted = sale.form == SIZES and sale.kinds_alike
        radices = [1] * sale.kinds if self.counted else (sale.stock + 1).tolist()
        places = [1] if self.counted else np.cumprod([1, *radices], dtype=object).tolist()
        self.stocks = sale.kinds + 1 if self.counted else places[-1]
        self.bundles = 2**sale.kinds + 1
        if self.history:
            self.questions, visits = self.bundles**sale.buyers, [self.bundles**b for b in buyers]
        elif sale.chosen:
            sizes = np.bincount(sale.groups).tolist()
            by_group = np.cumprod([self.stocks, *(size + 1 for size in sizes)], dtype=object)
            self.questions, visits = by_group[-1], by_group[sale.groups].tolist()
        else:
            self.questions, visits = self.stocks * (sale.buyers + 1), [self.stocks] * sale.buyers
        if self.questions >= NUMBERED:
            problem = f"{sale.buyers}, of whom more can be seen than can be numbered"
            raise InvalidFieldError("buyers", problem, "fewer, or fewer kinds of items, or order=given")
        none = [0] * sale.kinds
        self.visit_places = np.array(visits, dtype=np.int64)
        self.digit_places = self.visit_places if self.history else np.zeros_like(self.visit_places)
        by_kind = [1] * sale.kinds if self.counted else places[:-1]
        self.kind_places = np.array(none if self.history else by_kind, dtype=np.int64)

    @cached_property
    def told(self) -> NDArray[np.float64]:
        """What tells buyers apart, `[buyers, k]`, in [0, 1]; of those that are alike their place in a row, if any."""
        sale = self.sale
        if sale.alike:
            return np.linspace(0, 1, sale.buyers)[:, None] if sale.chosen else np.zeros((sale.buyers, 0))
        own = np.moveaxis(sale.values / (sale.top or 1.0), 1, 0).reshape(sale.values.shape[1], -1)
        chances = np.zeros((sale.buyers, sale.parts, sale.values.shape[3]))
        for b, parts in enumerate(sale.marginals):
            for p, part in enumerate(parts):
                chances[b, p, : len(part)] = part
        found = np.concatenate([np.resize(own, (sale.buyers, own.shape[1])), chances.reshape(sale.buyers, -1)], axis=1)
        return found if found.shape[1] <= MOST_TOLD and not self.history else np.eye(sale.buyers)

    @cached_property
    def features(self) -> int:
        """Numbers for each buyer; none where they are alike, visited in order, and what they took does not matter."""
        if sale_is_plain(self.sale, self.history):
            return 0
        return 1 + (self.sale.kinds + 1) * self.history + self.told.shape[1]

    @property
    def width(self) -> int:
        """Numbers that it sees."""
        return self.sale.buyers * self.features + 1 + (1 if self.counted else self.sale.kinds)

    @property
    def columns(self) -> Index:
        """Which of them speak of which buyer, `[buyers, features]`."""
        return np.arange(self.sale.buyers * self.features).reshape(self.sale.buyers, self.features)

    def seen(self, state: PostedState) -> NDArray[np.float32]:
        """What it sees, `[B, width]`, in [0, 1]."""
        sale, plays = self.sale, len(state)
        waiting = buyer_sets.members(state.left, sale.buyers)
        parts = [waiting.mean(axis=1)[:, None]]
        share = state.stock / sale.stock
        parts.append(share.mean(axis=1)[:, None] if self.counted else share)
        if self.features:
            told = np.broadcast_to(self.told, (plays, *self.told.shape))
            each = np.concatenate([self._asked(waiting)[:, :, None], self._took(state.question), told], axis=2)
            parts.insert(0, each.reshape(plays, -1))
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def _asked(self, waiting: Flags) -> Flags:
        """Who is left, or who is next, `[B, buyers]`."""
        if self.sale.chosen:
            return waiting
        return waiting & (waiting.cumsum(axis=1) == 1)

    def _took(self, question: Index) -> NDArray[np.float64]:
        """Whether each buyer took nothing, and which kinds, `[B, buyers, kinds + 1]`; none where that is not seen."""
        if not self.history:
            return np.zeros((len(question), self.sale.buyers, 0))
        digits = self.digits(question)
        kinds = (digits - 1).clip(0)[:, :, None] >> np.arange(self.sale.kinds) & 1
        return np.concatenate([(digits == 1)[:, :, None], kinds], axis=2).astype(float)

    def digits(self, question: Index) -> Index:
        """Of each buyer: 0 if it is left, else the bundle it took, and 1, `[B, buyers]`."""
        return question[:, None] // self.visit_places % self.bundles

    def left_at(self, question: int) -> Flags:
        """Who is left at a key."""
        if self.history:
            return self.digits(np.array([question]))[0] == 0
        if not self.sale.chosen:
            return np.arange(self.sale.buyers) >= question // self.stocks
        size = np.bincount(self.sale.groups)[self.sale.groups]
        return self.sale.earlier.sum(axis=0) >= question // self.visit_places % (size + 1)

    def sold_at(self, question: int) -> Index:
        """Units sold of each kind at a key; of items that are counted, how many."""
        if self.history:
            bundles = (self.digits(np.array([question]))[0] - 1).clip(0)
            return (bundles[:, None] >> np.arange(self.sale.kinds) & 1).sum(axis=0)
        rest = question % self.stocks
        return np.array([rest]) if self.counted else rest // self.kind_places % (self.sale.stock + 1)

    def described(self, question: int) -> str:
        """What is seen at a key, for people."""
        left = np.flatnonzero(self.left_at(question))
        gone = np.setdiff1d(np.arange(self.sale.buyers), left)
        if not self.sale.chosen:
            who = f"buyer {left[0]} next" if len(left) else "nobody left"
        else:
            who = f"visited: {', '.join(map(str, gone))}" if len(gone) else "nobody visited"
        if self.history:
            return who + self._taken_at(question)
        sold = self.sold_at(question)
        if self.counted:
            return f"{who}, {self.sale.kinds - sold[0]} items left"
        named = [
            f"kind {k}" + (f" x{count}" if self.sale.stock[k] > 1 else "") for k, count in enumerate(sold) if count
        ]
        return f"{who}, sold: {', '.join(named)}" if named else who

    def _taken_at(self, question: int) -> str:
        """Who took what."""
        digits = self.digits(np.array([question]))[0]
        taken = [f"buyer {b} took {bundle_name(int(digit) - 1)}" for b, digit in enumerate(digits) if digit > 1]
        return "".join(f", {each}" for each in taken)


def sale_is_plain(sale: PostedSale, history: bool) -> bool:
    """Whether there is nothing to say of a single buyer."""
    return sale.alike and not sale.chosen and not history


def bundle_name(bundle: int) -> str:
    """A bundle, for people.

    >>> bundle_name(5), bundle_name(0)
    ('0+2', 'nothing')
    """
    kinds = [str(kind) for kind in range(bundle.bit_length()) if bundle >> kind & 1]
    return "+".join(kinds) or "nothing"
