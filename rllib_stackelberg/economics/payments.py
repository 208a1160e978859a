"""Least payments that make an outcome of a normal-form game strictly dominant (k-implementation).

Monderer & Tennenholtz 2004: an interested party promises non-negative payments per outcome. Action a_i* is
strictly dominant for player i if, whatever the others do, i is paid its largest temptation to deviate, plus a
margin. Where a* needs no payment at a* itself, the promise costs nothing when it is kept (a 0-implementation).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rllib_stackelberg.rules.solution import StackelbergSolution

MARGIN = 1e-6


def dominant_payments(payoffs: ArrayLike, target: tuple[int, ...], margin: float = MARGIN) -> NDArray[np.float64]:
    """Payments `[*actions, player]` after which every player's target action is strictly dominant.

    Args:
        payoffs: `[*actions, player]`.
        target: the wanted joint action.
        margin: by how much it is to be dominant, > 0.

    >>> payments = dominant_payments([[[3, 3], [6, 4]], [[4, 6], [2, 2]]], target=(0, 1), margin=.5)
    >>> payments[0].tolist()  # player 0 is paid for action 0 against both actions of player 1
    [[1.5, 0.0], [0.0, 0.0]]
    """
    payoffs = np.asarray(payoffs, dtype=float)
    payments = np.zeros_like(payoffs)
    for player, action in enumerate(target):
        own = np.moveaxis(payoffs[..., player], player, 0)
        others = np.delete(own, action, axis=0)
        if len(others):
            temptation = others.max(axis=0) - own[action] + margin
            np.moveaxis(payments[..., player], player, 0)[action] = np.maximum(temptation, 0)
    return payments


def payment_solve(payoffs: ArrayLike, leader: ArrayLike, most: float, margin: float = MARGIN) -> StackelbergSolution:
    """The outcome best for the leader among those that payments up to `most` make strictly dominant.

    Args:
        payoffs: followers' payoffs `[*actions, player]`.
        leader: leader payoff `[*actions]`; payments are not subtracted. Among outcomes best for the leader
            the one that costs least when kept is taken, then the first.
        most: largest payment to one player.
        margin: by how much the outcome is to be dominant.
    """
    payoffs, leader = np.asarray(payoffs, dtype=float), np.asarray(leader, dtype=float)
    found = []
    for target in np.ndindex(leader.shape):
        payments = dominant_payments(payoffs, target, margin)
        if payments.max() <= most:
            found.append((-leader[target], float(payments[target].sum()), target, payments))
    if not found:
        nothing = (float("nan"),) * payoffs.shape[-1]
        return StackelbergSolution(float("nan"), nothing, (), "least payments", "strict dominance", exists=False)
    _, cost, target, payments = min(found, key=lambda entry: entry[:3])
    flat = payments.reshape(-1, payoffs.shape[-1])
    return StackelbergSolution(
        leader_value=float(leader[target]),
        follower_values=tuple((payoffs + payments)[target].tolist()),
        leader_strategy=tuple((key, tuple(paid.tolist())) for key, paid in enumerate(flat)),
        method="least payments (Monderer & Tennenholtz 2004)",
        tie_break="strict dominance",
        details={"outcome": target, "cost": cost, "margin": margin},
    )
