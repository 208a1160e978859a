"""Counterfactual regret minimisation from sampled plays: against exact updates, one-move updates, and beyond."""

import json

import numpy as np
import pytest

from rllib_stackelberg import BestResponse, LeaderSettings, StackelbergPOMDP, evaluate_strategy, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.courses import consult_courses
from rllib_stackelberg.evaluation.plans import Follower
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.followers.regret_matching import RegretMatching
from rllib_stackelberg.leader import courses_in_play
from rllib_stackelberg.leader.sampled_courses import ConsultedCourses
from rllib_stackelberg.plays.outcomes import TABLE_LIMIT
from rllib_stackelberg.plays.paths import Paths, paths_against
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response import course_trees, kinds
from rllib_stackelberg.response.counterfactual import CounterfactualResponse
from rllib_stackelberg.response.sampled_moves import SampledMoves
from rllib_stackelberg.solvers import solve
from rllib_stackelberg.streams import Streams
from tests.response.test_counterfactual import Twice, random_strategy

ONLY = np.zeros(1, dtype=np.int64)


class Opposed(Twice):
    """What a follower can do something about, the other one pays."""

    def __init__(self):
        super().__init__()
        self.utilities[:, 1] = 1 - self.utilities[:, 0]


def sampled(updates, **given):
    """Settings of sampled updates."""
    rules = {"followers": RegretMatching(), "update_mode": "sampled"} | given
    return LeaderSettings.checked(response_updates=updates, **rules)


def test_estimates_are_those_of_exact_updates_without_bias():
    """One update from any strategies: counterfactual payoffs, and each follower's own way to a row."""
    game, episodes, learner = Twice(), 6_000, RegretMatching()
    table = random_strategy(game, 1)
    exact = CounterfactualResponse(game, (learner,), 1)
    numbers = np.random.default_rng(5).normal(size=exact.sums.fixed.shape[1:])
    for m, state in enumerate(exact.states):
        state.numbers[0] = numbers[exact.rows[m], : state.actions]
    policies = [policy[0].copy() for policy in exact.policies("last")]
    exact.learn(paths_against(game, table), ONLY, 1)

    rules = sampled(1, keep_followers=True, reward_plays=1).fitted(game)
    asked = ConsultedCourses(game, rules, Streams(2), episodes)
    asked.leader = table
    asked.response.numbers[:] = numbers
    asked.restart(np.arange(episodes))
    for m, rows in enumerate(exact.rows):
        record = asked.response.record(m)
        found, spread = record.fixed.mean(axis=0), record.fixed.std(axis=0) / np.sqrt(episodes)
        expected = exact.sums.fixed[0, rows, : record.actions]
        assert (np.abs(found - expected) <= 5 * spread + 1e-12).all()
        assert (expected > 0).mean() > 0.5
        np.testing.assert_allclose(record.mixed.mean(axis=0), exact.sums.mixed[0, rows], atol=0.1)
    # The first follower's second move: type t, then its own action a, then the other's b.
    shares, met = asked.response.record(0).policy.sum(axis=-1), asked.response._courses[:, exact.rows[0]] != 0
    for t, a, b in np.ndindex(2, 2, 2):  # the other's last action ends the play
        row = 2 + t * 6 + a * 3 + b
        np.testing.assert_allclose(shares[met[:, row], row], policies[0][t, a])
    assert not asked.response._forgets.any()


def test_where_everybody_moves_once_it_is_the_update_of_one_move(monkeypatch):
    game = make_game("matrix-design")
    table = np.random.default_rng(0).random((game.leader_turn.keys, game.leader_turn.width))
    rules = LeaderSettings.checked(response_updates=60, elicitation="in_play")

    def numbers():
        env = StackelbergPOMDP(game, rules, num_envs=3, seed=1)
        env.begin(np.arange(3))
        while len(live := env.live):
            front = env.front(live)
            env.answer(front, table[front.questions])
        return env.elicitation.response, env.elicitation.value

    one_move, value = numbers()
    monkeypatch.setattr(SampledMoves, "suits", classmethod(lambda cls, game, settings: True))
    monkeypatch.setattr(kinds, "KINDS", (SampledMoves,))
    several, same = numbers()
    assert type(several) is SampledMoves is not type(one_move)
    np.testing.assert_array_equal(several.numbers, one_move.numbers)
    np.testing.assert_array_equal(same, value)


def test_regret_falls_and_averages_come_to_the_equilibrium():
    """Of opposed interests: average strategies come to an equilibrium, and regret per update vanishes."""
    game = Opposed()
    strategy = random_strategy(game, 0)
    table = paths_against(game, strategy)
    exact, regrets, gains = CounterfactualResponse(game, (RegretMatching(),), 1), [], []
    for updates in (100, 400, 1_600):
        response = consult_courses(game, strategy, sampled(updates), Streams(4), samples=8)
        regrets.append(response.average_regret().mean())
        average = [[policy[n : n + 1] for policy in response.policies("average")] for n in range(8)]
        gain = [[Follower(exact, table, m).gain("last", policies) for m in range(2)] for policies in average]
        gains.append(np.max(gain, axis=1).mean())
    for found in (regrets, gains):
        assert found[1] < 0.75 * found[0]
        assert found[2] < 0.75 * found[1]
    assert gains[2] < 0.1


