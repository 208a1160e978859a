"""Tolls on a road network: the traffic that costs everybody least, and tolls at which nobody leaves it.

Drivers 1..n have values of time v_i and choose among paths, which are sets of links. A link with load k takes t_l(k); a
path takes the sum over its links. With tolls on links a driver on path p loses v_i t_p + toll_p, the city sum v_i t_i:
tolls only change hands.

- System optimum: how long paths take depends on how many take each; given that, those who value time most take the
  fastest ones. So loads of paths are tried, all of them: C(n + paths - 1, paths - 1).
- Tolls: one linear programme asks for the toll on each link such that every driver of the optimum loses more by any
  other path, by as much as possible. Where there are such tolls, the city gets its optimum, and no strategy is worth
  more. (That they exist with a continuum of drivers: Cole, Dodis & Roughgarden 2003, STOC.)
- `settled`: with tolls, this is a potential game (times and tolls divided by v_i: Rosenthal 1973, with costs of their
  own: Milchtaich 1996), so drivers who change paths one by one, whenever they gain, come to an equilibrium.

References: Pigou 1920; Braess 1968; Beckmann, McGuire & Winsten 1956 (marginal-cost tolls).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.comparisons import exceeds
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.rules.solution import StackelbergSolution

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = LazyModule("scipy.optimize")

LOADS = 1_000_000
"""Most loads of paths that are tried."""

ROUNDS = 10_000
"""Most rounds in which drivers change paths; they come to an end before."""


@dataclass(frozen=True, eq=False)
class Network:
    """Drivers and paths.

    Attributes:
        times: of links by load, `[links, drivers + 1]`, none falling.
        paths: whether a link is on a path, `[paths, links]`.
        values: of time, `[drivers]`.
    """

    times: NDArray[np.float64]
    paths: NDArray[np.bool_]
    values: NDArray[np.float64]

    @property
    def drivers(self) -> int:
        """How many."""
        return len(self.values)

    def loads(self, choices: Index) -> Index:
        """Of links `[..., links]`, by path of each driver `[..., drivers]`."""
        return self.paths[choices].sum(axis=-2)

    def path_times(self, loads: Index) -> Numbers:
        """Of paths `[..., paths]`, by loads of links `[..., links]`; links are added up in their order."""
        total = np.zeros((*loads.shape[:-1], len(self.paths)))
        for link, own in enumerate(self.times):
            total += self.paths[:, link] * own[loads[..., link]][..., None]
        return total

    def cost(self, choices: Index) -> float:
        """What drivers `[drivers]` lose in time, times its value."""
        return float(self.values @ self.path_times(self.loads(choices))[choices])

    @cached_property
    def optimum(self) -> Index:
        """Path of each driver where all lose least, `[drivers]`.

        Raises:
            BeyondLimitsError: there are too many loads.
        """
        count = math.comb(self.drivers + len(self.paths) - 1, len(self.paths) - 1)
        if count > LOADS:
            allowed = f"up to {LOADS:,}: fewer drivers or paths"
            raise BeyondLimitsError("game", f"has {count:,} loads of its paths", allowed)
        bars = np.array(list(combinations(range(self.drivers + len(self.paths) - 1), len(self.paths) - 1)))
        bars = bars.reshape(count, len(self.paths) - 1)
        ends = np.full((count, 1), self.drivers + len(self.paths) - 1)
        carried = np.diff(np.concatenate([-np.ones_like(ends), bars, ends], axis=1), axis=1) - 1
        taken = self.path_times(carried @ self.paths)
        order = np.argsort(taken, axis=1, kind="stable")
        # Drivers by falling value of time fill the paths from the fastest one on.
        ends = np.cumsum(np.take_along_axis(carried, order, axis=1), axis=1)
        worth = np.append(0.0, np.cumsum(np.sort(self.values)[::-1]))
        filled = np.diff(worth[np.concatenate([np.zeros_like(ends[:, :1]), ends], axis=1)], axis=1)
        best = int((filled * np.take_along_axis(taken, order, axis=1)).sum(axis=1).argmin())
        found = np.empty(self.drivers, dtype=np.int64)
        found[np.argsort(-self.values, kind="stable")] = np.repeat(order[best], carried[best][order[best]])
        return found

    def elsewhere(self, choices: Index) -> Numbers:
        """How long each path would take each driver who changed to it, `[drivers, paths]`."""
        loads, found = self.loads(choices), np.empty((self.drivers, len(self.paths)))
        for path in np.unique(choices):
            # A path's links carry one more driver who comes to it, but for those that he is on already.
            after = loads + (self.paths & ~self.paths[path])
            on = [self.path_times(after[other])[other] for other in range(len(self.paths))]
            found[choices == path] = on
        return found


def best_tolls(network: Network, most: float) -> tuple[NDArray[np.float64], float]:
    """Tolls on links, in [0, most], at which drivers stay where all lose least, and what leaving costs each at least.

    Below 0 there are no such tolls: the largest gain is as small as it can be.

    >>> pigou = Network(np.array([np.arange(5) / 4, np.ones(5)]), np.eye(2, dtype=bool), np.ones(4))
    >>> tolls, margin = best_tolls(pigou, 1.0)
    >>> np.bincount(pigou.optimum), round(float(tolls[0] - tolls[1]), 9), round(margin, 9)
    (array([2, 2]), 0.375, 0.125)
    """
    choices, away = network.optimum, network.elsewhere(network.optimum)
    links, rows, limits = network.paths.shape[1], [], []
    for path in np.unique(choices):
        on = np.flatnonzero(choices == path)
        for other in range(len(network.paths)):
            if other != path:
                lost = network.values[on] * (away[on, other] - away[on, path])
                rows.append(np.append(network.paths[path].astype(float) - network.paths[other], 1.0))
                limits.append(lost.min())
    if not rows:
        return np.zeros(links), math.inf
    unit = max(most, float(np.abs(limits).max()))
    found = optimize.linprog(
        np.append(np.zeros(links), -1.0),
        A_ub=np.array(rows),
        b_ub=np.array(limits) / unit,
        bounds=[(0.0, most / unit)] * links + [(None, None)],
        method="highs",
    )
    if found.x is None:
        raise InvalidFieldError("tolls", f"no programme ({found.message})", "finite times and values")
    tolls = np.clip(found.x[:-1] * unit, 0.0, most)
    margins = np.array(limits) - np.array(rows)[:, :-1] @ tolls
    return tolls, float(margins.min())


def marginal_tolls(network: Network, most: float) -> NDArray[np.float64]:
    """What one more driver on each link costs the others who are on it in the optimum, `[links]`, at most `most`.

    >>> pigou = Network(np.array([np.arange(5) / 4, np.ones(5)]), np.eye(2, dtype=bool), np.ones(4))
    >>> marginal_tolls(pigou, 1.0)  # one of two drivers delays the other by a quarter
    array([0.25, 0.  ])
    """
    choices, links = network.optimum, np.arange(network.paths.shape[1])
    loads = network.loads(choices)
    others = network.paths[choices].T @ network.values * np.maximum(loads - 1, 0) / np.maximum(loads, 1)
    delay = network.times[links, loads] - network.times[links, np.maximum(loads - 1, 0)]
    return np.minimum(others * delay, most)


def settled(network: Network, tolls: Sequence[float], choices: Index | None = None) -> Index:
    """An equilibrium with those tolls: drivers change paths one by one, the first one who gains, until nobody does.

    Args:
        network: drivers and paths; tolls: on links, `[links]`.
        choices: where drivers begin, `[drivers]`; by default on the path that is best on empty roads.
    """
    paid = network.paths @ np.asarray(tolls, dtype=float)
    if choices is None:
        empty = network.path_times(np.ones(network.paths.shape[1], dtype=np.int64))
        choices = (np.outer(network.values, empty) + paid).argmin(axis=1)
    choices = np.array(choices)
    for _ in range(ROUNDS * network.drivers):
        lost = network.values[:, None] * network.elsewhere(choices) + paid
        now = np.take_along_axis(lost, choices[:, None], axis=1)
        gaining = exceeds(now, lost)
        driver = int(gaining.any(axis=1).argmax())
        if not gaining[driver].any():
            return choices
        choices[driver] = lost[driver].argmin()
    raise BeyondLimitsError("tolls", "drivers do not settle", "times that do not fall with load")


def toll_solve(network: Network, most: float) -> StackelbergSolution:
    """Tolls at which an equilibrium is the system optimum, which no tolls exceed.

    Raises:
        BeyondLimitsError: there are too many loads, or no tolls do it.

    >>> pigou = Network(np.array([np.arange(9) / 8, np.ones(9)]), np.eye(2, dtype=bool), np.ones(8))
    >>> toll_solve(pigou, 1.0).leader_value
    -6.0
    """
    tolls, margin = best_tolls(network, most)
    choices = network.optimum
    lost = (
        network.values * network.elsewhere(choices)[np.arange(network.drivers), choices]
        + network.paths[choices] @ tolls
    )
    if exceeds(0.0, margin, float(np.abs(lost).max())):
        problem = (
            f"has no tolls up to {most:g} that hold the system optimum: somebody gains {-margin:.3g} by leaving it"
        )
        raise BeyondLimitsError("game", problem, "larger tolls; or train a leader")
    return StackelbergSolution(
        leader_value=-network.cost(choices),
        follower_values=tuple((-lost).tolist()),
        leader_strategy=((0, tuple(tolls.tolist())),),
        method="system optimum, held by tolls of a linear program",
        tie_break="leader",
        details={"paths": choices.tolist(), "margin": margin},
    )
