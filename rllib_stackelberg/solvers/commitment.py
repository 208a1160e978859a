"""Optimal commitment in a bimatrix game.

Mixed (Conitzer & Sandholm 2006): for each follower column j maximise x.L_j over mixtures x with
x.(F_k - F_j) <= 0 for every column k; the best j wins. Ties of the follower fall in the leader's favour, so the
value is a supremum under other tie rules. One linear program per column, polynomial. Pure: best row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog

from rllib_stackelberg.solvers.solution import StackelbergSolution
from rllib_stackelberg.ties import Ties, broken

TIE_TOLERANCE = 1e-9
"""Payoffs within this share of the follower's payoff range count as tied."""


def unit(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A payoff matrix moved and scaled to [0, 1] (all zeros if constant): same preferences, sound tolerances."""
    low, spread = matrix.min(), np.ptp(matrix)
    return (matrix - low) / spread if spread > 0 else np.zeros_like(matrix)


def mixed_commitment_solve(leader: ArrayLike, follower: ArrayLike) -> StackelbergSolution:
    """Optimal mixed commitment.

    Args:
        leader: `[rows, columns]` payoffs of the committing row player.
        follower: payoffs of the column player, the same shape.

    >>> solution = mixed_commitment_solve([[1, 3], [0, 2]], [[1, 0], [0, 1]])
    >>> round(solution.leader_value, 9), [round(x, 9) for x in solution.leader_strategy[0][1]]
    (2.5, [0.5, 0.5])
    """
    leader, follower = np.asarray(leader, dtype=float), np.asarray(follower, dtype=float)
    scaled_leader, scaled_follower = unit(leader), unit(follower)
    rows, columns = leader.shape
    best: tuple[float, int, NDArray[np.float64]] | None = None
    for column in range(columns):
        advantage = (scaled_follower - scaled_follower[:, [column]]).T
        result = linprog(
            -scaled_leader[:, column],
            A_ub=advantage,
            b_ub=np.zeros(columns),
            A_eq=np.ones((1, rows)),
            b_eq=[1.0],
            bounds=(0, 1),
            method="highs",
        )
        if result.status == 0 and (best is None or -result.fun > best[0] + 1e-12):
            best = (-result.fun, column, np.maximum(result.x, 0) / np.maximum(result.x, 0).sum())
    assert best is not None, "some column is a best response to every mixture"
    _, column, mixture = best
    return StackelbergSolution(
        leader_value=float(mixture @ leader[:, column]),
        follower_values=(float(mixture @ follower[:, column]),),
        leader_strategy=((0, tuple(mixture.tolist())),),
        method="linear programs (Conitzer & Sandholm 2006)",
        tie_break="leader",
        details={"follower_column": column},
    )


def pure_commitment_solve(leader: ArrayLike, follower: ArrayLike, ties: Ties = "leader") -> StackelbergSolution:
    """Optimal row to commit to, by enumeration.

    >>> pure_commitment_solve([[2, 4], [1, 3]], [[1, 0], [0, 1]]).leader_value
    3.0
    """
    leader, follower = np.asarray(leader, dtype=float), np.asarray(follower, dtype=float)
    scaled = unit(follower)
    tied = scaled >= scaled.max(axis=1, keepdims=True) - TIE_TOLERANCE
    play = broken(tied, leader, ties)
    row = int(np.argmax((play * leader).sum(axis=1)))
    return StackelbergSolution(
        leader_value=float(play[row] @ leader[row]),
        follower_values=(float(play[row] @ follower[row]),),
        leader_strategy=((0, row),),
        method="enumeration of rows",
        tie_break=ties,
        details={"follower_column": int(play[row].argmax())},
    )
