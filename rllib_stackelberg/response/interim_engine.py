"""The compiled loop of updates from expected payoffs that the rules know a short way to (interim.py).

Names of axes as in engine.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.compilation import kept
from rllib_stackelberg.response.engine import learn_reached, strategies_of


class Learned(NamedTuple):
    """What episodes keep: numbers, sums `[E, R, width]` (`LearnedRows`); paid `[E, agents]`, summed over updates."""

    numbers: Numbers
    sums: Numbers
    paid: Numbers


@kept(error_model="numpy")
def interim_phase(kernels, who, expect, rules, learned, episodes, actions, updates):
    """All updates of every episode `[N]`, against actions of the leader `[N, width]`."""
    rows, widest = learned.numbers.shape[1], learned.sums.shape[2] // 2 - 1
    policy, utilities = np.zeros((rows, widest)), np.zeros((rows, widest))
    payoffs, scaled = np.zeros(learned.paid.shape[1]), np.zeros(widest)
    for n in range(len(episodes)):
        e = episodes[n]
        own, record = learned.numbers[e], learned.sums[e]
        for _ in range(updates):
            for m in range(len(rules.leads)):
                if rules.leads[m] == m:  # not alike to somebody before
                    strategies_of(kernels, who, m, own, policy)
            expect(rules.facts, rules.leads, rules.first, actions[n], policy, utilities, payoffs)
            for agent in range(len(payoffs)):
                learned.paid[e, agent] += payoffs[agent]
            for m in range(len(rules.leads)):
                if rules.leads[m] == m:
                    learn_reached(kernels, who, m, own, rules.reach, policy, utilities, scaled, record, widest)
