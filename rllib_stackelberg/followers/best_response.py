"""Exact best response: all weight on the best action against the utilities seen last.

With one follower one update is enough and the play is a best response to the leader, ties to the lowest
index. With several followers it is simultaneous best-response dynamics, which may cycle: read the
certificate's deviation gain. It makes no regret promise, and needs expected (exact) utilities.
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
def see_utilities(seen, row, parameters, who, policy, place, actions, utilities, drawn):
    """Keep the utilities in place of those before."""
    for k in range(actions):
        seen[row, k] = utilities[k]


@dataclass(frozen=True)
class BestResponse(UtilityLearner):
    """Plays a best response to the last expected utilities.

    >>> learner = BestResponse()
    >>> learner.policy(learner.update(learner.begin((), actions=3), np.array([.1, .7, .7])))
    array([0., 1., 0.])
    """

    traits: ClassVar[Traits] = Traits(name="best-response", update_mode="expected", no_regret=False)
    kernels: ClassVar[Kernels] = stepped(copied, best_alone, see_utilities)

    def start(self, actions: int) -> NDArray[np.float64]:
        """No utilities seen: action 0."""
        return np.zeros(actions)

    def judged(self, state: LearnerState) -> NDArray[np.float64]:
        """See `UtilityLearner.judged`: the utilities seen last."""
        return state.numbers[..., : state.actions]
