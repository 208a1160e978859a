"""Optimistic Hedge.

Multiplicative weights that expects the last utilities to come once more: the mixed strategy is proportional to
exp(eta (S_k + u_k)), eta = ln(1 + epsilon), with S_k the sum of action k's utilities and u_k the last one.

Regret of the mixed strategies: at most ln k / eta + eta sum_t D_t^2 / 8, with D_t the spread of what changed since the
last utilities, u_t - u_{t-1} (the first: of u_1). That is the bound of multiplicative weights with changes in place of
utilities: nearly nothing where others settle, which is why followers that all learn so have regret of o(sqrt(T)). What
is promised for any utilities of spread M has D_t <= 2 M: ln k / eta + eta M^2 T / 2.

Rakhlin & Sridharan 2013; Syrgkanis, Agarwal, Luo & Schapire 2015. (Potential ln(mean_k exp(eta S_k)) / eta: an update
adds ln(E exp(eta (u_t - u_{t-1}))) / eta - ln(E exp(-eta u_{t-1})) / eta, expectations over the mixed strategy;
Hoeffding's lemma and Jensen's inequality.) Not for bandit feedback; with sampled updates nothing settles, and it is
better not to.
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
def _exponents(scores, row, parameters, who, policy, place, actions):
    from_largest(scores, row, parameters[who, 0], policy, place, actions)


@kernel
def _learn(scores, row, parameters, who, policy, place, actions, utilities, drawn):
    for k in range(actions):
        scores[row, actions + k] += utilities[k]
        scores[row, k] = scores[row, actions + k] + utilities[k]


@dataclass(frozen=True)
class OptimisticHedge(UtilityLearner):
    """Multiplicative weights that count the last utilities twice.

    Attributes:
        epsilon: growth of a weight per unit of utility, > 0.

    >>> learner = OptimisticHedge(epsilon=1.0)
    >>> learner.policy(learner.update(learner.begin((), actions=2), np.array([1, 0])))  # weights 4 and 1
    array([0.8, 0.2])
    """

    epsilon: float = 0.1

    traits: ClassVar[Traits] = Traits(name="optimistic-hedge")
    kernels: ClassVar[Kernels] = stepped(_exponents, softmax, _learn)

    def __post_init__(self) -> None:
        if not (0 < self.epsilon < math.inf):
            raise InvalidFieldError("followers.epsilon", f"got {self.epsilon}", "a finite number above 0")

    def start(self, actions: int) -> NDArray[np.float64]:
        """What is played by, and the sums without the last utilities counted twice: all 0."""
        return np.zeros(2 * actions)

    def kernel_parameters(self) -> tuple[float, ...]:
        """Log growth per unit of utility."""
        return (math.log1p(self.epsilon),)

    def regret_bound(self, actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
        """The bound for any utilities in the head of this file; 0 where no update happened."""
        eta = math.log1p(self.epsilon)
        bound = math.log(actions) / eta + eta * spread**2 * np.asarray(updates) / 2
        return np.where(np.asarray(updates) > 0, bound, 0.0)
