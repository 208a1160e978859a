"""EXP3: exponential weights for exploration and exploitation.

A bandit learner: it sees the payoff of the action it drew and of no other. With x the payoff, counted from the first
one seen and in units of `spread`, so that |x| <= 1, and p_k the drawn action's probability, its sum of estimates S_k
grows by x / p_k; the mixed strategy is (1 - gamma) softmax(gamma S / k) + gamma / k.

Regret of the mixed strategies against any sequence of T payoff vectors of spread M = r spread, r <= 1, *in
expectation over its draws* and against a fixed action: at most spread (gamma r (1 + (e - 2) r) (T - 1) + (1 - gamma)
k ln k / gamma) + M, O((k ln k T)^(1/2)) with gamma ~ sqrt(k ln k / T). Theorem 3.1 of Auer et al. with payoffs in
[-1, 1] for [0, 1]: all it uses is exp(y) <= 1 + y + (e - 2) y^2 for y <= 1, and |gamma x / (k p_k)| <= 1 as p_k >=
gamma / k. The last term is the first update. Nothing is promised for M > spread. In a single response regret can
exceed it: draws are few.

Auer, Cesa-Bianchi, Freund & Schapire 2002. Not for expected updates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.bandit import expected_bound, first_update, fresh_row, refuse_spread, seen
from rllib_stackelberg.followers.kernels import Kernels, stepped
from rllib_stackelberg.followers.learner import Traits, UtilityLearner
from rllib_stackelberg.followers.simplex import from_largest, softmax


@kernel(error_model="numpy")
def _exponents(scores, row, parameters, who, policy, place, actions):
    exploration = parameters[who, 0]
    from_largest(scores, row, exploration / actions, policy, place, actions)


@kernel(error_model="numpy")
def _mix(policy, first, count, parameters, who, actions):
    softmax(policy, first, count, parameters, who, actions)
    exploration = parameters[who, 0]
    for lane in range(count):
        place = np.uint64(first) + np.uint64(lane)
        for k in range(actions):
            policy[place, k] = (1.0 - exploration) * policy[place, k] + exploration / actions


@kernel(error_model="numpy")
def _learn(scores, row, parameters, who, policy, place, actions, utilities, drawn):
    if first_update(scores, row, policy, place, actions, utilities, drawn):
        return
    for k in range(actions):
        share = seen(policy, place, k, drawn)
        if share > 0.0:
            gain = (utilities[k] - scores[row, actions]) / parameters[who, 1]
            scores[row, k] += share * gain / policy[place, k]


@dataclass(frozen=True)
class Exp3(UtilityLearner):
    """Exponential weights on estimates from the drawn action's payoff, with uniform exploration.

    Attributes:
        exploration: gamma, the share of uniform play, in (0, 1].
        spread: largest difference between two payoffs, in units of the payoff range, > 0.

    >>> learner, state = Exp3(exploration=0.5), Exp3().begin((), actions=2)
    >>> state = learner.update(state, np.array([.2, math.nan]), drawn=0)  # what was not played is never read
    >>> state = learner.update(state, np.array([math.nan, .7]), drawn=1)
    >>> state.numbers  # estimates (.7 - .2) / (1/2), the first payoff, updates
    array([0. , 1. , 0.2, 2. ])
    """

    exploration: float = 0.1
    spread: float = 1.0

    traits: ClassVar[Traits] = Traits(name="exp3", feedback="bandit")
    kernels: ClassVar[Kernels] = stepped(_exponents, _mix, _learn)

    def __post_init__(self) -> None:
        if not (0 < self.exploration <= 1):
            raise InvalidFieldError("followers.exploration", f"got {self.exploration}", "a number in (0, 1]")
        refuse_spread(self.spread)

    def start(self, actions: int) -> NDArray[np.float64]:
        """Nothing estimated."""
        return fresh_row(actions)

    def regret_bound(self, actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
        """The bound on expected regret in the head of this file."""
        gamma, r, later = self.exploration, spread / self.spread, np.asarray(updates) - 1
        bound = gamma * r * (1 + (math.e - 2) * r) * later + (1 - gamma) * actions * math.log(actions) / gamma
        return expected_bound(self.spread * bound, updates, spread, self.spread)
