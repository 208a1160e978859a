"""The compiled inner loop of learners from experience.

Each move is learned from when its follower moves next, or when the play ends for good; in a game with memory the next
move may lie in the next play. Names of axes as in engine.py; L are the moves of a path.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept
from rllib_stackelberg.followers.learner import draw_action


@kept(error_model="numpy")
def play_on(kernels, who, table, entry, numbers, sums, frozen, carried, nature, uniforms, payoffs):
    """Consecutive plays of one episode; returns the state they leave.

    numbers `[R, width]`; nature `[plays]`; uniforms `[plays, L]`; payoffs `[plays, agents]` are written. Followers
    learn and add their strategies to sums `[R, K + 1]`, unless there are frozen strategies `[R, K]` to play.
    """
    moves, agents = table.mover.shape[4], payoffs.shape[1]
    learning, memory, width = frozen.size == 0, table.mover.shape[1] > 1, sums.shape[1] - 1
    policy, place = np.zeros((1, max(width, frozen.shape[1]))), np.int64(0)
    last, action = np.full(len(who.kind), -1), np.zeros(len(who.kind), dtype=np.int64)
    owed = np.zeros(len(who.kind))  # paid to a follower since its last move
    for u in range(len(nature)):
        t, a, before = nature[u], 0, np.zeros(agents)
        for j in range(moves):
            m = table.mover[entry, carried, t, a, j]
            if m < 0:
                break
            row, now = table.row[entry, carried, t, a, j], table.paid[entry, carried, t, a, j]
            _owe(who, owed, before, now)
            before = now
            kind, actions, row = who.kind[m], who.actions[m], row + who.first[m]
            if learning:
                if last[m] >= 0:
                    paid = owed[m] * who.unit
                    kernels.learn(kind, numbers, last[m], who.parameters, m, actions, action[m], paid, row)
                kernels.play(kind, numbers, row, who.parameters, m, policy, place, actions, u)
                for k in range(actions):
                    sums[row, k] += policy[0, k]
                sums[row, width] += 1
            else:
                for k in range(actions):
                    policy[0, k] = frozen[row, k]
            last[m], action[m], owed[m] = row, draw_action(policy, place, actions, uniforms[u, j]), 0.0
            a += action[m] * table.strides[j]
        final = table.paid[entry, carried, t, a, moves]
        _owe(who, owed, before, final)
        for i in range(agents):  # one by one: the assignment of a row takes seconds to compile
            payoffs[u, i] = final[i]
        if not memory:
            if learning:
                _learn_last(kernels, who, numbers, last, action, owed)
            last.fill(-1)
            owed.fill(0.0)
        carried = table.after[entry, carried, t, a]
    return carried


@njit(error_model="numpy", inline="always")
def _owe(who, owed, before, now):
    """Add to `owed [M]` what followers were paid between two states `[agents]`."""
    for i in range(len(owed)):
        owed[i] += now[who.agents[i]] - before[who.agents[i]]


@njit(error_model="numpy")
def _learn_last(kernels, who, numbers, last, action, owed):
    """At the end of a play everybody who moved learns from its last move, after which there is no other."""
    none = np.int64(-1)
    for m in range(len(last)):
        if last[m] >= 0:
            paid = owed[m] * who.unit
            kernels.learn(who.kind[m], numbers, last[m], who.parameters, m, who.actions[m], action[m], paid, none)


class Pending(NamedTuple):
    """What followers of played plays have not yet learned from, `[E, M]` each but the last.

    last: row of a follower's last move, -1 if there is none; action: taken there; owed: paid since; before
    `[E, agents]`: payoffs of the play in progress when followers were last paid.
    """

    last: NDArray[np.int64]
    action: NDArray[np.int64]
    owed: NDArray[np.float64]
    before: NDArray[np.float64]


@kept(error_model="numpy")
def move_on(kernels, who, m, episodes, rows, paid, plays, uniforms, numbers, sums, pending, chosen):
    """As `play_on`, one move of follower `m` in the play that each episode is in: learn from the last one, and draw.

    rows, plays (played before), uniforms `[N]`; paid: in this play so far, `[N, agents]`; chosen `[N]` is written.
    """
    width = sums.shape[2] - 1
    policy, place = np.zeros((1, width)), np.int64(0)
    kind, actions, first = who.kind[m], who.actions[m], who.first[m]
    for n in range(len(episodes)):
        e, row = episodes[n], first + rows[n]
        own, last, owed = numbers[e], pending.last[e], pending.owed[e]
        _owe(who, owed, pending.before[e], paid[n])
        for i in range(paid.shape[1]):
            pending.before[e, i] = paid[n, i]
        if last[m] >= 0:
            payoff = owed[m] * who.unit
            kernels.learn(kind, own, last[m], who.parameters, m, actions, pending.action[e, m], payoff, row)
        kernels.play(kind, own, row, who.parameters, m, policy, place, actions, plays[n])
        for k in range(actions):
            sums[e, row, k] += policy[0, k]
        sums[e, row, width] += 1
        chosen[n] = draw_action(policy, place, actions, uniforms[n])
        last[m], owed[m] = row, 0.0
        pending.action[e, m] = chosen[n]


@kept(error_model="numpy")
def end_plays(kernels, who, episodes, paid, memory, numbers, pending):
    """The end of the play that each episode is in: payoffs `[N, agents]`; without a memory, everybody learns."""
    for n in range(len(episodes)):
        e = episodes[n]
        last, owed = pending.last[e], pending.owed[e]
        _owe(who, owed, pending.before[e], paid[n])
        for i in range(paid.shape[1]):
            pending.before[e, i] = 0.0
        if not memory:
            _learn_last(kernels, who, numbers[e], last, pending.action[e], owed)
            last.fill(-1)
            owed.fill(0.0)
