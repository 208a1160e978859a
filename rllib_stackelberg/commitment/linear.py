"""Optimal commitment to numbers, where a follower of private type chooses from a list and payoffs are linear.

The leader commits to numbers x, 0 <= x <= most, sum x <= total: coverage of targets, payments for outcomes. A follower
of type t, drawn with probability p_t, chooses k; it is paid f_tk . x + f0_tk, the leader l_tk . x + l0_tk. Wanted is

    max over x of sum_t p_t (leader's payoff at the choice k_t that is best for type t), ties in the leader's favour.

- `programmes`: one linear programme for every tuple of choices (Conitzer & Sandholm 2006), a type at a time: a partial
  tuple is given up where its programme has no solution, or where it and the best of the other types alone are worth no
  more than what has been found. Exponential in the number of types at worst.
- `integer_programme`: one mixed-integer programme with a choice of each type as zeros and ones, as DOBSS (Paruchuri et
  al. 2008) and ERASER (Kiekintveld et al. 2009), every big-M as small as payoffs allow.

Programmes are solved in floats (HiGHS), payoffs in units of their own. Up to `EXACT_NUMBERS` numbers the vertex they
end in is computed again in fractions, and it is checked without a tolerance that types prefer what they are said to
choose; otherwise in floats. Where a check or the programme's own bound leaves a doubt, the solution says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.commitment.exact_vertices import vertex_near
from rllib_stackelberg.commitment.integer_programs import solved
from rllib_stackelberg.comparisons import tied, typical_spread
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = LazyModule("scipy.optimize")

EXACT_NUMBERS = 40
"""Most numbers of the leader whose vertex is computed in fractions."""

ACCURACY = 1e-7
"""Share of what payoffs typically differ by that a linear programme in floats may be off by."""

INTEGER_ACCURACY = 1e-5
"""The same of a mixed-integer programme, whose rows hold up to 1e-6."""

PROGRAMMES = 5_000
"""Most linear programmes that are solved before the mixed-integer programme is asked for instead."""


@dataclass(frozen=True, eq=False)
class LinearCommitment:
    """A problem as above.

    Attributes:
        prior: of types, `[types]`.
        leader, follower: slopes `[types, choices, numbers]`.
        leader_constant, follower_constant: payoffs at x = 0, `[types, choices]`.
        most: of each number; total: most of their sum, infinite if it is not limited.
    """

    prior: NDArray[np.float64]
    leader: NDArray[np.float64]
    follower: NDArray[np.float64]
    leader_constant: NDArray[np.float64]
    follower_constant: NDArray[np.float64]
    most: float
    total: float = math.inf

    @property
    def types(self) -> int:
        """How many."""
        return len(self.prior)

    @property
    def choices(self) -> int:
        """Of every type."""
        return int(self.leader.shape[1])

    @property
    def numbers(self) -> int:
        """Of the leader."""
        return int(self.leader.shape[2])

    @cached_property
    def shares(self) -> LinearCommitment:
        """The same problem with numbers as shares of the most they can be: programmes in floats have no other unit."""
        slopes = self.leader * self.most, self.follower * self.most
        return replace(self, leader=slopes[0], follower=slopes[1], most=1.0, total=self.total / self.most)

    @cached_property
    def units(self) -> tuple[float, NDArray[np.float64]]:
        """What payoffs typically differ by over choices and corners: the leader's, and each type's `[types]`."""
        own = typical_spread(self._corners(self.leader, self.leader_constant)) or 1.0
        corners = self._corners(self.follower, self.follower_constant)
        return own, np.array([typical_spread(each) or 1.0 for each in corners])

    def _corners(self, slopes: Numbers, constants: Numbers) -> Numbers:
        """Payoffs at 0 and at the most of each number alone, `[types, choices, 1 + numbers]`."""
        alone = min(self.most, self.total)
        return np.concatenate([constants[..., None], constants[..., None] + slopes * alone], axis=-1)

    def payoffs(self, x: Numbers) -> tuple[Numbers, Numbers]:
        """The leader's and the follower's at x, each `[types, choices]`."""
        return self.leader @ x + self.leader_constant, self.follower @ x + self.follower_constant

    def chosen(self, x: Numbers) -> NDArray[np.bool_]:
        """Which choices are best for each type at x, up to rounding, `[types, choices]`."""
        _, theirs = self.payoffs(x)
        sizes = np.abs(self.follower) @ np.abs(x) + np.abs(self.follower_constant)
        return tied(theirs, sizes)


@dataclass(frozen=True, eq=False)
class Commitment:
    """An optimal commitment.

    Attributes:
        numbers: x; choices: of each type, `[types]`.
        leader_value: expected over types; follower_values: of each type, `[types]`.
        method: how it was found; programmes: how many were solved.
        doubt: why it is not certain; empty if it is.
        exact: x in fractions, where it was computed.
    """

    numbers: NDArray[np.float64]
    choices: tuple[int, ...]
    leader_value: float
    follower_values: NDArray[np.float64]
    method: str
    programmes: int
    doubt: str = ""
    exact: tuple[Fraction, ...] | None = None


def programmes(problem: LinearCommitment) -> Commitment:
    """By linear programmes over tuples of choices.

    Raises:
        BeyondLimitsError: there are too many tuples that cannot be ruled out.

    >>> one = LinearCommitment(np.ones(1), np.array([[[1.0], [-1.0]]]), np.array([[[-1.0], [0.0]]]),
    ...                        np.zeros((1, 2)), np.array([[0.5, 0.0]]), most=1.0)
    >>> programmes(one).leader_value, programmes(one).numbers
    (0.5, array([0.5]))
    """
    search = _Search(problem)
    search.visit((), math.inf)
    assert search.choices is not None, "some tuple of choices is best at x = 0"
    bound = search.bound - ACCURACY * problem.units[0]
    return _checked(problem, search.choices, bound, "linear programs", search.solved)


class _Search:
    """Depth-first through tuples of choices.

    Attributes:
        alone: the most that each type's choice is worth to the leader, `[types, choices]`, -inf where it is never best.
        value, choices: the best tuple so far; bound: the largest value of all tuples, as programmes' duals have it.
        solved: how many programmes.
    """

    def __init__(self, problem: LinearCommitment):
        self.problem, self.solved = problem, 0
        self.value, self.bound = -math.inf, -math.inf
        self.choices: tuple[int, ...] | None = None
        types, choices = problem.types, problem.choices
        self.alone = np.full((types, choices), -math.inf)
        for t in range(types):
            for k in range(choices):
                found = self._solve([(t, k)])
                if found is not None:
                    self.alone[t, k] = found
        best = self.alone.max(axis=1)
        # The types whose choice is worth most to the leader are decided first: what is left open is little.
        self.order = np.argsort(-np.ptp(np.where(np.isfinite(self.alone), self.alone, best[:, None]), axis=1))
        self.ahead = np.append(np.cumsum(best[self.order][::-1])[::-1], 0.0)

    def visit(self, chosen: tuple[tuple[int, int], ...], value: float) -> None:
        """Go through all tuples that extend a partial one."""
        depth = len(chosen)
        if depth == self.problem.types:
            self.bound = max(self.bound, value)
            if value > self.value:
                self.value = value
                self.choices = tuple(k for _, k in sorted(chosen))
            return
        t = int(self.order[depth])
        for k in np.argsort(-self.alone[t], kind="stable"):
            most = self.alone[t, k] + self.ahead[depth + 1]
            if not np.isfinite(self.alone[t, k]) or most + sum(self.alone[s, j] for s, j in chosen) <= self.value:
                continue
            longer = (*chosen, (t, int(k)))
            found = float(self.alone[t, k]) if not depth else self._solve(longer)
            if found is not None and found + self.ahead[depth + 1] > self.value:
                self.visit(longer, found)

    def _solve(self, chosen: Sequence[tuple[int, int]]) -> float | None:
        """The value of a partial tuple alone, as the programme's dual bounds it; None if no x makes it best."""
        self.solved += 1
        if self.solved > PROGRAMMES:
            problem = f"needs more than {PROGRAMMES:,} linear programmes"
            raise BeyondLimitsError("method", problem, "integer-program, fewer types or fewer choices")
        found = _programme(self.problem, chosen)
        return None if found is None else float(-found.fun)


