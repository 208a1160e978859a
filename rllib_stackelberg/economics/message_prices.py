"""Best sequential price mechanism of two buyers who send messages first, one item.

For every pair of pure message strategies the best mechanism in which that pair
is a Bayesian equilibrium is a mixed-integer linear program over thresholds (who buys at each offer: binary) and prices
(continuous, between two neighbouring values); the best pair wins, so ties between equilibria fall in the leader's
favour. Pairs are tried in the order of what they could give without incentive constraints, until none can improve, or
the best auction of any kind is reached.

Mechanism of Brero et al. 2022 (arXiv 2210.03852). Not for noisy channels or more buyers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.commitment.integer_programs import solved
from rllib_stackelberg.economics.optimal_auctions import best_revenue
from rllib_stackelberg.economics.sequential_prices import Market
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    from scipy import optimize, sparse
else:
    optimize, sparse = LazyModule("scipy.optimize"), LazyModule("scipy.sparse")

STRICT = 1e-6
"""How far a price that a type is to refuse lies above its value, at least, in units of the largest value."""

HIGHEST = 2.0
"""Highest price, in that unit: nobody pays it."""

ACCURACY = 1e-9
"""What a program's value may be off by, in that unit."""


SECONDS = 15.0
"""Time limit of a search."""

MOST_PAIRS = 1 << 24
"""Pairs of message strategies that are put in order: a bound each is kept."""

TIME_IS_UP = 1
"""What scipy calls it."""

BOUND_DIGITS = 12
"""Digits after which bounds of message strategies are taken to be equal; the first is tried first."""

Senders = tuple[tuple[int, ...], tuple[int, ...]]
"""Per buyer the message of each type."""


class TimeIsUpError(Exception):
    """A search has come to the end of its time."""


@dataclass(frozen=True)
class Option:
    """What can happen after a pair of messages: `first` is offered at threshold k, then the other at l."""

    first: int
    k: int
    l: int  # noqa: E741 (the pair k, l)


@dataclass(frozen=True, eq=False)
class MessageMechanism:
    """A two-buyer mechanism with messages and the equilibrium it is made for.

    Attributes:
        value: leader payoff in that equilibrium.
        senders: per buyer the message of each type.
        offers: (message of buyer 0, of buyer 1) -> (first buyer, its price, the other's price).
    """

    value: float
    senders: Senders
    offers: dict[tuple[int, int], tuple[int, float, float]]


