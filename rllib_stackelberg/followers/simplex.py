"""Maps onto the probability simplex, compiled: what learners turn their numbers into mixed strategies with.

All write the image of `rate * scores[row, :actions]` into `policy[place, :actions]`, and neither overflow nor
underflow. Adding one number to all scores changes nothing.
"""

from __future__ import annotations

import math

from rllib_stackelberg.compilation import njit


@njit
def largest_score(scores, row, actions):
    """The largest of `scores[row, :actions]`."""
    largest = scores[row, 0]
    for k in range(1, actions):
        largest = max(largest, scores[row, k])
    return largest


@njit(error_model="numpy")
def softmax(scores, row, rate, policy, place, actions):
    """Probabilities proportional to exp(rate * score).

    The largest exponent is 1 and not 0: exp(0) takes another way through the library than its neighbours, and which
    action is the best cannot be foreseen, so every wrong guess would cost more than an exponential.
    """
    largest, total = largest_score(scores, row, actions), 0.0
    for k in range(actions):
        weight = math.exp(rate * (scores[row, k] - largest) + 1.0)
        policy[place, k] = weight
        total += weight
    for k in range(actions):
        policy[place, k] /= total


@njit(error_model="numpy")
def projection(scores, row, rate, policy, place, actions):
    """The nearest point of the simplex: max(rate * score - tau, 0), with the tau at which that sums to 1.

    The sum falls and is convex in tau, so Newton's steps from below reach the root from below, and each leaves out
    at least one action more (Michelot 1986). The largest score is at most 1 above tau, which is where they begin.
    """
    largest, tau, left = largest_score(scores, row, actions), -1.0, 0
    for _ in range(actions):
        total, kept = 0.0, 0
        for k in range(actions):
            shifted = rate * (scores[row, k] - largest)
            if shifted > tau:
                total += shifted
                kept += 1
        if kept == left:
            break
        tau, left = (total - 1.0) / kept, kept
    for k in range(actions):
        policy[place, k] = max(rate * (scores[row, k] - largest) - tau, 0.0)


@njit(error_model="numpy")
def positive_shares(scores, row, policy, place, actions):
    """Probabilities proportional to the positive scores; uniform if there are none."""
    total = 0.0
    for k in range(actions):
        total += max(scores[row, k], 0.0)
    for k in range(actions):
        policy[place, k] = max(scores[row, k], 0.0) / total if total > 0.0 else 1.0 / actions


@njit
def certain(best, policy, place, actions):
    """All weight on one action."""
    for k in range(actions):
        policy[place, k] = 0.0
    policy[place, best] = 1.0
