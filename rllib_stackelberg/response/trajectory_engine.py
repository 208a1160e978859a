"""The compiled inner loop of learners from experience.

Each move is learned from when its follower moves next, or when the play ends for good; in a game with memory the next
move may lie in the next play. Names of axes as in engine.py; L are the moves of a path.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from rllib_stackelberg.followers.learner import draw_action


@njit(error_model="numpy")
def play_on(kernels, who, table, entry, numbers, sums, frozen, carried, nature, uniforms, payoffs):
    """Consecutive plays of one episode; returns the state they leave.

    numbers `[R, width]`; nature `[plays]`; uniforms `[plays, L]`; payoffs `[plays, agents]` are written. Followers
    learn and add their strategies to sums `[R, K + 1]`, unless there are frozen strategies `[R, K]` to play.
    """
    followers, moves, agents = len(who.kind), table.mover.shape[4], payoffs.shape[1]
    learning, memory, width = frozen.size == 0, table.mover.shape[1] > 1, sums.shape[1] - 1
    policy, place, none = np.zeros((1, max(width, frozen.shape[1]))), np.int64(0), np.int64(-1)
    last, action = np.full(followers, -1), np.zeros(followers, dtype=np.int64)
    owed = np.zeros(followers)  # paid to a follower since its last move
    for u in range(len(nature)):
        t, a, before = nature[u], 0, np.zeros(agents)
        for j in range(moves):
            m = table.mover[entry, carried, t, a, j]
            if m < 0:
                break
            row, now = table.row[entry, carried, t, a, j], table.paid[entry, carried, t, a, j]
            for i in range(followers):
                owed[i] += now[who.agents[i]] - before[who.agents[i]]
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
        for i in range(followers):
            owed[i] += final[who.agents[i]] - before[who.agents[i]]
        for i in range(agents):  # one by one: the assignment of a row takes seconds to compile
            payoffs[u, i] = final[i]
        if not memory:
            for m in range(followers):
                if learning and last[m] >= 0:
                    paid = owed[m] * who.unit
                    kernels.learn(
                        who.kind[m], numbers, last[m], who.parameters, m, who.actions[m], action[m], paid, none
                    )
                last[m], owed[m] = -1, 0.0
        carried = table.after[entry, carried, t, a]
    return carried
