"""Compiled rules of a sale to buyers who have sent messages: those of `message-spm` once more, a play at a time.

A play is a few whole numbers: who is left and who has refused as sets of bits (buyer_sets.py), how many items are sold,
the key of what the seller sees, and the messages as heard, a set per binary digit. Names of the fields are those of
`SaleState` (seller_views.py), which the rules in arrays work on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept, njit
from rllib_stackelberg.economics.price_offers import CHOICE, SCORES
from rllib_stackelberg.rules.compiled_rules import CompiledFunctions

LEFT, REFUSED, SOLD, QUESTION, SAID = range(5)
"""Places in the state; from `SAID` on, the messages' digits."""


class SaleFacts(NamedTuple):
    """Of an instance.

    Attributes:
        values: by buyer and type.
        heard: letter that is heard, by letter sent and chance move; noisy: whether there are chance moves.
        items: how many are sold; revenue: whether the seller is paid the prices; indifferent: what a value may fall
            short of a price.
        form: of offers (price_offers.py); prices: on a grid of so many.
        anonymous: whether names are messages.
        letter_places: what a message adds to the key: by buyer, or by letter where the seller is anonymous.
        other_places: likewise what a refusal adds.
    """

    values: NDArray[np.float64]
    heard: NDArray[np.int64]
    noisy: bool
    items: int
    revenue: bool
    indifferent: float
    form: int
    prices: int
    anonymous: bool
    letter_places: NDArray[np.int64]
    other_places: NDArray[np.int64]


@njit
def _bit(buyer):
    return np.int64(1) << np.int64(buyer)


@njit
def _lowest(members):
    """The lowest member of a set that is not empty: half of what is left at a time."""
    rest, buyer = np.uint64(members), np.int64(0)
    for half in (32, 16, 8, 4, 2, 1):
        if not rest & ((np.uint64(1) << np.uint64(half)) - np.uint64(1)):
            rest >>= np.uint64(half)
            buyer += half
    return buyer


@njit
def _said(state, letter, among):
    """Those of a set who said a letter."""
    found = among
    for digit in range(len(state) - SAID):
        said = state[SAID + digit]
        found &= said if (letter >> digit) & 1 else ~said
    return found


@njit
def _letter(state, buyer):
    """What a buyer said."""
    letter = np.int64(0)
    for digit in range(len(state) - SAID):
        letter |= ((state[SAID + digit] >> buyer) & 1) << digit
    return letter


@njit
def _open(facts, nature, moves, state):
    buyers = len(facts.values)
    state[:] = 0
    state[LEFT] = np.int64(-1) if buyers == 64 else _bit(buyers) - 1
    for buyer in range(buyers):
        letter = facts.heard[moves[buyer], nature[buyers + buyer] if facts.noisy else 0]
        for digit in range(len(state) - SAID):
            state[SAID + digit] |= ((letter >> digit) & 1) << buyer
        place = facts.letter_places[letter] if facts.anonymous else letter * facts.letter_places[buyer]
        state[QUESTION] += place


@njit
def _question(facts, state):
    """Nobody is left, or nothing: the play is over."""
    return np.int64(-1) if state[LEFT] == 0 or state[SOLD] == facts.items else state[QUESTION]


@njit
def _is_open(facts, state, name):
    """Whether an offer can go to a name."""
    if facts.anonymous:
        return _said(state, name, state[LEFT]) != 0
    return (state[LEFT] >> name) & 1 == 1


@njit
def _named(facts, state, action):
    """Name and price of an offer."""
    names = len(facts.letter_places)
    if facts.form == CHOICE:
        return np.int64(action[0]), action[1]
    if facts.form == SCORES:
        best, name = -np.inf, np.int64(0)
        for k in range(names):
            if action[k] > best and _is_open(facts, state, k):
                best, name = action[k], np.int64(k)
        return name, action[names]
    name, step = divmod(np.int64(action[0]), np.int64(facts.prices))
    while not _is_open(facts, state, name):
        name = (name + 1) % names
    return name, step / (facts.prices - 1)


@njit
def _answer(facts, nature, state, action, payoffs):
    name, price = _named(facts, state, action)
    buyer = _lowest(_said(state, name, state[LEFT])) if facts.anonymous else name
    value = facts.values[buyer, nature[buyer]]
    bought = value - price >= -facts.indifferent
    state[LEFT] &= ~_bit(buyer)
    if bought:
        state[SOLD] += 1
        payoffs[buyer + 1] += value - price
        if facts.revenue:
            payoffs[0] += price
    else:
        state[REFUSED] |= _bit(buyer)
    _move_key(facts, state, buyer, bought)
    if not facts.revenue and _question(facts, state) < 0:
        payoffs[0] += welfare(facts.values, nature, state[LEFT] | state[REFUSED], facts.items)


@njit
def _move_key(facts, state, buyer, bought):
    """What a visit adds to the key of what the seller sees."""
    if facts.anonymous:
        letter = _letter(state, buyer)
        state[QUESTION] -= facts.letter_places[letter]
        if not bought:
            state[QUESTION] += facts.other_places[letter]
    else:
        state[QUESTION] += (2 if bought else 1) * facts.other_places[buyer]


@njit
def welfare(values, types, without, items):
    """Values of those who have an item, all but a set, minus the largest values there are; compiled."""
    won, best = 0.0, 0.0
    if items == 1:
        for buyer in range(len(values)):
            value = values[buyer, types[buyer]]
            best = max(best, value)
            if not (without >> buyer) & 1:
                won = value
        return won - best
    own = np.empty(len(values))
    for buyer in range(len(values)):
        own[buyer] = values[buyer, types[buyer]]
        if not (without >> buyer) & 1:
            won += own[buyer]
    own.sort()
    for k in range(len(own) - items, len(own)):
        best += own[k]
    return won - best


@kept
def welfares(values, types, without, items, found):
    """`welfare` of plays: types `[B, buyers]`, sets and results `[B]`."""
    for play in range(len(types)):
        found[play] = welfare(values, types[play], without[play], items)


SALE = CompiledFunctions(_open, _question, _answer)
