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
