"""Regret matching.

R_k sums what action k would have brought beyond the mixed strategy, u_k - p . u; an action is played in proportion to
the positive part of R_k, uniformly if none is positive.

Regret of the mixed strategies against any sequence of T utility vectors of spread M, with k actions: at most
M sqrt((k - 1) T). The update is orthogonal to the positive part of R (Blackwell 1956), so that sum R_k^{+2} grows by at
most sum (u_k - p . u)^2 per update; that is convex in p . u, thus largest where p . u is the best or the worst payoff,
where one term is 0 and the others are at most M^2.

Hart & Mas-Colell 2000. No parameters, and no rate to choose. Not for bandit feedback.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.followers.kernels import Kernels, stepped
from rllib_stackelberg.followers.learner import Traits, UtilityLearner
from rllib_stackelberg.followers.simplex import shares


@kernel
def positive_regrets(regrets, row, parameters, who, policy, place, actions):
    """Begin with what is played in proportion to."""
    for k in range(actions):
        policy[place, k] = max(regrets[row, k], 0.0)


@kernel
def _learn(regrets, row, parameters, who, policy, place, actions, utilities, drawn):
    own = 0.0
    for k in range(actions):
        own += policy[place, k] * utilities[k]
    for k in range(actions):
        regrets[row, k] += utilities[k] - own


def blackwell_bound(actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    """The bound in the head of this file."""
    return spread * np.sqrt((actions - 1) * np.asarray(updates, dtype=float))


@dataclass(frozen=True)
class RegretMatching(UtilityLearner):
    """Plays each action in proportion to its positive regret.

    >>> learner = RegretMatching()
    >>> learner.policy(learner.update(learner.begin((), actions=3), np.array([1, .6, .2])))  # regrets .4, 0, -.4
    array([1., 0., 0.])
    """

    traits: ClassVar[Traits] = Traits(name="regret-matching")
    kernels: ClassVar[Kernels] = stepped(positive_regrets, shares, _learn)

    def start(self, actions: int) -> NDArray[np.float64]:
        """No regrets."""
        return np.zeros(actions)

    def regret_bound(self, actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
        """The bound in the head of this file."""
        return blackwell_bound(actions, updates, spread)
