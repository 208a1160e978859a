"""Commitment against followers of private types by one mixed-integer programme.

    maximise  sum_t p_t sum_j L_t[:, j] . z_tj      over z >= 0, q in {0, 1}
    where     sum_j q_tj = 1,  sum_i z_tj[i] = q_tj,  sum_j z_tj = x for every type t,
              z_tj . (F_t[:, k] - F_t[:, j]) <= 0   for every j and k

q_tj says that type t answers with column j, and z_tj is then the leader's mixture x. This is DOBSS (Paruchuri et al.
2008, AAMAS) but for the last line, which takes the place of its big-M and describes the convex hull of what each type
allows (Casorran, Fortz, Labbe & Ordonez 2019, EJOR 278): the relaxation is the closest there is type by type.

Payoffs are scaled to units of their own, each row to its largest entry. Of what HiGHS finds the types' answers are
kept: the mixture is solved for again, in fractions where it is small enough, and what types answer to it is computed
anew. A solution is doubted unless its value, found that way, is as good as the programme's own bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.commitment.exact_programs import best_mixture
from rllib_stackelberg.commitment.exact_vertices import Row, vertex_near
from rllib_stackelberg.commitment.integer_programs import solved
from rllib_stackelberg.commitment.typed_payoffs import Column, TypedPayoffs
from rllib_stackelberg.comparisons import typical_spread
from rllib_stackelberg.errors import BeyondLimitsError
from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    from scipy import optimize, sparse
else:
    optimize, sparse = LazyModule("scipy.optimize"), LazyModule("scipy.sparse")

ENTRIES = 4_000_000
"""Most numbers other than zero in the programme."""

SECONDS = 120.0
"""After which the best that has been found is taken, with a doubt."""

EXACT_ENTRIES = 600
"""Most entries of the programme of the types' answers that is solved in fractions."""

EXACT_ROWS = 60
"""Rows of the leader up to which what it finds in floats is made exact."""

GAP = 1e-9
"""Share of what the leader's payoffs typically differ by, that programmes leave open."""

ACCURACY = 1e-9
"""The same that makes a doubt: bounds of programmes in floats are no closer."""

SMALLEST = 1e-9
"""Least number of a row, in the unit of its largest, that HiGHS does not take for zero."""

STRETCH = 1e3
"""Units of the objective that payoffs are stretched to: HiGHS stops at 1e-6 of one."""


@dataclass(frozen=True)
class Found:
    """A mixture in fractions, and why it may not be the best; empty if it is."""

    mixture: tuple[Fraction, ...]
    doubt: str


def beyond_dobss(game: TypedPayoffs) -> str:
    """Why a game is too large for the programme, for people; empty if it is not."""
    entries = sum(game.rows * columns**2 for columns in game.columns)
    return f"its programme has {entries:,} numbers, more than {ENTRIES:,}" if entries > ENTRIES else ""


def dobss(game: TypedPayoffs, seconds: float = SECONDS) -> Found:
    """The best mixture.

    Args:
        game: payoffs; seconds: after which to stop.

    Raises:
        BeyondLimitsError: the game is too large, or nothing was found in that time.

    >>> game = TypedPayoffs.of([[[[2, 4], [1, 3]]]], [[[[1, 0], [0, 1]]]], [[1.0]])
    >>> [str(share) for share in dobss(game).mixture]
    ['1/2', '1/2']
    """
    if reason := beyond_dobss(game):
        raise BeyondLimitsError("method", f"dobss cannot: {reason}", "fewer types, rows or columns")
    programme = _Programme.of(game)
    # Without presolve: what it makes of payoffs of many sizes HiGHS may find to be off.
    options = {"time_limit": seconds, "mip_rel_gap": GAP / STRETCH, "presolve": False}
    found = solved(**programme.arguments, options=options)
    if found.x is None:
        raise BeyondLimitsError("method", f"dobss found nothing ({found.message})", "branch-and-bound")
    mixture = best_mixture_near(game, dict(enumerate(programme.answers(found.x))), programme.mixture(found.x))
    payoffs = game.exact
    value = float(payoffs.value(mixture, payoffs.responses(mixture)))
    bound = programme.payoff(-float(found.mip_dual_bound))
    return Found(mixture, doubt_of(game, bound, value, ACCURACY * programme.unit))