class MessageProgram:
    """The mixed-integer program of one pair of message strategies."""

    def __init__(self, market: Market, messages: int, senders: Senders, cap: float = 1):
        self.market, self.messages, self.senders, self.cap = market, messages, senders, cap
        self.cells = list(product(range(messages), repeat=2))
        self.options = [
            Option(first, k, l)
            for first in (0, 1)
            for k, _ in market.thresholds(first)
            for l, _ in (market.thresholds(1 - first) if k else [(0, 0.0)])  # noqa: E741
        ]
        # Variables: per cell and option a choice, the first and the second price (0 unless chosen).
        self.size = 3 * len(self.cells) * len(self.options)

    def column(self, cell: int, option: int, part: int) -> int:
        """Position of a variable; part 0: choice, 1: first price, 2: second price."""
        return 3 * (cell * len(self.options) + option) + part

    def _window(self, buyer: int, k: int) -> tuple[float, float]:
        """Prices at which exactly the types >= k buy."""
        own = self.market.values[buyer]
        return (float(own[k - 1]) + STRICT if k else 0.0), (float(own[k]) if k < len(own) else self.cap)

    def sales(self, option: Option, types: tuple[int, int]) -> tuple[int, int] | None:
        """(buyer that gets the item, which price it pays: 1 or 2), None if nobody does."""
        if types[option.first] >= option.k:
            return option.first, 1
        return (1 - option.first, 2) if types[1 - option.first] >= option.l else None

    def gains(self) -> NDArray[np.float64]:
        """What the leader gains at the highest prices, times the probability of the types, `[options, *types]`."""
        gains = np.zeros((len(self.options), *self.market.joint.shape))
        for o, option in enumerate(self.options):
            for types in np.ndindex(self.market.joint.shape):
                sale = self.sales(option, (types[0], types[1]))
                if sale is None:
                    continue
                buyer, part = sale
                threshold = option.k if part == 1 else option.l
                highest = self._window(buyer, threshold)[1]
                worth = highest if self.market.objective == "revenue" else self.market.values[buyer][types[buyer]]
                gains[o][types] = self.market.joint[types] * worth
        return gains

    @cached_property
    def objective(self) -> NDArray[np.float64]:
        """Leader gain per variable."""
        gain = np.zeros(self.size)
        for types in np.ndindex(self.market.joint.shape):
            cell = self.cells.index((self.senders[0][types[0]], self.senders[1][types[1]]))
            for o, option in enumerate(self.options):
                sale = self.sales(option, (types[0], types[1]))
                if sale is None:
                    continue
                buyer, part = sale
                if self.market.objective == "revenue":
                    gain[self.column(cell, o, part)] += self.market.joint[types]
                else:
                    gain[self.column(cell, o, 0)] += self.market.joint[types] * self.market.values[buyer][types[buyer]]
        return gain

    def _utility(self, buyer: int, own_type: int, message: int) -> NDArray[np.float64]:
        """Coefficients of a buyer's utility from sending a message (weighted by its type's probability)."""
        row = np.zeros(self.size)
        value = self.market.values[buyer][own_type]
        for other in range(self.market.joint.shape[1 - buyer]):
            types = (own_type, other) if buyer == 0 else (other, own_type)
            sent = self.senders[1 - buyer][other]
            cell = self.cells.index((message, sent) if buyer == 0 else (sent, message))
            for o, option in enumerate(self.options):
                sale = self.sales(option, types)
                if sale and sale[0] == buyer:
                    row[self.column(cell, o, 0)] += self.market.joint[types] * value
                    row[self.column(cell, o, sale[1])] -= self.market.joint[types]
        return row

    @cached_property
    def incentives(self) -> NDArray[np.float64]:
        """Rows that must be >= 0: no type gains by sending another message."""
        rows = [
            self._utility(buyer, own, self.senders[buyer][own]) - self._utility(buyer, own, other)
            for buyer in (0, 1)
            for own in range(len(self.market.values[buyer]))
            for other in range(self.messages)
            if other != self.senders[buyer][own]
        ]
        return np.array(rows).reshape(-1, self.size)

    def _prices(self) -> tuple[sparse.csr_array, NDArray[np.float64], NDArray[np.float64]]:
        """Price windows, and one option per cell: (matrix, lower, upper)."""
        entries, lower, upper = [], [], []
        for cell in range(len(self.cells)):
            entries.append([(self.column(cell, o, 0), 1.0) for o in range(len(self.options))])
            lower.append(1.0)
            upper.append(1.0)
            for o, option in enumerate(self.options):
                windows = (self._window(option.first, option.k), self._window(1 - option.first, option.l))
                for part, (low, high) in enumerate(windows, start=1):
                    price, choice = self.column(cell, o, part), self.column(cell, o, 0)
                    entries += [[(price, 1.0), (choice, -low)], [(price, 1.0), (choice, -high)]]
                    lower += [0.0, -np.inf]
                    upper += [np.inf, 0.0]
        rows = np.repeat(np.arange(len(entries)), [len(row) for row in entries])
        columns, values = zip(*(entry for row in entries for entry in row), strict=True)
        matrix = sparse.csr_array((values, (rows, columns)), shape=(len(entries), self.size))
        return matrix, np.array(lower), np.array(upper)

    def solve(self, ends: float = math.inf) -> MessageMechanism | None:
        """The best mechanism in which the message strategies are an equilibrium; None if there is none.

        Raises:
            TimeIsUpError: not found before the monotonic clock shows `ends`.
        """
        matrix, lower, upper = self._prices()
        constraints = [
            optimize.LinearConstraint(matrix, lower, upper),
            optimize.LinearConstraint(sparse.csr_array(self.incentives), 0, np.inf),
        ]
        integral = np.tile([1, 0, 0], self.size // 3)
        left = {"time_limit": max(ends - time.monotonic(), 0.0)}
        bounds = optimize.Bounds(0, self.cap)
        found = solved(c=-self.objective, constraints=constraints, integrality=integral, bounds=bounds, options=left)
        if found.status == TIME_IS_UP:
            raise TimeIsUpError
        if found.x is None:
            return None
        chosen = np.round(found.x[::3]).reshape(len(self.cells), -1).argmax(axis=1)
        return self._polished(chosen)

    def _polished(self, chosen: NDArray[np.int64]) -> MessageMechanism | None:
        """Prices again by a linear program of tight tolerance, who buys being settled."""
        kept = [self.column(cell, o, part) for cell, o in enumerate(chosen) for part in (1, 2)]
        choices = [self.column(cell, o, 0) for cell, o in enumerate(chosen)]
        options = [self.options[o] for o in chosen]
        windows = [
            window
            for option in options
            for window in (self._window(option.first, option.k), self._window(1 - option.first, option.l))
        ]
        fixed = self.incentives[:, choices].sum(axis=1)
        result = optimize.linprog(
            -self.objective[kept],
            A_ub=-self.incentives[:, kept],
            b_ub=fixed,
            bounds=windows,
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10},
        )
        if result.status != 0:
            return None
        prices = np.clip(result.x, *np.array(windows).T)
        gain = self.objective[choices].sum() + self.objective[kept] @ prices
        offers = {
            (cell[0], cell[1]): (option.first, float(first), float(second))
            for cell, option, (first, second) in zip(self.cells, options, prices.reshape(-1, 2), strict=True)
        }
        return MessageMechanism(self.market.paid(float(gain)), self.senders, offers)


def message_strategies(types: int, messages: int) -> Iterator[tuple[int, ...]]:
    """Pure message strategies up to the names of messages: message k+1 is used only after message k.

    >>> list(message_strategies(2, 2))
    [(0, 0), (0, 1)]
    """
    for strategy in product(range(messages), repeat=types):
        highest = -1
        for message in strategy:
            if message > highest + 1:
                break
            highest = max(highest, message)
        else:
            yield strategy


