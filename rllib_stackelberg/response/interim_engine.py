"""The compiled loop of updates from expected payoffs that the rules know a short way to (interim.py).

Names of axes as in engine.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.compilation import kept, njit
from rllib_stackelberg.response.engine import learn_row


class Learned(NamedTuple):
    """What episodes keep: numbers, sums `[E, R, width]` (`LearnedRows`); paid `[E, agents]`, summed over updates."""

    numbers: Numbers
    sums: Numbers
    paid: Numbers


@njit(error_model="numpy")
def _played(kernels, who, leads, numbers, policy):
    """Strategies of all who are not alike to somebody before them: `policy [R, K]`."""
    for m in range(len(leads)):
        if leads[m] == m:
            for row in range(who.first[m], who.first[m] + who.rows[m]):
                kernels.play(who.kind[m], numbers, row, who.parameters, m, policy, row, who.actions[m])


@kept(error_model="numpy")
def interim_phase(kernels, who, expect, rules, learned, episodes, actions, updates):
    """All updates of every episode `[N]`, against actions of the leader `[N, width]`."""
    rows, widest = learned.numbers.shape[1], learned.sums.shape[2] // 2 - 1
    policy, utilities = np.zeros((rows, widest)), np.zeros((rows, widest))
    payoffs, scaled, undrawn = np.zeros(learned.paid.shape[1]), np.zeros(widest), np.int64(-1)
    for n in range(len(episodes)):
        e = episodes[n]
        own, record = learned.numbers[e], learned.sums[e]
        for _ in range(updates):
            _played(kernels, who, rules.leads, own, policy)
            expect(rules.facts, rules.leads, rules.first, actions[n], policy, utilities, payoffs)
            for agent in range(len(payoffs)):
                learned.paid[e, agent] += payoffs[agent]
            for m in range(len(rules.leads)):
                if rules.leads[m] != m:
                    continue
                for row in range(who.first[m], who.first[m] + who.rows[m]):
                    if rules.reach[row] <= 0:
                        continue
                    learn_row(
                        kernels.learn,
                        who.kind[m],
                        own,
                        row,
                        who.parameters,
                        m,
                        policy,
                        row,
                        who.actions[m],
                        utilities[row],
                        scaled,
                        who.unit,
                        undrawn,
                        record,
                        widest,
                    )
