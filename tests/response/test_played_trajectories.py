"""Learners from experience whose plays are played: what a table says to the bit, and games too large for one."""

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, QLearning, StackelbergPOMDP, evaluate_strategy, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.leader import courses_in_play
from rllib_stackelberg.leader.courses_in_play import Experience
from rllib_stackelberg.plays.outcomes import TABLE_LIMIT
from rllib_stackelberg.plays.paths import Paths
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response import course_trees
from rllib_stackelberg.response.kinds import followers_for
from rllib_stackelberg.response.played_trajectories import PlayedTrajectories

LEARNER = QLearning(decay=0.01)
GAMES = {"iterated-bimatrix": {}, "platform-pricing": {"reward_plays": 20}, "interview": {}}


def answers(game, seed=0):
    """An answer to every question, `[questions, width]`."""
    turn, rng = game.leader_turn, np.random.default_rng(seed)
    if turn.discrete:
        return rng.integers(turn.choices, size=(turn.keys, 1)).astype(float)
    return rng.random((turn.keys, turn.width))


def asked(game, envs, one_by_one=False, episodes=1, **given):
    """Episodes in which the answers of a table are given, by fronts or one at a time; and how often."""
    table = answers(game)
    env = StackelbergPOMDP(game, LeaderSettings.checked(**given), num_envs=envs, seed=3)
    times = 0
    for _ in range(episodes):
        env.begin(np.arange(envs))
        while len(live := env.live):
            front = env.posed(live) if one_by_one else env.front(live)
            shown = env.observe(front)
            assert env.single_observation_space["critic"].contains(shown["critic"][0])
            env.answer(front, table[front.questions])
            times += 1
    return env.elicitation, times


@pytest.mark.parametrize(("nodes", "roots"), [(2**19, 2**16), (60, 2**16), (0, 0)])
@pytest.mark.parametrize("name", GAMES)
def test_played_q_learning_is_that_of_the_table_to_the_bit(name, nodes, roots, monkeypatch):
    """Whatever is kept of what has been played: all, a little, nothing; in more updates than draws are held of."""
    monkeypatch.setattr(courses_in_play, "HELD", 128)
    monkeypatch.setattr(course_trees, "MOST_NODES", nodes)
    monkeypatch.setattr(course_trees, "MOST_ROOTS", roots)
    game, rules = make_game(name), {"followers": LEARNER, "response_updates": 150} | GAMES[name]
    along, _ = asked(game, 3, **rules)
    played, times = asked(game, 3, elicitation="in_play", **rules)
    assert isinstance(played, Experience)
    assert not isinstance(along, Experience)
    np.testing.assert_array_equal(played.response.numbers, along.response.numbers)
    np.testing.assert_array_equal(played.response.carried, along.response.carried)
    np.testing.assert_allclose(played.value, along.value, rtol=1e-12)
    for play in ("argmax", "last", "average"):
        for one, other in zip(played.response.policies(play), along.response.policies(play), strict=True):
            np.testing.assert_array_equal(one, other)
    assert times <= game.leader_turn.keys  # no question twice


@pytest.mark.parametrize("name", GAMES)
def test_neither_batches_nor_how_it_is_asked_change_what_is_learned(name):
    game = make_game(name)
    rules = {"followers": LEARNER, "response_updates": 40, "elicitation": "in_play", "reward_play": "last"}
    rules |= GAMES[name] | {"keep_followers": True}
    one, _ = asked(game, 1, episodes=2, **rules)
    for others, _ in (asked(game, 16, episodes=2, **rules), asked(game, 16, True, episodes=2, **rules)):
        np.testing.assert_array_equal(others.response.numbers[0], one.response.numbers[0])
        assert others.value[0] == one.value[0]
    assert len({numbers.tobytes() for numbers in others.response.numbers}) > 8  # other environments draw others


@pytest.fixture
def few_deviations(monkeypatch):
    """Deviations are looked for in few plays: for tests that do not compare what they gain."""
    monkeypatch.setattr("rllib_stackelberg.evaluation.courses.CHAINED_PLAYS", 32)


