"""What a leader could hope for: an upper bound for every combination of sub-tables, and the combinations in its order.

Whatever an algorithm makes independent followers play is a mixture of joint pure strategies s. Against each of them the
leader's payoff is a sum over the components of a game (subtables.py): V_c(k_c, s), with the best sub-table of kind k_c.
So

    value(k) <= max_s sum_c V_c(k_c, s).

With too many strategies to list, followers that know everything bound it: sum_t max_a instead of max_s. The bound of a
partial combination takes the best kind of every component still free, and prunes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.plays.outcomes import OutcomeTable, Profiles
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.solvers.pure_equilibria import pure_policies, strategy_profiles
from rllib_stackelberg.solvers.subtables import Component

SCENARIOS = 4096
"""Most joint strategies that are listed for a bound."""

CHUNK = 1 << 17
"""Numbers added up at a time: what fits a processor's cache."""


def outlook(game: StackelbergGame, component: Component) -> NDArray[np.float64]:
    """V_c: the leader's payoff from one component, `[kinds, groups, scenarios]`.

    The bound is the sum over groups of the largest scenario: one group of joint strategies, or one group per value
    of nature with a scenario per joint action.
    """
    rows = _by_strategy(game, component) if strategy_profiles(game) <= SCENARIOS else _by_nature(game, component)
    best = np.full((len(component.first), *rows[0].shape), -np.inf)
    np.maximum.at(best, component.kinds, np.array(rows))
    return best


def _by_strategy(game: StackelbergGame, component: Component) -> list[NDArray[np.float64]]:
    """Of every sub-table the leader's payoff under every joint pure strategy, `[1, strategies]`."""
    profiles = Profiles.of(game)
    weights: dict[bytes, NDArray[np.float64]] = {}
    rows = []
    for own, info in zip(component.payoffs[..., 0], component.information, strict=True):
        if info.tobytes() not in weights:
            weights[info.tobytes()] = _probabilities(game, profiles, component, info)
        rows.append(weights[info.tobytes()] @ own)
    return rows


def _probabilities(game: StackelbergGame, profiles: Profiles, component: Component, info: Index) -> NDArray[np.float64]:
    """Probability of the component's profiles under every joint pure strategy, `[1, strategies, P]`."""
    information = np.full((len(profiles), info.shape[1]), -1)
    information[component.profiles] = info
    shape = (1, len(profiles.nature), len(profiles.joint))
    table = OutcomeTable(game, profiles, np.zeros((*shape, 1)), information.reshape(*shape, -1))
    played = [table.distribution(policies).reshape(-1, len(profiles)) for policies in pure_policies(game)]
    return np.concatenate(played)[None, :, component.profiles]


def _by_nature(game: StackelbergGame, component: Component) -> list[NDArray[np.float64]]:
    """Of every sub-table the leader's payoff at every value of nature and joint action, `[natures, joint actions]`."""
    profiles = Profiles.of(game)
    nature, joint = np.divmod(component.profiles, len(profiles.joint))
    rows = np.zeros((len(component.payoffs), len(profiles.nature), len(profiles.joint)))
    rows[:, nature, joint] = component.payoffs[..., 0] * profiles.probabilities[nature]
    return list(rows)


@dataclass(frozen=True, eq=False)
class Ranking:
    """The combinations of largest bound.

    Attributes:
        combinations: `[M, components]`, a kind per component, in order of decreasing bound.
        bounds: `[M]`; rest: largest bound above the floor that was left out, -inf if nothing was.
    """

    combinations: Index
    bounds: NDArray[np.float64]
    rest: float


def ranked(outlooks: Sequence[NDArray[np.float64]], most: int, floor: float = -math.inf) -> Ranking:
    """Up to `most` combinations of largest bound, all above the floor; of equals those that are good on average.

    >>> first, second = np.array([[[1.0, 0.0]], [[0.0, 3.0]]]), np.array([[[1.0, 0.0]]])
    >>> found = ranked([first, second], most=1)
    >>> found.combinations, found.bounds, found.rest
    (array([[1, 0]]), array([3.]), 2.0)
    """
    search = _Search(outlooks, most, floor)
    search.visit(*search.start())
    search.compress()
    return Ranking(search.kept, -search.keys[:, 0], search.rest)


