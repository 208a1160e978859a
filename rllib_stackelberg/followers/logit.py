"""Logit response (smooth fictitious play).

The mixed strategy is proportional to exp(lambda * average utility): a quantal response of precision lambda to the
others' empirical play, uniform at lambda = 0 and fictitious play as lambda grows. Followers at rest are in a logit
quantal response equilibrium: mistakes are made, the costly ones seldom.

Its average regret does not vanish, but it is bounded: it is Hedge at the rates lambda, lambda, lambda / 2, lambda /
3, ... so regret after T utility vectors of spread M is at most T ln k / lambda + lambda M^2 (2 + ln T) / 8 (the
derivation of hedge.py; sum of rates <= lambda (2 + ln T)).

McKelvey & Palfrey 1995; Fudenberg & Levine 1995. Not for bandit feedback.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.hedge import add_utilities
from rllib_stackelberg.followers.kernels import Kernels, stepped
from rllib_stackelberg.followers.learner import Traits, UtilityLearner
from rllib_stackelberg.followers.simplex import from_largest, softmax


@kernel(error_model="numpy")
def _exponents(sums, row, parameters, who, policy, place, actions):
    from_largest(sums, row, parameters[who, 0] / max(sums[row, actions], 1.0), policy, place, actions)


@dataclass(frozen=True)
class LogitResponse(UtilityLearner):
    """Plays a quantal response to the average utilities.

    Attributes:
        precision: lambda, of payoffs in units of their range, > 0.

    >>> learner = LogitResponse(precision=math.log(3))
    >>> learner.policy(learner.update(learner.begin((), actions=2), np.array([1, 0]))).round(4)
    array([0.75, 0.25])
    """

    precision: float = 10.0

    traits: ClassVar[Traits] = Traits(name="logit", no_regret=False)
    kernels: ClassVar[Kernels] = stepped(_exponents, softmax, add_utilities)

    def __post_init__(self) -> None:
        if not (0 < self.precision < math.inf):
            raise InvalidFieldError("followers.precision", f"got {self.precision}", "a finite number above 0")

    def start(self, actions: int) -> NDArray[np.float64]:
        """No utilities, no updates."""
        return np.zeros(actions + 1)

    def regret_bound(self, actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
        """The bound in the head of this file; 0 where no update happened."""
        done = np.asarray(updates)
        mistakes = done * math.log(actions) / self.precision
        bound = mistakes + self.precision * spread**2 * (2 + np.log(np.maximum(done, 1))) / 8
        return np.where(done > 0, bound, 0.0)
