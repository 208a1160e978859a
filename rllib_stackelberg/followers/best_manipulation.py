"""Best manipulation: a follower that knows both players' payoffs commits to the response that teaches the leader best.

A leader that learns what its actions bring can be led by what they bring. If the follower answers leader action a with
b and every other a' with the worst answer for the leader, the leader comes to play a, provided that
mu_l(a, b) > max_{a' != a} min_{b'} mu_l(a', b'). Among the pairs that qualify the follower picks the one it likes best
(ties: lowest index). The pair that best responses lead to qualifies in every game without ties, so the follower never
loses by it; where no pair qualifies (all the leader's payoffs tie, say), it best responds.

Yu & Chen 2024, arXiv 2405.03158 (FBM). O(actions of both) once; afterwards nothing is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.followers.best_response import see_utilities
from rllib_stackelberg.followers.kernels import Kernels
from rllib_stackelberg.followers.learner import Traits, UtilityLearner
from rllib_stackelberg.followers.simplex import best_action, certain


class Manipulation(NamedTuple):
    """Responses to leaders, over games of any leading shape.

    Attributes:
        response: follower's answer to every leader action, `[..., leader action]`.
        target: the leader action that it makes best for the leader, `[...]`; meaningless where `feasible` is not.
        feasible: whether any pair qualifies, `[...]`; elsewhere `response` is the best one to every action.
    """

    response: NDArray[np.int64]
    target: NDArray[np.int64]
    feasible: NDArray[np.bool_]


def best_manipulation(
    low: NDArray[np.float64], high: NDArray[np.float64], follower: NDArray[np.float64]
) -> Manipulation:
    """The best response function to commit to.

    Args:
        low, high: what the leader gets, at least and at most, `[..., leader action, follower action]`; both the payoffs
            themselves, if they are known.
        follower: what the follower gets (or hopes for).

    >>> leader, follower = np.array([[.7, .1], [.5, .2]]), np.array([[.3, .2], [.9, .1]])
    >>> best_manipulation(leader, leader, follower).response  # the threat at row 0 makes row 1 the leader's best
    array([1, 0])
    """
    actions, threat = low.shape[-2], high.argmin(axis=-1)
    punished = high.min(axis=-1)
    others = np.where(np.eye(actions, dtype=bool), -np.inf, punished[..., None, :]).max(axis=-1)
    worth = np.where(low > others[..., None], follower, -np.inf)
    pair = worth.reshape(*worth.shape[:-2], -1).argmax(axis=-1)
    target, answer = np.divmod(pair, low.shape[-1])
    feasible = np.asarray((worth > -np.inf).any(axis=(-2, -1)))
    committed = np.where(np.arange(actions) == target[..., None], answer[..., None], threat)
    return Manipulation(np.where(feasible[..., None], committed, follower.argmax(axis=-1)), target, feasible)


def led_to(
    leader: NDArray[np.float64], follower: NDArray[np.float64], response: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What leader and follower get once the leader plays its best action against a response function: `[...]` each.

    Args:
        leader, follower: payoffs `[..., leader action, follower action]`; response: `[..., leader action]`.
    """
    given, own = (np.take_along_axis(payoffs, response[..., None], axis=-1)[..., 0] for payoffs in (leader, follower))
    best = given.argmax(axis=-1)[..., None]
    return np.take_along_axis(given, best, axis=-1)[..., 0], np.take_along_axis(own, best, axis=-1)[..., 0]


@kernel
def _play(rows, row, parameters, who, policy, place, actions):
    committed = int(rows[row, actions])
    certain(committed if committed >= 0 else best_action(rows, row, actions), policy, place, actions)


@dataclass(frozen=True)
class BestManipulation(UtilityLearner):
    """Answers every leader action as it has committed to; a row without a commitment best responds.

    For games whose follower sees the leader's one action. It is no equilibrium: read the certificate's deviation gain.

    >>> learner = BestManipulation()
    >>> rows = learner.committed(np.array([[.7, .1], [.5, .2]]), np.array([[.3, .2], [.9, .1]]))
    >>> learner.policy(learner.begin((), 2)), rows[:, -1]  # answers to both leader actions
    (array([1., 0.]), array([1., 0.]))
    """

    traits: ClassVar[Traits] = Traits(name="best-manipulation", update_mode="expected", no_regret=False, commits=True)
    kernels: ClassVar[Kernels] = Kernels(_play, see_utilities)

    def start(self, actions: int) -> NDArray[np.float64]:
        """No utilities seen, nothing committed to."""
        return np.append(np.zeros(actions), -1.0)

    def committed(self, leader: NDArray[np.float64], follower: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Learner.committed`."""
        rows = np.tile(self.start(leader.shape[1]), (len(leader), 1))
        rows[:, -1] = best_manipulation(leader, leader, follower).response
        return rows
