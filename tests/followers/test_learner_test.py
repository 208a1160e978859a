"""Every registered learner keeps the contract; learners that break it fail, each with the reason."""

import itertools
import math

import numpy as np
import pytest
from numba import njit

from rllib_stackelberg.followers import Exp3, Hedge, Learner, MultiplicativeWeights, QLearning
from rllib_stackelberg.followers.bandit import seen
from rllib_stackelberg.followers.learner import Kernels
from rllib_stackelberg.followers.trajectory import TrajectoryKernels
from rllib_stackelberg.testing import learner_test


@pytest.mark.parametrize("name", sorted(Learner.registry))
def test_every_registered_learner_keeps_the_contract(name):
    learner_test(Learner.registry[name]())


# Variants keep their parents' traits, and so are not registered.


class WrongSign(MultiplicativeWeights):
    def kernel_parameters(self):
        return (-math.log1p(self.epsilon),)


class WrongSignOfABandit(Exp3):
    def kernel_parameters(self):
        return (self.exploration, -self.spread)


class TooGoodABound(Hedge):
    def regret_bound(self, actions, updates, spread):
        return super().regret_bound(actions, updates, spread) / 2


class BoundWithoutTime(Hedge):
    def regret_bound(self, actions, updates, spread):
        return super().regret_bound(actions, 1 / np.maximum(updates, 1), spread)


class PromiseWithoutABound(MultiplicativeWeights):
    def regret_bound(self, actions, updates, spread):
        return np.full(np.shape(updates), math.inf)


class LikesTheFirst(MultiplicativeWeights):
    def start(self, actions):
        return -0.1 * np.arange(actions)


class SharedStart(MultiplicativeWeights):
    STARTS: dict = {}  # noqa: RUF012 (the fault)

    def start(self, actions):
        return self.STARTS.setdefault(actions, np.zeros(actions))


class Restless(MultiplicativeWeights):
    CALLS = itertools.count(1)

    def kernel_parameters(self):
        return (0.01 * next(self.CALLS),)


class InPlace(MultiplicativeWeights):
    def update(self, state, utilities, drawn=-1):
        state.numbers[...] = super().update(state, utilities, drawn).numbers
        return state


@njit
def _unscaled(log_weights, row, parameters, who, policy, place, actions):
    for k in range(actions):
        policy[place, k] = math.exp(min(log_weights[row, k], 0.0)) / actions


class OffTheSimplex(MultiplicativeWeights):
    kernels = Kernels(_unscaled, MultiplicativeWeights.kernels.learn)


@njit
def _overflowing(log_weights, row, parameters, who, policy, place, actions):
    total = 0.0
    for k in range(actions):
        policy[place, k] = math.exp(log_weights[row, k])
        total += policy[place, k]
    for k in range(actions):
        policy[place, k] = policy[place, k] / total if total > 0 else 1 / actions


class Overflowing(MultiplicativeWeights):
    kernels = Kernels(_overflowing, MultiplicativeWeights.kernels.learn)


@njit
def _first_row(log_weights, row, parameters, who, policy, place, actions, utilities, drawn):
    for k in range(actions):
        log_weights[0, k] += parameters[who, 0] * utilities[k]


class SharedRow(MultiplicativeWeights):
    kernels = Kernels(MultiplicativeWeights.kernels.play, _first_row)


@njit
def _peeking(scores, row, parameters, who, policy, place, actions, utilities, drawn):
    for k in range(actions):
        scores[row, k] += utilities[k] * seen(policy, place, k, drawn) / policy[place, k] + 1e-3 * utilities[k]


class Peeking(Exp3):
    kernels = Kernels(Exp3.kernels.play, _peeking)


@njit
def _learn_elsewhere(values, row, parameters, who, actions, action, payoff, following):
    values[0, action] += parameters[who, 0] * (payoff - values[0, action])


class SharedRowOfExperience(QLearning):
    kernels = TrajectoryKernels(QLearning.kernels.play, _learn_elsewhere)


class Impatient(QLearning):
    patience = -0.5


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (WrongSign(), "average regret .* exceeds the declared bound"),
        (WrongSignOfABandit(), "average regret .* exceeds the declared bound"),
        (TooGoodABound(), "average regret .* exceeds the declared bound"),
        (BoundWithoutTime(), "regret_bound falls with updates"),
        (PromiseWithoutABound(), "declare no_regret, but regret_bound is infinite"),
        (LikesTheFirst(), "permuting actions does not permute the policy"),
        (SharedStart(), "fresh rows share memory"),
        (Restless(), "the same payoffs and draws give other play"),
        (InPlace(), "update changes the state that it is given"),
        (OffTheSimplex(), "leaves the simplex after payoffs of size 1: it sums to"),
        (Overflowing(), "is not a number after payoffs of size 1e\\+12"),
        (SharedRow(), "a batch of rows learns otherwise"),
        (SharedRowOfExperience(), "a batch of rows learns otherwise"),
        (Impatient(), "patience is -0.5"),
        (Peeking(), "declare bandit feedback, but payoffs of actions not drawn"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Learner) else "",
)
def test_a_wrong_learner_fails_with_the_reason(wrong, reason):
    with pytest.raises(AssertionError, match=reason):
        learner_test(wrong)


def test_a_learner_that_cannot_be_sent_to_a_worker_fails():
    class Local(MultiplicativeWeights):
        """Its class is found nowhere when it is unpickled."""

    with pytest.raises(AssertionError, match="does not pickle"):
        learner_test(Local())


def test_variants_are_not_registered():
    assert Learner.registry["mw"] is MultiplicativeWeights
    assert Learner.registry["exp3"] is Exp3
