"""Rows of one learner that learn side by side from given payoffs: both protocols of learners, alike."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept
from rllib_stackelberg.followers.learner import Learner, UtilityLearner, draw_action, draw_play
from rllib_stackelberg.followers.trajectory import TrajectoryLearner

NO_DRAW = -1


class Seats(ABC):
    """A number of fresh rows.

    Attributes:
        actions: number of own actions; updates: so far.
    """

    def __init__(self, actions: int):
        self.actions = actions
        self.updates = 0

    @property
    @abstractmethod
    def numbers(self) -> NDArray[np.float64]:
        """What the learner keeps, `[rows, width]`: the array itself."""

    @abstractmethod
    def policy(self) -> NDArray[np.float64]:
        """Mixed strategies `[rows, actions]`."""

    @abstractmethod
    def _learn(self, utilities: NDArray[np.float64], drawn: NDArray[np.int64]) -> None:
        """One update of all rows."""

    @abstractmethod
    def endure(self, utilities: NDArray[np.float64], uniforms: NDArray[np.float64], rounds: int) -> None:
        """Many updates of all rows in a compiled loop: the given `[updates, actions]` again and again."""

    def learn(self, utilities: NDArray[np.float64], drawn: NDArray[np.int64] | int) -> None:
        """One update from the payoffs of all actions `[rows, actions]` and the drawn ones `[rows]` (-1: none)."""
        rows = len(self.numbers)
        given = np.broadcast_to(np.asarray(utilities, dtype=float), (rows, self.actions))
        self._learn(given, np.broadcast_to(np.asarray(drawn, dtype=np.int64), (rows,)))
        self.updates += 1

    def play(self, sequence: NDArray[np.float64], uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Payoffs `[updates, rows, actions]`, uniforms `[updates, rows]` -> policies `[updates + 1, rows, actions]`."""
        policies = [self.policy()]
        for utilities, uniform in zip(sequence, uniforms, strict=True):
            self.learn(utilities, draw_play(policies[-1], uniform))
            policies.append(self.policy())
        return np.array(policies)


class UtilitySeats(Seats):
    """Of a learner that is told every own action's payoff, or is given it to look at one."""

    def __init__(self, learner: UtilityLearner, rows: int, actions: int):
        super().__init__(actions)
        self.learner = learner
        self.state = learner.begin((rows,), actions)

    @property
    def numbers(self) -> NDArray[np.float64]:
        """Of the learner's state."""
        return self.state.numbers

    def policy(self) -> NDArray[np.float64]:
        """The learner's."""
        return self.learner.policy(self.state)

    def _learn(self, utilities: NDArray[np.float64], drawn: NDArray[np.int64]) -> None:
        self.state = self.learner.update(self.state, utilities, drawn)

    def endure(self, utilities: NDArray[np.float64], uniforms: NDArray[np.float64], rounds: int) -> None:
        """Update after update."""
        parameters = np.array([self.learner.kernel_parameters()])
        _endure(self.learner.kernels, self.state.numbers, parameters, utilities, uniforms, rounds)


class TrajectorySeats(Seats):
    """Of a learner from experience that moves once a play."""

    def __init__(self, learner: TrajectoryLearner, rows: int, actions: int):
        super().__init__(actions)
        self.learner = learner
        self.parameters = np.array([learner.kernel_parameters()])
        self._numbers = np.tile(learner.start(actions), (rows, 1))

    @property
    def numbers(self) -> NDArray[np.float64]:
        """Of its rows."""
        return self._numbers

    def policy(self) -> NDArray[np.float64]:
        """The learner's, after as many plays as updates."""
        return self.learner.policy(self._numbers, self.actions, self.updates)

    def _learn(self, utilities: NDArray[np.float64], drawn: NDArray[np.int64]) -> None:
        for row, action in enumerate(drawn):
            payoff = float(utilities[row, action])
            self.learner.kernels.learn(self._numbers, row, self.parameters, 0, self.actions, int(action), payoff, -1)

    def endure(self, utilities: NDArray[np.float64], uniforms: NDArray[np.float64], rounds: int) -> None:
        """Play after play."""
        _endure_plays(self.learner.kernels, self._numbers, self.parameters, utilities, uniforms, rounds)
        self.updates += rounds * len(utilities)


def seats(learner: Learner, rows: int, actions: int) -> Seats:
    """Fresh rows of a learner of either kind."""
    if isinstance(learner, TrajectoryLearner):
        return TrajectorySeats(learner, rows, actions)
    assert isinstance(learner, UtilityLearner), "is neither a UtilityLearner nor a TrajectoryLearner"
    return UtilitySeats(learner, rows, actions)


@kept
def _endure(kernels, numbers, parameters, utilities, uniforms, rounds):
    actions, who, place = utilities.shape[1], np.int64(0), np.int64(0)
    policy = np.empty((1, actions))
    for _ in range(rounds):
        for t in range(len(utilities)):
            for row in range(len(numbers)):
                kernels.play(numbers, row, parameters, who, policy, place, actions)
                drawn = draw_action(policy, place, actions, uniforms[t])
                kernels.learn(numbers, row, parameters, who, policy, place, actions, utilities[t], drawn)


@kept
def _endure_plays(kernels, numbers, parameters, utilities, uniforms, rounds):
    actions, who, place, none = utilities.shape[1], np.int64(0), np.int64(0), np.int64(-1)
    policy = np.empty((1, actions))
    for u in range(rounds):
        for t in range(len(utilities)):
            for row in range(len(numbers)):
                kernels.play(numbers, row, parameters, who, policy, place, actions, u * len(utilities) + t)
                drawn = draw_action(policy, place, actions, uniforms[t])
                kernels.learn(numbers, row, parameters, who, actions, drawn, utilities[t, drawn], none)