@pytest.mark.usefixtures("few_deviations")
@pytest.mark.parametrize("name", GAMES)
def test_values_estimated_from_plays_are_those_of_the_table(name):
    game = make_game(name)
    table = LeaderStrategy.from_pairs(game, list(enumerate(answers(game, 1))))
    play = "argmax" if game.memory > 1 else "last"
    rules = {"followers": LEARNER, "response_updates": 200, "reward_play": play}
    found, along = (
        evaluate_strategy(table, LeaderSettings.checked(elicitation=way, **rules), samples=4)
        for way in ("in_play", None)
    )
    error = max(found.standard_error, along.standard_error)
    assert found.leader_value == pytest.approx(along.leader_value, abs=5 * error + 1e-12)
    assert found.weights == along.weights
    assert found.certificate.deviation_plays > 0 == along.certificate.deviation_plays
    assert "estimated" in found.certificate.words()
    assert "estimated" not in along.certificate.words()


def test_a_gain_from_another_action_is_found():
    """A leader who always cooperates, and a follower that has not learned yet to defect always."""
    game = make_game("iterated-bimatrix")
    table = LeaderStrategy.from_pairs(game, [(k, 0) for k in range(5)])
    rules = {"followers": QLearning(exploration=1.0, decay=0.0), "response_updates": 3, "reward_play": "last"}
    found = evaluate_strategy(table, LeaderSettings.checked(elicitation="in_play", **rules), samples=8).certificate
    # Who always draws uniformly gains 1 where it cooperates, half of the time.
    assert found.deviation_gain == pytest.approx(0.5, abs=4 * found.deviation_error)
    assert 0 < found.deviation_error < 0.1
    assert not found.equilibrium
    assert "a gain from another action" in found.words()


def test_a_seller_that_would_rather_have_another_price_is_found():
    """Nobody has learned anything: both play the lowest price, and everybody is shown."""
    game = make_game("platform-pricing")
    table = LeaderStrategy.from_pairs(game, [(k, 3) for k in range(16)])
    rules = {"followers": QLearning(rate=0.0, discount=0.0), "response_updates": 1}
    found, along = (
        evaluate_strategy(table, LeaderSettings.checked(elicitation=way, **rules), samples=2).certificate
        for way in ("in_play", None)
    )
    assert found.deviation_gain == pytest.approx(along.deviation_gain)
    assert found.deviation_gain > 0 == found.deviation_error


@pytest.mark.usefixtures("few_deviations")
@pytest.mark.parametrize(
    ("name", "given", "updates"),
    [("iterated-bimatrix", {"rounds": 20, "follower_sees": "round"}, 60), ("platform-pricing", {"levels": 12}, 100)],
)
def test_a_game_of_too_many_courses_is_played_and_valued(name, given, updates):
    game = make_game(name, **given)
    assert Paths.count(game) > TABLE_LIMIT
    rules = {"followers": LEARNER, "response_updates": updates, "reward_plays": 5}
    assert followers_for(game, LeaderSettings.checked(**rules)) is PlayedTrajectories
    played, _ = asked(game, 2, **rules)
    assert max(values.nbytes for values in played.response.arrays().values()) < 10**6
    strategy, found = evaluate_policy(
        game, lambda seen, *_: np.zeros((len(seen), 1)), LeaderSettings.checked(**rules), samples=2
    )
    assert len(strategy.answers) > 1
    low, high = game.payoff_range[0]
    assert low <= found.leader_value <= high
    assert found.certificate.deviation_plays > 0


def test_what_cannot_be_played_is_refused_by_name():
    large = make_game("platform-pricing", levels=12)
    with pytest.raises(InvalidFieldError, match=r"^elicitation: closure of 20,736 courses"):
        LeaderSettings.checked(followers=LEARNER, elicitation="closure").fitted(large)
    with pytest.raises(InvalidFieldError, match=r"^reward_plays: exact"):
        LeaderSettings.checked(followers=LEARNER, reward_plays="exact").fitted(large)