def _programme(problem: LinearCommitment, chosen: Sequence[tuple[int, int]]) -> optimize.OptimizeResult | None:
    """The best x at which some types choose as they are said to; None if there is none."""
    scaled = problem.shares
    slopes, limits = _rows(scaled, chosen)
    own = np.sum([problem.prior[t] * scaled.leader[t, k] for t, k in chosen], axis=0)
    constant = sum(problem.prior[t] * problem.leader_constant[t, k] for t, k in chosen)
    unit, _ = problem.units
    found = optimize.linprog(
        -own / unit,
        A_ub=slopes,
        b_ub=limits,
        bounds=(0.0, 1.0),
        method="highs",
    )
    if found.status != 0:
        return None
    found.x, found.fun = found.x * problem.most, found.fun * unit - constant
    return found


def _rows(problem: LinearCommitment, chosen: Sequence[tuple[int, int]]) -> tuple[Numbers, Numbers]:
    """Rows a . x <= b in units of their own: no other choice is better for a type, and the sum is limited."""
    slopes, limits = [], []
    for t, k in chosen:
        others = np.delete(np.arange(problem.choices), k)
        slope = problem.follower[t, others] - problem.follower[t, k]
        limit = problem.follower_constant[t, k] - problem.follower_constant[t, others]
        units = np.abs(slope).max(axis=1, initial=0.0)
        units = np.where(units > 0, units, np.where(limit != 0, np.abs(limit), 1.0))
        slopes.append(slope / units[:, None])
        limits.append(limit / units)
    if math.isfinite(problem.total):
        slopes.append(np.full((1, problem.numbers), 1 / problem.total))
        limits.append(np.ones(1))
    return np.concatenate(slopes), np.concatenate(limits)


