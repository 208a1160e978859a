"""Multiplicative weights (Hedge).

Every own action k has a weight, 1 at the start; after utilities u the weight becomes
w_k (1 + epsilon)^u_k, and the mixed strategy is w normalised. Weights are kept as logarithms, so a million
updates neither underflow nor overflow.

Regret of the mixed strategies against any sequence of T utility vectors of spread M, with eta = ln(1+epsilon):
at most ln k / eta + eta M^2 T / 8 (Hoeffding's lemma); with epsilon ~ sqrt(8 ln k / T), O(sqrt(T ln k)).

Littlestone & Warmuth 1994; Freund & Schapire 1997; as the followers of the Stackelberg POMDP: Brero et al.,
arXiv 2210.03852. Not for bandit feedback.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.kernels import Kernels, stepped
from rllib_stackelberg.followers.learner import Traits, UtilityLearner
from rllib_stackelberg.followers.simplex import from_largest, softmax


@kernel(error_model="numpy")
def _exponents(log_weights, row, parameters, who, policy, place, actions):
    from_largest(log_weights, row, 1.0, policy, place, actions)


@kernel
def _learn(log_weights, row, parameters, who, policy, place, actions, utilities, drawn):
    for k in range(actions):
        log_weights[row, k] += parameters[who, 0] * utilities[k]


@dataclass(frozen=True)
class MultiplicativeWeights(UtilityLearner):
    """Multiplicative weights with a fixed rate.

    Attributes:
        epsilon: growth of a weight per unit of utility, > 0.

    >>> learner = MultiplicativeWeights(epsilon=0.01)
    >>> state = learner.begin((), actions=3)
    >>> for _ in range(33):
    ...     state = learner.update(state, np.array([1 / 2, 1 / 3, 0]))
    >>> np.exp(state.numbers).round(6)
    array([1.178427, 1.115668, 1.      ])
    """

    epsilon: float = 0.1

    traits: ClassVar[Traits] = Traits(name="mw")
    kernels: ClassVar[Kernels] = stepped(_exponents, softmax, _learn)

    def __post_init__(self) -> None:
        if not (0 < self.epsilon < math.inf):
            raise InvalidFieldError("followers.epsilon", f"got {self.epsilon}", "a finite number above 0")

    def start(self, actions: int) -> NDArray[np.float64]:
        """All weights 1, as logarithms."""
        return np.zeros(actions)

    def kernel_parameters(self) -> tuple[float, ...]:
        """Log growth per unit of utility."""
        return (math.log1p(self.epsilon),)

    def regret_bound(self, actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
        """The bound in the head of this file; 0 where no update happened."""
        eta = math.log1p(self.epsilon)
        bound = math.log(actions) / eta + eta * spread**2 * np.asarray(updates) / 8
        return np.where(np.asarray(updates) > 0, bound, 0.0)
