"""Every registered learner keeps its contract; multiplicative weights keeps its theorem."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers import (
    BestResponse,
    Learner,
    MultiplicativeWeights,
    UtilityLearner,
    argmax_play,
    learner_from_text,
)
from rllib_stackelberg.followers.learner import LearnerState, draw_play, learner_from_parameters

LEARNERS = [kind() for kind in Learner.registry.values() if issubclass(kind, UtilityLearner)]
utilities = st.integers(0, 2**31).map(lambda seed: np.random.default_rng(seed).random((30, 4)))


@pytest.fixture(params=LEARNERS, ids=lambda learner: learner.traits.name)
def learner(request):
    return request.param


def play(learner, sequence, shape=()):
    state = learner.begin(shape, sequence.shape[-1])
    policies = []
    for step in sequence:
        policies.append(learner.policy(state))
        state = learner.update(state, step)
    return np.array(policies), state


def test_policies_stay_on_the_simplex(learner):
    for scale in (1e-12, 1, 1e12):
        policies, _ = play(learner, np.random.default_rng(0).normal(size=(200, 3)) * scale)
        assert (policies >= 0).all()
        np.testing.assert_allclose(policies.sum(axis=-1), 1, atol=1e-12)


def test_equal_payoffs_and_a_single_action_change_nothing(learner):
    policies, _ = play(learner, np.full((50, 3), 0.7))
    np.testing.assert_allclose(policies[-1], policies[0], atol=1e-12)
    policies, _ = play(learner, np.random.default_rng(0).random((50, 1)))
    assert (policies == 1).all()


def test_a_batch_is_its_parts_to_the_bit(learner):
    sequence = np.random.default_rng(1).random((40, 5, 2, 3))
    batched, _ = play(learner, sequence, (5, 2))
    for b in range(5):
        for r in range(2):
            alone, _ = play(learner, sequence[:, b, r])
            np.testing.assert_array_equal(batched[:, b, r], alone)


@settings(max_examples=20, deadline=None)
@given(utilities, st.permutations(range(4)))
def test_permuting_actions_permutes_the_policy(sequence, order):
    for learner in LEARNERS:
        straight, _ = play(learner, sequence)
        permuted, _ = play(learner, sequence[:, order])
        # Distinct utilities after the first step, so no tie rule interferes from the second policy on.
        np.testing.assert_allclose(permuted[1:], straight[1:][:, order], atol=1e-12)


def test_start_does_not_share_arrays_and_learners_pickle(learner):
    first, second = learner.begin((2,), 3), learner.begin((2,), 3)
    first.numbers[0] += 1
    assert not np.array_equal(first.numbers[0], first.numbers[1])
    assert not np.array_equal(first.numbers, second.numbers)
    assert pickle.loads(pickle.dumps(learner)) == learner
    assert learner_from_parameters(learner.parameters()) == learner


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from([0.01, 0.1, 0.5]),
    st.sampled_from(["random", "switching", "adaptive"]),
    st.integers(1, 400),
)
def test_multiplicative_weights_keep_their_regret_bound(seed, epsilon, kind, updates):
    rng, learner = np.random.default_rng(seed), MultiplicativeWeights(epsilon)
    actions = int(rng.integers(2, 6))
    state = learner.begin((), actions)
    fixed, own = np.zeros(actions), 0.0
    for t in range(updates):
        policy = learner.policy(state)
        utility = rng.random(actions)
        if kind == "switching":
            utility = np.eye(actions)[(t // 20) % actions]
        elif kind == "adaptive":  # pay nothing to the likeliest action
            utility = (np.arange(actions) != policy.argmax()).astype(float)
        fixed += utility
        own += float(policy @ utility)
        state = learner.update(state, utility)
    bound = float(learner.regret_bound(actions, np.array(updates), 1.0))
    assert fixed.max() - own <= bound + 1e-9
    assert bound == pytest.approx(math.log(actions) / math.log1p(epsilon) + math.log1p(epsilon) * updates / 8)


def test_a_wrong_update_breaks_the_bound():
    class Flipped(MultiplicativeWeights):
        def kernel_parameters(self):
            return (-math.log1p(self.epsilon),)

    learner = Flipped(0.5)
    _, state = play(learner, np.tile([1.0, 0.0], (400, 1)))
    regret = 400 - sum(learner.policy(LearnerState(t * state.numbers / 400, 2))[0] for t in range(400))
    assert regret > learner.regret_bound(2, np.array(400), 1.0)
    assert Learner.registry["mw"] is MultiplicativeWeights


def test_golden_weights_of_escape():
    """FACTS of the released code: leader at row 0, epsilon .01, 33 updates."""
    _, state = play(MultiplicativeWeights(0.01), np.tile([1 / 2, 1 / 3, 0], (33, 1)))
    weights = np.exp(state.numbers)
    np.testing.assert_allclose(weights, 1.01 ** (33 * np.array([1 / 2, 1 / 3, 0])), rtol=1e-12)
    np.testing.assert_allclose(weights, [1.178427, 1.115668, 1.0], atol=1e-6)


def test_a_million_updates_neither_underflow_nor_overflow():
    learner = MultiplicativeWeights(0.1)
    state = learner.begin((), 3)
    for _ in range(1000):
        state = learner.update(state, np.array([1.0, 0.5, -1.0]) * 1000)
    policy = learner.policy(state)
    assert np.isfinite(policy).all()
    assert policy[0] == 1


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


@pytest.mark.parametrize("text", ["nobody", "mw:rate=1", "mw:epsilon=fast", "mw:epsilon=0", "mw:epsilon=nan"])
def test_bad_learners_are_refused_by_name(text):
    with pytest.raises(InvalidFieldError, match="followers"):
        learner_from_text(text)
