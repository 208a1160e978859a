"""Compiled rules of a seller who posts a menu and a buyer who takes an entry: those of `menu` once more, a play at a
time.

A play is whether the seller has posted. What the buyer takes, and which of equally good entries, is as in
`menus.chosen`: few buyers are near a tie, and only for them all entries are looked at once more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import ROUNDING
from rllib_stackelberg.compilation import njit
from rllib_stackelberg.economics.menus import NEAR
from rllib_stackelberg.rules.compiled_rules import CompiledFunctions


class MenuFacts(NamedTuple):
    """Of an instance: as in `Buyer` (menus.py).

    Attributes:
        values: of items, `[types, items]`; highest: of each item.
        unit: whether the buyer wants one item.
    """

    values: NDArray[np.float64]
    highest: NDArray[np.float64]
    unit: bool


@njit
def _open(facts, nature, moves, state):
    state[0] = 0


@njit
def _question(facts, state):
    """The seller is asked once."""
    return np.int64(-1) if state[0] else np.int64(0)


@njit
def _worth_and_price(facts, kind, entry, action):
    """To a type of buyer, of an entry from 0."""
    items = len(facts.highest)
    first = entry * (items + 1)
    scale = 1.0
    if facts.unit:
        total = action[first]
        for item in range(1, items):
            total = total + action[first + item]
        scale = max(total, 1.0)
    worth = most = 0.0
    for item in range(items):
        chance = action[first + item] / scale if facts.unit else action[first + item]
        worth = worth + chance * facts.values[kind, item]
        most = most + chance * facts.highest[item]
    return worth, action[first + items] * most


@njit
def _tied(best, size, pays, own):
    """Whether a payoff of size `own` is as good as the best (comparisons.tied)."""
    return not best / 2 - pays / 2 > ROUNDING * max(size, own) / 2


@njit
def _answer(facts, nature, state, action, payoffs):
    kind, entries = nature[0], len(action) // (len(facts.highest) + 1)
    gets, pays, size = 0.0, 0.0, 0.0  # nothing, for nothing
    second, largest = -np.inf, 0.0
    for entry in range(entries):
        worth, price = _worth_and_price(facts, kind, entry, action)
        largest = max(largest, worth + price)
        if worth - price > gets:
            second, gets, pays, size = gets, worth - price, price, worth + price
        else:
            second = max(second, worth - price)
    if gets - second <= 2 * NEAR * largest:
        gets, pays = _dearest(facts, kind, action, gets, size)
    payoffs[0] += pays
    payoffs[1] += gets
    state[0] = 1


@njit
def _dearest(facts, kind, action, best, size):
    """What the buyer gets and pays who takes the dearest of the best entries, whose payoff and size are given."""
    gets, pays = 0.0, 0.0
    found = _tied(best, size, 0.0, 0.0)
    for entry in range(len(action) // (len(facts.highest) + 1)):
        worth, price = _worth_and_price(facts, kind, entry, action)
        if _tied(best, size, worth - price, worth + price) and (not found or price > pays):
            found, gets, pays = True, worth - price, price
    return gets, pays


MENU = CompiledFunctions(_open, _question, _answer)
