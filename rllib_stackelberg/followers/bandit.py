"""What bandit learners have in common: they see the payoff of the drawn action alone, and payoffs from their first one.

Rows end in two numbers, the first payoff seen and the number of updates. Payoffs count from the first one, so adding
a number to all payoffs of a game changes nothing; the first update has nothing else to learn. Where no action is drawn
(an update in expectation, such as the critic's provisional response) the estimates are those expected over the draw.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.errors import InvalidFieldError


@kernel
def first_update(numbers, row, policy, place, actions, utilities, drawn):
    """Count an update; whether it was the first, whose payoff is kept."""
    numbers[row, actions + 1] += 1.0
    if numbers[row, actions + 1] > 1.0:
        return False
    payoff = 0.0
    for k in range(actions):
        if seen(policy, place, k, drawn) > 0.0:
            payoff += seen(policy, place, k, drawn) * utilities[k]
    numbers[row, actions] = payoff
    return True


@kernel
def seen(policy, place, k, drawn):
    """1 of the drawn action, 0 of others; without a draw the probability of it."""
    if drawn < 0:
        return policy[place, k]
    return 1.0 if k == drawn else 0.0


def fresh_row(actions: int) -> NDArray[np.float64]:
    """A score per action, the first payoff and the number of updates: all 0."""
    return np.zeros(actions + 2)


def expected_bound(
    after_first: NDArray[np.float64], updates: NDArray[np.float64], spread: float, widest: float
) -> NDArray[np.float64]:
    """A bound for all updates from one for those after the first; infinite for payoffs that spread beyond `widest`."""
    if spread > widest * (1 + 1e-9):
        return np.full(np.shape(updates), math.inf)
    return np.where(np.asarray(updates) > 0, spread + after_first, 0.0)


def refuse_spread(spread: float) -> None:
    """Raises: InvalidFieldError: the spread of payoffs is not a positive number."""
    if not (0 < spread < math.inf):
        raise InvalidFieldError("followers.spread", f"got {spread}", "a finite number above 0")