def doubt_of(game: TypedPayoffs, bound: float, value: float, slack: float) -> str:
    """Why a value may not be the best, from what a search in floats says that no mixture exceeds; empty if it is."""
    for theirs in game.follower:
        gains = np.abs(np.concatenate(gains_of(theirs)))
        if ((gains > 0) & (gains < SMALLEST)).any():
            return f"a type's payoffs differ {1 / SMALLEST:g} times as much by row, too much for floats"
    return f"another mixture may be worth up to {bound:.9g}" if bound > value + slack else ""


@dataclass(frozen=True, eq=False)
class _Programme:
    """The programme, over z of every type, column and row, then q of every type and column.

    Attributes:
        arguments: of `milp`; columns: those of each type that are not always worse than another.
        rows: of the leader; unit, base: of the leader's payoffs.
    """

    arguments: dict
    columns: tuple[NDArray[np.int64], ...]
    rows: int
    unit: float
    base: float

    @classmethod
    def of(cls, game: TypedPayoffs) -> _Programme:
        """The programme of a game, without actions that are never best for a follower."""
        columns = tuple(sometimes_best(theirs) for theirs in game.follower)
        worth = [w * own[:, kept] for w, own, kept in zip(game.weights, game.leader, columns, strict=True)]
        unit = max(map(typical_spread, worth)) or max(float(np.ptp(own)) for own in worth) or 1.0
        lows = [float(own.min()) for own in worth]
        gains = [gains_of(theirs[:, kept]) for theirs, kept in zip(game.follower, columns, strict=True)]
        blocks = sum(map(len, columns))
        stretched = [STRETCH * (low - own.T.ravel()) / unit for low, own in zip(lows, worth, strict=True)]
        arguments = {
            "c": np.concatenate([*stretched, np.zeros(blocks)]),
            "constraints": _constraints([len(kept) for kept in columns], game.rows, gains),
            "bounds": optimize.Bounds(0, 1),
            "integrality": np.concatenate([np.zeros(blocks * game.rows), np.ones(blocks)]),
        }
        return cls(arguments, columns, game.rows, unit, float(sum(lows)))

    def payoff(self, objective: float) -> float:
        """The leader's payoff at an objective."""
        return objective / STRETCH * self.unit + self.base

    def answers(self, x: Numbers) -> tuple[int, ...]:
        """The column of each type."""
        ends = np.cumsum([len(kept) for kept in self.columns])
        ones = np.split(x[int(ends[-1]) * self.rows :], ends[:-1])
        return tuple(int(kept[own.argmax()]) for kept, own in zip(self.columns, ones, strict=True))

    def mixture(self, x: Numbers) -> Numbers:
        """The leader's, as the first type sees it."""
        return x[: len(self.columns[0]) * self.rows].reshape(-1, self.rows).sum(axis=0)


def sometimes_best(theirs: Numbers) -> NDArray[np.int64]:
    """Columns that no other column exceeds in every row."""
    worse = (theirs[:, :, None] > theirs[:, None, :]).all(axis=0).any(axis=0)
    return np.flatnonzero(~worse)


def gains_of(theirs: Numbers) -> list[Numbers]:
    """Of each column what every other one pays more, by row, each in its own unit."""
    found = []
    for j in range(theirs.shape[1]):
        gains = np.delete(theirs / 2 - theirs[:, [j]] / 2, j, axis=1).T  # halves: differences may exceed floats
        units = np.abs(gains).max(axis=1, initial=0.0)
        gains = gains[units > 0] / units[units > 0, None]
        found.append(gains if len(gains) else np.zeros((1, len(theirs))))
    return found