def promising(outlooks: Sequence[NDArray[np.float64]], most: int) -> Ranking:
    """Combinations likely to be good, by a beam search: as `ranked`, but others may have larger bounds.

    `rest` bounds them all: per group the best scenario with the best kind of every component.
    """
    search = _Search(outlooks, most, -math.inf)
    most = max(1, min(most, 64 * CHUNK // outlooks[0][0].size))
    chosen, sums = search.start()
    top = search.bounds(sums, 0)[0]
    for depth in range(len(outlooks)):
        beam = np.zeros((0, depth + 1), dtype=np.int64), sums[:0]
        for piece in search.pieces(len(chosen), depth):
            grown = search.extended(chosen[piece], sums[piece])
            found, after = (np.concatenate(parts) for parts in zip(beam, grown, strict=True))
            best = np.lexsort(_keys(search.bounds(after, depth + 1), after).T[::-1])[:most]
            beam = found[best], after[best]
        chosen, sums = beam
    return Ranking(chosen, search.bounds(sums, len(outlooks)), float(top))


def _keys(bounds: NDArray[np.float64], sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """What combinations are sorted by, smallest first: `[n, 2]`."""
    return np.stack([-bounds, -sums.mean(axis=(1, 2))], axis=1)


class _Search:
    """Depth-first through partial combinations `[n, depth]`, keeping the best whole ones.

    The outlooks of a partial combination add up to its `sums`, `[n, groups, scenarios]`.

    Attributes:
        kept: `[M, components]`; keys: `[M, 2]`.
    """

    def __init__(self, outlooks: Sequence[NDArray[np.float64]], most: int, floor: float):
        self.outlooks, self.most, self.floor = outlooks, most, floor
        # What the components from the j-th on can add at best.
        tops = [outlook.max(axis=0) for outlook in outlooks] + [np.zeros(outlooks[0].shape[1:])]
        self.ahead = np.cumsum(tops[::-1], axis=0)[::-1]
        self.kept = np.zeros((0, len(outlooks)), dtype=np.int64)
        self.keys = np.zeros((0, 2))
        self._new: list[tuple[Index, NDArray[np.float64]]] = []
        self._waiting = 0
        self.rest = -math.inf
        self.worst = np.array([math.inf, math.inf])

    def start(self) -> tuple[Index, NDArray[np.float64]]:
        """The empty combination and its sums."""
        return np.zeros((1, 0), dtype=np.int64), np.zeros((1, *self.outlooks[0].shape[1:]))

    def bounds(self, sums: NDArray[np.float64], depth: int) -> NDArray[np.float64]:
        """Upper bounds of combinations that have chosen for `depth` components, `[n]`."""
        best: NDArray[np.float64] = (sums + self.ahead[depth]).max(axis=-1)
        return best.sum(axis=-1)

    def pieces(self, size: int, depth: int) -> list[slice]:
        """Slices of partial combinations whose extensions fit a cache."""
        step = max(1, CHUNK // self.outlooks[depth].size)
        return [slice(start, start + step) for start in range(0, size, step)]

    def extended(self, chosen: Index, sums: NDArray[np.float64]) -> tuple[Index, NDArray[np.float64]]:
        """Partial combinations with every kind of the next component."""
        kinds = self.outlooks[chosen.shape[1]]
        added = np.tile(np.arange(len(kinds)), len(chosen))[:, None]
        longer = np.concatenate([np.repeat(chosen, len(kinds), axis=0), added], axis=1)
        return longer, (sums[:, None] + kinds).reshape(-1, *kinds.shape[1:])

    def visit(self, chosen: Index, sums: NDArray[np.float64]) -> None:
        """Go through all that extends the given partial combinations."""
        depth = chosen.shape[1]
        for piece in self.pieces(len(chosen), depth):
            longer, after = self.extended(chosen[piece], sums[piece])
            bounds = self.bounds(after, depth + 1)
            good = bounds > self.floor
            longer, after, bounds = longer[good], after[good], bounds[good]
            # Partial ones that tie with the worst kept may still hold better averages.
            good = bounds >= -self.worst[0]
            if depth + 1 == len(self.outlooks):
                self._keep(longer, _keys(bounds, after))
                continue
            self._leave(bounds[~good])
            if good.any():
                self.visit(longer[good], after[good])

    def _keep(self, combinations: Index, keys: NDArray[np.float64]) -> None:
        better = (keys[:, 0] < self.worst[0]) | ((keys[:, 0] == self.worst[0]) & (keys[:, 1] < self.worst[1]))
        self._leave(-keys[~better, 0])
        if better.any():
            self._new.append((combinations[better], keys[better]))
            self._waiting += len(combinations[better])
        if self._waiting > self.most:
            self.compress()

    def compress(self) -> None:
        """Keep only the best ones, in order."""
        self.kept = np.concatenate([self.kept, *(new for new, _ in self._new)])
        self.keys = np.concatenate([self.keys, *(keys for _, keys in self._new)])
        self._new.clear()
        self._waiting = 0
        order = np.lexsort(self.keys.T[::-1])
        self._leave(-self.keys[order[self.most :], 0])
        self.kept, self.keys = self.kept[order[: self.most]], self.keys[order[: self.most]]
        if len(self.kept) == self.most:
            self.worst = self.keys[-1]

    def _leave(self, bounds: NDArray[np.float64]) -> None:
        self.rest = max(self.rest, float(bounds.max(initial=-math.inf)))
