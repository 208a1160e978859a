"""Tables of follower strategies."""

import numpy as np
import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.reports import followers
from rllib_stackelberg.reports.followers import follower_tables


def policy(rows, actions, seed=0):
    weights = np.random.default_rng(seed).random((rows, actions)) ** 4
    return weights / weights.sum(axis=1, keepdims=True)


def test_small_strategies_are_shown_whole():
    game = make_game("message-spm", types=4, messages=2)
    given = {name: policy(4, 2, seed) for seed, name in enumerate(game.followers)}
    tables = follower_tables(game, given)
    assert [table.name for table in tables] == list(game.followers)
    for table in tables:
        assert table.actions == (0, 1)
        assert (table.more_actions, table.more_rows) == (0, 0)
        np.testing.assert_array_equal([row.probabilities for row in table.rows], given[table.name])
        assert [row.others for row in table.rows] == pytest.approx([0] * 4)
    assert tables[0].rows[3].label == "value 1"


def test_large_strategies_keep_what_is_played_most(monkeypatch):
    monkeypatch.setattr(followers, "ROWS_SHOWN", 5)
    monkeypatch.setattr(followers, "ACTIONS_SHOWN", 3)
    game = make_game("simple-allocation", types=9, messages=12)
    given = policy(9, 12)
    (table,) = follower_tables(game, {"follower_0": given})
    assert (len(table.rows), table.more_rows) == (5, 4)
    assert (len(table.actions), table.more_actions) == (3, 9)
    left_out = set(range(12)) - set(table.actions)
    peaks = given.max(axis=0)
    assert min(peaks[list(table.actions)]) >= max(peaks[list(left_out)])
    for key, row in enumerate(table.rows):
        assert row.others == pytest.approx(given[key, list(left_out)].sum())


def test_only_the_first_followers_of_many(monkeypatch):
    monkeypatch.setattr(followers, "FOLLOWERS_SHOWN", 2)
    game = make_game("message-spm", buyers=3, types=2)
    assert [table.index for table in follower_tables(game, {name: policy(2, 2) for name in game.followers})] == [0, 1]


def test_actions_have_the_games_names_and_rows_that_never_came_up_are_marked():
    game = make_game("bimatrix", leader=[[1, 2], [3, 4]], follower=[[1, 2], [3, 4]], sees_leader=True)
    given = {"follower_0": policy(2, 2)}
    (table,) = follower_tables(game, given, {"follower_0": [1]})
    turn = game.learned_turns[0]
    assert (
        table.names == tuple(game.describe_action(turn, 0, np.array([k])) for k in range(2)) == ("column 0", "column 1")
    )
    assert [row.visited for row in table.rows] == [True, False]


def test_names_that_depend_on_what_a_follower_knows_are_numbers():
    class Fickle(type(make_game("simple-allocation"))):
        def describe_action(self, turn, key, action):
            return f"{'left' if key else 'right'} {int(action[0])}" if action[0] else "stay"

    (table,) = follower_tables(Fickle(types=2, messages=2), {"follower_0": policy(2, 2)})
    assert table.names == ("stay", "1")
