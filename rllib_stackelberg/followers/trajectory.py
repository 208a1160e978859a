"""The protocol of learners from experience: they are told what happened to them, turn by turn.

Such a learner knows neither the others' payoffs nor what another action would have brought. It may move several
times in a play, and meet the next play where the last one left off.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept, kernel
from rllib_stackelberg.followers.learner import Learner


class TrajectoryKernels(NamedTuple):
    """A learner's two compiled functions.

    play(numbers, row, parameters, who, policy, place, actions, plays): write the mixed strategy of `numbers[row]` into
    `policy[place, :actions]`; `plays` have been played before.
    learn(numbers, row, parameters, who, actions, action, payoff, following): change `numbers[row]` after an action
    there brought a payoff (in units of the payoff range) up to the follower's next move, at the row `following`; -1 if
    the play ended for good.
    """

    play: Callable
    learn: Callable


class TrajectoryLearner(Learner):
    """A learner that is told (information, action, payoff, next information)."""

    kernels: ClassVar[TrajectoryKernels]

    @property
    @abstractmethod
    def patience(self) -> float:
        """Worth to it of a payoff at its next move, relative to one now: in [0, 1]."""

    @property
    def foresees(self) -> bool:
        """Whether fresh rows depend on what actions pay (`ExploringLearner.foreseen`)."""
        return False

    def policy(self, numbers: NDArray[np.float64], actions: int, plays: int) -> NDArray[np.float64]:
        """Mixed strategies `[..., actions]` of rows `[..., width]` after that many plays."""
        rows = np.ascontiguousarray(numbers).reshape(-1, numbers.shape[-1])
        policy = np.empty((len(rows), actions))
        _play_rows(self.kernels.play, rows, np.array([self.kernel_parameters()]), plays, policy)
        return policy.reshape(*numbers.shape[:-1], actions)


class ExploringLearner(TrajectoryLearner):
    """One that plays its best action (`best_action` of its numbers), but for a uniform one at times.

    What it learns from a move changes the number of that action alone. How often it explores may depend on how many
    plays there were, and on nothing else. Where followers move once in a play, millions of plays then take seconds: an
    action is chosen without looking at what the others are worth.

    Attributes:
        explore: compiled, `(parameters, who, plays)`: probability of a uniform action after so many plays.
    """

    explore: ClassVar[Callable]

    def foreseen(self, payoffs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers of fresh rows `[rows, width]`, where it knows what actions pay while the others play uniformly.

        Args:
            payoffs: `[rows, actions]`, in units of the payoff range.
        """
        return np.tile(self.start(payoffs.shape[1]), (len(payoffs), 1))


@kernel
def explored_action(best, actions, random, uniform):
    """What `draw_action` draws where any action is played with probability `random`, else the best; compiled."""
    each = random / actions
    if uniform >= best * each:
        uniform -= 1.0 - random
        if uniform < (best + 1) * each:
            return np.int64(best)
    return min(np.int64(uniform / each), np.int64(actions - 1))


@kept
def _play_rows(play, rows, parameters, plays, policy):
    who = np.int64(0)
    for r in range(len(rows)):
        play(rows, r, parameters, who, policy, r, policy.shape[1], plays)
