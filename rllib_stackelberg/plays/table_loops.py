"""Compiled sums over tables of outcomes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept, kernel


class Outcomes(NamedTuple):
    """An outcome table as arrays: probabilities `[T]`, joint `[A, M]`, payoffs `[B, T, A, agents]`, information."""

    probabilities: NDArray[np.float64]
    joint: NDArray[np.int64]
    payoffs: NDArray[np.float64]
    information: NDArray[np.int64]


def joint_strides(actions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Steps in the joint action's index per step of each own action; the last follower's is 1.

    >>> joint_strides(np.array([2, 3, 4]))
    array([12,  4,  1])
    """
    return np.append(np.cumprod(actions[:0:-1])[::-1], 1)[: len(actions)].astype(np.int64)


@kernel
def weigh(play, policy, information, joint, turn):
    """Multiply the play `[T, A]` by what one follower's policy `[rows, >= actions]` gives to its part of it.

    A follower that does not move in a play is counted there with action 0.
    """
    for t in range(play.shape[0]):
        for a in range(play.shape[1]):
            row, action = information[t, a, turn], joint[a, turn]
            if row >= 0:
                play[t, a] *= policy[row, action]
            elif action > 0:
                play[t, a] = 0.0


@kernel
def gather(play, payoffs, information, joint, turn, agent, stride, reach, realised, fixed):
    """Add up, per row of one follower: probability, payoff as played, payoff of each fixed action instead.

    `play [T, A]`, `payoffs [T, A, agents]`; sums go to `reach [rows]`, `realised [rows]`, `fixed [rows, actions]`.
    """
    for t in range(play.shape[0]):
        for a in range(play.shape[1]):
            weight, row = play[t, a], information[t, a, turn]
            if row < 0 or weight == 0.0:
                continue
            reach[row] += weight
            realised[row] += weight * payoffs[t, a, agent]
            base = a - joint[a, turn] * stride
            for k in range(fixed.shape[1]):
                fixed[row, k] += weight * payoffs[t, base + k * stride, agent]


@kept
def weigh_all(play, policy, own, table, entries, turn):
    """`weigh` for every sample s, with policy own[s] against table entry entries[s]."""
    for s in range(len(play)):
        weigh(play[s], policy[own[s]], table.information[entries[s]], table.joint, turn)


@kept
def gather_all(play, table, entries, turn, agent, stride, reach, realised, fixed):
    """`gather` for every sample s, against table entry entries[s]."""
    for s in range(len(play)):
        gather(
            play[s],
            table.payoffs[entries[s]],
            table.information[entries[s]],
            table.joint,
            turn,
            agent,
            stride,
            reach[s],
            realised[s],
            fixed[s],
        )


@kernel
def add(total, values):
    """In loops, not as an array expression: those take a second to compile."""
    for t in range(total.shape[0]):
        for a in range(total.shape[1]):
            total[t, a] += values[t, a]


@kept
def gather_gains(play, table, entries, turn, agent, stride, reach, gains, sizes):
    """Add up, per sample and row of one follower, what each fixed action gains on play, and the sizes of that.

    Differences of payoffs in the same outcome: what is paid whatever the follower does cannot hide a gain.
    """
    for s in range(len(play)):
        payoffs, information = table.payoffs[entries[s]], table.information[entries[s]]
        for t in range(play.shape[1]):
            for a in range(play.shape[2]):
                weight, row = play[s, t, a], information[t, a, turn]
                if row < 0 or weight == 0.0:
                    continue
                reach[s, row] += weight
                base = a - table.joint[a, turn] * stride
                for k in range(gains.shape[2]):
                    difference = payoffs[t, base + k * stride, agent] - payoffs[t, a, agent]
                    gains[s, row, k] += weight * difference
                    sizes[s, row, k] += weight * abs(difference)
