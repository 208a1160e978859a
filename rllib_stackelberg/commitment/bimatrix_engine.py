"""Linear programs of a commitment in floats, compiled: one per action of the follower, none longer than it matters.

The program of follower column j is solved from its dual, min v with v + y.d_i >= l_i for every row i, y >= 0, where
l_i is what the leader gets in row i and d_i what the follower gains there by other columns. It has a start that is
feasible (y = 0, v = the largest l_i), and v falls with every pivot: once it is below what another column is worth, no
mixture for column j can win, and the rest is left out (Conitzer & Sandholm 2006 solve all programs). Columns come in
order of the largest l_i, so most of them never start.

A pivot solves a few equations, one per row that the leader mixes (mixed_rows.py). Multipliers prove a bound whatever
went wrong before: it is computed from the payoffs once more, rounded up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.commitment.mixed_rows import PIVOT, Program, add, direction, exchange, renewed, solutions
from rllib_stackelberg.comparisons import EPSILON
from rllib_stackelberg.compilation import kept, njit

LEFT_OUT, FOUND, FAILED = range(3)
"""What became of a column: no need to know more than its bound; solved; a program that floats could not solve."""

TOLERANCE = 1e-11
"""Share of what is added up, that a sum is taken to be off by."""

FRESH = 40
"""Pivots after which the inverse is computed anew."""

STALLED = 20
"""Pivots without progress after which ties are broken by chance: small differences, for the way only."""

NUDGE = 1e-11
"""How small they are, as a share of the payoffs' range."""


class Columns(NamedTuple):
    """What is known of every follower column.

    Attributes:
        status: `[columns]`; bounds: what no mixture to which the column is a best response exceeds, rounded up.
        sizes: how many rows are mixed where the column was solved.
        rows: which `[columns, most]`; tight: the columns that tie with it there, one fewer.
        shares: probabilities of these rows.
    """

    status: Index
    bounds: Numbers
    sizes: Index
    rows: Index
    tight: Index
    shares: Numbers


@kept(error_model="numpy")
def bound_columns(worth: Numbers, follower: Numbers, turned: Numbers, order: Index, floor: float, slack: float):
    """Solve or bound every column's program.

    Args:
        worth: the leader's payoffs `[columns, rows]`; follower: `[rows, columns]`; turned: the same `[columns, rows]`.
        order: columns by falling largest payoff of the leader.
        floor: what some commitment is worth.
        slack: how far below the floor a column must be to be left out; above what floats are off by.
    """
    columns, rows = worth.shape
    most = min(columns, rows)
    counts, places = np.zeros((2, columns), np.int64), np.zeros((2, columns, most), np.int64)
    found = Columns(counts[0], np.empty(columns), counts[1], places[0], places[1], np.zeros((columns, most)))
    for column in range(columns):
        found.bounds[column] = worth[column, _largest(worth[column])]
    longest = max(rows, columns) + 1
    flags, chosen = np.zeros((2, longest), np.bool_), np.zeros((3, most), np.int64)
    inverse, a = np.empty((most, most)), np.empty((7, longest))
    best = -1
    for column in order:
        if found.bounds[column] < floor - slack:
            break
        program = Program(
            column, worth[column], a[0], follower, turned, a[1], flags, chosen, inverse, a[2], a[3], a[4], a[5], a[6]
        )  # fmt: skip
        status, size = _solve(program, floor - slack, best, found)
        found.status[column] = status
        found.bounds[column] = _bound(program, size)
        if status == FOUND:
            _keep(program, size, found)
            if best < 0 or program.multipliers[0] > floor:
                best = column
            floor = max(floor, program.multipliers[0])
    return found


@njit(error_model="numpy")
def _keep(program, size, found):
    """Write down a solved program."""
    column = program.column
    found.sizes[column] = size
    for place in range(size):
        found.rows[column, place] = program.places[0, place]
        found.tight[column, place] = program.places[1, place]
        found.shares[column, place] = program.inverse[0, place]


