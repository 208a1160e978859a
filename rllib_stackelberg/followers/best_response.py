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

from rllib_stackelberg.followers.learner import Learner, LearnerState, Traits, argmax_play


@dataclass(frozen=True)
class BestResponse(Learner):
    """Plays a best response to the last expected utilities.

    >>> learner = BestResponse()
    >>> learner.policy(learner.update(learner.start((), actions=3), np.array([.1, .7, .7])))
    array([0., 1., 0.])
    """

    traits: ClassVar[Traits] = Traits(name="best-response", update_mode="expected", no_regret=False)

    def start(self, shape: tuple[int, ...], actions: int) -> LearnerState:
        """No utilities seen: action 0."""
        return {"utilities": np.zeros((*shape, actions))}

    def policy(self, state: LearnerState) -> NDArray[np.float64]:
        """One on the best action, zero elsewhere."""
        actions = state["utilities"].shape[-1]
        return np.eye(actions)[argmax_play(state["utilities"])]

    def update(self, state: LearnerState, utilities: NDArray[np.float64]) -> LearnerState:
        """Remember the utilities."""
        return {"utilities": np.array(utilities, dtype=float)}
