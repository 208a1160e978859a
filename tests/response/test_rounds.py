"""Followers that move once a play: against other kinds and plain Python; their best plans against enumeration."""

import math
from itertools import product

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, QLearning, evaluate_strategy, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.limit_cycles import LimitPlay
from rllib_stackelberg.followers.learner import draw_action
from rllib_stackelberg.followers.trajectory import explored_action
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response import rounds as rounds_module
from rllib_stackelberg.response.kinds import followers_for
from rllib_stackelberg.response.phase import Phase, draws
from rllib_stackelberg.response.played_trajectories import PlayedTrajectories
from rllib_stackelberg.response.rounds import RoundsResponse
from rllib_stackelberg.response.rounds_engine import rounds_of
from rllib_stackelberg.response.rounds_plans import best_gain, best_plan, decision_problem, values_of
from rllib_stackelberg.response.trajectories import TrajectoryResponse
from rllib_stackelberg.streams import Stream, Streams

LEARNER = QLearning(0.2, 0.9, 1.0, 2e-3)


def respond(kind, game, leader, settings, episodes=2, seed=4):
    """Followers of one kind after their response, and the table."""
    table, rows = kind.tabulate(game, leader), np.arange(episodes)
    response = kind(game, settings.followers, episodes)
    response.respond(table, Phase(rows, settings, Streams(seed), [(int(row), 0) for row in rows]))
    return response, table


def random_leader(game, seed=3):
    rng, turn = np.random.default_rng(seed), game.leader_turn
    return LeaderStrategy.from_pairs(
        game,
        [(key, int(rng.integers(turn.choices)) if turn.discrete else turn.box.sample()) for key in range(turn.keys)],
    )


@pytest.mark.parametrize("name", ["platform-pricing", "matrix-design", "bayesian"])
def test_what_is_learned_is_that_of_the_table_of_paths_to_the_bit(name, monkeypatch):
    """With and without a memory, with and without types; draws are made in stretches."""
    monkeypatch.setattr(rounds_module, "HELD", 700)
    game, settings = make_game(name), LeaderSettings.checked(followers=LEARNER, response_updates=3_000)
    leader = random_leader(game)
    fast, slow = (respond(kind, game, leader, settings)[0] for kind in (RoundsResponse, TrajectoryResponse))
    np.testing.assert_array_equal(fast.numbers, slow.numbers)
    np.testing.assert_array_equal(fast.carried, slow.carried)
    for play in ("argmax", "last", "average"):
        for own, other in zip(fast.policies(play), slow.policies(play), strict=True):
            np.testing.assert_allclose(own, other, atol=1e-12)
    for turn in range(len(game.learned_turns)):
        np.testing.assert_array_equal(fast.visits(turn), slow.visits(turn))


def test_actions_are_those_drawn_from_the_probabilities():
    rng = np.random.default_rng(0)
    for actions in (1, 2, 15):
        for best, random in product(range(actions), (0.0, 1e-9, 0.3, 1.0)):
            policy = np.full((1, actions), random / actions)
            policy[0, best] += 1 - random
            for uniform in rng.random(200):
                assert explored_action(best, actions, random, uniform) == draw_action(policy, 0, actions, uniform)


def plain_sellers(game, learner, uniforms, settled=math.inf):
    """Two sellers of Calvano et al. in plain Python: values, periods, last prices."""
    n, scale = game.levels, game.utility_scale
    profit = [
        [game.market.profits(np.array([game.grid[0, a], game.grid[1, b]])) * (1 / scale) for b in range(n)]
        for a in range(n)
    ]
    start = np.array(
        [
            [np.mean([profit[k][b][0] for b in range(n)]) for k in range(n)],
            [np.mean([profit[a][k][1] for a in range(n)]) for k in range(n)],
        ]
    ) / (1 - learner.discount)
    q = np.repeat(start[:, None], n * n, axis=1).tolist()
    strategy = [[max(range(n), key=lambda k: (row[k], -k)) for row in own] for own in q]
    last, before, unchanged = 0, None, 0
    for t, uniform in enumerate(uniforms):
        if unchanged >= settled:
            return q, t, last
        unchanged += 1
        chosen, each = [], math.exp(-learner.decay * t) / n
        if before is not None:
            state, prices = before
            for i in range(2):
                old = q[i][state][prices[i]]
                target = profit[prices[0]][prices[1]][i] + learner.discount * max(q[i][last])
                q[i][state][prices[i]] = old + learner.rate * (target - old)
                best = max(range(n), key=lambda k, row=q[i][state]: (row[k], -k))
                unchanged = unchanged if best == strategy[i][state] else 0
                strategy[i][state] = best
        for i in range(2):
            reached, best = 0.0, strategy[i][last]
            for k in range(n):
                reached += each + (1 - n * each if k == best else 0)
                if reached > uniform[i] or k == n - 1:
                    chosen.append(k)
                    break
        before, last = (last, chosen), chosen[0] * n + chosen[1]
    return q, len(uniforms), last


def leave(game):
    return LeaderStrategy.from_pairs(game, [(0, (0.0, 0.0))])


