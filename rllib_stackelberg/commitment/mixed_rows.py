"""The equations of the rows that a commitment mixes, v + y.d_i = l_i (bimatrix_engine.py), compiled.

As many as the leader mixes rows: a few, however large the game. Their inverse is updated from pivot to pivot and
computed anew from time to time; its first row is the mixture.
"""

from __future__ import annotations

from typing import NamedTuple

from rllib_stackelberg.arrays import Flags, Index, Numbers
from rllib_stackelberg.comparisons import EPSILON
from rllib_stackelberg.compilation import njit

PIVOT = 1e-10
"""Least pivot, in the units of the equations."""


class Program(NamedTuple):
    """One column's program, and room for what is computed in it.

    Attributes:
        column: which; worth: the leader's payoffs l by row; payoffs: the same, with ties broken where that helps.
        follower: payoffs `[rows, columns]`; turned: the same `[columns, rows]`.
        scales: unit of each other column, what it differs by from this one at the most.
        flags: `[2, longest]`, whether a row is mixed, and whether a column is tight.
        places: `[3, most]`, which rows are mixed, which columns tight; the last for pivoting.
        inverse: of the equations; its first row is the mixture.
        multipliers: v and y, in the columns' units; change: what a step changes these by.
        over, falling: by row: v + y.d - l, and its change; room for what a pivot computes.
        gains: by column: what the follower gains by it.
    """

    column: int
    worth: Numbers
    payoffs: Numbers
    follower: Numbers
    turned: Numbers
    scales: Numbers
    flags: Flags
    places: Index
    inverse: Numbers
    multipliers: Numbers
    change: Numbers
    over: Numbers
    falling: Numbers
    gains: Numbers


@njit(error_model="numpy")
def entry(program, row, k):
    """Of the equations: the coefficient of v, or of the multiplier of a tight column."""
    if k == 0:
        return 1.0
    other = program.places[1, k - 1]
    return (program.follower[row, other] - program.follower[row, program.column]) / program.scales[other]


@njit(error_model="numpy")
def renewed(program, size):
    """Compute the inverse anew (Gauss-Jordan with pivoting in place), and the multipliers; False if it has none."""
    a, order = program.inverse, program.places[2]
    for i in range(size):
        for k in range(size):
            a[i, k] = entry(program, program.places[0, i], k)
    for k in range(size):
        pivot = k
        for i in range(k + 1, size):
            if abs(a[i, k]) > abs(a[pivot, k]):
                pivot = i
        order[k] = pivot
        if not abs(a[pivot, k]) > EPSILON:
            return False
        for c in range(size):
            a[k, c], a[pivot, c] = a[pivot, c], a[k, c]
        scale = 1 / a[k, k]
        a[k, k] = 1.0
        for c in range(size):
            a[k, c] *= scale
        for i in range(size):
            if i != k:
                factor = a[i, k]
                a[i, k] = 0.0
                _subtract(a[i], a[k], factor, size)
    for k in range(size - 1, -1, -1):
        for i in range(size):
            a[i, k], a[i, order[k]] = a[i, order[k]], a[i, k]
    solutions(program, size)
    return True


@njit(error_model="numpy")
def _subtract(total, row, factor, size):
    for c in range(size):
        total[c] -= factor * row[c]


@njit(error_model="numpy")
def _dot(left, right, size):
    total = 0.0
    for c in range(size):
        total += left[c] * right[c]
    return total


@njit(error_model="numpy")
def solutions(program, size):
    """v and the multipliers."""
    over = program.over
    for i in range(size):
        over[i] = program.payoffs[program.places[0, i]]
    for k in range(size):
        program.multipliers[k] = _dot(program.inverse[k], over, size)


@njit(error_model="numpy")
def direction(program, size, row, column):
    """How v and the multipliers change as a row's slack or a column's multiplier grows."""
    if column < 0:
        for k in range(size):
            program.change[k] = program.inverse[k, row]
        return
    right, scale = program.over, program.scales[column]
    for i in range(size):
        paid = program.follower[program.places[0, i]]
        right[i] = -(paid[column] - paid[program.column]) / scale
    for k in range(size):
        program.change[k] = _dot(program.inverse[k], right, size)


@njit(error_model="numpy")
def add(program, other, times, faster):
    """Add multiples of what the follower gains by another column to both sums by row."""
    theirs, own, over, falling = program.turned[other], program.turned[program.column], program.over, program.falling
    for row in range(len(own)):
        gain = theirs[row] - own[row]
        over[row] += times * gain
        falling[row] += faster * gain


@njit(error_model="numpy")
def exchange(program, size, row, column, out, limit):
    """What enters takes the place of what leaves; how many rows are mixed then, negative if the inverse is lost."""
    flags, rows, tight = program.flags, program.places[0], program.places[1]
    if row >= 0:
        flags[0, rows[row]] = False
    if column >= 0:
        flags[1, column] = True
    if out >= 0:
        flags[1, tight[out - 1]] = False
    if limit >= 0:
        flags[0, limit] = True
    if row >= 0 and limit >= 0:
        rows[row] = limit
        return size if _row_replaced(program, size, row) else -size
    if column >= 0 and out >= 0:
        tight[out - 1] = column
        return size if _column_replaced(program, size, out) else -size
    if column >= 0:
        rows[size], tight[size - 1] = limit, column
        return size + 1 if _grown(program, size) else -(size + 1)
    lost = not _shrunk(program, size, row, out)
    rows[row], tight[out - 1] = rows[size - 1], tight[size - 2]
    return 1 - size if lost else size - 1


@njit(error_model="numpy")
def _row_replaced(program, size, place):
    """The inverse with another mixed row; False if it cannot be told so."""
    a, entries, room = program.inverse, program.over, program.falling
    for k in range(size):
        entries[k] = entry(program, program.places[0, place], k)
        room[k] = 0.0
    for k in range(size):
        _subtract(room, a[k], -entries[k], size)
    pivot = room[place]
    room[place] = 0.0
    for k in range(size):
        a[k, place] /= pivot
        _subtract(a[k], room, a[k, place], size)
    return abs(pivot) > PIVOT


@njit(error_model="numpy")
def _column_replaced(program, size, place):
    """The inverse with another tight column: its change is known, with the other sign."""
    a, change = program.inverse, program.change
    pivot = -change[place]
    for c in range(size):
        a[place, c] /= pivot
    for k in range(size):
        if k != place:
            _subtract(a[k], a[place], -change[k], size)
    return abs(pivot) > PIVOT


@njit(error_model="numpy")
def _grown(program, size):
    """The inverse with one more row and column, the last ones."""
    a, change, entries, room = program.inverse, program.change, program.over, program.falling
    for k in range(size + 1):
        entries[k] = entry(program, program.places[0, size], k)
        room[k] = 0.0
    for k in range(size):
        _subtract(room, a[k], -entries[k], size)
    pivot = entries[size] + _dot(entries, change, size)
    for k in range(size):
        _subtract(a[k], room, change[k] / pivot, size)
        a[k, size] = change[k] / pivot
        a[size, k] = -room[k] / pivot
    a[size, size] = 1 / pivot
    return abs(pivot) > PIVOT


@njit(error_model="numpy")
def _shrunk(program, size, row, out):
    """The inverse without a row and a column, whose places the last ones take."""
    a, last = program.inverse, size - 1
    pivot = a[out, row]
    for k in range(size):
        if k != out:
            factor = a[k, row] / pivot
            _subtract(a[k], a[out], factor, size)
    for k in range(size):
        a[k, row] = a[k, last]
    for c in range(size):
        a[out, c] = a[last, c]
    return abs(pivot) > PIVOT
