"""Optimal mixed commitment to followers who play a pure equilibrium among themselves.

For every profile a of the followers' actions: maximise x.L(., a) over mixtures x of the leader's with

    x.(F_j(., a with k in place of a_j) - F_j(., a)) <= 0    for every follower j and every action k of it,

that is, over mixtures against which a is an equilibrium; the best profile wins. With one follower these are the
programs of Conitzer & Sandholm (2006). Of several equilibria followers play the one that is best for the leader, as in
the enumeration of pure commitments; where no mixture has a pure equilibrium there is no value.

Rational arithmetic throughout (exact_programs.py): floats are taken at their word, nothing is rounded. One linear
program for each profile, so polynomial in the size of the game, which is exponential in the number of followers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.commitment.exact_programs import ExactMixture, best_mixture
from rllib_stackelberg.rules.solution import StackelbergSolution

WORK = 200_000
"""Most payoffs in all constraints of all profiles together: a few seconds."""


def work(shape: tuple[int, ...]) -> int:
    """Payoffs in all constraints of all profiles of a game with so many strategies, the leader's first."""
    return math.prod(shape) * sum(count - 1 for count in shape[1:])


def equilibrium_commitment_solve(payoffs: NDArray[Any]) -> StackelbergSolution:
    """Optimal mixed commitment; followers play the pure equilibrium that is best for the leader.

    Args:
        payoffs: `[strategies of the leader, of each follower..., agents]`, the leader's first; floats or fractions.

    >>> both = np.array([[[2, 1], [4, 0]], [[1, 0], [3, 1]]], dtype=float)
    >>> equilibrium_commitment_solve(both).leader_value
    3.5
    """
    followers = payoffs.shape[1:-1]
    exact = np.array([Fraction(entry) for entry in payoffs.ravel().tolist()], dtype=object).reshape(payoffs.shape)
    table = np.moveaxis(exact, 0, -2)  # by the followers' actions first, then [strategies of the leader, agents]
    own = {profile: table[profile][:, 0].tolist() for profile in np.ndindex(*followers)}
    best: tuple[ExactMixture, tuple[int, ...]] | None = None
    for profile in sorted(own, key=lambda profile: -max(own[profile])):
        if best is not None and max(own[profile]) <= best[0].value:
            break
        found = best_mixture(own[profile], list(_advantages(table, profile)))
        if found is not None and (best is None or found.value > best[0].value):
            best = found, profile
    if best is None:
        return _none(len(followers))
    paid = [
        np.dot(np.array(best[0].mixture, dtype=object), table[best[1]][:, agent])
        for agent in range(1, len(followers) + 1)
    ]
    return StackelbergSolution(
        leader_value=float(best[0].value),
        follower_values=tuple(map(float, paid)),
        leader_strategy=((0, tuple(float(share) for share in best[0].mixture)),),
        method="linear programs, one for each profile of followers",
        tie_break="leader",
        details={"follower_actions": tuple(map(int, best[1]))},
    )


def _advantages(table: NDArray[np.object_], profile: tuple[int, ...]) -> Iterator[list[Fraction]]:
    """What each follower would gain by each other action, against each strategy of the leader."""
    for follower, chosen in enumerate(profile):
        for action in range(table.shape[follower]):
            if action != chosen:
                other = (*profile[:follower], action, *profile[follower + 1 :])
                yield (table[other] - table[profile])[:, follower + 1].tolist()


def _none(followers: int) -> StackelbergSolution:
    """No mixture leaves followers a pure equilibrium."""
    return StackelbergSolution(
        leader_value=math.nan,
        follower_values=(math.nan,) * followers,
        leader_strategy=(),
        method="linear programs, one for each profile of followers",
        tie_break="leader",
        exists=False,
    )