def test_published_sellers_are_those_of_plain_python_from_their_first_values_to_their_last():
    game, learner = make_game("pricing", levels=5), QLearning(0.15, 0.95, 1.0, 1e-3, foresight=1)
    settings = LeaderSettings.checked(followers=learner, response_updates=40_000, settled_plays=1_500)
    response, _ = respond(RoundsResponse, game, leave(game), settings, episodes=1)
    uniforms = draws(game, Streams(4), Stream.RESPONSE, 40_000, [(0, 0)])[1][0]
    q, periods, last = plain_sellers(game, learner, uniforms.tolist(), settled=1_500)
    assert response.played[0] == periods < 40_000
    assert response.carried[0] == last
    # The platform may withhold prices; sellers then are at one row more, which they never were.
    values = response.numbers[0].reshape(2, 26, 5)[:, :25]
    np.testing.assert_allclose(values, q, rtol=1e-13)


@pytest.fixture(scope="module")
def small():
    """Two prices each: four states, sixteen plans."""
    game = make_game("pricing", levels=2)
    response, table = respond(
        RoundsResponse, game, leave(game), LeaderSettings.checked(followers=LEARNER, response_updates=4_000), episodes=6
    )
    return game, response, rounds_of(game, table, 0)


def test_best_plans_are_the_best_of_all_plans(small):
    _, response, rounds = small
    policies = [own[0] for own in response.policies("last")]
    for move, agent in enumerate((1, 2)):
        payoffs, after = decision_problem(rounds, policies, move, agent)
        every = [values_of(payoffs, after, np.eye(2)[list(plan)], 0.9) for plan in product(range(2), repeat=4)]
        np.testing.assert_allclose(best_plan(payoffs, after, 0.9)[1].max(axis=1), np.max(every, axis=0), rtol=1e-12)
        own = values_of(payoffs, after, policies[move][rounds.row[move, :, 0]], 0.9)
        for state in range(4):
            gain = best_gain(rounds, policies, move, agent, 0.9, state)
            assert gain == pytest.approx(0.1 * (np.max(every, axis=0) - own)[state], abs=1e-12)


def test_limit_play_is_what_frozen_followers_play(small):
    game, response, rounds = small
    for episode in range(6):
        play = LimitPlay(response, rounds, episode)
        cycle = play.cycle()
        policies = [own[episode] for own in response.policies()]
        plays = 64 + 12 * cycle.length
        table = RoundsResponse.tabulate(game, leave(game))
        paid = response.frozen(table, episode, 0, policies, np.zeros(plays, dtype=np.int64), np.zeros((plays, 2)))
        np.testing.assert_allclose(paid[64:].mean(axis=0), play.payoffs(*cycle).mean(axis=0), rtol=1e-12)
        states, joints = play.deviation(int(cycle.states[0]), 1, 1 - play.actions[1, cycle.states[0]], 9)
        assert joints[0] == cycle.joints[0] ^ 1  # the second seller's price, and no other
        assert (joints[1:] == play.joints[states[1:]]).all()
        assert (states[1:] == joints[:-1]).all()


def test_what_is_kept_pays_at_least_as_much_as_any_single_deviation(small):
    _, response, rounds = small
    discounted = 0.9 ** np.arange(400)
    found = []
    for episode, move, state in product(range(6), range(2), range(4)):
        play = LimitPlay(response, rounds, episode)
        worth = [discounted @ play.payoffs(*play.deviation(state, move, k, 400))[:, 1 + move] for k in range(2)]
        own = worth[play.actions[move, state]]
        found.append(own >= max(worth) - 1e-9)
        assert play.kept(0.9)[move, state] == found[-1]
    assert 0 < sum(found) < len(found)


def test_large_games_are_tabulated_where_a_response_is_longer_than_the_table():
    game = make_game("platform-pricing", levels=9)  # 6,561 courses
    long, short = (LeaderSettings.checked(followers=LEARNER, response_updates=n) for n in (7_000, 6_000))
    assert followers_for(game, long) is RoundsResponse
    assert followers_for(game, short) is PlayedTrajectories
    leader = LeaderStrategy.from_pairs(game, [(key, 0) for key in range(81)])
    found = evaluate_strategy(leader, long.fitted(game), samples=2)
    assert found.leader_value == pytest.approx(1.1261, abs=1e-4)  # nobody sells at any other price than the lowest


@pytest.mark.parametrize(
    ("game", "given", "field"),
    [
        ("interview", {"followers": LEARNER, "settled_plays": 10}, "settled_plays"),
        ("interview", {"followers": "q-learning:foresight=1"}, "followers"),
        ("pricing", {"followers": "q-learning:foresight=1", "elicitation": "in_play"}, "followers"),
        ("escape", {"followers": "q-learning:foresight=1,discount=1"}, "discount"),
        ("escape", {"followers": "q-learning:foresight=2"}, "foresight"),
        ("escape", {"followers": "mw", "settled_plays": 10}, "settled_plays"),
        ("escape", {"followers": "q-learning", "settled_plays": 0}, "settled_plays"),
    ],
)
def test_what_these_followers_alone_can_do_is_refused_elsewhere(game, given, field):
    with pytest.raises(InvalidFieldError, match=field):
        LeaderSettings.checked(**given).fitted(make_game(game))
