"""EXP3-IX: exponential weights with implicit exploration.

A bandit learner without uniform play: it underestimates instead what it seldom plays. With l the loss of the drawn
action, (first payoff + spread - payoff) / (2 spread), in [0, 1], and p_k its probability, its sum of estimates L_k
grows by l / (p_k + eta_t / 2); the mixed strategy of update t + 1 is softmax(-eta_t L), eta_t = sqrt(ln k / (k t)).
The first update is uniform and only sets where losses begin.

Regret of the mixed strategies against any sequence of T payoff vectors of spread M = r spread, r <= 1, *in expectation
over its draws* and against a fixed action: at most 2 spread (2 + r) sqrt(k (T - 1) ln k) + M. Per drawn sequence the
estimated regret is at most ln k / eta_T + sum_t eta_t sum_k l_k (the analysis of hedge.py, for estimates of losses),
whose losses are expected to be at most (1 + r) / 2 each; estimates are never too large in expectation, so that of the
fixed action does no harm. (Neu's theorem: nearly that with high probability.) Nothing is promised for M > spread.

Kocak, Neu, Valko & Munos 2014; Neu 2015. Not for expected updates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.followers.bandit import expected_bound, first_update, fresh_row, refuse_spread, seen
from rllib_stackelberg.followers.kernels import Kernels, stepped
from rllib_stackelberg.followers.learner import Traits, UtilityLearner
from rllib_stackelberg.followers.simplex import from_largest, softmax


@kernel(error_model="numpy")
def _rate(actions, updates):
    return math.sqrt(math.log(actions) / (actions * max(updates, 1.0)))


@kernel(error_model="numpy")
def _exponents(scores, row, parameters, who, policy, place, actions):
    from_largest(scores, row, _rate(actions, scores[row, actions + 1]), policy, place, actions)


@kernel(error_model="numpy")
def _learn(scores, row, parameters, who, policy, place, actions, utilities, drawn):
    before, spread = scores[row, actions + 1], parameters[who, 0]
    if first_update(scores, row, policy, place, actions, utilities, drawn):
        return
    implicit = _rate(actions, before) / 2.0
    for k in range(actions):
        share = seen(policy, place, k, drawn)
        if share > 0.0:
            loss = (scores[row, actions] + spread - utilities[k]) / (2.0 * spread)
            scores[row, k] -= share * loss / (policy[place, k] + implicit)


@dataclass(frozen=True)
class Exp3IX(UtilityLearner):
    """Exponential weights on cautious estimates from the drawn action's payoff.

    Attributes:
        spread: largest difference between two payoffs, in units of the payoff range, > 0.

    >>> learner, state = Exp3IX(), Exp3IX().begin((), actions=2)
    >>> state = learner.update(state, np.array([.5, math.nan]), drawn=0)
    >>> state = learner.update(state, np.array([math.nan, .7]), drawn=1)
    >>> state.numbers.round(3)  # a loss of .4, divided by 1/2 + sqrt(ln 2 / 2) / 2; the first payoff; updates
    array([ 0.   , -0.504,  0.5  ,  2.   ])
    """

    spread: float = 1.0

    traits: ClassVar[Traits] = Traits(name="exp3-ix", feedback="bandit")
    kernels: ClassVar[Kernels] = stepped(_exponents, softmax, _learn)

    def __post_init__(self) -> None:
        refuse_spread(self.spread)

    def start(self, actions: int) -> NDArray[np.float64]:
        """Nothing estimated."""
        return fresh_row(actions)

    def regret_bound(self, actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
        """The bound on expected regret in the head of this file."""
        later = np.maximum(np.asarray(updates) - 1, 0)
        bound = 2 * (2 * self.spread + spread) * np.sqrt(actions * later * math.log(actions))
        return expected_bound(bound, updates, spread, self.spread)
