"""Optimal commitment in a bimatrix game.

Mixed (Conitzer & Sandholm 2006): for each follower column j maximise x.L_j over mixtures x with
x.(F_k - F_j) <= 0 for every column k; the best j wins. Ties of the follower fall in the leader's favour, so the
value is a supremum under other tie rules. One linear program per column, polynomial. Pure: best row.

Programs are solved in floats (bimatrix_engine.py) as far as a column may still win, and the result is proved. Payoffs
are taken at their word: up to `EXACT_ENTRIES` entries the proof is rational arithmetic, without a tolerance
(exact_programs.py). What cannot be proved there, and the smallest games, are solved in rational arithmetic from the
start. In larger games the proof is in floats: the follower's best responses to the mixture found, and what multipliers
say no mixture exceeds. Where that leaves a doubt, the solution is not `certain`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.commitment.bimatrix_engine import FOUND, Columns, bound_columns
from rllib_stackelberg.commitment.exact_programs import best_mixture, proved_mixture, rationals
from rllib_stackelberg.comparisons import ROUNDING, exceeds, tied, typical_spread
from rllib_stackelberg.rules.solution import StackelbergSolution
from rllib_stackelberg.rules.ties import RULES, Ties, broken, check_ties

EXACT_ENTRIES = 400
"""Most entries of a payoff matrix whose optimum is proved exactly."""

SMALL_ENTRIES = 36
"""Most entries of a payoff matrix whose programs are solved in rational arithmetic from the start."""

ACCURACY = 1e-9
"""Share of the typical difference of payoffs that a program in floats may be off by."""


def mixed_commitment_solve(leader: ArrayLike, follower: ArrayLike) -> StackelbergSolution:
    """Optimal mixed commitment.

    Args:
        leader: `[rows, columns]` payoffs of the committing row player.
        follower: payoffs of the column player, the same shape.

    >>> solution = mixed_commitment_solve([[1, 3], [0, 2]], [[1, 0], [0, 1]])
    >>> solution.leader_value, solution.leader_strategy[0][1]
    (2.5, (0.5, 0.5))
    """
    leader, follower = np.asarray(leader, dtype=float), np.asarray(follower, dtype=float)
    if leader.size <= SMALL_ENTRIES:
        return _exact_solve(leader, follower)
    columns = _solve_columns(leader, follower)
    if leader.size > EXACT_ENTRIES:
        return _float_solution(leader, follower, columns)
    return _proved_solution(leader, follower, columns) or _exact_solve(leader, follower)


def _solve_columns(leader: Numbers, follower: Numbers) -> Columns:
    """All columns' programs, best first, none further than it matters."""
    best = follower == follower.max(axis=1, keepdims=True)
    unit = min(np.ptp(leader), np.finfo(float).max)
    floor = float(leader.max(where=best, initial=-np.inf))
    turned = np.ascontiguousarray(leader.T)
    order = np.argsort(-turned.max(axis=1), kind="stable")
    slack = float(ACCURACY * unit)
    return bound_columns(turned, np.ascontiguousarray(follower), np.ascontiguousarray(follower.T), order, floor, slack)


def _proved_solution(leader: Numbers, follower: Numbers, columns: Columns) -> StackelbergSolution | None:
    """The first of the best columns, if that is so in rational arithmetic; None if floats were not enough to tell."""
    solved: list[int] = np.flatnonzero(columns.status == FOUND).tolist()
    bounds = columns.bounds.tolist()  # Python's floats are compared with fractions exactly
    best, column = None, -1
    for j in sorted(solved, key=lambda j: (-bounds[j], j)):
        if best is not None and bounds[j] < best.value:
            break
        size = columns.sizes[j]
        rows, tight = columns.rows[j, :size].tolist(), columns.tight[j, : size - 1].tolist()
        found = proved_mixture(leader, follower, j, rows, tight)
        if found is None:
            return None
        if best is None or (found.value, -j) > (best.value, -column):
            best, column = found, j
    if best is None or any(bounds[j] > best.value for j in set(range(len(bounds))) - set(solved)):
        return None
    paid = sum((x * Fraction(follower[i, column]) for i, x in enumerate(best.mixture) if x), Fraction(0))
    return _mixed_solution(float(best.value), float(paid), np.array([float(x) for x in best.mixture]), column)


