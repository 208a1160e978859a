"""Maps onto the probability simplex, compiled: what learners turn their numbers into mixed strategies with.

They are the steps of `followers.kernels.Steps`: `from_largest` and `copied` begin, the others finish, in place, so many
rows of `policy` from the first. None overflows or underflows, and adding one number to all scores changes nothing (but
for `shares` of scores themselves). Loops that finish are over places outside and actions inside, without a branch that
depends on numbers: where it knows the number of actions, the compiler works through several places at once. Places are
unsigned, as numba counts negative ones from the end.
"""

from __future__ import annotations

import numpy as np

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.followers.exponential import exponential

FEW_ACTIONS = 4
"""With so many, going on is faster than finding out whether there is anything left to do."""

TIE = 1e-12
"""Weights within this relative distance of the largest count as tied with it."""


@kernel
def largest_score(scores, row, actions):
    """The largest of `scores[row, :actions]`."""
    largest = scores[row, 0]
    for k in range(1, actions):
        largest = max(largest, scores[row, k])
    return largest


@kernel(error_model="numpy")
def from_largest(scores, row, rate, policy, place, actions):
    """Begin with how far scores are below the largest, times a rate: `policy[place, :actions]`, at most 0."""
    largest = largest_score(scores, row, actions)
    for k in range(actions):
        policy[place, k] = rate * (scores[row, k] - largest)


@kernel
def copied(scores, row, parameters, who, policy, place, actions):
    """Begin with the scores themselves."""
    for k in range(actions):
        policy[place, k] = scores[row, k]


@kernel(error_model="numpy")
def shares(policy, first, count, parameters, who, actions):
    """Probabilities in proportion to weights, none of which is negative; uniform if all are 0."""
    for lane in range(count):
        place = np.uint64(first) + np.uint64(lane)
        total = 0.0
        for k in range(actions):
            total += policy[place, k]
        for k in range(actions):
            policy[place, k] = policy[place, k] / total if total > 0.0 else 1.0 / actions


@kernel(error_model="numpy")
def softmax(policy, first, count, parameters, who, actions):
    """Probabilities in proportion to the exponentials of numbers, the largest of which is 0."""
    for lane in range(count):
        place = np.uint64(first) + np.uint64(lane)
        total = 0.0
        for k in range(actions):
            weight = exponential(policy[place, k])
            policy[place, k] = weight
            total += weight
        for k in range(actions):
            policy[place, k] /= total


@kernel(error_model="numpy")
def projections(policy, first, count, parameters, who, actions):
    """The nearest points of the simplex: max(score - tau, 0), with the tau at which that sums to 1.

    Scores count from the largest, 0. The sum falls and is convex in tau, so Newton's steps from below reach the root
    from below, and each leaves out at least one action more (Michelot 1986); at the root they stay there. The largest
    score is at most 1 above tau, which is where they begin.
    """
    for lane in range(count):
        place = np.uint64(first) + np.uint64(lane)
        tau, left = -1.0, 0
        for _ in range(actions):
            total, kept = 0.0, 0
            for k in range(actions):
                above = policy[place, k] > tau
                total += policy[place, k] if above else 0.0
                kept += 1 if above else 0
            if actions > FEW_ACTIONS and kept == left:
                break
            tau, left = (total - 1.0) / kept, kept
        for k in range(actions):
            policy[place, k] = max(policy[place, k] - tau, 0.0)


@kernel
def best_action(values, row, actions):
    """The action of the largest of `values[row, :actions]`, ties (within `TIE`) to the lowest index; compiled."""
    least = largest_score(values, row, actions)
    least -= TIE * abs(least)
    best = 0
    for k in range(actions - 1, -1, -1):
        best = k if values[row, k] >= least else best
    return best


@kernel
def certain(best, policy, place, actions):
    """All weight on one action."""
    for k in range(actions):
        policy[place, k] = 1.0 if k == best else 0.0


@kernel
def best_alone(policy, first, count, parameters, who, actions):
    """All weight on the largest, ties to the lowest index."""
    for lane in range(count):
        place = np.uint64(first) + np.uint64(lane)
        certain(best_action(policy, place, actions), policy, place, actions)
