"""Learners of finite games: one step at a time by hand, and over whole runs."""

import math

import numpy as np
import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.online import FBM, FMUCB, UCB, UCBE, Arena, BestResponse, Exp3, Feedback, meet
from rllib_stackelberg.online.learners import learners, online_learner

G1 = {"leader": [[0.7, 0.1], [0.5, 0.2]], "follower": [[0.3, 0.2], [0.9, 0.1]]}
NO_DRAWS = np.zeros((1, 0))


def arena(noise="bernoulli", **parameters):
    return Arena(make_game("bimatrix", **(parameters or G1)), noise)


def told(leader, follower, own, other=None):
    """Feedback of one seed."""
    other = None if other is None else np.array([other])
    return Feedback(0, np.array([[leader]]), np.array([[follower]]), np.array([own]), other, np.zeros((1, 0)))


def test_exp3_learns_from_weighted_losses():
    player = Exp3().begin(arena(), 1, 1_000)
    rate = math.sqrt(2 * math.log(2) / 2_000)
    mixing, weights = 4 * rate, np.zeros(2)
    for drawn, reward in ((0, 0.2), (1, 1.0), (1, 0.5), (0, 0.0)):
        policy = (1 - mixing) * np.exp(weights) / np.exp(weights).sum() + mixing / 2
        assert player.act(0, np.array([[policy[0] - 1e-9]])) == 0
        assert player.act(0, np.array([[policy[0] + 1e-9]])) == 1
        player.learn(told(drawn, 0, reward))
        weights[drawn] -= rate * (1 - reward) / policy[drawn]


def test_exp3_of_a_short_run_only_explores():
    player = Exp3().begin(arena(), 1, 2)
    for _ in range(2):
        player.learn(told(0, 0, 1.0))
        assert player.act(0, np.array([[0.499]])) == 0
        assert player.act(0, np.array([[0.501]])) == 1


def test_ucbe_tries_every_action_then_the_largest_index():
    player = UCBE(bonus=1.0).begin(arena(), 1, 100)
    taken = []
    for _ in range(5):
        taken.append(int(player.act(0, NO_DRAWS)[0, 0]))
        player.learn(told(taken[-1], 0, (0.0, 0.9)[taken[-1]]))
    # Indices after both were tried: 0 + 1 against .9 + 1; then .9 + (1/2)^(1/2), .9 + (1/3)^(1/2), ...
    assert taken == [0, 1, 1, 1, 1]
    assert UCBE(bonus=50.0).begin(arena(), 1, 100).act(0, NO_DRAWS) == 0


def test_ucb_keeps_a_bandit_for_each_leader_action():
    player = UCB().begin(arena(), 1, 100)
    for follower, reward in ((0, 0.2), (1, 0.9)):
        assert player.act(0, np.array([[0.0]]), NO_DRAWS) == follower
        player.learn(told(0, follower, reward))
    assert player.act(2, np.array([[0.0]]), NO_DRAWS) == 1
    assert player.act(2, np.array([[1.0]]), NO_DRAWS) == 0


def test_fbm_threatens_where_the_leader_should_not_be():
    player = FBM().begin(arena(), 2, 1)
    np.testing.assert_array_equal(player.act(0, np.array([[0.0], [1.0]]), np.zeros((2, 0))), [[1], [0]])


def test_fmucb_manipulates_once_it_is_sure():
    """Rewards that are the expectations: after enough of them its bounds tell the pairs apart."""
    player, means = FMUCB().begin(arena(), 1, 100_000), arena().means
    answers = []
    for t in range(3_000):
        for row in range(2):
            answer = int(player.act(t, np.array([[row]]), NO_DRAWS)[0, 0])
            answers.append((row, answer))
            own, other = means[row, answer, 1], means[row, answer, 0]
            player.learn(told(row, answer, own, other))
    assert set(answers[:4]) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert answers[-2:] == [(0, 1), (1, 0)]  # FBM's
    assert sum(pair == (0, 1) for pair in answers[:100]) < 60