def integer_programme(problem: LinearCommitment, seconds: float = 60.0) -> Commitment:
    """By one mixed-integer programme.

    Args:
        problem: the problem.
        seconds: after which the best found so far is returned, with a doubt that says what may be left to gain.

    Raises:
        BeyondLimitsError: nothing was found in that time.
    """
    # Without presolve: what it makes of such programmes HiGHS finds off by more than it allows, and mends.
    options = {"time_limit": seconds, "mip_rel_gap": 1e-9, "presolve": False}
    found = solved(**_integer_rows(problem.shares), options=options)
    if found.x is None:
        raise BeyondLimitsError("method", f"found nothing in {seconds:g} s ({found.message})", "fewer types or choices")
    unit, _ = problem.shares.units
    ones = found.x[-problem.types * problem.choices :].reshape(problem.types, problem.choices)
    choices = tuple(int(k) for k in ones.argmax(axis=1))
    bound = (-float(found.mip_dual_bound) - INTEGER_ACCURACY) * unit
    return _checked(problem, choices, bound, "mixed-integer program", 1)


def _integer_rows(problem: LinearCommitment) -> dict:
    """Arguments of `milp`. Variables: x, the leader's payoff d and the follower's v of each type, choices a."""
    types, choices, numbers = problem.types, problem.choices, problem.numbers
    unit, theirs = problem.units
    own, own_0 = problem.leader / unit, problem.leader_constant / unit
    paid, paid_0 = problem.follower / theirs[:, None, None], problem.follower_constant / theirs[:, None]
    width = numbers + 2 * types + types * choices
    rows, low, high = [], [], []

    def row(x: Numbers, variables: dict[int, float], least: float, most: float) -> None:
        """Add a constraint: a sum over `x` and over single variables between two numbers."""
        entry = np.zeros(width)
        entry[:numbers] = x
        for place, weight in variables.items():
            entry[place] = weight
        rows.append(entry)
        low.append(least)
        high.append(most)

    for t in range(types):
        d, v, a = numbers + t, numbers + types + t, numbers + 2 * types + t * choices
        row(np.zeros(numbers), {a + k: 1.0 for k in range(choices)}, 1.0, 1.0)
        for k in range(choices):
            ahead = _most(problem, own[t] - own[t, k], own_0[t] - own_0[t, k])
            behind = _most(problem, paid[t] - paid[t, k], paid_0[t] - paid_0[t, k])
            row(-own[t, k], {d: 1.0, a + k: ahead}, -np.inf, own_0[t, k] + ahead)  # d <= l_tk(x) + M (1 - a_tk)
            row(-paid[t, k], {v: 1.0}, paid_0[t, k], np.inf)  # v >= f_tk(x)
            row(-paid[t, k], {v: 1.0, a + k: behind}, -np.inf, paid_0[t, k] + behind)  # v <= f_tk(x) + M (1 - a_tk)
    if math.isfinite(problem.total):
        row(np.ones(numbers), {}, -np.inf, problem.total)
    free, ones = np.full(2 * types, np.inf), np.ones(types * choices)
    return {
        "c": np.concatenate([np.zeros(numbers), -problem.prior, np.zeros(types + types * choices)]),
        "constraints": optimize.LinearConstraint(np.array(rows), np.array(low), np.array(high)),
        "integrality": np.concatenate([np.zeros(numbers + 2 * types), ones]),
        "bounds": optimize.Bounds(
            np.concatenate([np.zeros(numbers), -free, 0 * ones]), np.concatenate([np.ones(numbers), free, ones])
        ),
    }


