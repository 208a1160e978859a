"""Fictitious play.

Plays a best response to the average of the utilities so far, which is a best response to the others' empirical play;
ties to the lowest index, and action 0 before the first update.

It makes no regret promise: utilities that alternate make it wrong at every update. Its empirical play converges in
two-player zero-sum games, potential games and games solvable by strict dominance, and in no game in general.

Brown 1951; Robinson 1951; Monderer & Shapley 1996; Shapley 1964 (a game in which it cycles). Smoothed it is logit.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.followers.kernels import Kernels, stepped
from rllib_stackelberg.followers.learner import LearnerState, Traits, UtilityLearner
from rllib_stackelberg.followers.simplex import best_alone, copied


@kernel
def _learn(sums, row, parameters, who, policy, place, actions, utilities, drawn):
    for k in range(actions):
        sums[row, k] += utilities[k]


@dataclass(frozen=True)
class FictitiousPlay(UtilityLearner):
    """Plays a best response to the average utilities.

    >>> learner, state = FictitiousPlay(), FictitiousPlay().begin((), actions=2)
    >>> for utilities in ([1, 0], [.2, .9]):
    ...     state = learner.update(state, np.array(utilities))
    >>> learner.policy(state)
    array([1., 0.])
    """

    traits: ClassVar[Traits] = Traits(name="fictitious-play", no_regret=False)
    kernels: ClassVar[Kernels] = stepped(copied, best_alone, _learn)

    def start(self, actions: int) -> NDArray[np.float64]:
        """No utilities seen: action 0."""
        return np.zeros(actions)

    def judged(self, state: LearnerState) -> NDArray[np.float64]:
        """See `UtilityLearner.judged`: sums of utilities."""
        return state.numbers[..., : state.actions]
