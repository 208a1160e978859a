"""Populations of which a share does not adopt the policy."""

import numpy as np
import pytest

from rllib_stackelberg import make_population
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.mixed_members import FixedMembers, MixedMembers


class Answering:
    """Saves what it sees: different for every member and every leader action."""

    def lead(self, observations):
        return np.full((len(observations), 1), 0.25)

    def follow(self, observations, leader):
        return np.clip(0.5 + 0.1 * np.tanh(observations) + 0.1 * leader[:, None], 0.01, 0.99)


GAME = make_population("output-tax", households=10, periods=5)
OTHERS = FixedMembers.of(GAME, 0.3)


def mixed(share, seed=0):
    return MixedMembers.drawn(Answering(), OTHERS, share, 10, np.random.default_rng(seed))


def states(plays=3):
    return GAME.start(np.random.default_rng(1).random((plays, 10, 1)))


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 1])
def test_a_share_acts_by_its_own_policy(share):
    policy, state = mixed(share), states()
    assert policy.apart.sum() == 10 * share
    leader, members = policy.play(GAME, state)
    _, adopted = leader, Answering().follow(GAME.observe_members(state), leader)
    assert (members[:, policy.apart] == 0.3).all()
    np.testing.assert_array_equal(members[:, ~policy.apart], adopted[:, ~policy.apart])
    GAME.step(state, leader, members, np.zeros((3, 10, 0)))


def test_who_is_apart_follows_from_the_generator_and_grows_with_the_share():
    assert (mixed(0.5).apart == mixed(0.5).apart).all()
    assert (mixed(0.5).apart != mixed(0.5, seed=1).apart).any()
    chosen = [mixed(share).apart for share in (0.2, 0.5, 0.8)]
    assert not (chosen[0] & ~chosen[1]).any()
    assert not (chosen[1] & ~chosen[2]).any()
    often = np.mean([mixed(0.3, seed).apart for seed in range(2000)], axis=0)
    np.testing.assert_allclose(often, 0.3, atol=4 * np.sqrt(0.3 * 0.7 / 2000))


def test_plays_may_be_taken_in_any_order():
    policy, state = mixed(0.5), states()
    rows = np.array([2, 0])
    for all_plays, some in zip(policy.play(GAME, state), policy.play(GAME, state.take(rows)), strict=True):
        np.testing.assert_array_equal(all_plays[rows], some)


def test_a_share_that_saves_otherwise_moves_growth_as_computed():
    """Growth is the mean over members of log(s (1 - t) y / k)."""
    game = make_population("public-investment", households=10, periods=1)
    state = game.start(np.full((1, 10, 1), 0.5))
    for share in (0.0, 0.4, 1.0):
        policy = MixedMembers.drawn(FixedPair(), FixedMembers.of(game, [0.3]), share, 10, np.random.default_rng(0))
        _, paid, _ = game.step(state, *policy.play(game, state), np.zeros((1, 10, 0)))
        output = (1.85 * 0.25**0.2555) ** (1 / 0.7445)
        saved = share * np.log(0.3) + (1 - share) * np.log(0.6)
        assert paid[0] == pytest.approx(saved + np.log(0.75 * output))


class FixedPair(Answering):
    def follow(self, observations, leader):
        return np.full(observations.shape, 0.6)


def test_shares_and_actions_are_refused_by_name():
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(InvalidFieldError, match="share"):
            mixed(share)
    for actions in (1.5, [0.3, 0.3], [np.nan]):
        with pytest.raises(InvalidFieldError, match="actions"):
            FixedMembers.of(GAME, actions)
