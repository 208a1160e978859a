"""Followers that learn from experience: against plain Python, against enumeration, and what is refused."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg import (
    FollowerModel,
    LeaderSettings,
    QLearning,
    StackelbergPOMDP,
    evaluate_strategy,
    make_game,
    solve,
)
from rllib_stackelberg.aec.environment import make_aec
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.paths import paths_against
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.phase import Phase, draws
from rllib_stackelberg.response.trajectories import TrajectoryResponse, deviation_gain
from rllib_stackelberg.streams import Stream, Streams
from tests.conftest import view

DILEMMA = {(0, 0): (-1, -1), (0, 1): (-3, 0), (1, 0): (0, -3), (1, 1): (-2, -2)}
TIT_FOR_TAT = [1, 0, 1, 0, 1]  # defect first, then what the follower did


def strategy(game, answers):
    return LeaderStrategy.from_pairs(game, list(enumerate(answers)))


def checked(game, **given):
    return LeaderSettings.checked(**given).fitted(game)


def epsilon_greedy(values, learner, plays, uniform):
    """In plain Python, with the platform's rules of ties and draws."""
    random = learner.exploration * math.exp(-learner.decay * plays)
    policy = [random / len(values)] * len(values)
    policy[max(range(len(values)), key=lambda k: (values[k], -k))] += 1 - random
    reached = 0.0
    for k, share in enumerate(policy[:-1]):
        reached += share
        if reached > uniform * sum(policy):
            return k
    return len(values) - 1


def plain_dilemma(table, learner, plays, uniforms, scale, sees_round):
    """Q-learning in the five-round prisoner's dilemma, turn by turn."""
    q = np.zeros((17 if sees_round else 5, 2))
    for n in range(plays):
        last, trail = None, []
        for r in range(5):
            question = 0 if last is None else 1 + 2 * last[0] + last[1]
            row = question + 4 * max(r - 1, 0) if sees_round and question else question
            if trail:
                before, done, payoff = trail[-1]
                q[before, done] += learner.rate * (payoff + learner.discount * q[row].max() - q[before, done])
            action = epsilon_greedy(q[row].tolist(), learner, n, uniforms[n, r])
            last = (table[question], action)
            trail.append((row, action, DILEMMA[last][1] / scale))
        row, action, payoff = trail[-1]
        q[row, action] += learner.rate * (payoff - q[row, action])
    return q


@pytest.mark.parametrize("sees", ["joint", "round"])
def test_q_learning_in_the_iterated_dilemma_is_that_of_plain_python(sees):
    game, learner, plays = make_game("iterated-bimatrix", follower_sees=sees), QLearning(0.2, 0.9, 0.8, 0.01), 300
    rules = checked(game, followers=learner, response_updates=plays)
    response, streams = TrajectoryResponse(game, (learner,), 2), Streams(7)
    rows = np.arange(2)
    phase = Phase(rows, rules, streams, [(0, 0), (1, 0)])
    response.respond(paths_against(game, strategy(game, TIT_FOR_TAT)), phase)
    for env in rows:
        _, uniforms = draws(game, streams, Stream.RESPONSE, plays, [(int(env), 0)])
        expected = plain_dilemma(TIT_FOR_TAT, learner, plays, uniforms[0], game.utility_scale, sees == "round")
        np.testing.assert_allclose(response.numbers[env], expected, atol=1e-12)


def plain_pricing(game, threshold, learner, periods, uniforms, scale):
    """Two Q-learning sellers, period by period, all learning from the next period's prices."""
    q, last = np.zeros((2, 16, 4)), 0
    for n in range(periods):
        prices = [epsilon_greedy(q[i, last].tolist(), learner, n, uniforms[n, i]) for i in range(2)]
        levels = np.array(prices)
        profit = game.market.profits(game.prices[levels], levels <= threshold[levels[0] * 4 + levels[1]]) / scale
        now = prices[0] * 4 + prices[1]
        if n < periods - 1:  # the last period's lesson would come with the next one
            for i in range(2):
                target = profit[i] + learner.discount * q[i, now].max()
                q[i, last, prices[i]] += learner.rate * (target - q[i, last, prices[i]])
        last = now
    return q