def strategies_number(types: int, messages: int) -> int:
    """How many `message_strategies` there are: partitions of the types into so many groups at most (Stirling 1730).

    >>> strategies_number(3, 2), len(list(message_strategies(3, 2)))
    (4, 4)
    """
    groups = [1] + [0] * messages
    for _ in range(types):
        groups = [0] + [k * groups[k] + groups[k - 1] for k in range(1, messages + 1)]
    return sum(groups)


def promising_pairs(
    market: Market, messages: int, cap: float = 1, ends: float = math.inf
) -> Iterator[tuple[Senders, float]]:
    """Pairs of message strategies, and what the leader would gain if buyers kept to them; the largest gains first.

    Nothing is gained in an equilibrium that is not gained when buyers need no incentives to send their messages and pay
    the highest price that the same types accept. Per pair of messages the best offer counts.

    Raises:
        TimeIsUpError: the monotonic clock shows `ends` before they are in order.
    """
    strategies = [list(message_strategies(len(own), messages)) for own in market.values]
    silent = MessageProgram(market, 1, ((0,) * len(market.values[0]), (0,) * len(market.values[1])), cap)
    gains = silent.gains()
    sends = [np.array(own)[:, None, :] == np.arange(messages)[:, None] for own in strategies]
    bounds = np.empty((len(strategies[0]), len(strategies[1])))
    for place, first in enumerate(sends[0]):
        if time.monotonic() > ends:
            raise TimeIsUpError
        # By message of the first, option, and type of the second buyer; then by strategy and message of the second.
        told = np.einsum("mi,oij->moj", first, gains)
        bounds[place] = np.einsum("moj,snj->snmo", told, sends[1], optimize=True).max(axis=-1).sum(axis=(1, 2))
    order = np.argsort(-bounds.round(BOUND_DIGITS), axis=None, kind="stable")
    for number in order.tolist():
        one, two = divmod(number, len(strategies[1]))
        yield (strategies[0][one], strategies[1][two]), float(bounds[one, two])


def message_solve(market: Market, messages: int, seconds: float = SECONDS) -> MessageMechanism:
    """Best two-buyer, one-item mechanism with messages, in its leader-favourable pure Bayesian equilibrium.

    Args:
        market: two buyers and one item; messages: how many there are.
        seconds: time limit.

    Raises:
        InvalidFieldError: not two buyers and one item.
        BeyondLimitsError: too many pairs of message strategies, or the time was not enough; the latter says what was
            found, and what no mechanism exceeds.
    """
    if len(market.values) != 2 or market.items != 1:
        raise InvalidFieldError("buyers", f"{len(market.values)} buyers, {market.items} items", "2 buyers and 1 item")
    pairs = math.prod(strategies_number(len(own), messages) for own in market.values)
    if pairs > MOST_PAIRS:
        problem = f"{pairs:,} pairs of message strategies"
        raise BeyondLimitsError("game", problem, f"up to {MOST_PAIRS:,}: fewer types or messages; or train a leader")
    # The programs' tolerances are absolute: the largest value is 1 in them, whatever it is counted in.
    unit = max(float(own.max()) for own in market.values) or 1.0
    scaled = replace(market, values=[own / unit for own in market.values])
    best, bound = _best_pair(scaled, messages, min(1 / unit, HIGHEST), time.monotonic() + seconds)
    if best is None or best.value < bound - ACCURACY:
        known = f"the best mechanism found is worth {unit * best.value:.6g}, " if best else ""
        problem = f"the optimum with {messages} messages was not found in {seconds:g} s: {known}none exceeds"
        allowed = "fewer types or messages, or train a leader"
        raise BeyondLimitsError("game", f"{problem} {unit * bound:.6g}", allowed)
    offers = {cell: (first, unit * paid, unit * other) for cell, (first, paid, other) in best.offers.items()}
    return MessageMechanism(unit * best.value, best.senders, offers)


def _best_pair(market: Market, messages: int, cap: float, ends: float) -> tuple[MessageMechanism | None, float]:
    """The best mechanism found before the clock shows `ends`, and what no mechanism exceeds; the same if it is best."""
    limit = bound = _limit(market)
    best: MessageMechanism | None = None
    try:
        for senders, gain in promising_pairs(market, messages, cap, ends):
            bound = min(gain - market.best_welfare, limit)
            if best is not None and bound <= best.value + ACCURACY:
                break
            found = MessageProgram(market, messages, senders, cap).solve(ends)
            if found is not None and (best is None or found.value > best.value + ACCURACY):
                best = found
    except TimeIsUpError:
        return best, bound if best is None else max(bound, best.value)
    assert best is not None, "with silent buyers some mechanism is always an equilibrium"
    return best, best.value


def _limit(market: Market) -> float:
    """What no mechanism of any kind exceeds: nothing lost, or the revenue of the best auction (Myerson 1981)."""
    if market.objective == "welfare":
        return 0.0
    if market.prior is None:
        return best_revenue(market.values, market.marginals, market.items)
    return replace(market, objective="welfare").best_welfare
