"""The best menu for a buyer of finitely many types, by a linear programme.

An entry for every type, truth no worse than what another type is offered: the revelation principle. For n types these
are n^2 conditions, nearly all of which hold by themselves. Those between close types are asked for first, then those
that are broken, until none is. Whatever has been asked for so far, the programme's value is no less than the best
menu's: with the conditions of close types alone it is a bound at the price of a single programme.

Direct mechanisms for several agents, with all conditions: direct_mechanisms.py.
Vohra 2011, Mechanism Design; Manelli & Vincent 2007 (Journal of Economic Theory 137) on several items.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.economics.menus import Buyer, Menu, numbers_of
from rllib_stackelberg.errors import BeyondLimitsError
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.rules.solution import StackelbergSolution

if TYPE_CHECKING:
    from scipy import optimize, sparse, spatial
else:
    optimize, sparse, spatial = (LazyModule(f"scipy.{name}") for name in ("optimize", "sparse", "spatial"))

CLOSE = 8
"""Types next to each type to which truth is compared first."""

ADDED = 3
"""Broken conditions of a type that are added in a round."""

SOLVED_TYPES = 512
"""Most types whose best menu is looked for: some seconds."""

BOUNDED_TYPES = 1_024
"""Most types of which a bound is: some seconds, too."""

ACCURACY = 1e-8
"""Share of the largest value that a programme in floats may be off by, in conditions and in value."""

ALIKE = 1e-6
"""Entries (prices as shares of the largest value) that are no further apart are one."""

ROUNDS = 200


@dataclass(frozen=True, eq=False)
class BestMenu:
    """What the programme found.

    Attributes:
        menu: an entry for each lot of types that are offered the same; value: its revenue from these types.
        bound: what no menu exceeds, by the programme's multipliers.
        doubt: why `value` is not certain to be the largest; empty if it is.
    """

    menu: Menu
    value: float
    bound: float
    doubt: str = ""


@dataclass(frozen=True, eq=False)
class MenuProgramme:
    """Of a buyer: variables are the lottery of each type and its payoff, values in shares of the largest.

    Attributes:
        buyer: of finitely many types.
    """

    buyer: Buyer

    @cached_property
    def unit(self) -> float:
        """The largest value of all items together."""
        return float(self.buyer.most.max()) or 1.0

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Of items, in that unit."""
        return self.buyer.values / self.unit

    @property
    def types(self) -> int:
        """How many."""
        return len(self.values)

    @cached_property
    def close_pairs(self) -> Index:
        """Each type and those next to it, `[pairs, 2]`."""
        near = min(CLOSE + 1, self.types)
        found = spatial.cKDTree(self.values).query(self.values, near)[1].reshape(self.types, near)
        pairs = np.stack([np.repeat(np.arange(self.types), near), found.ravel()], axis=1)
        return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)

    @cached_property
    def bound(self) -> float:
        """No menu is worth more to the seller.

        Raises:
            BeyondLimitsError: there are too many types.
        """
        _refuse_many(self.types, BOUNDED_TYPES)
        return self._solved(self.close_pairs)[2] * self.unit

    @cached_property
    def best(self) -> BestMenu:
        """The best menu.

        Raises:
            BeyondLimitsError: there are too many types.
        """
        _refuse_many(self.types, SOLVED_TYPES)
        pairs, doubt = self.close_pairs, "conditions were still broken when the last round was over"
        for _ in range(ROUNDS):
            lotteries, payoffs, bound = self._solved(pairs)
            broken = self._broken(lotteries, payoffs)
            if not len(broken):
                doubt = ""
                break
            pairs = np.unique(np.concatenate([pairs, broken]), axis=0)
        menu = self._menu(lotteries, payoffs)
        value = self.buyer.revenue(menu)
        if not doubt and bound * self.unit - value > self.types * ACCURACY * self.unit:
            doubt = f"the menu is worth {value:.9g}, the programme {bound * self.unit:.9g}"
        return BestMenu(menu, value, bound * self.unit, doubt)

    def _solved(self, pairs: Index) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Lotteries `[types, items]`, payoffs `[types]` and the multipliers' bound, truth compared for pairs alone."""
        types, items = self.values.shape
        gains = np.concatenate([(self.buyer.prior[:, None] * self.values).ravel(), -self.buyer.prior])
        wanted, limits = self._truth(pairs), np.zeros(len(pairs))
        if self.buyer.demand == "unit":
            one = sparse.kron(sparse.eye_array(types), np.ones((1, items)))
            wanted = sparse.vstack([wanted, sparse.hstack([one, sparse.csr_array((types, types))])])
            limits = np.concatenate([limits, np.ones(types)])
        # No type gets more than everything is worth, 1 at most in this unit: every variable is in [0, 1].
        found = optimize.linprog(
            -gains,
            A_ub=wanted,
            b_ub=limits,
            bounds=(0, 1),
            method="highs-ds",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        assert found.x is not None, found.message  # nothing for nothing satisfies all
        multipliers = np.maximum(-found.ineqlin.marginals, 0.0)
        bound = float(multipliers @ limits + np.maximum(gains - wanted.T @ multipliers, 0.0).sum())
        return found.x[: types * items].reshape(types, items), found.x[types * items :], bound

    def _truth(self, pairs: Index) -> sparse.csr_array:
        """Rows that must not exceed 0: what the first type of each pair gains by what the other one is offered."""
        types, items = self.values.shape
        own, other = pairs.T
        row = np.arange(len(pairs))
        entries = [(self.values[own, i] - self.values[other, i], other * items + i) for i in range(items)]
        ones = np.ones(len(pairs))
        entries += [(ones, types * items + other), (-ones, types * items + own)]
        numbers, columns = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        places = (np.tile(row, len(entries)), columns)
        return sparse.csr_array((numbers, places), shape=(len(pairs), types * (items + 1)))

    def _broken(self, lotteries: NDArray[np.float64], payoffs: NDArray[np.float64]) -> Index:
        """Pairs of which the first type gains by the other's offer, the worst few of each type, `[pairs, 2]`."""
        offered = payoffs - (self.values * lotteries).sum(axis=1)
        gains = self.values @ lotteries.T + offered - payoffs[:, None]
        worst = np.argsort(-gains, axis=1)[:, :ADDED]
        own = np.repeat(np.arange(self.types), worst.shape[1])
        pairs = np.stack([own, worst.ravel()], axis=1)
        return pairs[gains[pairs[:, 0], pairs[:, 1]] > ACCURACY]

    def _menu(self, lotteries: NDArray[np.float64], payoffs: NDArray[np.float64]) -> Menu:
        """Distinct offers, in the unit of the buyer; prices a little lower, so that rounding turns nobody away."""
        prices = (self.values * lotteries).sum(axis=1) - payoffs
        rows = np.column_stack([np.clip(lotteries, 0, 1), np.maximum(prices, 0)])
        _, first = np.unique(np.round(rows / ALIKE), axis=0, return_index=True)
        rows = rows[np.sort(first)]
        rows = rows[rows[:, -1] > ALIKE]
        return Menu(rows[:, :-1], rows[:, -1] * self.unit)


def _refuse_many(types: int, most: int) -> None:
    if types > most:
        raise BeyondLimitsError("types", f"are {types:,}", f"up to {most:,} for a linear programme")


def menu_solve(programme: MenuProgramme, entries: int) -> StackelbergSolution:
    """The best menu of so many entries, where the best of all needs no more.

    Args:
        programme: of the buyer; entries: that the seller may post.

    Raises:
        BeyondLimitsError: there are too many types, or the best menu has more entries.

    >>> tenths = Buyer(np.arange(1, 11)[:, None] / 10, np.full(10, 0.1))
    >>> found = menu_solve(MenuProgramme(tenths), entries=2)
    >>> round(found.leader_value, 9), found.leader_strategy[0][1]
    (0.3, (1.0, 0.6, 0.0, 0.0))
    """
    best = programme.best
    if len(best.menu.prices) > entries:
        problem = f"{entries}; the best menu for these types has {len(best.menu.prices)} entries"
        raise BeyondLimitsError("entries", problem, "as many, or fewer types")
    buyer, menu = programme.buyer, best.menu
    worth = (buyer.values @ menu.lotteries.T - menu.prices).max(axis=1, initial=0.0)
    return StackelbergSolution(
        leader_value=best.value,
        follower_values=(float(buyer.prior @ worth),),
        leader_strategy=((0, tuple(numbers_of(menu, buyer.highest, entries).tolist())),),
        method="linear programme over menus with an entry for each type",
        tie_break="leader",
        doubt=best.doubt,
        details={"entries": len(menu.prices), "bound": best.bound},
    )