def test_q_learning_sellers_are_those_of_plain_python_and_remember_prices():
    game, learner, periods = make_game("platform-pricing"), QLearning(decay=0.002), 2_000
    threshold = np.random.default_rng(3).integers(4, size=16)
    rules = checked(game, followers=learner, response_updates=periods, reward_plays=30)
    response, streams = TrajectoryResponse(game, (learner,), 1), Streams(1)
    table = paths_against(game, strategy(game, threshold.tolist()))
    response.respond(table, Phase(np.arange(1), rules, streams, [(0, 0)]))
    _, uniforms = draws(game, streams, Stream.RESPONSE, periods, [(0, 0)])
    expected = plain_pricing(game, threshold, learner, periods, uniforms[0], game.utility_scale)
    np.testing.assert_allclose(response.numbers[0].reshape(2, 16, 4), expected, atol=1e-12)


@pytest.mark.parametrize("level", range(4))
def test_sellers_shown_at_one_price_only_settle_there(level):
    """Closed form: above the threshold nothing is sold; FACTS: surplus 1.1261, .9132, .7053, .5084 at equal prices."""
    game = make_game("platform-pricing")
    rules = checked(game, followers="q-learning:decay=0.005", response_updates=5_000, reward_plays=30)
    found = evaluate_strategy(strategy(game, [level] * 16), rules, samples=8)
    surplus = [1.1261, 0.9132, 0.7053, 0.5084][level]
    # Above the lowest threshold sellers may compete below it.
    assert found.leader_value >= surplus - 5e-5
    if level == 0:
        assert found.leader_value == pytest.approx(surplus, abs=5e-5)
    assert found.certificate.bcce_gap is None
    assert "another action at one of its information sets" in found.certificate.words()


def best_course(table, sees_round):
    """What the best follower gets, by trying all its maps from what it knows to actions; leader-favourable."""
    best = (-math.inf, -math.inf)
    for choice in product(range(2), repeat=5):
        last, total = None, np.zeros(2)
        for r in range(5):
            question = 0 if last is None else 1 + 2 * last[0] + last[1]
            # A follower that knows the round is free in every round: a course of five actions.
            last = (table[question], choice[r] if sees_round else choice[question])
            total += DILEMMA[last]
        best = max(best, (total[1], total[0]))
    return best


@pytest.mark.parametrize(("sees", "leader", "follower"), [("round", -1.2, -1.2), ("joint", -0.8, -1.4)])
def test_the_best_leader_table_is_the_one_of_the_literature(sees, leader, follower):
    game = make_game("iterated-bimatrix", follower_sees=sees)
    solution = solve(game)
    assert (solution.leader_value / 5, solution.follower_values[0] / 5) == pytest.approx((leader, follower))
    assert [action for _, action in solution.leader_strategy] == TIT_FOR_TAT
    values = {t: best_course(t, sees == "round") for t in product(range(2), repeat=5)}
    assert solution.leader_value == max(value for _, value in values.values())


def course(table, follower):
    """Payoffs of a follower with a map from what it knows (the last round) to actions."""
    last, total = None, np.zeros(2)
    for _ in range(5):
        question = 0 if last is None else 1 + 2 * last[0] + last[1]
        last = (table[question], follower[question])
        total += DILEMMA[last]
    return total


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=5, max_size=5), st.integers(0, 3))
def test_value_and_deviation_gain_are_those_of_plain_python(table, seed):
    game = make_game("iterated-bimatrix")
    rules = checked(game, followers="q-learning:rate=0.3,discount=0.9,decay=0.1", response_updates=30)
    response, streams, row = TrajectoryResponse(game, rules.followers, 1), Streams(seed), np.arange(1)
    paths = paths_against(game, strategy(game, table))
    phase = Phase(row, rules, streams, [(0, 0)])
    response.respond(paths, phase)
    greedy = response.policies("argmax")[0][0].argmax(axis=1)
    value = course(table, greedy)
    np.testing.assert_allclose(response.values(paths, phase, response.policies(), "argmax")[0], value)
    changed = [np.where(np.arange(5) == k, 1 - greedy, greedy) for k in range(5)]
    gain = max(0, max(course(table, other)[1] for other in changed) - value[1])
    assert deviation_gain(response, paths, rules, streams, "argmax") == pytest.approx(gain)


