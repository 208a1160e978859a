"""Hedge with a rate that fits any horizon.

At update t the mixed strategy is proportional to exp(eta_t S_k), with S_k the sum of action k's utilities so far and
eta_t = 2 sqrt(ln k / t). It is also "follow the regularised leader" with the entropy as regulariser. (With a fixed
rate it is multiplicative_weights.py.)

Regret of the mixed strategies against any sequence of T utility vectors of spread M: at most sqrt(T ln k) (1 + M^2) /
2, for M = 1 sqrt(T ln k). The potential ln(mean_k exp(eta S_k)) / eta rises by at most p . u + eta_t M^2 / 8 per
update (Hoeffding's lemma), does not rise as eta falls, and ends at least at max S - ln k / eta_T; sum 1/sqrt(t) <= 2
sqrt(T).

Auer, Cesa-Bianchi & Gentile 2002; Cesa-Bianchi & Lugosi 2006, section 2.3 (with sqrt(8) for 2, which is best there
and gives a constant 6 % larger here). Not for bandit feedback.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.followers.kernels import Kernels, stepped
from rllib_stackelberg.followers.learner import Traits, UtilityLearner
from rllib_stackelberg.followers.simplex import from_largest, softmax


@kernel(error_model="numpy")
def _exponents(sums, row, parameters, who, policy, place, actions):
    rate = 2.0 * math.sqrt(math.log(actions) / (sums[row, actions] + 1.0))
    from_largest(sums, row, rate, policy, place, actions)


@kernel
def add_utilities(sums, row, parameters, who, policy, place, actions, utilities, drawn):
    """Sum utilities per action, and count updates behind them."""
    for k in range(actions):
        sums[row, k] += utilities[k]
    sums[row, actions] += 1.0


@dataclass(frozen=True)
class Hedge(UtilityLearner):
    """Multiplicative weights at a rate that falls as 1/sqrt(updates).

    >>> learner = Hedge()
    >>> float(learner.regret_bound(3, np.array(10_000), 1.0)).__round__(1)  # sqrt(10,000 ln 3)
    104.8
    """

    traits: ClassVar[Traits] = Traits(name="hedge")
    kernels: ClassVar[Kernels] = stepped(_exponents, softmax, add_utilities)

    def start(self, actions: int) -> NDArray[np.float64]:
        """No utilities, no updates."""
        return np.zeros(actions + 1)

    def regret_bound(self, actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
        """The bound in the head of this file."""
        return np.sqrt(np.asarray(updates) * math.log(actions)) * (1 + spread**2) / 2
