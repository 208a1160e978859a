"""The BCCE gap over updates: certificates of shorter responses, within bounds of work."""

from itertools import pairwise

import pytest

from rllib_stackelberg import LeaderSettings, evaluate_strategy, make_game
from rllib_stackelberg.evaluation import convergence
from rllib_stackelberg.evaluation.convergence import rungs_up_to, update_ladder
from rllib_stackelberg.plays.strategy import LeaderStrategy
from tests.games_for_tests import BayesianGame


@pytest.mark.parametrize("updates", [1, 2, 7, 250, 10**6])
def test_ladders_rise_geometrically_to_the_end(updates):
    ladder = update_ladder(updates)
    assert (ladder[0], ladder[-1]) == (1, updates)
    assert ladder == sorted(ladder)
    ratio = updates ** (1 / convergence.RUNGS)
    assert all(high - low <= (ratio - 1) * low + 1 + ratio / 2 for low, high in pairwise(ladder))
    assert all(high >= (ratio + 1) / 2 * low for low, high in pairwise(ladder))


@pytest.mark.parametrize("mode", ["sampled", "expected"])
def test_gaps_are_those_of_shorter_runs_and_fall(mode):
    game = BayesianGame()
    strategy = LeaderStrategy.from_pairs(game, [(0, 0)])
    settings = LeaderSettings.checked(response_updates=1000, update_mode=mode)
    gaps = [(rung.updates, rung.gap) for rung in rungs_up_to(strategy, settings, seed=3)]
    assert [updates for updates, _ in gaps] == update_ladder(1000)
    for updates, gap in gaps[::4]:
        shorter = LeaderSettings.checked(response_updates=updates, update_mode=mode)
        # Another play is reported beside it: the same sum in another order.
        assert gap == pytest.approx(evaluate_strategy(strategy, shorter, 3).certificate.bcce_gap, rel=1e-12)
    assert gaps[-1][1] < gaps[0][1] / 2


def test_followers_go_on_from_rung_to_rung():
    game = make_game("simple-allocation")
    strategy = LeaderStrategy.from_pairs(game, [(key, key) for key in range(3)])
    last = LeaderSettings.checked(response_updates=50, reward_play="last")
    rungs = rungs_up_to(strategy, last, 0)
    assert rungs[-1].weights == evaluate_strategy(strategy, last, 0).weights
    learned = [rung.weights["follower_0"][0][0] for rung in rungs]
    assert learned[0] < learned[-1] <= 1


def test_work_is_bounded_by_ending_the_ladder(monkeypatch):
    game = make_game("simple-allocation")
    strategy = LeaderStrategy.from_pairs(game, [(key, key) for key in range(3)])
    settings = LeaderSettings.checked(response_updates=1000)
    whole = rungs_up_to(strategy, settings, 0)
    monkeypatch.setattr(convergence, "WORK", convergence.RESPONSE_SAMPLES * (9 * 4 + 1 + 2 + 4 + 8))
    assert rungs_up_to(strategy, settings, 0) == whole[:4]


def test_followers_that_are_played_cost_more(monkeypatch):
    game = BayesianGame(sequential=True)
    strategy = LeaderStrategy.from_pairs(game, [(0, 0)])
    settings = LeaderSettings.checked(response_updates=20)
    assert len(rungs_up_to(strategy, settings, 0)) == len(update_ladder(20))
    monkeypatch.setattr(convergence, "WORK", convergence.RESPONSE_SAMPLES * (convergence.PLAYED + 16))
    assert [rung.updates for rung in rungs_up_to(strategy, settings, 0)] == [1]
