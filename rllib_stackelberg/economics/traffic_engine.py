"""Compiled rules of drivers who choose paths and a city that tolls links: those of `congestion` once more, a play at a
time.

A play is the path of every driver, and whether the city has set its tolls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rllib_stackelberg.rules.compiled_rules import CompiledFunctions


class TrafficFacts(NamedTuple):
    """Of an instance: as in `Network` (tolls.py).

    Attributes:
        times: of links by load, `[links, drivers + 1]`.
        paths: whether a link is on a path, `[paths, links]`.
        values: of time, `[drivers]`.
    """

    times: NDArray[np.float64]
    paths: NDArray[np.bool_]
    values: NDArray[np.float64]


@njit
def _open(facts, nature, moves, state):
    state[: len(moves)] = moves
    state[len(moves)] = 0


@njit
def _question(facts, state):
    """The city is asked once."""
    return np.int64(-1) if state[len(facts.values)] else np.int64(0)


@njit
def _answer(facts, nature, state, action, payoffs):
    drivers, (paths, links) = len(facts.values), facts.paths.shape
    carried = np.zeros(paths, dtype=np.int64)
    for driver in range(drivers):
        carried[state[driver]] += 1
    taken, paid = np.zeros(paths), np.zeros(paths)
    for link in range(links):
        load = 0
        for path in range(paths):
            if facts.paths[path, link]:
                load += carried[path]
        for path in range(paths):
            if facts.paths[path, link]:
                taken[path] += facts.times[link, load]
                paid[path] += action[link]
    total = 0.0
    for driver in range(drivers):
        path = state[driver]
        lost = facts.values[driver] * taken[path]
        total += lost
        payoffs[driver + 1] += -lost - paid[path]
    payoffs[0] -= total
    state[drivers] = 1


TRAFFIC = CompiledFunctions(_open, _question, _answer)
