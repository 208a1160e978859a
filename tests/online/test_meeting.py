"""The loop, with a leader of the tests' own."""

from dataclasses import dataclass

import numpy as np
import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.online import Arena, BestResponse, LeaderLearner, LeaderPlayer, OnlineLearner, Traits, meet
from rllib_stackelberg.online.learners import online_learner

G1 = {"leader": [[0.7, 0.1], [0.5, 0.2]], "follower": [[0.3, 0.2], [0.9, 0.1]]}


class Drawing(LeaderPlayer):
    """Draws a row, and keeps what it is told."""

    def __init__(self):
        self.told = []

    def act(self, round_, uniforms):
        return (uniforms < 0.25).astype(float)

    def learn(self, feedback):
        self.told.append(feedback)


@dataclass(frozen=True)
class Random(LeaderLearner):
    """Rows 0 and 1 with probabilities 3/4 and 1/4."""

    player = Drawing()

    @classmethod
    def misfit(cls, game):
        return None

    def begin(self, arena, seeds, rounds):
        return self.player


Random.traits = Traits("random", draws=1)  # set afterwards: the tests' learner stays out of the registry


def record(rounds=400, seeds=3, noise="bernoulli", **options):
    return meet(Arena(make_game("bimatrix", **G1), noise), Random(), BestResponse(), rounds, seeds, **options)


def test_regret_is_what_the_payoffs_say():
    found = record()
    rows = found.leader_actions[..., 0].astype(int)
    np.testing.assert_array_equal(found.payoffs[..., 0], np.where(rows == 0, 0.7, 0.5))
    np.testing.assert_allclose(found.leader_regret[:, -1], 0.2 * (rows == 1).sum(axis=1))
    assert (found.follower_regret == 0).all()
    assert found.leader_value == 0.7
    assert found.leader_error is None
    np.testing.assert_allclose(found.averages()[:, -1], found.payoffs.mean(axis=1))


def test_frequencies_of_the_last_tenth():
    found = record()
    last = found.last_frequencies(2, 2)
    np.testing.assert_allclose(last[:, 1, 0], (found.leader_actions[:, -40:, 0] == 1).mean(axis=1))
    np.testing.assert_allclose(last.sum(axis=(1, 2)), 1)
    assert (last[:, :, 1] == 0).all()


def test_coins_pay_what_the_rules_say_on_average():
    found = record(4000)
    error = (found.rewards - found.payoffs).mean(axis=1)
    assert set(np.unique(found.rewards)) == {0.0, 1.0}
    assert np.abs(error).max() < 4 * 0.5 / np.sqrt(4000)
    assert (record(noise="rules").rewards == record(noise="rules").payoffs).all()


def test_a_batch_of_seeds_equals_the_seeds_one_by_one():
    together = record()
    for s in range(3):
        alone = record(seeds=1, first=s)
        assert (alone.leader_actions[0] == together.leader_actions[s]).all()
        assert (alone.rewards[0] == together.rewards[s]).all()


def test_a_leader_is_told_its_own_reward_alone():
    Random.player.told.clear()
    found = record(5)
    told = Random.player.told[3]
    assert told.round == 3
    assert told.other is None
    np.testing.assert_array_equal(told.own, found.rewards[:, 3, 0])
    np.testing.assert_array_equal(told.follower, found.follower_actions[:, 3])


def test_what_does_not_fit_is_refused_by_name():
    with pytest.raises(InvalidFieldError, match=r"^game:.*one of a follower"):
        Arena(make_game("simple-allocation"))
    with pytest.raises(InvalidFieldError, match=r"^noise:"):
        Arena(make_game("escape", mixed=True), "bernoulli")
    with pytest.raises(InvalidFieldError, match=r"^rounds: got 0"):
        record(0)
    with pytest.raises(InvalidFieldError, match=r"^follower: unknown learner 'nobody'.*best-response"):
        online_learner("follower", "nobody")
    with pytest.raises(InvalidFieldError, match=r"^follower: unknown parameter 'x'"):
        online_learner("follower", "Best-Response:x=1")
    assert ("leader", "random") not in OnlineLearner.registry
