"""Compiled rules of drivers who choose paths and a city that tolls links: those of `congestion` once more, a play at a
time.

A play is the path of every driver, whether the city has set its tolls, and the load of every link.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import njit
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
    drivers, links = len(moves), facts.paths.shape[1]
    state[drivers:] = 0
    for driver in range(drivers):
        path = moves[driver]
        state[driver] = path
        for link in range(links):
            if facts.paths[path, link]:
                state[drivers + 1 + link] += 1


@njit
def _question(facts, state):
    """The city is asked once."""
    return np.int64(-1) if state[len(facts.values)] else np.int64(0)


@njit
def _answer(facts, nature, state, action, payoffs):
    drivers, links = len(facts.values), facts.paths.shape[1]
    total = 0.0
    for driver in range(drivers):
        path, taken, paid = state[driver], 0.0, 0.0
        for link in range(links):
            if facts.paths[path, link]:
                taken += facts.times[link, state[drivers + 1 + link]]
                paid += action[link]
        lost = facts.values[driver] * taken
        total += lost
        payoffs[driver + 1] += -lost - paid
    payoffs[0] -= total
    state[drivers] = 1


TRAFFIC = CompiledFunctions(_open, _question, _answer)
