"""Ties broken for the leader or against it, where what a follower does at one row may depend on what others do.

Which of its tied actions is best for the leader is decided against the table of outcomes:

- One follower decides row by row, and that is exact: no play passes two of its rows.
- Several decide together: all their joint choices are compared where they are at most `JOINT_CHOICES`. Beyond, one
  follower after the other chooses at all of its rows, given what the rest do now, until nothing changes: what is found
  then is no worse for the leader than what lowest actions give, but perhaps not the best there is.

Rows that play cannot reach, whatever is chosen, keep their lowest action.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.outcomes import OutcomeTable, Policies
from rllib_stackelberg.response import Play, Response
from rllib_stackelberg.ties import Ties, broken

JOINT_CHOICES = 1024
"""Most joint choices of several followers at ties that are compared one by one."""

JOINT_OUTCOMES = 1 << 20
"""Most outcomes that are added up for it at a time; what is more counts as too many joint choices."""

ROUNDS = 20
"""Most rounds of one follower after the other; each is better for the leader (or worse for it) than the last."""

Tied = Sequence[NDArray[np.bool_]]
"""Per learned turn which actions are equally good, `[S, rows, actions]`."""

Stable = Callable[[OutcomeTable, Policies], NDArray[np.bool_]]
"""Which joint strategies may be chosen: `[S]`."""


def reported_play(
    response: Response, table: OutcomeTable, episodes: NDArray[np.int64], play: Play, ties: Ties
) -> list[NDArray[np.float64]]:
    """Per learned turn the strategies `[N, rows, actions]` that are valued, ties broken by the rule.

    Args:
        response: of the followers, who split ties themselves if the rule is "uniform".
        table: one entry per given episode, or one for all; episodes: `[N]`, of the response.
        play: which; ties: the rule, of argmax play.
    """
    if play != "argmax" or ties == "lowest" or ties == "uniform":
        return [policy[episodes] for policy in response.policies(play)]
    return settled(table, response.tied(episodes), ties)


def settled(
    table: OutcomeTable,
    tied: Tied,
    ties: Literal["leader", "against"],
    played: Policies | None = None,
    stable: Stable | None = None,
) -> list[NDArray[np.float64]]:
    """What followers play among tied actions, for the leader or against it.

    Args:
        table: one entry per sample, or one for all; tied: see `Tied`; ties: the rule.
        played: what followers play at rows that are not reached, `[S, rows, actions]`; by default lowest actions.
        stable: which joint strategies may be chosen; `played` is, where nothing else is.
    """
    policies = [broken(mask, np.zeros(mask.shape), "lowest") for mask in tied]
    before = policies if played is None else [np.array(policy) for policy in played]
    policies = [policy.copy() for policy in before]
    undecided = _undecided(table, tied)
    count = np.sum([rows.any(axis=1) for rows in undecided], axis=0)
    several = count > (1 if stable is None else 0)
    _take_turns(table, tied, ties, undecided, policies, bool(several.any()))
    for s in np.flatnonzero(several):
        entry = table.entry(int(s)) if len(table.payoffs) > 1 else table
        own = [policy[s : s + 1] for policy in before]
        choices = _choices([mask[s] for mask in tied], [rows[s] for rows in undecided])
        count = math.prod(len(actions) for _, _, actions in choices)
        if count <= min(JOINT_CHOICES, JOINT_OUTCOMES // len(table.profiles)):
            chosen = _together(entry, own, choices, ties, stable)
        else:
            chosen = [policy[s] for policy in policies]
            if stable and not stable(entry, [policy[None] for policy in chosen])[0]:
                chosen = _one_by_one(entry, own, choices, ties, stable)
        for policy, new in zip(policies, chosen, strict=True):
            policy[s] = new
    return policies


def _undecided(table: OutcomeTable, tied: Tied) -> list[NDArray[np.bool_]]:
    """Rows with a tie that play can reach, whatever is chosen at the others: per learned turn `[S, rows]`."""
    anything = table.distribution([broken(mask, np.zeros(mask.shape), "uniform") for mask in tied])
    return [(mask.sum(axis=-1) > 1) & (table.deviations(anything, turn).reach > 0) for turn, mask in enumerate(tied)]


def _take_turns(
    table: OutcomeTable,
    tied: Tied,
    ties: Ties,
    undecided: Sequence[NDArray[np.bool_]],
    policies: list[NDArray[np.float64]],
    repeat: bool,
) -> None:
    """One follower after the other chooses at all its rows; `policies` are changed."""
    for _ in range(ROUNDS if repeat else 1):
        changed = False
        for turn, rows in enumerate(undecided):
            if not rows.any():
                continue
            leader = table.deviations(table.distribution(policies), turn, agent=0).fixed
            chosen = np.where(rows[..., None], broken(tied[turn], leader, ties), policies[turn])
            changed |= bool((chosen != policies[turn]).any())
            policies[turn] = chosen
        if not changed:
            return


Choice = tuple[int, int, NDArray[np.int64]]
"""(learned turn, row, its tied actions)."""


def _choices(tied: Tied, undecided: Sequence[NDArray[np.bool_]]) -> list[Choice]:
    """Of one sample: masks `[rows, actions]`, rows `[rows]`."""
    return [
        (turn, int(row), np.flatnonzero(mask[row]))
        for turn, (mask, rows) in enumerate(zip(tied, undecided, strict=True))
        for row in np.flatnonzero(rows)
    ]


def _together(
    table: OutcomeTable,
    played: Sequence[NDArray[np.float64]],
    choices: Sequence[Choice],
    ties: Ties,
    stable: Stable | None,
) -> list[NDArray[np.float64]]:
    """The best (or worst) of all joint choices, `[rows, actions]`; the first of equal ones."""
    joint = np.array(list(product(*(actions for _, _, actions in choices))))
    policies = [np.repeat(policy, len(joint), axis=0) for policy in played]
    for (turn, row, _), actions in zip(choices, joint.T, strict=True):
        policies[turn][:, row] = np.eye(policies[turn].shape[-1])[actions]
    values = table.values(table.distribution(policies))[:, 0]
    allowed = np.ones(len(joint), dtype=bool) if stable is None else stable(table, policies)
    if not allowed.any():
        return [policy[0] for policy in played]
    best = int(broken(allowed, values, ties).argmax())
    return [policy[best] for policy in policies]


def _one_by_one(
    table: OutcomeTable,
    played: Sequence[NDArray[np.float64]],
    choices: Sequence[Choice],
    ties: Ties,
    stable: Stable,
) -> list[NDArray[np.float64]]:
    """Change one row after the other, wherever that is better (or worse) for the leader and stable."""
    sign = 1.0 if ties == "leader" else -1.0
    now = [policy.copy() for policy in played]
    value = sign * table.values(table.distribution(now))[0, 0]
    for turn, row, actions in choices:
        for action in actions:
            tried = [policy.copy() for policy in now]
            tried[turn][0, row] = np.eye(tried[turn].shape[-1])[action]
            found = sign * table.values(table.distribution(tried))[0, 0]
            if found > value and stable(table, tried)[0]:
                now, value = tried, found
    return [policy[0] for policy in now]
