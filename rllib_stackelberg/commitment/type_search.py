"""Commitment against followers of private types by branch and bound over what types answer.

A node of the tree says what some types S answer, so the mixture x is in the region R where they do. What the leader can
still get is bounded by a linear programme in which every other type t splits x into parts x_tj, one for each of its
columns, and pays by parts:

    maximise  sum_{t in S} p_t L_t[:, j_t] . x  +  sum_{t not in S} p_t sum_j L_t[:, j] . x_tj
    where     sum_j x_tj = x,  x in R,  and x_tj in R and where t answers j

This is the relaxation of DOBSS's programme (dobss.py), the convex hull of each type's choice (Casorran, Fortz, Labbe &
Ordonez 2019), with one more thing said: parts are in R, too, so they are hulls *within* the region. With 14 types a
handful of decided ones leaves the others little choice. Decided are types one after the other (as in Jain, Kiekintveld
& Tambe 2011, AAMAS), at the node of the largest bound the type with the fewest answers that may still be worth it. What
an answer may be worth a small programme says, over x alone: multipliers of the large one bound what all other types pay
by a line each. Exponential at worst. In floats; what is found is solved for again and checked (dobss.py).
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.commitment.bimatrix_engine import bound_columns
from rllib_stackelberg.commitment.dobss import (
    ACCURACY,
    ENTRIES,
    GAP,
    Found,
    best_mixture_near,
    doubt_of,
    gains_of,
    sometimes_best,
)
from rllib_stackelberg.commitment.typed_payoffs import TypedPayoffs
from rllib_stackelberg.comparisons import tied, typical_spread
from rllib_stackelberg.errors import BeyondLimitsError
from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    from scipy import optimize, sparse
else:
    optimize, sparse = LazyModule("scipy.optimize"), LazyModule("scipy.sparse")

INDIFFERENT = 1e-9
"""Share of what a type's payoffs typically differ by, up to which it may be indifferent at a mixture in floats."""

SOLVED, INFEASIBLE = 0, 2
"""What linprog says of a programme."""

FIRST = np.zeros(1, dtype=np.int64)
"""The column of a small programme that is solved."""

SECONDS = 120.0
"""After which the best that has been found is taken, with a doubt."""


def beyond_search(game: TypedPayoffs) -> str:
    """Why a game is too large for the programmes, for people; empty if it is not."""
    entries = sum(game.rows * columns**2 for columns in game.columns)
    return f"its first programme has {entries:,} numbers, more than {ENTRIES:,}" if entries > ENTRIES else ""


def branch_and_bound(game: TypedPayoffs, seconds: float = SECONDS) -> tuple[Found, int]:
    """The best mixture, and how many programmes were solved.

    Args:
        game: payoffs; seconds: after which to stop.

    Raises:
        BeyondLimitsError: the game is too large.

    >>> game = TypedPayoffs.of([[[[2, 4], [1, 3]]]], [[[[1, 0], [0, 1]]]], [[1.0]])
    >>> [str(share) for share in branch_and_bound(game)[0].mixture]
    ['1/2', '1/2']
    """
    if reason := beyond_search(game):
        raise BeyondLimitsError("method", f"branch-and-bound cannot: {reason}", "fewer types, rows or columns")
    search = _Search(game)
    bound = search.run(time.monotonic() + seconds)
    mixture = best_mixture_near(game, search.answers, search.mixture)
    payoffs = game.exact
    value = float(payoffs.value(mixture, payoffs.responses(mixture)))
    return Found(mixture, doubt_of(game, bound, value, ACCURACY * search.unit)), search.solved


@dataclass(frozen=True, eq=False)
class _Relaxed:
    """What a node's programme says.

    Attributes:
        bound: what no mixture of the node exceeds; mixture: x.
        most: by type and column, what none exceeds at which the type answers so.
        shares: by type and column, how much of x is in that part.
    """

    bound: float
    mixture: Numbers
    most: dict[int, dict[int, float]]
    shares: dict[int, dict[int, float]]


class _UnsolvedError(Exception):
    """HiGHS gave a programme up."""