def _most(problem: LinearCommitment, slopes: Numbers, constants: Numbers) -> float:
    """The most that linear functions `[choices, numbers]` come to, as if the sum were not limited; at least 0."""
    return max(0.0, float((np.maximum(slopes, 0).sum(axis=-1) * problem.most + constants).max()))


def _checked(problem: LinearCommitment, choices: tuple[int, ...], bound: float, how: str, solved: int) -> Commitment:
    """The best x for a tuple of choices, and whether it is what it is said to be."""
    found = best_for(problem, choices, how)
    if found is None:
        raise InvalidFieldError("method", f"the {how} chose what no commitment makes best", "another method")
    doubt = found.doubt
    if not doubt and bound > found.leader_value:
        doubt = f"another commitment may be worth up to {bound:.9g}"
    return replace(found, programmes=solved, doubt=doubt)


def best_for(problem: LinearCommitment, choices: tuple[int, ...], how: str = "linear program") -> Commitment | None:
    """The best commitment at which each type makes a given choice; None if there is none.

    Args:
        problem: the problem.
        choices: of each type, `[types]`.
        how: what the method is called.
    """
    chosen = list(enumerate(choices))
    found = _programme(problem, chosen)
    if found is None:
        return None
    exact = _vertex(problem, chosen, found.x) if len(found.x) <= EXACT_NUMBERS else None
    x = np.clip(found.x, 0.0, problem.most) if exact is None else np.array([float(number) for number in exact])
    own, theirs = problem.payoffs(x)
    places = np.arange(problem.types), np.array(choices)
    doubt = ""
    if exact is None and not problem.chosen(x)[places].all():
        doubt = "a type prefers another choice than the programme chose, by about what rounding is"
    return Commitment(x, choices, float(problem.prior @ own[places]), theirs[places], how, 1, doubt, exact)


def _vertex(problem: LinearCommitment, chosen: Sequence[tuple[int, int]], x: Numbers) -> tuple[Fraction, ...] | None:
    """The vertex that x is near, in fractions, if it satisfies every row exactly; None if not."""
    rows: list[tuple[list[Fraction], Fraction]] = []
    for t, k in chosen:
        for other in range(problem.choices):
            if other != k:
                both = zip(problem.follower[t, other].tolist(), problem.follower[t, k].tolist(), strict=True)
                slope = [Fraction(a) - Fraction(b) for a, b in both]
                worth = (float(problem.follower_constant[t, each]) for each in (k, other))
                rows.append((slope, Fraction(next(worth)) - Fraction(next(worth))))
    if math.isfinite(problem.total):
        rows.append(([Fraction(1)] * len(x), Fraction(problem.total)))
    for i in range(len(x)):
        unit = [Fraction(int(i == j)) for j in range(len(x))]
        rows += [([-entry for entry in unit], Fraction(0)), (unit, Fraction(problem.most))]
    return vertex_near(rows, x)
