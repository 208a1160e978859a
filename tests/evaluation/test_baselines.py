"""Luck, and a leader judged by other followers than taught it."""

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, evaluate_against, evaluate_strategy, make_game, random_search
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation import estimates
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.runs.folder import RunFolder


def test_random_search_is_luck():
    found = random_search(make_game("simple-allocation"), LeaderSettings.checked(response_updates=100), 2_000)
    # 27 tables with 1, 2 or 3 different items (3, 18, 6 of them) are worth a third of that.
    assert found.mean == pytest.approx((3 * 1 + 18 * 2 + 6 * 3) / 27 / 3, abs=0.02)
    assert found.best == 1.0
    assert found.episodes >= 2_000
    assert sorted(int(action[0]) for action in found.strategy.answers.values()) == [0, 1, 2]


@pytest.mark.parametrize("game", ["matrix-design", "maintain", "message-spm"])
def test_the_best_table_is_the_one_that_was_played(game):
    """Expected updates do not vary: on its own the table is worth what it was worth when it was found."""
    made, settings = make_game(game), LeaderSettings.checked(response_updates=20, update_mode="expected")
    found = random_search(made, settings, 200, seed=2)
    assert evaluate_strategy(found.strategy, settings).leader_value == pytest.approx(found.best)
    assert random_search(made, settings, 200, seed=2).best == found.best
    assert found.mean < found.best


def test_a_table_is_the_same_however_the_leader_is_asked():
    game, fields = make_game("simple-allocation"), {"response_updates": 5}
    once = random_search(game, LeaderSettings.checked(**fields), 128)
    turns = LeaderSettings.checked(**fields, leader_queries="every_turn", response_transitions=0.5)
    assert random_search(game, turns, 128).mean == once.mean


@pytest.mark.parametrize("grid", [None, 3])
def test_luck_of_a_game_that_is_played_is_judged_on_fresh_plays(grid, monkeypatch):
    """Not all questions of its best table were met: others are answered at random, in range."""
    monkeypatch.setattr(estimates, "REWARD_PLAYS", 200)
    game = make_game("message-spm", buyers=8, types=3, price_grid=grid)
    settings = LeaderSettings.checked(response_updates=10)
    found = random_search(game, settings, 128)
    known = dict(found.strategy.answers)
    judged = found.evaluate(settings, samples=8, every_play=False)
    assert -0.5 < found.mean < found.best <= 0
    assert 0 < judged.standard_error < 0.05
    assert judged.leader_value < found.best + 2 * judged.standard_error
    assert found.strategy.answers == known
    assert found.evaluate(settings, samples=8, every_play=False).data() == judged.data()


def test_luck_whose_table_is_whole_is_worth_what_the_table_is():
    game, settings = make_game("message-spm"), LeaderSettings.checked(response_updates=20)
    found = random_search(game, settings, 128)
    assert found.evaluate(settings, 3).data() == evaluate_strategy(found.strategy, settings, 3).data()


def test_a_leader_is_judged_by_other_followers_than_taught_it(tmp_path):
    """One row, two columns worth 1 and 3 to the leader: a best response takes the second, a beginner mixes."""
    matrices = {"leader": [[1, 3]], "follower": [[0, 1]]}
    folder = RunFolder.create(tmp_path / "run")
    settings = LeaderSettings.checked(followers="best-response", response_updates=1)
    folder.write("config", {"game": "bimatrix", "params": matrices, "settings": settings.model_dump(), "seed": 0})
    width = make_game("bimatrix", **matrices).observation_spaces[0].shape[0]
    only_row = (np.zeros((1, width), np.float32), np.ones(1, np.float32))
    LeaderNetwork((only_row,), discrete=True).save(folder.path)
    best = evaluate_against(folder.path, settings)
    mixing = LeaderSettings.checked(followers="mw:epsilon=1", response_updates=1, reward_play="last")
    assert best.leader_value == 3
    # One update doubles the weight of the better column: (1 + 2 * 3) / 3.
    assert evaluate_against(folder.path, mixing).leader_value == pytest.approx(7 / 3)
    with pytest.raises(InvalidFieldError, match="run"):
        evaluate_against(tmp_path / "nothing", settings)
