"""The best plan of one follower in a game of rounds, while all others play what they play: a decision problem.

States are those that a play leaves to the next one. Solved by policy iteration (Howard 1960), exactly up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.comparisons import NEGLIGIBLE
from rllib_stackelberg.response.rounds_engine import Rounds

MOST_STEPS = 1000
"""Of policy iteration, which takes a few."""


def decision_problem(rounds: Rounds, policies: Sequence[Numbers], move: int, agent: int) -> tuple[Numbers, Numbers]:
    """Payoffs `[C, K]` and next states' probabilities `[C, K, C]` of one follower's actions.

    Args:
        rounds: without types or chance.
        policies: of all followers, `[rows, actions]` each; the follower's own does not matter.
        move: whose problem it is; agent: its column of the payoffs.
    """
    states, joints = rounds.after.shape[0], rounds.after.shape[2]
    choices = joints // int(rounds.strides[0])
    weights = np.ones((states, joints))
    digits = np.arange(joints) // rounds.strides[:, None] % choices
    for other, m in enumerate(rounds.mover):
        if other != move:
            policy = policies[m]
            padded = np.pad(policy, ((0, 0), (0, choices - policy.shape[1])))
            weights *= padded[rounds.row[other, :, 0]][:, digits[other]]
    own = policies[rounds.mover[move]].shape[1]
    kept = digits[move] < own
    weights, taken = weights[:, kept], digits[move][kept]
    payoffs, after = np.zeros((states, own)), np.zeros((states, own, states))
    state = np.arange(states)[:, None]
    np.add.at(payoffs, (state, taken), weights * rounds.paid[:, 0, kept, agent])
    np.add.at(after, (state, taken, rounds.after[:, 0, kept]), weights)
    return payoffs, after


def values_of(payoffs: Numbers, after: Numbers, plan: Numbers, discount: float) -> Numbers:
    """What a plan `[C, K]` is worth from each state on, `[C]`: sum of discounted payoffs."""
    moves = (plan[:, None] @ after)[:, 0]
    return np.linalg.solve(np.eye(len(moves)) - discount * moves, (plan * payoffs).sum(axis=1))


def action_values(payoffs: Numbers, after: Numbers, plan: Numbers, discount: float) -> Numbers:
    """What each action is worth at each state if the plan is followed after it, `[C, K]`."""
    return payoffs + discount * after @ values_of(payoffs, after, plan, discount)


def best_plan(payoffs: Numbers, after: Numbers, discount: float) -> tuple[Numbers, Numbers]:
    """A plan `[C, K]` that is best from every state on, and what actions are worth, `[C, K]`, if it is played after.

    >>> payoffs, stay_or_go = np.array([[0.0, 1.0], [3.0, 0.0]]), np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]]])
    >>> plan, worth = best_plan(payoffs, stay_or_go, 0.5)
    >>> plan.argmax(axis=1), worth.max(axis=1)  # go, then stay where 3 is paid
    (array([1, 0]), array([4., 6.]))
    """
    actions = payoffs.shape[1]
    best = payoffs.argmax(axis=1)
    for _ in range(MOST_STEPS):
        plan = np.eye(actions)[best]
        worth = action_values(payoffs, after, plan, discount)
        slack = NEGLIGIBLE * np.abs(worth).max(initial=0.0)
        better = worth.max(axis=1) > np.take_along_axis(worth, best[:, None], axis=1)[:, 0] + slack
        if not better.any():
            break
        best = np.where(better, worth.argmax(axis=1), best)
    return plan, worth


def best_gain(
    rounds: Rounds, policies: Sequence[Numbers], move: int, agent: int, discount: float, carried: int
) -> float:
    """What the best plan of the follower that makes a move brings it above its own one, per play, from a state on."""
    payoffs, after = decision_problem(rounds, policies, move, agent)
    m = rounds.mover[move]
    own = values_of(payoffs, after, policies[m][rounds.row[move, :, 0]], discount)[carried]
    best = best_plan(payoffs, after, discount)[1].max(axis=1)[carried]
    gain = (1 - discount) * float(best - own)
    return gain if gain > NEGLIGIBLE * (1 - discount) * abs(best) else 0.0
