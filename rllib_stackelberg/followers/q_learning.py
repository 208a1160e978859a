"""Tabular Q-learning.

An action's value at a row moves by `rate` towards the payoff until the next move plus `discount` times the largest
value there; with probability `exploration` exp(-`decay` t) after t plays the action is uniform, else the best one, ties
to the lowest index.

Watkins & Dayan 1992; as pricing algorithms: Calvano, Calzolari, Denicolo & Pastorello 2020; as followers of a platform:
Brero et al. 2022, "Learning to mitigate AI collusion on economic platforms". It gives no regret bound: against an
adversary, or another learner, none holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kernel
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import Traits
from rllib_stackelberg.followers.simplex import best_action
from rllib_stackelberg.followers.trajectory import ExploringLearner, TrajectoryKernels

RANGES = {
    "rate": (0.0, 1.0),
    "discount": (0.0, 1.0),
    "exploration": (0.0, 1.0),
    "decay": (0.0, math.inf),
    "foresight": (0.0, 1.0),
}


@kernel
def _explore(parameters, who, plays):
    return parameters[who, 2] * math.exp(-parameters[who, 3] * plays)


@kernel
def _play(values, row, parameters, who, policy, place, actions, plays):
    random = _explore(parameters, who, plays)
    for k in range(actions):
        policy[place, k] = random / actions
    policy[place, best_action(values, row, actions)] += 1.0 - random


@kernel
def _learn(values, row, parameters, who, actions, action, payoff, following):
    target = payoff
    if following >= 0:
        best = values[following, 0]
        for k in range(1, actions):
            best = max(best, values[following, k])
        target += parameters[who, 1] * best
    values[row, action] += parameters[who, 0] * (target - values[row, action])


@dataclass(frozen=True)
class QLearning(ExploringLearner):
    """Tabular Q-learning with exploration that fades.

    Attributes:
        rate: of learning, in [0, 1]; discount: of the next move's value, in [0, 1].
        exploration: probability of a uniform action at the start, in [0, 1]; decay: of its logarithm, per play, >= 0.
        foresight: values begin at this share of what actions would pay for ever if the others played uniformly, in
            [0, 1]. Calvano et al. have 1; more than 0 takes a game in which followers move once a play, and a discount
            below 1.

    >>> learner, rows = QLearning(rate=0.5, discount=0.9), np.zeros((2, 2))
    >>> rows[1] = 1, 2
    >>> learner.kernels.learn(rows, 0, np.array([learner.kernel_parameters()]), 0, 2, 1, 10.0, 1)
    >>> rows[0]  # half of 10 + .9 * 2
    array([0. , 5.9])
    """

    rate: float = 0.25
    discount: float = 0.95
    exploration: float = 1.0
    decay: float = 1e-4
    foresight: float = 0.0

    traits: ClassVar[Traits] = Traits(name="q-learning", feedback="bandit", no_regret=False)
    kernels: ClassVar[TrajectoryKernels] = TrajectoryKernels(_play, _learn)
    explore: ClassVar[Callable] = _explore

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not (low <= value <= high) or math.isinf(value):
                allowed = f"a number in [{low:g}, {high:g}]" if high < math.inf else "a finite number, at least 0"
                raise InvalidFieldError(f"followers.{name}", f"got {value}", allowed)
        if self.foresight and self.discount == 1:
            raise InvalidFieldError("followers.discount", "got 1 with foresight", "a number below 1")

    def start(self, actions: int) -> NDArray[np.float64]:
        """All values 0."""
        return np.zeros(actions)

    @property
    def foresees(self) -> bool:
        """See `TrajectoryLearner`."""
        return self.foresight > 0

    def foreseen(self, payoffs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of fresh rows from what actions pay against uniform play: both `[rows, actions]`.

        >>> QLearning(discount=0.5, foresight=1).foreseen(np.array([[1.0, 3.0]]))
        array([[2., 6.]])
        """
        return self.foresight * payoffs / (1 - self.discount) if self.foresees else np.zeros_like(payoffs)

    @property
    def patience(self) -> float:
        """Its discount."""
        return self.discount