def test_leader_episodes_equal_the_evaluation_and_any_batch():
    game = make_game("iterated-bimatrix")
    rules = checked(game, followers="q-learning:decay=0.01", response_updates=200)
    values = []
    for envs in (1, 3):
        env = StackelbergPOMDP(game, rules, num_envs=envs, seed=4)
        env.begin(np.arange(envs))
        while len(live := env.live):
            seen = env.observe(env.posed(live))
            assert all(env.single_observation_space[name].contains(rows[0]) for name, rows in seen.items())
            keys = env.elicitation.question[live]
            env.answer(env.posed(live), np.array(TIT_FOR_TAT)[keys])
        values.append(env.elicitation.value.copy())
        assert np.isnan(env.elicitation.response.average_regret()).all()
    assert values[0][0] == values[1][0]
    assert env.elicitation.answers.knows(np.zeros(5, int), np.arange(5)).all()


def test_kept_followers_go_on_where_they_were():
    game = make_game("iterated-bimatrix")
    kept = checked(game, followers="q-learning:decay=0.01", response_updates=50, keep_followers=True)
    env = StackelbergPOMDP(game, kept, num_envs=1, seed=4)
    tables = []
    for _ in range(2):
        env.begin(np.arange(1))
        before = env.elicitation.response.numbers.copy()
        while len(live := env.live):
            env.answer(env.posed(live), np.array(TIT_FOR_TAT)[env.elicitation.question[live]])
        tables.append((before, env.elicitation.response.numbers.copy()))
    np.testing.assert_array_equal(tables[1][0], tables[0][1])
    assert not np.array_equal(tables[1][1], tables[0][1])


def test_prices_are_carried_from_play_to_play_in_the_aec_view():
    env = make_aec("platform-pricing")
    env.reset(seed=0)
    for action in (2, 3, 0):
        env.step(action)
    env.reset()
    seen = view(env, "follower_0")[:8].reshape(2, 4).argmax(axis=1)
    assert seen.tolist() == [2, 3]
    env.reset(options={"carried": 4})
    assert view(env, "follower_0")[:8].reshape(2, 4).argmax(axis=1).tolist() == [1, 0]
    env.reset(seed=0)
    assert view(env, "follower_1")[:8].reshape(2, 4).argmax(axis=1).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("followers", {"followers": "mw"}),
        ("followers", {"followers": ("q-learning", "mw")}),
        ("followers.rate", {"followers": "q-learning:rate=2"}),
        ("leader_queries", {"followers": "q-learning", "leader_queries": "every_turn"}),
        ("update_mode", {"followers": "q-learning", "update_mode": "expected"}),
        ("reward_plays", {"followers": "q-learning", "reward_plays": "exact"}),
    ],
)
def test_what_cannot_work_is_refused_by_name(field, given):
    with pytest.raises(InvalidFieldError, match=rf"^{field}"):
        checked(make_game("platform-pricing"), **given)


def test_followers_that_learn_from_experience_are_one_model_among_others():
    """Each episode is, to the bit, what it is under its own model alone."""
    models = ["mw:epsilon=0.5", FollowerModel(name="q", followers="q-learning", response_updates=40)]
    values = {}
    for name, chosen in {"both": models, 0: models[:1], 1: models[1:]}.items():
        settings = LeaderSettings.checked(models=chosen, response_updates=20)
        env = StackelbergPOMDP(make_game("simple-allocation"), settings, num_envs=12, seed=4)
        env.begin(np.arange(12))
        while len(live := env.live):
            assert env.single_observation_space["critic"].contains(env.observe(env.posed(live))["critic"][0])
            env.answer(env.posed(live), np.array([0, 2, 1])[env.elicitation.question[live]])
        values[name] = env.elicitation.value.copy()
        if name == "both":
            drawn = env.elicitation.model
    assert set(drawn) == {0, 1}
    np.testing.assert_array_equal(values["both"], np.where(drawn == 0, values[0], values[1]))
