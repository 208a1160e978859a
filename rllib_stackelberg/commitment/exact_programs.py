"""Linear programs of a commitment in exact rational arithmetic.

    maximise x.l over mixtures x (x >= 0, sum x = 1) with x.d_k <= 0 for every k

by the simplex method on its dual, min v with v + y.d_i >= l_i for every entry i of x, y >= 0, which has a start that is
feasible (y = 0, v = max l). Every float is a rational number, so nothing is rounded and no tolerance is chosen: a
penalty of 1e300 beside payoffs of 1e-10 is a number like any other. Pivots are free of fractions (Edmonds 1967): all
entries are integers over one common denominator. Pivots follow Bland's rule, so they end. For small programs: integers
grow with every pivot.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class ExactMixture(NamedTuple):
    """An optimal mixture and its value."""

    value: Fraction
    mixture: tuple[Fraction, ...]


def best_mixture(payoffs: Sequence[Fraction], advantages: Sequence[Sequence[Fraction]]) -> ExactMixture | None:
    """The best mixture; None if no mixture satisfies the constraints.

    Args:
        payoffs: l, `[n]`; advantages: d, `[constraints, n]`.

    >>> found = best_mixture([Fraction(2), Fraction(1)], [[Fraction(1), Fraction(-2)]])
    >>> str(found.value), [str(share) for share in found.mixture]
    ('5/3', ['2/3', '1/3'])
    """
    whole, scale = _integers(payoffs)
    limits, _ = _integers([entry for row in advantages for entry in row])
    limits = limits.reshape(len(advantages), len(whole))
    start = int(np.argmax(whole))
    rest = [i for i in range(len(whole)) if i != start]
    # Rows: v, then the slacks of the other entries. Columns: constant, slack of the starting entry, y.
    top = [whole[start], 1, *-limits[:, start]]
    below = [[whole[start] - whole[i], 1, *(limits[:, i] - limits[:, start])] for i in rest]
    dictionary = _Dictionary(np.array([top, *below], dtype=object), [start, *range(-1, -1 - len(limits), -1)], rest)
    if not dictionary.minimised():
        return None
    mixture = [Fraction(0)] * len(whole)
    for place, variable in enumerate(dictionary.free):
        if variable >= 0:
            mixture[variable] = Fraction(dictionary.numbers[0, 1 + place], dictionary.denominator)
    return ExactMixture(Fraction(dictionary.numbers[0, 0], dictionary.denominator * scale), tuple(mixture))


def proved_mixture(
    payoffs: ArrayLike, follower: ArrayLike, column: int, rows: Sequence[int], tight: Sequence[int]
) -> ExactMixture | None:
    """The optimal mixture of a commitment's program whose rows and tight columns are known; None if it is not optimal.

    The mixture of these rows at which these columns tie pays what the program is worth, if no probability is negative
    and no column better for the follower; and no mixture is worth more, if multipliers of the tight columns say so.

    Args:
        payoffs: the leader's, `[rows, columns]`; follower: the follower's.
        column: that the follower is to play.
        rows: those that the leader mixes; tight: other columns that pay the follower the same, one fewer.

    >>> found = proved_mixture([[1, 3], [0, 2]], [[1, 0], [0, 1]], 1, [0, 1], [0])
    >>> str(found.value), [str(share) for share in found.mixture]
    ('5/2', ['1/2', '1/2'])
    >>> proved_mixture([[1, 3], [0, 2]], [[1, 0], [0, 1]], 1, [1], []) is None
    True
    """
    own, scale = _whole(np.asarray(payoffs, dtype=float)[:, column])
    theirs, _ = _whole(np.asarray(follower, dtype=float))
    gains = theirs - theirs[:, [column]]
    equations = gains[np.ix_(rows, tight)]
    mixture = _kernel(equations.T)
    if mixture is None:
        return None
    mixture = mixture if sum(mixture) > 0 else -mixture
    if min(mixture) < 0 or (mixture @ gains[rows]).max() > 0:
        return None
    # v and y of v + y.d_i = l_i in the mixed rows, as shares of a common denominator
    multipliers = _kernel(np.column_stack([np.ones(len(rows), dtype=object), equations, -own[rows]]))
    if multipliers is None or multipliers[-1] == 0:
        return None
    if multipliers[-1] < 0:
        multipliers = -multipliers
    value, factors, denominator = multipliers[0], multipliers[1:-1], multipliers[-1]
    if min(factors, default=0) < 0 or (value + gains[:, tight] @ factors - own * denominator).min() < 0:
        return None
    whole, shares = sum(mixture), [Fraction(0)] * len(own)
    for row, share in zip(rows, mixture, strict=True):
        shares[row] = Fraction(share, whole)
    return ExactMixture(Fraction(value, denominator) / scale, tuple(shares))


def _kernel(matrix: NDArray[np.object_]) -> NDArray[np.object_] | None:
    """Integers z, not all 0, with matrix z = 0, of a matrix with a column more than rows; None if they are not unique.

    Elimination free of fractions (Bareiss 1968).
    """
    last, pivots = 1, []
    for k in range(len(matrix)):
        column = next((c for c, entry in enumerate(matrix[k]) if entry), None)
        if column is None:
            return None
        pivots.append(column)
        changed = (matrix[k, column] * matrix - np.outer(matrix[:, column], matrix[k])) // last
        changed[k], last = matrix[k], matrix[k, column]
        matrix = changed
    (free,) = set(range(matrix.shape[1])) - set(pivots)
    kernel = np.empty(matrix.shape[1], dtype=object)
    kernel[pivots], kernel[free] = -matrix[:, free], last
    return kernel


def _whole(numbers: NDArray[np.float64]) -> tuple[NDArray[np.object_], Fraction]:
    """Floats times the power of two that makes them all integers, and that power."""
    mantissas, exponents = np.frexp(numbers)
    least = int(exponents[mantissas != 0].min(initial=2000))
    shifts = np.where(mantissas == 0, 0, exponents - least)
    whole = np.ldexp(mantissas, 53).astype(np.int64).astype(object) << shifts.astype(object)
    return whole, Fraction(2) ** (53 - least)


def rationals(numbers: ArrayLike) -> list[list[Fraction]]:
    """A matrix of floats as what they exactly are."""
    return [[Fraction(entry) for entry in row] for row in np.asarray(numbers, dtype=float).tolist()]


def _integers(numbers: Sequence[Fraction]) -> tuple[NDArray[np.object_], int]:
    """The numbers times the least factor that makes them all integers, and that factor."""
    factor = int(np.lcm.reduce([number.denominator for number in numbers], dtype=object)) if len(numbers) else 1
    return np.array([int(number * factor) for number in numbers], dtype=object), factor


class _Dictionary:
    """Basic variables as linear functions of the free ones, which are 0; the first row is what is minimised.

    Attributes:
        numbers: `[1 + basic, 1 + free]` integers, constants first; denominator: of all of them.
        free, basic: names of the variables; those below 0 are multipliers y, the others slacks.
    """

    def __init__(self, numbers: NDArray[np.object_], free: list[int], basic: list[int]):
        self.numbers, self.denominator = numbers, 1
        self.free, self.basic = free, basic

    def minimised(self) -> bool:
        """Pivot until the first row is at its least; False if it has none."""
        while True:
            falling = [(name, place) for place, name in enumerate(self.free) if self.numbers[0, 1 + place] < 0]
            if not falling:
                return True
            column = 1 + min(falling)[1]
            shrinking = [row for row in range(1, len(self.numbers)) if self.numbers[row, column] < 0]
            if not shrinking:
                return False
            self._pivot(min(shrinking, key=lambda row: self._room(row, column)), column)

    def _room(self, row: int, column: int) -> tuple[Fraction, int]:
        """How far a free variable can grow until a basic one is 0, and that one's name."""
        return Fraction(self.numbers[row, 0], -self.numbers[row, column]), self.basic[row - 1]

    def _pivot(self, row: int, column: int) -> None:
        """Exchange a basic variable and a free one; the pivot is negative."""
        old, pivot = self.numbers, self.numbers[row, column]
        new = (np.outer(old[:, column], old[row]) - old * pivot) // self.denominator
        new[:, column] = -old[:, column]
        new[row] = old[row]
        new[row, column] = -self.denominator
        self.numbers, self.denominator = new, -pivot
        self.free[column - 1], self.basic[row - 1] = self.basic[row - 1], self.free[column - 1]
