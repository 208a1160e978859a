"""Follow the regularised leader with a Euclidean regulariser.

At update t the mixed strategy maximises p . S - |p|^2 / (2 eta_t), S the sums of utilities: it is the point of the
simplex nearest to eta_t S, so that bad actions are left out altogether; eta_t = sqrt(2 (1 - 1/k) / (k t)). With the
entropy as regulariser it would be hedge.py, with none fictitious_play.py.

Regret of the mixed strategies against any sequence of T utility vectors of spread M: at most sqrt(T (k - 1) / 8) (1 +
M^2), for M = 1 sqrt(T (k - 1) / 2): better than Hedge with 2 actions. With a falling rate regret is at most D / eta_T
+ sum eta_t |u_t - c|^2 / 2, where D = (1 - 1/k) / 2 is the range of |p|^2 / 2 and c any number, as strategies differ
by vectors that sum to 0: |u - c|^2 <= k M^2 / 4 at the middle of the range.

Zinkevich 2003 (lazy projection); Shalev-Shwartz 2012; Orabona 2019, chapter 7. Not for bandit feedback.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.followers.hedge import add_utilities
from rllib_stackelberg.followers.kernels import Kernels, stepped
from rllib_stackelberg.followers.learner import Traits, UtilityLearner
from rllib_stackelberg.followers.simplex import from_largest, projections


@kernel(error_model="numpy")
def _scaled(sums, row, parameters, who, policy, place, actions):
    rate = math.sqrt(2.0 * (1.0 - 1.0 / actions) / (actions * (sums[row, actions] + 1.0)))
    from_largest(sums, row, rate, policy, place, actions)


@dataclass(frozen=True)
class FollowTheRegularisedLeader(UtilityLearner):
    """Plays the mixed strategy nearest to the scaled sums of utilities.

    >>> learner = FollowTheRegularisedLeader()
    >>> learner.policy(learner.update(learner.begin((), actions=2), np.array([1, 0]))).round(4)
    array([0.75, 0.25])
    """

    traits: ClassVar[Traits] = Traits(name="ftrl")
    kernels: ClassVar[Kernels] = stepped(_scaled, projections, add_utilities)

    def start(self, actions: int) -> NDArray[np.float64]:
        """No utilities, no updates."""
        return np.zeros(actions + 1)

    def regret_bound(self, actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
        """The bound in the head of this file."""
        return np.sqrt(np.asarray(updates) * (actions - 1) / 8) * (1 + spread**2)