class _Search:
    """Best bound first.

    Attributes:
        value, answers, mixture: what the best columns by type found so far are worth, which they are, and where.
        unsolved: what no mixture exceeds in nodes whose programmes HiGHS gave up.
        unit: of the leader's payoffs; solved: how many programmes.
    """

    def __init__(self, game: TypedPayoffs):
        self.game, self.solved = game, 0
        self.worth = [weight * own for weight, own in zip(game.weights, game.leader, strict=True)]
        self.unit = max(map(typical_spread, self.worth)) or max(float(np.ptp(own)) for own in self.worth) or 1.0
        self.gains = [gains_of(theirs) for theirs in game.follower]
        self.slacks = [INDIFFERENT * typical_spread(theirs) for theirs in game.follower]
        self.value, self.unsolved, self.mixture = -math.inf, -math.inf, np.eye(game.rows)[0]
        self.answers: dict[int, int] = {}
        self.types = [t for t, weight in enumerate(game.weights) if weight > 0]

    @cached_property
    def slack(self) -> float:
        """What bounds may be above the best and be worth no further look."""
        return GAP * self.unit

    def run(self, until: float) -> float:
        """Search; what no mixture exceeds."""
        for mixture in np.eye(self.game.rows):
            self.improve(mixture)
        root = {t: sometimes_best(self.game.follower[t]).tolist() for t in self.types}
        most = sum(float(self.worth[t].max()) for t in self.types)
        heap: list[tuple[float, int, dict[int, int], dict[int, list[int]], _Relaxed | None]] = [
            (-most, 0, {}, root, None)
        ]
        number = count(1)
        while heap and -heap[0][0] > self.value + self.slack and time.monotonic() < until:
            bound, _, decided, others, node = heapq.heappop(heap)
            if node is None:
                node = self._visited(decided, others, -bound)
                if node is not None and others:
                    heapq.heappush(heap, (-node.bound, -next(number), decided, others, node))
                continue
            open_answers = {t: self._worth_it(most) for t, most in node.most.items()}
            t = min(open_answers, key=lambda t: (len(open_answers[t]), max(node.shares[t].values())))
            rest = {s: columns for s, columns in open_answers.items() if s != t}
            for j in open_answers[t]:
                heapq.heappush(heap, (-node.most[t][j], -next(number), {**decided, t: j}, rest, None))
        return max(-heap[0][0] if heap else -math.inf, self.value, self.unsolved)

    def _worth_it(self, most: Mapping[int, float]) -> list[int]:
        """Columns that may still be worth it, the most promising first."""
        return sorted((j for j, bound in most.items() if bound > self.value + self.slack), key=lambda j: -most[j])

    def _visited(self, decided: dict[int, int], others: dict[int, list[int]], most: float) -> _Relaxed | None:
        """Bound a node, worth at most so much, and look for a better mixture near it; None if it is not worth it."""
        try:
            node = self.relaxed(decided, others)
        except _UnsolvedError:
            self.unsolved = max(self.unsolved, most)
            return None
        if node is None or node.bound <= self.value + self.slack:
            return None
        if others:
            self.improve(node.mixture)
        else:
            self._record([(t, decided[t]) for t in self.types], node.mixture)
        return node

    def improve(self, mixture: Numbers) -> None:
        """Let types answer, the leader take the best mixture at which they do, and so on as long as that helps."""
        before = -math.inf
        while True:
            answers = [(t, self._answer(t, mixture)) for t in self.types]
            own = sum(self.worth[t][:, j] for t, j in answers)
            gains = np.concatenate([self.gains[t][j] for t, j in answers])
            try:
                found = self._solve(own, gains, np.ones((1, self.game.rows)), np.ones(1))
            except _UnsolvedError:
                return
            if found is None:
                return
            mixture = np.maximum(found.x, 0) / np.maximum(found.x, 0).sum()
            value = self._record(answers, mixture)
            if value <= before + self.slack:
                return
            before = value

    def _record(self, answers: Sequence[tuple[int, int]], mixture: Numbers) -> float:
        """Keep a mixture at which types answer so, if it is the best; what it is worth."""
        value = float(sum(mixture @ self.worth[t][:, j] for t, j in answers))
        if value > self.value:
            self.value, self.answers, self.mixture = value, dict(answers), mixture
        return value

    def _answer(self, t: int, mixture: Numbers) -> int:
        best = tied(mixture @ self.game.follower[t], mixture @ np.abs(self.game.follower[t]), self.slacks[t])
        return int(np.where(best, mixture @ self.worth[t], -np.inf).argmax())

    def relaxed(self, decided: dict[int, int], others: dict[int, list[int]]) -> _Relaxed | None:
        """The programme of a node; None if no mixture is in its region."""
        rows, places = self.game.rows, [(t, j) for t, columns in others.items() for j in columns]
        region = np.concatenate([np.zeros((0, rows)), *(self.gains[t][j] for t, j in decided.items())])
        parts = [np.concatenate([self.gains[t][j], region]) for t, j in places]
        own = [self.worth[t][:, j] for t, j in places]
        own.append(sum((self.worth[t][:, j] for t, j in decided.items()), np.zeros(rows)))
        upper = sparse.block_diag([*parts, region if len(region) else np.zeros((1, rows))], format="csr")
        found = self._solve(np.concatenate(own), upper, *_sums(rows, [len(columns) for columns in others.values()]))
        if found is None:
            return None
        bound = -float(found.fun) * self.unit
        reduced = found.lower.marginals.reshape(-1, rows) * self.unit
        shares = found.x.reshape(-1, rows).sum(axis=1)
        # What type t may pay is at most lines[t] . x in the region, by multipliers of "its parts sum to x".
        lines = dict(zip(others, -self.unit * found.eqlin.marginals[:-1].reshape(-1, rows), strict=True))
        whole = own[-1] + sum(lines.values(), np.zeros(rows)) + len(others) * max(0.0, -float(reduced.min()))
        most: dict[int, dict[int, float]] = {t: {} for t in others}
        held: dict[int, dict[int, float]] = {t: {} for t in others}
        for k, (t, j) in enumerate(places):
            held[t][j], most[t][j] = float(shares[k]), bound - max(0.0, float(reduced[k].min()))
            if most[t][j] > self.value + self.slack:
                alone = self._bounded(whole - lines[t] + own[k], parts[k])
                most[t][j] = min(most[t][j], alone)
        return _Relaxed(bound, found.x[-rows:] / shares[-1], most, held)

    def _bounded(self, own: Numbers, gains: Numbers) -> float:
        """What no mixture x with gains x <= 0 exceeds in own . x; no closer than it matters."""
        columns = np.concatenate([np.zeros((1, len(own))), gains])
        worth = np.concatenate([own[None], np.zeros_like(gains)])
        found = bound_columns(worth, np.ascontiguousarray(columns.T), columns, FIRST, self.value, self.slack)
        return float(found.bounds[0])

    def _solve(
        self, own: Numbers, upper: Numbers | sparse.csr_array, sums: Numbers | sparse.csr_array, whole: Numbers
    ) -> optimize.OptimizeResult | None:
        """Maximise own . z over z >= 0 with upper z <= 0 and sums z = whole; None if there is no z."""
        self.solved += 1
        found = optimize.linprog(
            -own / self.unit, A_ub=upper, b_ub=np.zeros(upper.shape[0]), A_eq=sums, b_eq=whole, method="highs-ds"
        )
        if found.status not in (SOLVED, INFEASIBLE):
            raise _UnsolvedError(found.message)
        return found if found.status == SOLVED else None


def _sums(rows: int, counts: list[int]) -> tuple[sparse.csr_array, NDArray[np.float64]]:
    """Rows that say that the parts of every type sum to x, the last variables, and x to 1."""
    parts = sparse.block_diag([np.ones((1, columns)) for columns in counts]) if counts else sparse.csr_array((0, 0))
    alike = sparse.kron(sparse.hstack([parts, -np.ones((len(counts), 1))]), sparse.eye_array(rows))
    total = np.concatenate([np.zeros(sum(counts) * rows), np.ones(rows)])[None]
    whole = np.concatenate([np.zeros(len(counts) * rows), [1.0]])
    return sparse.csr_array(sparse.vstack([alike, total])), whole
