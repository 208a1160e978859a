"""Regret matching+.

As regret matching, but a regret that falls below 0 is set to 0 at once, so an action that becomes good is played at
once: Q_k <- max(Q_k + u_k - p . u, 0), played in proportion to Q.

Its regret has the bound of regret matching, M sqrt((k - 1) T): Q_k is at least the regret of action k, and cutting at 0
only lowers sum Q_k^2. It also bounds the regret against comparators that switch.

Tammelin 2014; Tammelin, Burch, Johanson & Bowling 2015. No parameters. Not for bandit feedback.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.followers.kernels import Kernels, stepped
from rllib_stackelberg.followers.learner import Traits
from rllib_stackelberg.followers.regret_matching import RegretMatching, positive_regrets
from rllib_stackelberg.followers.simplex import shares


@kernel
def _learn(regrets, row, parameters, who, policy, place, actions, utilities, drawn):
    own = 0.0
    for k in range(actions):
        own += policy[place, k] * utilities[k]
    for k in range(actions):
        regrets[row, k] = max(regrets[row, k] + utilities[k] - own, 0.0)


@dataclass(frozen=True)
class RegretMatchingPlus(RegretMatching):
    """Plays each action in proportion to a regret that is never negative.

    >>> learner, state = RegretMatchingPlus(), RegretMatchingPlus().begin((), actions=2)
    >>> for utilities in ([1, 0], [1, 0], [0, 1]):
    ...     state = learner.update(state, utilities)
    >>> learner.policy(state).round(3)  # the third update alone counts for action 1: regrets .5 and 1
    array([0.333, 0.667])
    """

    traits: ClassVar[Traits] = Traits(name="regret-matching-plus")
    kernels: ClassVar[Kernels] = stepped(positive_regrets, shares, _learn)
