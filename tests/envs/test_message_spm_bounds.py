"""What message-spm knows beside an optimum: bounds, what there is without messages, and grids of prices."""

import numpy as np
import pytest

from rllib_stackelberg import make_game, solve
from rllib_stackelberg.economics.optimal_auctions import best_revenue
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.plays.strategy import LeaderStrategy

DEPENDENT = [[0.3, 0.05, 0.05], [0.05, 0.1, 0.05], [0.05, 0.05, 0.3]]


@pytest.mark.parametrize(
    "parameters",
    [
        {"types": 3},
        {"types": 2, "messages": 3},
        {"values": [[0.1, 0.6], [0.3, 0.4, 1.0]], "prior": [[0.7, 0.3], [0.5, 0.2, 0.3]]},
        {"types": 3, "prior": DEPENDENT},
        {"types": 3, "messages": 1, "buyers": 5, "items": 2},
    ],
)
def test_no_optimum_exceeds_the_bound(parameters):
    game = make_game("message-spm", objective="revenue", **parameters)
    optimum, bound = solve(game).leader_value, game.bound().value
    assert optimum <= bound + 1e-9
    silent = make_game("message-spm", objective="revenue", **parameters | {"messages": 1})
    assert solve(silent).leader_value <= optimum + 1e-9
    if game.channel.letters > 1:
        assert game.baselines() == {"without messages": solve(silent).leader_value}


def test_bounds_are_of_the_instance():
    assert make_game("message-spm", buyers=16).bound().value == 0
    many = make_game("message-spm", buyers=16, types=9, items=3, objective="revenue")
    ninths, even = np.linspace(0, 1, 9), np.ones(9) / 9
    assert many.bound().value == best_revenue([ninths] * 16, [even] * 16, 3)
    dependent = make_game("message-spm", types=3, prior=DEPENDENT, objective="revenue")
    surplus = float((np.array(DEPENDENT) * np.maximum(*np.meshgrid([0, 0.5, 1], [0, 0.5, 1]))).sum())
    assert 0.3 < dependent.bound().value < surplus
    assert "linear programme" in dependent.bound().method


def test_a_joint_prior_of_independent_types_has_the_bound_of_independent_types():
    joint = np.multiply.outer([0.2, 0.3, 0.5], [0.6, 0.3, 0.1]).tolist()
    marginals = [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]
    one, other = (make_game("message-spm", types=3, prior=prior, objective="revenue") for prior in (joint, marginals))
    assert one.bound().method != other.bound().method
    assert one.bound().value == pytest.approx(other.bound().value, abs=1e-9)


def test_a_joint_prior_too_large_for_a_programme_is_bound_by_all_there_is_to_gain():
    prior = np.full((7,) * 5, 7.0**-5)
    game = make_game("message-spm", types=7, buyers=5, prior=prior.tolist(), objective="revenue")
    sevenths = np.linspace(0, 1, 7)
    expected = sum((sevenths[k] - sevenths[k - 1]) * (1 - (k / 7) ** 5) for k in range(1, 7))
    assert game.bound().value == pytest.approx(expected)
    assert game.baselines() == {}


def test_what_there_is_without_messages_is_known_of_many_buyers():
    assert make_game("message-spm", buyers=8).baselines()["without messages"] == pytest.approx(-0.0096784, abs=1e-6)
    assert make_game("message-spm", buyers=8, messages=1).baselines() == {}
    several = [[0.0, 0.5], [0.2, 1.0], [0.1, 0.9]]
    assert make_game("message-spm", values=several).baselines()
    assert make_game("message-spm", values=several, anonymous=True).baselines() == {}  # who comes next is not chosen
    assert make_game("message-spm", buyers=64, types=17, anonymous=True).baselines() == {
        "without messages": pytest.approx(-0.00255, abs=6e-6)
    }


@pytest.mark.parametrize("objective", ["welfare", "revenue"])
@pytest.mark.parametrize("grid", [2, 3, 4, 7])
def test_prices_of_a_grid_are_played_as_they_were_planned(grid, objective):
    """Values between prices of the grid: what nobody can be asked for is not planned with."""
    values = [[0.1, 0.3, 0.45, 0.9], [0.0, 0.4, 1 / 3 + 0.4, 1.0]]
    game = make_game("message-spm", values=values, messages=1, price_grid=grid, objective=objective)
    solution = solve(game)
    table = LeaderStrategy.from_pairs(game, solution.leader_strategy).table()
    outcomes = tabulate(game, np.nan_to_num(table))
    silent = [np.ones((1, 4, 1))] * 2
    planned = outcomes.values(outcomes.distribution(silent))[0, 0]
    assert planned == pytest.approx(solution.leader_value, abs=1e-12)
    rng = np.random.default_rng(grid)
    others = rng.integers(2 * grid, size=(400, *table.shape[1:])).astype(float)
    outcomes = tabulate(game, others)
    worth = outcomes.values(outcomes.distribution([np.ones((400, 4, 1))] * 2))[:, 0]
    assert worth.max() <= planned + 1e-12