def test_followers_find_the_optimum_of_the_interview():
    game = make_game("interview")
    strategy = LeaderStrategy.from_pairs(game, list(solve(game).leader_strategy))
    found, exact = (evaluate_strategy(strategy, rules, samples=4) for rules in (sampled(300), LeaderSettings.checked()))
    assert found.leader_value == pytest.approx(exact.leader_value)
    assert found.by_play["average"] == pytest.approx(exact.by_play["average"], abs=0.1)
    assert found.certificate.equilibrium
    assert found.certificate.deviation_plays > 0 < found.certificate.bcce_gap < 0.3
    assert "estimated" in found.certificate.words()


@pytest.mark.parametrize("forgets", [False, True])
def test_who_forgets_is_given_no_regret(forgets):
    found = evaluate_strategy(random_strategy(Twice(), 1), sampled(200), samples=2, game=Twice(forgets=forgets))
    assert (found.certificate.regret is None) == forgets
    assert (found.certificate.bcce_gap is None) == forgets
    assert "estimated" in found.certificate.words()


@pytest.mark.parametrize(
    ("followers", "forgets"),
    [
        ("mw", True),
        ("regret-matching", False),
        pytest.param("mw", False, marks=pytest.mark.learning),
        pytest.param("regret-matching", True, marks=pytest.mark.learning),
    ],
)
def test_what_has_been_played_is_known_to_the_bit(forgets, followers, monkeypatch):
    """All of it kept, a little, or nothing, through more updates than draws are held of."""
    monkeypatch.setattr(courses_in_play, "HELD", 128)
    game, found = Twice(forgets=forgets), []
    for nodes, roots in ((2**19, 2**16), (300, 2**16), (0, 0)):
        monkeypatch.setattr(course_trees, "MOST_NODES", nodes)
        monkeypatch.setattr(course_trees, "MOST_ROOTS", roots)
        settings = sampled(150, followers=followers)
        found.append(consult_courses(game, random_strategy(game, 1), settings, Streams(3), samples=2).arrays())
    for other in found[1:]:
        for name, values in other.items():
            np.testing.assert_array_equal(values, found[0][name])


@pytest.mark.parametrize("play", ["argmax", "average"])
def test_one_answer_table_gives_one_result_however_it_is_asked(play):
    game = Twice(tables=3)
    interview = make_game("interview")

    def asked(game, envs, one_by_one):
        table = np.random.default_rng(0).random((game.leader_turn.keys, game.leader_turn.width))
        table = np.floor(table * game.leader_turn.choices) if game.leader_turn.discrete else table
        env = StackelbergPOMDP(game, sampled(20, reward_play=play), num_envs=envs, seed=3)
        questions = []
        for _ in range(2):
            env.begin(np.arange(envs))
            while len(live := env.live):
                front = env.posed(live) if one_by_one else env.front(live)
                shown = env.observe(front)
                assert env.single_observation_space["critic"].contains(shown["critic"][0])
                env.answer(front, table[front.questions])
                questions += front.questions[front.envs == 0].tolist()
        return env.elicitation.response.numbers[0], env.elicitation.value[0], sorted(questions)

    for each in (game, interview):
        numbers, value, questions = asked(each, 1, True)
        for envs, one_by_one in ((1, False), (16, False), (16, True)):
            others = asked(each, envs, one_by_one)
            np.testing.assert_array_equal(others[0], numbers)
            assert others[1:] == (value, questions)


def test_a_game_of_too_many_courses_is_played_and_valued(tmp_path):
    file = tmp_path / "payoffs.json"
    payoffs = {"leader": [[3, 0, 1], [4, 1, 0]], "follower": [[3, 4, 1], [0, 1, 2]]}
    file.write_text(json.dumps(payoffs), encoding="utf-8")
    game = make_game("iterated-bimatrix", file=file, rounds=12, follower_sees="round")
    assert Paths.count(game) > 100 * TABLE_LIMIT
    rules = LeaderSettings.checked(response_updates=60)
    assert kinds.followers_for(game, rules) is SampledMoves
    assert solve(game) is None
    asked, found = evaluate_policy(game, lambda seen, *_: np.zeros((len(seen), 1)), rules, samples=4)
    # A leader that always plays its first row: 4 a round for the follower's second column.
    assert found.follower_values == pytest.approx((48.0,))
    assert found.leader_value == pytest.approx(0.0)
    assert found.certificate.equilibrium
    assert 1 < len(asked.answers) <= game.leader_turn.keys
    env = StackelbergPOMDP(game, rules, num_envs=2)
    env.begin(np.arange(2))
    while len(live := env.live):
        env.answer(env.front(live), np.zeros((len(env.front(live).envs), 1)))
    np.testing.assert_allclose(env.elicitation.value, 0.0)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("followers", {"followers": BestResponse()}),
        ("leader_queries", {"leader_queries": "every_turn"}),
        ("elicitation", {"elicitation": "closure"}),
        ("ties", {"ties": "leader"}),
        ("deviation_penalty", {"deviation_penalty": 1.0}),
        ("deviation_margin", {"deviation_margin": 1.0}),
        ("update_mode", {"update_mode": "expected"}),
    ],
)
def test_what_cannot_work_is_refused_by_name(field, values):
    game = make_game("iterated-bimatrix", rounds=13)
    with pytest.raises(InvalidFieldError, match=rf"^{field}"):
        LeaderSettings.checked(**values).fitted(game)
