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
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.followers.ties import equally_good
from rllib_stackelberg.plays.outcomes import OutcomeTable, Policies
from rllib_stackelberg.rules.ties import Ties, broken

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


def settled(
    table: OutcomeTable,
    tied: Tied,
    ties: Literal["leader", "against"],
    played: Policies | None = None,
    stable: Stable | None = None,
    together: bool = True,
) -> list[NDArray[np.float64]]:
    """What followers play among tied actions, for the leader or against it.

    Args:
        table: one entry per sample, or one for all; tied: see `Tied`; ties: the rule.
        played: what followers play at rows that are not reached, `[S, rows, actions]`; by default lowest actions.
        stable: which joint strategies may be chosen; `played` is, where nothing else is.
        together: whether several followers compare their joint choices, where they are few enough.
    """
    policies = [broken(mask, np.zeros(mask.shape), "lowest") for mask in tied]
    before = policies if played is None else [np.array(policy) for policy in played]
    policies = [policy.copy() for policy in before]
    undecided = _undecided(table, tied)
    count = np.sum([rows.any(axis=1) for rows in undecided], axis=0)
    several = np.flatnonzero(count > (1 if stable is None else 0))
    _take_turns(table, tied, ties, undecided, policies, len(several) > 0)
    if not together:
        return policies
    open_at = {int(s): _choices([mask[s] for mask in tied], [rows[s] for rows in undecided]) for s in several}
    size = {s: math.prod(len(actions) for _, _, actions in choices) for s, choices in open_at.items()}
    most = min(JOINT_CHOICES, JOINT_OUTCOMES // len(table.profiles))
    for some in _batches({s: own for s, own in size.items() if own <= most}, JOINT_OUTCOMES // len(table.profiles)):
        _decide_together(table, before, {s: open_at[s] for s in some}, ties, stable, policies)
    for s in [s for s, own in size.items() if own > most]:
        if stable is not None:
            _mend(_entry(table, s), before, s, open_at[s], ties, stable, policies)
    return policies


def _batches(size: dict[int, int], most: int) -> Iterator[list[int]]:
    """Samples whose numbers of joint choices add up to at most so many."""
    batch: list[int] = []
    total = 0
    for s, own in size.items():
        if batch and total + own > most:
            yield batch
            batch, total = [], 0
        batch.append(s)
        total += own
    if batch:
        yield batch


def _entry(table: OutcomeTable, sample: int) -> OutcomeTable:
    return table.entry(sample) if len(table.payoffs) > 1 else table


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


def _decide_together(
    table: OutcomeTable,
    played: Policies,
    open_at: dict[int, list[Choice]],
    ties: Ties,
    stable: Stable | None,
    policies: Policies,
) -> None:
    """Of some samples the best (or worst) of all joint choices, the first of equal ones; `policies` are changed."""
    joint = {s: np.array(list(product(*(actions for _, _, actions in choices)))) for s, choices in open_at.items()}
    counts = [len(own) for own in joint.values()]
    owner, start = np.repeat(list(joint), counts), np.append(0, np.cumsum(counts))
    tried = [policy[owner] for policy in played]
    for (s, own), first in zip(joint.items(), start, strict=False):
        for (turn, row, _), actions in zip(open_at[s], own.T, strict=True):
            tried[turn][first : first + len(own), row] = np.eye(tried[turn].shape[-1])[actions]
    repeated = table
    if len(table.payoffs) > 1:
        repeated = OutcomeTable(table.game, table.profiles, table.payoffs[owner], table.information[owner])
    worth = (1.0 if ties == "leader" else -1.0) * repeated.values(repeated.distribution(tried))[:, 0]
    if stable is not None:
        worth = np.where(stable(repeated, tried), worth, -np.inf)
    for k, s in enumerate(joint):
        own = worth[start[k] : start[k + 1]]
        best = start[k] + int(np.argmax(equally_good(own)))
        for policy, before, after in zip(policies, played, tried, strict=True):
            policy[s] = after[best] if own.max() > -np.inf else before[s]


def _mend(
    table: OutcomeTable,
    played: Policies,
    sample: int,
    choices: Sequence[Choice],
    ties: Ties,
    stable: Stable,
    policies: Policies,
) -> None:
    """Where what followers chose one after the other is not stable: change one row after the other, if that is.

    From what was played, wherever it is better (or worse) for the leader; `policies` of the sample are changed.
    """
    if stable(table, [policy[sample : sample + 1] for policy in policies])[0]:
        return
    sign = 1.0 if ties == "leader" else -1.0
    now = [policy[sample : sample + 1].copy() for policy in played]
    value = sign * table.values(table.distribution(now))[0, 0]
    for turn, row, actions in choices:
        for action in actions:
            tried = [policy.copy() for policy in now]
            tried[turn][0, row] = np.eye(tried[turn].shape[-1])[action]
            found = sign * table.values(table.distribution(tried))[0, 0]
            if found > value and stable(table, tried)[0]:
                now, value = tried, found
    for policy, own in zip(policies, now, strict=True):
        policy[sample] = own[0]
