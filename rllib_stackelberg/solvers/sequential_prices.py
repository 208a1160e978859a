"""Best sequential price mechanisms: who is offered an item next, and at what price.

Without messages (or with messages nobody listens to) buyers have nothing to choose but the dominant reply, and the
best adaptive order and prices follow from dynamic programming over who has refused or won. With independent types
what a refusal reveals does not matter for the others, so the state is who has refused and who has won: n T steps for
each of at least 2^n states (one item), whose number is limited. With correlated types the posterior is part of the
state, and the number of histories is limited.

With messages and two buyers, one item: for every pair of pure message strategies the best mechanism in which that pair
is a Bayesian equilibrium is a mixed-integer linear program over thresholds (who buys at each offer: binary) and prices
(continuous, between two neighbouring values); the best pair wins, so ties between equilibria fall in the leader's
favour. Pairs are tried in the order of what they could give without incentive constraints, until none can improve.

Mechanism of Brero et al. 2022 (arXiv 2210.03852); sequential posted prices: Agrawal et al. (EC 2020).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from rllib_stackelberg.errors import InvalidFieldError

Objective = Literal["welfare", "revenue"]

HISTORIES = 200_000
"""Most histories of a correlated prior that are searched."""

STATUSES = 20_000
"""Most states (who has refused, who has won) of an independent prior that are searched."""

STRICT = 1e-6
"""How far a price that a type is to refuse lies above its value, at least."""


@dataclass(frozen=True, eq=False)
class Market:
    """Buyers with finite values and a prior over their types.

    Attributes:
        values: per buyer the values in [0, 1], increasing.
        prior: joint probabilities, an axis per buyer; None if types are independent with `marginals`.
        marginals: per buyer; ignored if `prior` is given.
        items: identical items, one per buyer at most.
        objective: "welfare": winners' values minus the largest values there are; "revenue": prices paid.
    """

    values: Sequence[NDArray[np.float64]]
    marginals: Sequence[NDArray[np.float64]]
    prior: NDArray[np.float64] | None = None
    items: int = 1
    objective: Objective = "welfare"

    @cached_property
    def joint(self) -> NDArray[np.float64]:
        """Joint probabilities, of every combination of types."""
        if self.prior is not None:
            return self.prior
        joint = np.ones(())
        for marginal in self.marginals:
            joint = np.multiply.outer(joint, marginal)
        return joint

    @cached_property
    def best_welfare(self) -> float:
        """Expected sum of the largest values: what an efficient mechanism would give; 0 for revenue."""
        if self.objective == "revenue":
            return 0.0
        if self.prior is None:
            return self._best_independent_welfare()
        grids = np.meshgrid(*self.values, indexing="ij")
        tops = np.sort(np.stack(grids), axis=0)[::-1][: self.items].sum(axis=0)
        return float((self.joint * tops).sum())

    def _best_independent_welfare(self) -> float:
        """E[sum of the m largest] = integral over x of E[min(m, number of values above x)]."""
        levels = np.unique(np.concatenate([np.zeros(1), *self.values]))
        total = 0.0
        for low, high in pairwise(levels):
            above = np.ones(1)  # distribution of the number of buyers whose value exceeds `low`
            for own, marginal in zip(self.values, self.marginals, strict=True):
                chance = marginal[own > low].sum()
                above = np.convolve(above, [1 - chance, chance])
            total += float(high - low) * float(above @ np.minimum(np.arange(len(above)), self.items))
        return total

    @property
    def histories(self) -> int:
        """Number of states `no_message_solve` searches, about."""
        n = len(self.values)
        if self.prior is not None:
            return math.factorial(n) * math.prod(len(own) + 1 for own in self.values)
        return sum(math.comb(n, won) * 2 ** (n - won) for won in range(self.items + 1))

    @property
    def searchable(self) -> bool:
        """Whether `no_message_solve` is within its limits."""
        return self.histories <= (STATUSES if self.prior is None else HISTORIES)

    def thresholds(self, buyer: int) -> list[tuple[int, float]]:
        """(lowest type that buys, highest such price); refusing everyone only where a price up to 1 can."""
        own = self.values[buyer]
        nobody = [(len(own), 1.0)] if own[-1] < 1 else []
        return [*((k, float(own[k])) for k in range(len(own))), *nobody]


@dataclass
class Plan:
    """What to do by status: per buyer 0 left, 1 refused, 2 won -> (buyer, price)."""

    value: float
    offers: dict[tuple[int, ...], tuple[int, float]] = field(default_factory=dict)


def no_message_solve(market: Market) -> Plan:
    """Best adaptive order and prices.

    Raises:
        InvalidFieldError: too many buyers, or a correlated prior with too many histories.

    >>> thirds = np.linspace(0, 1, 3)
    >>> plan = no_message_solve(Market([thirds, thirds], [np.ones(3) / 3] * 2))
    >>> round(plan.value, 9)  # -1/18
    -0.055555556
    """
    n = len(market.values)
    if not market.searchable:
        if market.prior is None:
            raise InvalidFieldError("buyers", f"{n} with {market.histories} states", f"up to {STATUSES} states")
        raise InvalidFieldError("prior", f"correlated with {market.histories} histories", f"up to {HISTORIES}")
    if market.prior is not None:
        gain, offers = _best_correlated(market, market.prior, (0,) * n)
    else:
        gain, offers = _best_independent(market)
    return Plan(float(gain) - market.best_welfare, offers)


def _after(status: tuple[int, ...], buyer: int, outcome: int) -> tuple[int, ...]:
    return (*status[:buyer], outcome, *status[buyer + 1 :])


def _finished(market: Market, status: tuple[int, ...]) -> bool:
    return status.count(2) >= market.items or 0 not in status


def _best_independent(market: Market) -> tuple[float, dict]:
    best: dict[tuple[int, ...], float] = {}
    offers: dict[tuple[int, ...], tuple[int, float]] = {}
    n = len(market.values)
    # Statuses with fewer buyers left come first, so that every continuation is known.
    for status in sorted(_statuses(n, market.items), key=lambda s: s.count(0)):
        best[status] = 0.0
        if _finished(market, status):
            continue
        found = -math.inf
        for buyer in (i for i in range(n) if status[i] == 0):
            own, chance = market.values[buyer], market.marginals[buyer]
            won, refused = best[_after(status, buyer, 2)], best[_after(status, buyer, 1)]
            for k, price in market.thresholds(buyer):
                sold = chance[k:].sum()
                paid = price * sold if market.objective == "revenue" else float(chance[k:] @ own[k:])
                gain = paid + sold * won + (1 - sold) * refused
                if gain > found + 1e-12:
                    found, offers[status] = gain, (buyer, price)
        best[status] = found
    start = (0,) * n
    return best[start], offers


def _statuses(buyers: int, items: int) -> list[tuple[int, ...]]:
    """Every combination of left, refused and won with at most that many winners."""
    found: list[tuple[int, ...]] = [()]
    for _ in range(buyers):
        found = [(*status, k) for status in found for k in range(3) if k < 2 or status.count(2) < items]
    return found


def _best_correlated(market: Market, weights: NDArray[np.float64], status: tuple[int, ...]) -> tuple[float, dict]:
    """Best gain, weighted by the probability of getting here (`weights`: of the types that lead here)."""
    if _finished(market, status) or not weights.any():
        return 0.0, {}
    found, offers = -math.inf, {}
    for buyer in (i for i in range(len(status)) if status[i] == 0):
        own = market.values[buyer].reshape([-1 if axis == buyer else 1 for axis in range(len(status))])
        buys = np.arange(own.size).reshape(own.shape)
        for k, price in market.thresholds(buyer):
            sold = np.where(buys >= k, weights, 0.0)
            paid = price * sold.sum() if market.objective == "revenue" else float((sold * own).sum())
            won, after_won = _best_correlated(market, sold, _after(status, buyer, 2))
            refused, after_refused = _best_correlated(market, weights - sold, _after(status, buyer, 1))
            if paid + won + refused > found + 1e-12:
                found = paid + won + refused
                offers = {status: (buyer, price), **after_won, **after_refused}
    return found, offers


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
    senders: tuple[tuple[int, ...], tuple[int, ...]]
    offers: dict[tuple[int, int], tuple[int, float, float]]


class MessageProgram:
    """The mixed-integer program of one pair of message strategies."""

    def __init__(self, market: Market, messages: int, senders: tuple[tuple[int, ...], tuple[int, ...]]):
        self.market, self.messages, self.senders = market, messages, senders
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
        return (float(own[k - 1]) + STRICT if k else 0.0), (float(own[k]) if k < len(own) else 1.0)

    def sales(self, option: Option, types: tuple[int, int]) -> tuple[int, int] | None:
        """(buyer that gets the item, which price it pays: 1 or 2), None if nobody does."""
        if types[option.first] >= option.k:
            return option.first, 1
        return (1 - option.first, 2) if types[1 - option.first] >= option.l else None

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

    @cached_property
    def bound(self) -> float:
        """Leader gain if buyers sent these messages whatever they were offered."""
        gain = self.objective.reshape(len(self.cells), len(self.options), 3)
        total = gain[:, :, 0].copy()
        for o, option in enumerate(self.options):
            total[:, o] += gain[:, o, 1] * self._window(option.first, option.k)[1]
            total[:, o] += gain[:, o, 2] * self._window(1 - option.first, option.l)[1]
        return float(total.max(axis=1).sum())

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

    def _prices(self) -> tuple[csr_array, NDArray[np.float64], NDArray[np.float64]]:
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
        matrix = csr_array((values, (rows, columns)), shape=(len(entries), self.size))
        return matrix, np.array(lower), np.array(upper)

    def solve(self) -> MessageMechanism | None:
        """The best mechanism in which the message strategies are an equilibrium; None if there is none."""
        matrix, lower, upper = self._prices()
        constraints = [LinearConstraint(matrix, lower, upper), LinearConstraint(csr_array(self.incentives), 0, np.inf)]
        integral = np.tile([1, 0, 0], self.size // 3)
        found = milp(-self.objective, constraints=constraints, integrality=integral, bounds=Bounds(0, 1))
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
        result = linprog(
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
        value = float(gain - self.market.best_welfare)
        # Nothing is more than efficient; what is above zero is rounding.
        return MessageMechanism(min(value, 0.0) if self.market.objective == "welfare" else value, self.senders, offers)


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


def message_solve(market: Market, messages: int) -> MessageMechanism:
    """Best two-buyer, one-item mechanism with messages, in its leader-favourable pure Bayesian equilibrium.

    Raises:
        InvalidFieldError: not two buyers and one item.
    """
    if len(market.values) != 2 or market.items != 1:
        raise InvalidFieldError("buyers", f"{len(market.values)} buyers, {market.items} items", "2 buyers and 1 item")
    pairs = product(*(message_strategies(len(own), messages) for own in market.values))
    programs = [MessageProgram(market, messages, (first, second)) for first, second in pairs]
    best: MessageMechanism | None = None
    for program in sorted(programs, key=lambda program: -program.bound):
        if best is not None and program.bound - market.best_welfare <= best.value + 1e-9:
            break
        found = program.solve()
        if found is not None and (best is None or found.value > best.value + 1e-9):
            best = found
    assert best is not None, "with silent buyers some mechanism is always an equilibrium"
    return best
