"""Declared regret bounds against payoffs that hypothesis chooses, and formulas against plain ones."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rllib_stackelberg.followers import (
    Exp3,
    Exp3IX,
    Hedge,
    Learner,
    LogitResponse,
    MultiplicativeWeights,
    OptimisticHedge,
    UtilityLearner,
)
from rllib_stackelberg.followers.simplex import from_largest, projections

PAYOFFS = st.tuples(st.integers(1, 60), st.integers(1, 5)).flatmap(
    lambda shape: arrays(float, shape, elements=st.sampled_from([0.0, 1.0]) | st.floats(0, 1))
)
REGISTERED = [kind() for kind in Learner.registry.values() if issubclass(kind, UtilityLearner)]
BOUNDED = [
    learner
    for learner in (*REGISTERED, MultiplicativeWeights(1.0), OptimisticHedge(1.0), LogitResponse(1.0))
    if learner.traits.feedback == "full" and np.isfinite(learner.regret_bound(2, np.array(1.0), 1.0))
]


def regret(learner, sequence):
    """Cumulative regret after every update: `[updates]`."""
    state, own = learner.begin((), sequence.shape[1]), []
    for utilities in sequence:
        own.append(learner.policy(state) @ utilities)
        state = learner.update(state, utilities)
    return np.cumsum(sequence, axis=0).max(axis=1) - np.cumsum(own)


@settings(max_examples=40, deadline=None)
@given(PAYOFFS, st.sampled_from([0.0, -1.0, 5.0]), st.sampled_from([1.0, 0.1, 3.0]))
def test_regret_of_any_payoffs_is_within_its_bound(unit, low, spread):
    updates, actions = np.arange(1, len(unit) + 1), unit.shape[1]
    for learner in BOUNDED:
        bound = learner.regret_bound(actions, updates, spread)
        assert (regret(learner, low + spread * unit) <= bound + 1e-9).all(), learner


@settings(max_examples=40, deadline=None)
@given(PAYOFFS)
def test_optimistic_hedge_pays_only_for_changes(sequence):
    learner = OptimisticHedge(0.5)
    eta = math.log1p(learner.epsilon)
    changes = np.diff(sequence, axis=0, prepend=np.zeros((1, sequence.shape[1])))
    allowed = math.log(sequence.shape[1]) / eta + eta * np.cumsum(np.ptp(changes, axis=1) ** 2) / 8
    assert (regret(learner, sequence) <= allowed + 1e-9).all()


def test_steady_payoffs_cost_optimism_no_more_than_a_constant():
    """Where the bound of Hedge grows as the square root of time."""
    steady = np.tile([0.5, 0.55], (5_000, 1))
    learner = OptimisticHedge(0.1)
    assert regret(learner, steady)[-1] <= math.log(2) / math.log1p(0.1) + 1 < Hedge().regret_bound(2, 5_000, 1.0)


@settings(max_examples=60, deadline=None)
@given(arrays(float, st.integers(1, 8), elements=st.floats(-3, 3) | st.floats(-1e12, 1e12)))
def test_projection_is_that_by_sorting(scores):
    """Held, Wolfe & Crowder 1974: tau from the sorted numbers."""
    ranked = np.sort(scores - scores.max())[::-1]
    candidates = (np.cumsum(ranked) - 1) / np.arange(1, len(ranked) + 1)
    tau = candidates[ranked > candidates][-1]
    found, parameters = np.empty((1, len(scores))), np.zeros((1, 0))
    from_largest(scores[None], 0, 1.0, found, 0, len(scores))
    projections(found, 0, 1, parameters, 0, len(scores))
    np.testing.assert_allclose(found[0], np.maximum(scores - scores.max() - tau, 0), atol=1e-12)


@pytest.mark.parametrize("learner", [Exp3(0.2, spread=2.0), Exp3IX(spread=2.0)], ids=lambda each: each.traits.name)
def test_an_update_without_a_draw_is_the_mean_over_draws(learner):
    rng = np.random.default_rng(0)
    state = learner.update(learner.begin((), 3), rng.random(3), 1)
    for _ in range(5):
        state = learner.update(state, rng.random(3), int(rng.integers(3)))
    utilities, policy = rng.random(3), learner.policy(state)
    each = [learner.update(state, utilities, drawn).numbers for drawn in range(3)]
    np.testing.assert_allclose(learner.update(state, utilities).numbers, policy @ each, rtol=1e-12)


@pytest.mark.parametrize("learner", [Exp3(0.2, spread=2.0), Exp3IX(spread=2.0)], ids=lambda each: each.traits.name)
def test_bandits_promise_nothing_beyond_their_spread(learner):
    updates = np.array([0, 1, 100])
    assert np.isinf(learner.regret_bound(3, updates, 2.1)).all()
    assert np.isfinite(learner.regret_bound(3, updates, 2.0)).all()
    assert learner.regret_bound(3, updates, 2.0)[0] == 0


def test_exp3_estimates_without_bias():
    """Mean over draws of what an action's score gains, in rounds of uniform play, is its payoff beyond the first."""
    learner, utilities = Exp3(1.0), np.array([0.2, 0.9, 0.4])
    state = learner.update(learner.begin((), 3), utilities, 0)
    gains = np.mean([learner.update(state, utilities, drawn).numbers[:3] for drawn in range(3)], axis=0)
    np.testing.assert_allclose(gains, utilities - 0.2, rtol=1e-12)