@njit(error_model="numpy")
def _solve(program, enough, best, found):
    """Pivot until the program is solved or below `enough`; its status, and how many rows are mixed."""
    spread = _begin(program)
    size = _resumed(program, best, found) if best >= 0 else 0
    if size == 0:
        size = _alone(program)
    age, stalled, nudged, last = 0, 0, False, np.inf
    for trial in range(50 * (len(program.turned) + len(program.worth))):
        solutions(program, size)
        value = program.multipliers[0]
        if value < enough and age > 0 and not renewed(program, size):
            return FAILED, size
        if value < enough:
            return LEFT_OUT, size
        stalled = stalled + 1 if value >= last - TOLERANCE * spread else 0
        last = min(last, value)
        if stalled > STALLED:
            _nudge(program, NUDGE * spread, trial)
            stalled, nudged = 0, True
        row, column = _entering(program, size)
        if row < 0 and column < 0 and (age > 0 or nudged):
            _restore(program)
            age, nudged = 0, False
            if not renewed(program, size):
                return FAILED, size
            continue
        if row < 0 and column < 0:
            return FOUND, size
        direction(program, size, row, column)
        out, limit = _leaving(program, size, column)
        if out < 0 and limit < 0:
            return LEFT_OUT, _follow(program, size, column, enough)
        size = exchange(program, size, row, column, out, limit)
        age += 1
        if age > FRESH or size < 0:
            age, size = 0, abs(size)
            if not renewed(program, size):
                return FAILED, size
    return FAILED, size


@njit(error_model="numpy")
def _largest(numbers):
    """Place of the first of the largest numbers."""
    place = 0
    for other in range(len(numbers)):
        if numbers[other] > numbers[place]:
            place = other
    return place


@njit(error_model="numpy")
def _begin(program):
    """No row and no column yet, and the units in which columns are compared; the range of the payoffs."""
    column, turned = program.column, program.turned
    own = turned[column]
    for other in range(len(turned)):
        theirs, largest = turned[other], 0.0
        for row in range(len(own)):
            largest = max(largest, abs(theirs[row] - own[row]))
        program.scales[other] = largest if largest > 0 else 1.0
        program.flags[1, other] = False
    least = np.inf
    for row in range(len(own)):
        program.flags[0, row] = False
        least = min(least, program.worth[row])
    _restore(program)
    return program.worth[_largest(program.worth)] - least


@njit(error_model="numpy")
def _alone(program):
    """Start from the best row alone."""
    best = _largest(program.worth)
    program.flags[0, best] = True
    program.places[0, 0] = best
    program.inverse[0, 0] = 1.0
    return np.int64(1)


@njit(error_model="numpy")
def _resumed(program, best, found):
    """Start where the best column so far ended, if it ties with this one there and that is feasible; 0 if not.

    In a zero-sum game all that ties is solved at once.
    """
    size, rows, tight, own = found.sizes[best], program.places[0], program.places[1], -1
    for place in range(size):
        rows[place], tight[place] = found.rows[best, place], found.tight[best, place]
        if place < size - 1 and tight[place] == program.column:
            tight[place], own = best, place
    if own < 0 or not renewed(program, size) or not _feasible(program, size):
        return np.int64(0)
    for place in range(size):
        program.flags[0, rows[place]] = True
        if place < size - 1:
            program.flags[1, tight[place]] = True
    return size


@njit(error_model="numpy")
def _feasible(program, size):
    """Whether no multiplier is negative and every row's constraint holds."""
    over, multipliers = program.over, program.multipliers
    for row in range(len(program.worth)):
        over[row] = multipliers[0] - program.payoffs[row]
        program.falling[row] = abs(multipliers[0]) + abs(program.payoffs[row])
    for k in range(1, size):
        if multipliers[k] < 0:
            return False
        add(program, program.places[1, k - 1], multipliers[k] / program.scales[program.places[1, k - 1]], 0.0)
    short = False
    for row in range(len(program.worth)):
        short = short or over[row] < -TOLERANCE * program.falling[row]
    return not short


