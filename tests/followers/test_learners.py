"""Golden numbers, draws and names of learners (their contract: test_learner_test.py)."""

import math

import numpy as np
import pytest

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers import (
    BestResponse,
    Exp3,
    Hedge,
    MultiplicativeWeights,
    RegretMatchingPlus,
    argmax_play,
    learner_from_text,
)
from rllib_stackelberg.followers.learner import draw_play


def play(learner, sequence, shape=()):
    state = learner.begin(shape, sequence.shape[-1])
    policies = []
    for step in sequence:
        policies.append(learner.policy(state))
        state = learner.update(state, step)
    return np.array(policies), state


def test_rows_may_have_any_leading_shape():
    sequence = np.random.default_rng(1).random((40, 5, 2, 3))
    batched, _ = play(Hedge(), sequence, (5, 2))
    np.testing.assert_array_equal(batched[:, 4, 1], play(Hedge(), sequence[:, 4, 1])[0])


def test_bounds_are_those_of_the_literature():
    updates, eta = np.array([0, 400]), math.log1p(0.1)
    weights = MultiplicativeWeights(0.1).regret_bound(3, updates, 1.0)
    np.testing.assert_allclose(weights, [0, math.log(3) / eta + eta * 400 / 8])
    np.testing.assert_allclose(RegretMatchingPlus().regret_bound(5, updates, 0.5), [0, 0.5 * 2 * 20])
    np.testing.assert_allclose(Hedge().regret_bound(3, updates, 1.0), [0, 20 * math.sqrt(math.log(3))])


def test_golden_weights_of_escape():
    """FACTS of the released code: leader at row 0, epsilon .01, 33 updates."""
    _, state = play(MultiplicativeWeights(0.01), np.tile([1 / 2, 1 / 3, 0], (33, 1)))
    weights = np.exp(state.numbers)
    np.testing.assert_allclose(weights, 1.01 ** (33 * np.array([1 / 2, 1 / 3, 0])), rtol=1e-12)
    np.testing.assert_allclose(weights, [1.178427, 1.115668, 1.0], atol=1e-6)


def test_argmax_takes_the_lowest_of_tied_actions():
    assert argmax_play(np.array([0.5, 0.5])) == 0
    assert argmax_play(np.array([0.5 - 1e-14, 0.5 + 1e-14])) == 0
    assert argmax_play(np.array([0.5 - 1e-9, 0.5 + 1e-9])) == 1


def test_draws_follow_the_policy_and_never_take_an_impossible_action():
    policy = np.array([0.0, 0.3, 0.0, 0.7])
    drawn = draw_play(np.tile(policy, (100_000, 1)), np.random.default_rng(0).random(100_000))
    frequency = np.bincount(drawn, minlength=4) / 100_000
    assert (frequency[policy == 0] == 0).all()
    assert abs(frequency - policy).max() < 0.01
    assert draw_play(policy, np.array(0.0)) == 1
    assert draw_play(policy, np.array(np.nextafter(1, 0))) == 3


def test_best_response_is_the_argmax_of_what_it_saw_last():
    _, state = play(BestResponse(), np.array([[0.0, 1.0, 0.0], [0.2, 0.1, 0.2]]))
    np.testing.assert_array_equal(BestResponse().policy(state), [1, 0, 0])


def test_learners_are_named_with_their_parameters():
    assert learner_from_text("exp3:exploration=0.2,spread=3") == Exp3(exploration=0.2, spread=3)
    assert learner_from_text("regret-matching-plus") == RegretMatchingPlus()


BAD = ["nobody", "mw:rate=1", "mw:epsilon=fast", "mw:epsilon=0", "mw:epsilon=nan", "optimistic-hedge:epsilon=0"]
BAD += ["exp3:exploration=0", "exp3:exploration=1.1", "exp3:spread=0", "exp3-ix:spread=inf", "logit:precision=-1"]


@pytest.mark.parametrize("text", BAD)
def test_bad_learners_are_refused_by_name(text):
    with pytest.raises(InvalidFieldError, match="followers"):
        learner_from_text(text)