def _constraints(counts: list[int], rows: int, gains: list[list[Numbers]]) -> list[optimize.LinearConstraint]:
    """What z `[types][columns][rows]` and q `[types][columns]` satisfy, from the numbers of columns."""
    blocks = sum(counts)
    summed = sparse.kron(sparse.eye_array(blocks), np.ones((1, rows)))
    mixtures = [sparse.kron(np.ones((1, count)), sparse.eye_array(rows)) for count in counts]
    preferred = sparse.block_diag([matrix for own in gains for matrix in own])
    answers = sparse.block_diag([np.ones((1, count)) for count in counts])
    found = [
        optimize.LinearConstraint(sparse.csr_array(sparse.hstack([summed, -sparse.eye_array(blocks)])), 0, 0),
        optimize.LinearConstraint(_widened(answers, before=blocks * rows), 1, 1),
        optimize.LinearConstraint(_widened(preferred, after=blocks), -np.inf, 0),
    ]
    if len(counts) > 1:
        others = sparse.block_diag([-mixture for mixture in mixtures[1:]])
        alike = sparse.hstack([sparse.vstack([mixtures[0]] * (len(counts) - 1)), others])
        found.append(optimize.LinearConstraint(_widened(alike, after=blocks), 0, 0))
    return found


def _widened(matrix: sparse.sparray, before: int = 0, after: int = 0) -> sparse.csr_array:
    """A matrix with columns of zeros before and after."""
    sides = [sparse.csr_array((matrix.shape[0], width)) for width in (before, after)]
    return sparse.csr_array(sparse.hstack([sides[0], matrix, sides[1]]))


def best_mixture_near(game: TypedPayoffs, columns: Mapping[int, int], near: Numbers) -> tuple[Fraction, ...]:
    """The best mixture at which types answer so, in fractions; one near it if there is none.

    Args:
        game: payoffs; columns: the answer of each type that may come; near: to take where there is none.
    """
    kept = [(t, j) for t, j in columns.items() if game.weights[t] > 0]
    advantages = [gains for t, j in kept for gains in game.exact.advantages(t, j)]
    if game.rows * len(advantages) <= EXACT_ENTRIES:
        own = zip(*(game.exact.weighted(t, j) for t, j in kept), strict=True)
        best = best_mixture([sum(entries, Fraction(0)) for entries in own], advantages)
        found = None if best is None else best.mixture
    else:
        found = _vertex(game, kept, advantages)
    if found is not None:
        return found
    shares = [Fraction(max(float(share), 0.0)) for share in near]
    return tuple(share / sum(shares) for share in shares)


def _vertex(
    game: TypedPayoffs, answers: Sequence[tuple[int, int]], advantages: Sequence[Column]
) -> tuple[Fraction, ...] | None:
    """The mixture that a programme in floats finds, made exact up to `EXACT_ROWS` rows; None if there is none."""
    own = sum(game.weights[t] * game.leader[t][:, j] for t, j in answers)
    gains = np.concatenate([gains_of(game.follower[t])[j] for t, j in answers])
    unit = typical_spread(own) or np.ptp(own) or 1.0
    found = optimize.linprog(
        -(own - own.min()) / unit,
        A_ub=gains,
        b_ub=np.zeros(len(gains)),
        A_eq=np.ones((1, game.rows)),
        b_eq=[1.0],
        method="highs",
    )
    if found.status != 0:
        return None
    zero, one = Fraction(0), Fraction(1)
    rows: list[Row] = [([one] * game.rows, one), ([-one] * game.rows, -one)]
    rows += [([-one if i == k else zero for i in range(game.rows)], zero) for k in range(game.rows)]
    exact = vertex_near(rows + [(gain, zero) for gain in advantages], found.x) if game.rows <= EXACT_ROWS else None
    if exact is not None:
        return exact
    shares = [Fraction(max(float(share), 0.0)) for share in found.x]
    return tuple(share / sum(shares) for share in shares)