@njit(error_model="numpy")
def _restore(program):
    """Payoffs as they are."""
    for row in range(len(program.worth)):
        program.payoffs[row] = program.worth[row]


@njit(error_model="numpy")
def _nudge(program, size, seed):
    """Lower the payoffs of rows that are not mixed by a little, each by something else; what is feasible stays so."""
    state = np.uint64(2 * seed + 1)
    for row in range(len(program.worth)):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        if not program.flags[0, row]:
            program.payoffs[row] -= size * (0.5 + (state >> np.uint64(12)) / 2.0**52)


@njit(error_model="numpy")
def _entering(program, size):
    """What lets v fall most: the place of a mixed row of negative share, or a column that the follower prefers."""
    mixture, gains, scales = program.inverse[0], program.gains, program.scales
    whole = 0.0
    for other in range(len(program.turned)):
        gains[other] = 0.0
    for i in range(size):
        share = mixture[i]
        whole += abs(share)
        paid = program.follower[program.places[0, i]]
        own = paid[program.column]
        for other in range(len(paid)):
            gains[other] += share * (paid[other] - own)
    row, column, largest = -1, -1, TOLERANCE * whole
    for other in range(len(program.turned)):
        gain = gains[other] / scales[other]
        if gain > largest and not program.flags[1, other]:
            column, largest = other, gain
    for i in range(size):
        if -mixture[i] > largest:
            row, column, largest = i, -1, -mixture[i]
    return row, column


@njit(error_model="numpy")
def _leaving(program, size, column):
    """What stops that: the place of a multiplier that falls to 0, or a row whose constraint binds."""
    over, falling, change, multipliers = program.over, program.falling, program.change, program.multipliers
    for row in range(len(program.worth)):
        over[row], falling[row] = multipliers[0] - program.payoffs[row], change[0]
    largest = max(1.0, abs(change[0]))
    for k in range(1, size):
        other = program.places[1, k - 1]
        largest = max(largest, abs(change[k]))
        scale = program.scales[other]
        add(program, other, multipliers[k] / scale, change[k] / scale)
    if column >= 0:
        add(program, column, 0.0, 1 / program.scales[column])
    out, limit, step, speed = -1, -1, np.inf, 0.0
    for k in range(1, size):
        if change[k] < -PIVOT * largest:
            far = max(multipliers[k], 0.0) / -change[k]
            if far < step or (far == step and -change[k] > speed):
                out, step, speed = k, far, -change[k]
    for row in range(len(program.worth)):
        if falling[row] < -PIVOT * largest and not program.flags[0, row]:
            far = max(over[row], 0.0) / -falling[row]
            if far < step or (far == step and -falling[row] > speed):
                out, limit, step, speed = -1, row, far, -falling[row]
    return out, limit


@njit(error_model="numpy")
def _follow(program, size, column, enough):
    """Nothing stops v from falling: no mixture makes this column a best response. Go until it is below `enough`."""
    step = 2 * (program.multipliers[0] - enough) / -program.change[0] if program.change[0] < 0 else 0.0
    for k in range(size):
        program.multipliers[k] += step * program.change[k]
    if column < 0:
        return size
    program.places[1, size - 1] = column
    program.multipliers[size] = step
    return size + 1


@njit(error_model="numpy")
def _bound(program, size):
    """What the multipliers prove that no mixture exceeds, rounded up."""
    own, worth, total, sizes = program.turned[program.column], program.worth, program.over, program.falling
    for row in range(len(own)):
        total[row], sizes[row] = worth[row], abs(worth[row])
    for k in range(1, size):
        other = program.places[1, k - 1]
        times = program.multipliers[k] / program.scales[other]
        if times > 0 and np.isfinite(times):
            theirs = program.turned[other]
            for row in range(len(own)):
                total[row] -= times * (theirs[row] - own[row])
                sizes[row] += times * (abs(theirs[row]) + abs(own[row]))
    bound = -np.inf
    for row in range(len(own)):
        bound = max(bound, total[row] + (size + 4) * EPSILON * sizes[row])
    return min(bound, worth[_largest(worth)])
