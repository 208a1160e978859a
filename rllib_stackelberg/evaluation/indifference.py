"""Followers that are indifferent in the play whose value is reported: where, how likely, and what that is worth.

A follower is indifferent at an information set that play reaches if another action is worth as much to it there as what
it plays, others playing as they do. What it does there is a convention (rules/ties.py), not a consequence of its
payoffs; the leader's value is only known up to that convention. It lies between what the leader gets if indifferent
followers help it and if they act against it; play that was an equilibrium stays one in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.plays.outcomes import OutcomeTable, Policies
from rllib_stackelberg.response.tie_breaking import Stable, settled


def indifference(table: OutcomeTable, policies: Policies) -> dict[str, Any]:
    """What a certificate says of ties in a play, as fields of it; samples of the same play are looked at once.

    Args:
        table: of one entry; policies: the play, per learned turn `[S, rows, actions]`.

    Returns:
        indifferent: number of information sets at which a follower is indifferent, the most over samples;
        indifferent_probability: of a play in which some follower is; helping, harming: leader payoff if indifferent
        followers acted for it and against it; means over samples. margin: by how much every follower prefers what it
        plays to everything else at least, payoff units, the least over samples and information sets.
    """
    distinct, counts = _distinct(policies)
    play = table.distribution(distinct)
    equal = [table.equals(play, turn) for turn in range(len(distinct))]
    rows = [np.asarray((mask & (policy < 1)).any(axis=-1)) for mask, policy in zip(equal, distinct, strict=True)]
    tied = [
        np.where(own[..., None], mask, np.arange(mask.shape[-1]) == policy.argmax(axis=-1)[..., None])
        for own, mask, policy in zip(rows, equal, distinct, strict=True)
    ]
    unstable = [table.gains(play, turn).max(axis=1) > 0 for turn in range(len(distinct))]
    keep: Stable | None = None if len(distinct) < 2 or np.any(unstable) else is_equilibrium
    weights = counts / counts.sum()
    margin = min(float(table.margins(play, turn).min()) for turn in range(len(distinct)))

    def worth(ties: Any) -> float:
        """What the leader gets if ties are broken so."""
        chosen = settled(table, tied, ties, distinct, keep)
        return float(weights @ table.values(table.distribution(chosen))[:, 0])

    return {
        "indifferent": int(np.sum([own.sum(axis=1) for own in rows], axis=0).max()),
        "indifferent_probability": float(weights @ _met(table, play, rows)),
        "helping": worth("leader"),
        "harming": worth("against"),
        "margin": float(margin) if np.isfinite(margin) else None,
    }


def is_equilibrium(table: OutcomeTable, policies: Policies) -> NDArray[np.bool_]:
    """Whether no follower gains from another action at any row: `[S]`."""
    play = table.distribution(policies)
    gains = [table.gains(play, turn).max(axis=1) for turn in range(len(policies))]
    return np.max(gains, axis=0) <= 0


def _distinct(policies: Policies) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """The different plays among samples, and how many samples play each."""
    flat = np.concatenate([policy.reshape(len(policy), -1) for policy in policies], axis=1)
    _, first, counts = np.unique(flat, axis=0, return_index=True, return_counts=True)
    return [np.ascontiguousarray(policy[first]) for policy in policies], counts


def _met(table: OutcomeTable, play: NDArray[np.float64], rows: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """Probability of plays that meet one of the rows, `[S]`."""
    met = np.zeros(play.shape, dtype=bool)
    for turn, own in enumerate(rows):
        information = table.information[0, ..., turn]
        met |= own[:, np.maximum(information, 0)] & (information >= 0)
    return np.asarray((play * met).sum(axis=(1, 2)))