def _exact_solve(leader: Numbers, follower: Numbers) -> StackelbergSolution:
    """The first of the best columns and its mixture, in rational arithmetic."""
    own, theirs = rationals(leader.T), rationals(follower.T)
    best, column = None, 0
    for j, payoffs in enumerate(own):
        if best is not None and max(payoffs) <= best.value:
            continue
        advantages = [[a - b for a, b in zip(theirs[k], theirs[j], strict=True)] for k in range(len(own)) if k != j]
        found = best_mixture(payoffs, advantages)
        if found is not None and (best is None or found.value > best.value):
            best, column = found, j
    assert best is not None, "some column is a best response to every mixture"
    paid = sum((share * payoff for share, payoff in zip(best.mixture, theirs[column], strict=True)), Fraction(0))
    return _mixed_solution(float(best.value), float(paid), np.array([float(x) for x in best.mixture]), column)


def _mixed_solution(value: float, paid: float, mixture: Numbers, column: int, doubt: str = "") -> StackelbergSolution:
    return StackelbergSolution(
        leader_value=value,
        follower_values=(paid,),
        leader_strategy=((0, tuple(mixture.tolist())),),
        method="linear programs (Conitzer & Sandholm 2006)",
        tie_break="leader",
        doubt=doubt,
        details={"follower_column": column},
    )


def _float_solution(leader: Numbers, follower: Numbers, columns: Columns) -> StackelbergSolution:
    """The best column and its mixture in floats, checked."""
    mixtures = {j: _mixture(leader, columns, j) for j in np.flatnonzero(columns.status == FOUND).tolist()}
    if not mixtures:
        pure = pure_commitment_solve(leader, follower)
        row: Any = pure.leader_strategy[0][1]
        mixtures = {pure.details["follower_column"]: np.eye(len(leader))[row]}
    values = {j: float(mixture @ leader[:, j]) for j, mixture in mixtures.items()}
    column = max(values, key=values.__getitem__)
    mixture, value, bound = mixtures[column], values[column], float(columns.bounds.max())
    doubt = _doubt_of_mixture(leader, follower, column, mixture)
    if not doubt and bound > value + ACCURACY * typical_spread(leader):
        doubt = f"another mixture may be worth up to {bound:.9g}"
    return _mixed_solution(value, float(mixture @ follower[:, column]), mixture, column, doubt)


def _doubt_of_mixture(leader: Numbers, follower: Numbers, column: int, mixture: Numbers) -> str:
    """Why a mixture may not be worth what it seems to be: the follower may leave the column, or payoffs round."""
    gains, slack = follower - follower[:, [column]], ACCURACY * typical_spread(follower)
    found, sizes = mixture @ gains, mixture @ np.abs(gains)
    if exceeds(found, 0.0, sizes, slack).any():
        return "the follower prefers another column to the one that the best program chose"
    unclear = (ROUNDING * sizes > slack) & ~exceeds(0.0, found, sizes)
    own = mixture @ np.abs(leader[:, column] - np.median(leader))
    if unclear.any() or ROUNDING * own > ACCURACY * typical_spread(leader):
        return "payoffs that count for the result differ too much in size for floats, in a game too large to be exact"
    return ""


def _mixture(leader: Numbers, columns: Columns, column: int) -> Numbers:
    """A solved column's probabilities of all rows."""
    size, mixture = columns.sizes[column], np.zeros(len(leader))
    mixture[columns.rows[column, :size]] = np.maximum(columns.shares[column, :size], 0)
    return mixture / mixture.sum()


def pure_commitment_solve(leader: ArrayLike, follower: ArrayLike, ties: Ties = "leader") -> StackelbergSolution:
    """Optimal row to commit to, by enumeration; payoffs are tied if they are equal.

    >>> pure_commitment_solve([[2, 4], [1, 3]], [[1, 0], [0, 1]]).leader_value
    3.0
    """
    leader, follower = np.asarray(leader, dtype=float), np.asarray(follower, dtype=float)
    best = follower == follower.max(axis=1, keepdims=True)
    plays = {rule: broken(best, leader, rule) for rule in RULES}
    worth = {rule: (own * leader).sum(axis=1) for rule, own in plays.items()}
    play, values = plays[check_ties(ties)], worth[ties]
    row = int(np.argmax(values))
    meant = float((broken(tied(follower), leader, ties) * leader).sum(axis=1).max())
    doubt = ""
    if meant != values[row]:
        doubt = f"the follower's payoffs differ by no more than rounding; if they are meant to be equal: {meant:.9g}"
    return StackelbergSolution(
        leader_value=float(play[row] @ leader[row]),
        follower_values=(float(play[row] @ follower[row]),),
        leader_strategy=((0, row),),
        method="enumeration of rows",
        tie_break=ties,
        doubt=doubt,
        by_ties={rule: float(own[row]) for rule, own in worth.items()},
        best_by_ties={rule: float(own.max()) for rule, own in worth.items()},
        details={"follower_column": int(play[row].argmax())},
    )
