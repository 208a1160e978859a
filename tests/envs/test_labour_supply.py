"""Labour supply: the rules against the closed forms that they are there for."""

import numpy as np
import pytest

from rllib_stackelberg import make_population
from rllib_stackelberg.economics.fiscal import best_work

VARIANCE = 1.1212
NONE = 0


def played(game, progressivity, plays=400, work=None, seed=0):
    rng = np.random.default_rng(seed)
    state = game.start(rng.random((plays, game.members, 1)))
    leader = np.full((plays, 1), float(progressivity))
    members = game.best_response(state, leader) if work is None else work
    return game.step(state, leader, members, np.zeros((plays, game.members, NONE)))


@pytest.mark.parametrize("xi", [0.0, 0.05, 0.58350, 0.9])
@pytest.mark.parametrize("households", [100, 1000])
def test_mean_welfare_is_the_formula(xi, households):
    game = make_population("labour-supply", households=households, variance=VARIANCE)
    _, welfare, _ = played(game, xi)
    error = welfare.std(ddof=1) / np.sqrt(len(welfare))
    assert abs(welfare.mean() - game.economy.welfare(xi)) < 4 * error
    assert welfare.std() < 0.05


def test_how_far_a_hundred_households_are_from_a_population_without_end():
    game = make_population("labour-supply", households=100, variance=VARIANCE)
    for xi, bias in ((0.0, 2e-3), (0.58350, 1e-4)):
        _, welfare, _ = played(game, xi, plays=20_000)
        assert abs(welfare.mean() - game.economy.welfare(xi)) < bias


def test_the_optimum_of_the_rules_is_that_of_the_solver():
    game = make_population("labour-supply", households=1000, variance=VARIANCE)
    grid = np.linspace(0.5, 0.67, 86)
    values = [played(game, xi, plays=100)[1].mean() for xi in grid]
    best = game.optimum()
    assert grid[np.argmax(values)] == pytest.approx(best.leader_action[0], abs=0.006)
    assert max(values) == pytest.approx(best.leader_value, abs=1e-3)


def test_output_is_work_and_falls_with_progressivity():
    game = make_population("labour-supply", task="output")
    for xi in (0.0, 0.025, 0.05):
        _, output, _ = played(game, xi, plays=3)
        np.testing.assert_allclose(output, float(best_work(xi)), rtol=1e-12)


@pytest.mark.parametrize("xi", [0.0, 0.3, 0.9])
def test_the_budget_is_balanced_whatever_anybody_does(xi):
    game, rng = make_population("labour-supply", households=30, budget=0.35), np.random.default_rng(1)
    after, *_ = played(game, xi, plays=8, work=rng.uniform(0.01, 0.99, (8, 30, 1)))
    output = (after.ability * after.work).sum(axis=1)
    np.testing.assert_allclose(after.consumption.sum(axis=1), 0.65 * output, rtol=1e-12)
    np.testing.assert_allclose(
        after.consumption, after.level[:, None] * (after.ability * after.work) ** (1 - xi), rtol=1e-12
    )
    np.testing.assert_allclose(after.ability.mean(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("xi", [0.05, 0.5835])
def test_a_household_gains_from_deviating_only_by_moving_the_level(xi):
    """A price-taker gains nothing; through the level, one of N gains of order 1 / N at most."""
    gains = []
    for households in (10, 100, 1000):
        game = make_population("labour-supply", households=households)
        grid = np.linspace(0.01, 0.99, 197)
        state = game.start(np.full((198, households, 1), 0.5))
        leader = np.full((198, 1), xi)
        members = game.best_response(state, leader)
        deviator = 2 * households // 3
        members[:197, deviator, 0] = grid
        after, _, paid = game.step(state, leader, members, np.zeros((198, households, NONE)))
        level_taken = np.log(after.level[-1] / after.level)
        assert (paid[:197, deviator] + level_taken[:197] <= paid[197, deviator] + 1e-12).all()
        gains.append(max(0.0, paid[:197, deviator].max() - paid[197, deviator]))
    assert gains[0] < 0.1
    assert gains[2] < 1e-3


def test_reports_are_means():
    game = make_population("labour-supply", households=50)
    after, *_ = played(game, 0.5, plays=2)
    report = game.report(after)
    np.testing.assert_allclose(report["consumption"], 0.8 * report["output"])
    assert (report["income Gini after tax"] < report["income Gini"]).all()
