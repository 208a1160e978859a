"""The compiled inner loop of learners from experience.

Each move is learned from when its follower moves next, or when the play ends for good; in a game with memory the next
move may lie in the next play. Names of axes as in engine.py; L are the moves of a path.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept, njit
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
    policy = np.zeros((1, sums.shape[2] - 1))
    for n in range(len(episodes)):
        e = episodes[n]
        chosen[n] = _move(
            kernels, who, m, e, rows[n], paid[n], plays[n], uniforms[n], numbers[e], sums[e], pending, policy
        )


@njit(error_model="numpy")
def _move(kernels, who, m, e, row, paid, plays, uniform, numbers, sums, pending, policy):
    """One move of follower `m` in episode `e`, at its `row`; `policy [1, K]` is room."""
    width, place = sums.shape[1] - 1, np.int64(0)
    kind, actions, row = who.kind[m], who.actions[m], who.first[m] + row
    last, owed, before = pending.last[e], pending.owed[e], pending.before[e]
    _owe(who, owed, before, paid)
    for i in range(len(paid)):
        before[i] = paid[i]
    if last[m] >= 0:
        payoff = owed[m] * who.unit
        kernels.learn(kind, numbers, last[m], who.parameters, m, actions, pending.action[e, m], payoff, row)
    kernels.play(kind, numbers, row, who.parameters, m, policy, place, actions, plays)
    for k in range(actions):
        sums[row, k] += policy[0, k]
    sums[row, width] += 1
    action = draw_action(policy, place, actions, uniform)
    last[m], owed[m], pending.action[e, m] = row, 0.0, action
    return action


@kept(error_model="numpy")
def end_plays(kernels, who, episodes, paid, memory, numbers, pending):
    """The end of the play that each episode is in: payoffs `[N, agents]`; without a memory, everybody learns."""
    for n in range(len(episodes)):
        _end(kernels, who, episodes[n], paid[n], memory, numbers[episodes[n]], pending)


@njit(error_model="numpy")
def _end(kernels, who, e, paid, memory, numbers, pending):
    last, owed, before = pending.last[e], pending.owed[e], pending.before[e]
    _owe(who, owed, before, paid)
    before.fill(0.0)
    if not memory:
        _learn_last(kernels, who, numbers, last, pending.action[e], owed)
        last.fill(-1)
        owed.fill(0.0)


class Ahead(NamedTuple):
    """Plays that N of E episodes are to go through as far as they are known, and how far they came.

    roots: how they begin but for the state, `[E, plays]`; uniforms `[E, plays, L]`; first, stop: which of them; number:
    how many an episode has played before the first; `[N]` each. done: first that is not over, made: moves of it that
    were made, -1 if there is none, `[N]`; actions: these, `[N, L]`; node: last one known of it, `[N]`.
    """

    roots: NDArray[np.int64]
    uniforms: NDArray[np.float64]
    first: NDArray[np.int64]
    stop: NDArray[np.int64]
    number: NDArray[np.int64]
    done: NDArray[np.int64]
    made: NDArray[np.int64]
    actions: NDArray[np.int64]
    node: NDArray[np.int64]


@kept(error_model="numpy")
def walk(kernels, who, nodes, natures, memory, episodes, ahead, numbers, sums, pending, carried):
    """Learn from plays along the trees of what is known (course_trees.py), up to what is not."""
    policy = np.zeros((1, sums.shape[2] - 1))
    for n in range(len(episodes)):
        e, u = episodes[n], ahead.first[n]
        ahead.made[n] = -1
        while u < ahead.stop[n]:
            plays = ahead.number[n] + u - ahead.first[n]
            before, j = np.int64(-1), 0
            at = nodes.roots[e, carried[e] * natures + ahead.roots[e, u]]
            while at >= 0 and nodes.mover[e, at] >= 0:
                m, row, paid, uniform = nodes.mover[e, at], nodes.row[e, at], nodes.paid[e, at], ahead.uniforms[e, u, j]
                action = _move(kernels, who, m, e, row, paid, plays, uniform, numbers[e], sums[e], pending, policy)
                ahead.actions[n, j] = action
                before, at, j = at, nodes.children[e, at, action], j + 1
            if at < 0:
                ahead.made[n], ahead.node[n] = j, before
                break
            _end(kernels, who, e, nodes.paid[e, at], memory, numbers[e], pending)
            carried[e] = nodes.after[e, at]
            u += 1
        ahead.done[n] = u
