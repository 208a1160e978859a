"""Optimal commitment in a bimatrix game.

Mixed (Conitzer & Sandholm 2006): for each follower column j maximise x.L_j over mixtures x with
x.(F_k - F_j) <= 0 for every column k; the best j wins. Ties of the follower fall in the leader's favour, so the
value is a supremum under other tie rules. One linear program per column, polynomial. Pure: best row.

Payoffs are taken at their word: up to `EXACT_ENTRIES` entries all of it is rational arithmetic, without a tolerance
(exact_programs.py). Larger programs are solved in floats, every row in its own unit, and checked afterwards: by the
follower's best responses to the mixture found, and by what the programs' multipliers say no mixture exceeds. Where that
leaves a doubt, the solution is not `certain`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linprog

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.comparisons import tied, typical_spread
from rllib_stackelberg.economics.exact_programs import best_mixture, rationals
from rllib_stackelberg.rules.solution import StackelbergSolution
from rllib_stackelberg.rules.ties import RULES, Ties, broken, check_ties

EXACT_ENTRIES = 400
"""Most entries of a payoff matrix whose programs are solved exactly: in half a second."""

ACCURACY = 1e-9
"""Share of the typical difference of payoffs that a program in floats may be off by."""

SPAN = 1e9
"""Largest ratio of payoff differences that a program in floats is trusted with."""


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
    if leader.size <= EXACT_ENTRIES:
        return _exact_solve(leader, follower)
    return _float_solve(leader, follower)


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


class _Found(NamedTuple):
    """A column's best mixture, its value, and what no mixture for that column exceeds."""

    value: float
    column: int
    mixture: Numbers
    bound: float


def _float_solve(leader: Numbers, follower: Numbers) -> StackelbergSolution:
    """The best column and its mixture in floats, checked."""
    programs = [_float_program(leader, follower, column) for column in range(leader.shape[1])]
    found = [program for program in programs if program is not None]
    assert found, "some column is a best response to every mixture"
    best = max(found, key=lambda each: each.value)
    paid = best.mixture @ follower
    wide = any(_spans_much(follower - follower[:, [column]]) for column in range(leader.shape[1]))
    preferred = tied(paid, best.mixture @ np.abs(follower), ACCURACY * typical_spread(follower))[best.column]
    bound = max(each.bound for each in found)
    doubt = ""
    if wide or _spans_much(leader):
        doubt = f"payoffs span more than {SPAN:g} times what they typically differ by, in a game too large to be exact"
    elif not preferred:
        doubt = "the follower prefers another column to the one that the best program chose"
    elif bound > best.value + ACCURACY * typical_spread(leader):
        doubt = f"another mixture may be worth up to {bound:.9g}"
    return _mixed_solution(best.value, float(paid[best.column]), best.mixture, best.column, doubt)


def _float_program(leader: Numbers, follower: Numbers, column: int) -> _Found | None:
    """The program of one column, each of its rows in its own unit; None if it has no solution."""
    payoffs, advantages = leader[:, column], np.delete(follower - follower[:, [column]], column, axis=1).T
    units = np.abs(advantages).max(axis=1, initial=0.0)
    scaled = advantages[units > 0] / units[units > 0, None]
    spread = np.ptp(payoffs) or 1.0
    result = linprog(
        (payoffs.min() - payoffs) / spread,
        A_ub=scaled,
        b_ub=np.zeros(len(scaled)),
        A_eq=np.ones((1, len(payoffs))),
        b_eq=[1.0],
        bounds=(0, 1),
        method="highs",
    )
    if result.status != 0:
        return None
    mixture = np.maximum(result.x, 0) / np.maximum(result.x, 0).sum()
    multipliers = np.maximum(-result.ineqlin.marginals, 0) * spread
    return _Found(float(mixture @ payoffs), column, mixture, float((payoffs - multipliers @ scaled).max()))


def _spans_much(numbers: Numbers) -> bool:
    """Whether differences of these numbers span too many orders of magnitude for floats."""
    distances = np.abs(numbers - np.median(numbers))
    return bool(distances.max() > SPAN * typical_spread(numbers))


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
