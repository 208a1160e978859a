"""Compiled rules of a sale at posted prices, a play at a time, and loops over plays for the rules in arrays.

A play is a few whole numbers: which buyers are left as a set of bits, the key of what the seller sees, and units left
of each kind. Both ways of playing call the same functions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept, njit
from rllib_stackelberg.economics.purchases import best_bundle, price_of, worth_of
from rllib_stackelberg.rules.compiled_rules import CompiledFunctions

LEFT, QUESTION, STOCK = range(3)
"""Places in the state; from `STOCK` on, units of each kind."""


class PostedFacts(NamedTuple):
    """Of an instance.

    Attributes:
        form: of prices (purchases.py); wants: kinds that a buyer has a use for at most.
        bundled: whether values are of bundles; slack: what a buyer may lose by rounding.
        revenue: whether the seller is paid the prices; chosen: whether it says who is next.
        values: by world, buyer (or of all alike, if there is one), kind or bundle, and type.
        part_of: by kind or bundle, which part of a type tells its value; parts: how many there are.
        stock: units of each kind at first.
        visit_places, digit_places: what a visit adds to the key, by buyer: in any case, and times the bundle taken.
        kind_places: what a unit sold adds to it, by kind.
    """

    form: int
    wants: int
    bundled: bool
    slack: float
    revenue: bool
    chosen: bool
    values: NDArray[np.float64]
    part_of: NDArray[np.int64]
    parts: int
    stock: NDArray[np.int64]
    visit_places: NDArray[np.int64]
    digit_places: NDArray[np.int64]
    kind_places: NDArray[np.int64]


@njit
def _worths(facts, nature, buyer):
    """What kinds, or bundles, are worth to a buyer."""
    buyers = len(facts.visit_places)
    world = nature[buyers * facts.parts] if len(facts.values) > 1 else 0
    own = facts.values[world, buyer % facts.values.shape[1]]
    found = np.empty(len(own))
    for entry in range(len(own)):
        found[entry] = own[entry, nature[buyer * facts.parts + facts.part_of[entry]]]
    return found


@njit
def _available(stock):
    """Kinds that are left, as bits."""
    found = 0
    for kind in range(len(stock)):
        if stock[kind] > 0:
            found |= 1 << kind
    return found


@njit
def _wish(facts, nature, buyer, stock, prices):
    worth = _worths(facts, nature, buyer)
    return best_bundle(facts.form, worth, facts.bundled, facts.wants, prices, _available(stock), facts.slack)


@njit
def _trade(facts, nature, buyer, bundle, stock, prices, payoffs):
    """Hand over what is left of a bundle, and pay; returns what the visit adds to the key."""
    bundle &= _available(stock)
    worth = worth_of(_worths(facts, nature, buyer), facts.bundled, facts.wants, bundle)
    price = price_of(facts.form, prices, bundle)
    payoffs[buyer + 1] += worth - price
    payoffs[0] += price if facts.revenue else worth
    added = facts.visit_places[buyer] + bundle * facts.digit_places[buyer]
    for kind in range(len(stock)):
        if (bundle >> kind) & 1:
            stock[kind] -= 1
            added += facts.kind_places[kind]
    return added


@njit
def _bit(buyer):
    return np.int64(1) << np.int64(buyer)


@njit
def _open(facts, nature, moves, state):
    buyers = len(facts.visit_places)
    state[LEFT] = np.int64(-1) if buyers == 64 else _bit(buyers) - 1
    state[QUESTION] = 0
    state[STOCK:] = facts.stock


@njit
def _question(facts, state):
    """Nobody is left, or nothing: the play is over."""
    return np.int64(-1) if state[LEFT] == 0 or _available(state[STOCK:]) == 0 else state[QUESTION]


@njit
def _answer(facts, nature, state, action, payoffs):
    if facts.chosen:
        buyer, prices = np.int64(action[0]), action[1:]
    else:
        buyer, prices = np.int64(0), action
        while not (state[LEFT] >> buyer) & 1:
            buyer += 1
    stock = state[STOCK:]
    bundle = _wish(facts, nature, buyer, stock, prices)
    state[QUESTION] += _trade(facts, nature, buyer, bundle, stock, prices, payoffs)
    state[LEFT] &= ~_bit(buyer)


@kept
def wishes(facts, natures, buyers, stocks, prices, found):
    """Best bundles of the buyers visited, `[B]`, with stocks `[B, kinds]` and prices `[B, numbers]`."""
    for play in range(len(buyers)):
        found[play] = _wish(facts, natures[play], buyers[play], stocks[play], prices[play])


@kept
def trades(facts, natures, buyers, bundles, stocks, prices, payoffs, added):
    """Trades of plays: stocks, payoffs `[B, agents]` and what is added to keys `[B]` are written."""
    for play in range(len(buyers)):
        added[play] = _trade(
            facts, natures[play], buyers[play], bundles[play], stocks[play], prices[play], payoffs[play]
        )


POSTED = CompiledFunctions(_open, _question, _answer)