def test_rewards_beyond_the_unit_interval_are_scaled():
    """The same game in other units is played alike."""
    for leader, follower in ((Exp3(), FMUCB()), (UCBE(), UCB())):
        scaled = {"leader": [[10, 0], [6, 2]], "follower": [[-1, -3], [1, -2]]}
        unit = {"leader": [[1, 0], [0.6, 0.2]], "follower": [[0.5, 0], [1, 0.25]]}
        first, second = (meet(arena(**game), leader, follower, 300, 2) for game in (scaled, unit))
        np.testing.assert_array_equal(first.leader_actions, second.leader_actions)
        np.testing.assert_array_equal(first.follower_actions, second.follower_actions)
        assert set(np.unique(first.rewards[..., 0])) == {0.0, 10.0}


@pytest.mark.parametrize("leader", [Exp3(), UCBE()], ids=lambda learner: learner.text())
@pytest.mark.parametrize("follower", [UCB(), FMUCB()], ids=lambda learner: learner.text())
def test_a_seed_plays_the_same_in_any_batch(leader, follower):
    together, alone = meet(arena(), leader, follower, 60, 3), meet(arena(), leader, follower, 60, 1, first=2)
    np.testing.assert_array_equal(together.follower_actions[2], alone.follower_actions[0])
    np.testing.assert_array_equal(together.leader_actions[2], alone.leader_actions[0])


def test_manipulation_pays_within_a_short_run():
    best, manipulated = (meet(arena(), Exp3(), follower, 2_000, 8) for follower in (BestResponse(), FBM()))
    gain = manipulated.last_payoffs()[:, 1] - best.last_payoffs()[:, 1]
    assert gain.min() > 0.3
    assert best.last_frequencies(2, 2)[:, 0, 0].min() > 0.8
    assert manipulated.last_frequencies(2, 2)[:, 1, 0].min() > 0.8


# Leader, follower, row played at the end, its frequency, the follower's average over the run (FACTS C, five seeds).
RUNS = [
    (Exp3(), BestResponse(), 0, 0.99, 0.327),
    (Exp3(), FBM(), 1, 0.99, 0.882),
    (UCBE(), BestResponse(), 0, 0.990, 0.323),
    (UCBE(), FBM(), 1, 0.998, 0.890),
]


@pytest.mark.learning
@pytest.mark.parametrize(("leader", "follower", "row", "frequency", "average"), RUNS, ids=str)
def test_the_known_game_ends_as_it_should(leader, follower, row, frequency, average):
    found = meet(arena(), leader, follower, 20_000, 5)
    assert abs(found.last_frequencies(2, 2)[:, row].sum(axis=1).mean() - frequency) < 0.006
    averages = found.payoffs[..., 1].mean(axis=1)
    assert abs(averages.mean() - average) < 2 * averages.std() + 0.001


@pytest.mark.learning
def test_learning_to_manipulate_beats_learning_to_respond():
    """In some seeds the leader gives row 1 up before the follower has learned that it could be led there."""
    alone, informed = (meet(arena(), Exp3(), follower, 20_000, 5) for follower in (UCB(), FMUCB()))
    manipulated = informed.last_frequencies(2, 2)[:, 1, 0] > 0.9
    assert manipulated.sum() >= 3
    assert informed.last_payoffs()[manipulated, 1].min() > alone.last_payoffs()[:, 1].max() + 0.3


BAD = [("leader", "UCBE:bonus=0"), ("follower", "UCB:delta=1"), ("follower", "FMUCB:delta=nan")]


@pytest.mark.parametrize(("seat", "text"), BAD)
def test_bad_parameters_are_refused_by_name(seat, text):
    with pytest.raises(InvalidFieldError, match=rf"^{seat}\.(bonus|delta): .*allowed"):
        online_learner(seat, text)


def test_a_game_without_finitely_many_actions_is_refused_by_name():
    mixed = make_game("escape", mixed=True)
    for seat, own in (("leader", {"EXP3", "UCBE"}), ("follower", {"UCB", "FBM", "FMUCB"})):
        kinds = {kind.traits.name: kind for kind in learners(seat)}
        assert own <= kinds.keys()
        for name in own:
            with pytest.raises(InvalidFieldError, match=rf"^{seat}: {name} needs finitely many actions"):
                kinds[name]().check(mixed)
