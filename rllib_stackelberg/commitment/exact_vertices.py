"""A vertex of a polytope in fractions, from what a linear programme in floats found."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rllib_stackelberg.arrays import Numbers

NEAR = Fraction(1, 10**7)
"""How far from a facet a point found in floats may be, of the largest number of its row, to count as on it."""

Row = tuple[Sequence[Fraction], Fraction]
"""Numbers a and b of a . x <= b."""


def vertex_near(rows: Sequence[Row], x: Numbers) -> tuple[Fraction, ...] | None:
    """The point where the facets that x is on meet, if it satisfies every row exactly; None if it does not.

    Where they leave it free, it has coordinates of x.

    Args:
        rows: of the polytope; x: a point that is nearly in it.

    >>> third = Fraction(1, 3)  # x = 1/3, y = 1 - x
    >>> rows = [([Fraction(3), Fraction(0)], Fraction(1)), ([Fraction(1), Fraction(1)], Fraction(1))]
    >>> [str(number) for number in vertex_near(rows, [0.33333333333, 0.66666666667])]
    ['1/3', '2/3']
    """
    point = [Fraction(float(number)) for number in x]
    slacks = []
    for slope, limit in rows:
        unit = max(*map(abs, slope), abs(limit))
        if unit:
            slacks.append((abs(limit - _product(slope, point)) / unit, slope, limit))
    facets = [[*slope, limit] for slack, slope, limit in sorted(slacks, key=lambda each: each[0]) if slack <= NEAR]
    kept = [[Fraction(int(i == j)) for j in range(len(point))] + [value] for i, value in enumerate(point)]
    found = meeting_point(facets + kept, len(point))
    assert found is not None, "coordinates of a point determine it"
    return tuple(found) if all(_product(slope, found) <= limit for slope, limit in rows) else None


def _product(slope: Sequence[Fraction], point: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(slope, point, strict=True) if a), Fraction(0))


def meeting_point(equations: Sequence[Sequence[Fraction]], width: int) -> list[Fraction] | None:
    """The solution of the first `width` independent equations `[.. | right side]`; None if there are fewer.

    >>> one, two = Fraction(1), Fraction(2)
    >>> [str(number) for number in meeting_point([[one, one, one], [two, two, two], [one, -one, 0 * one]], 2)]
    ['1/2', '1/2']
    """
    solved: dict[int, list[Fraction]] = {}
    for equation in equations:
        rest = list(equation)
        for column, row in solved.items():
            if factor := rest[column]:
                rest = [a - factor * b for a, b in zip(rest, row, strict=True)]
        column = next((j for j in range(width) if rest[j]), -1)
        if column < 0:
            continue
        row = [entry / rest[column] for entry in rest]
        for other, before in solved.items():
            if factor := before[column]:
                solved[other] = [a - factor * b for a, b in zip(before, row, strict=True)]
        solved[column] = row
        if len(solved) == width:
            break
    return [solved[column][-1] for column in range(width)] if len(solved) == width else None
