"""Pricing algorithms on a platform: payoffs by each policy, the optimum, the published market, and refusals."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from rllib_stackelberg.envs.pricing_v0 import Pricing

from rllib_stackelberg import LeaderSettings, evaluate_strategy, make_game, solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports import markdown_table
from rllib_stackelberg.testing import game_test

QUICK = {"followers": "q-learning:rate=0.15,discount=0.95,decay=1e-3,foresight=1", "response_updates": 20_000}


def paid(game, policy, much, levels):
    """Payoffs of a period, through the rules."""
    return game.period(np.array([levels]), np.array([[game.policies.index(policy), much]]))[0]


def demand(prices):
    """Shares and surplus from the published formula."""
    attraction = [np.exp((2 - price) / 0.25) for price in prices]
    total = sum(attraction) + 1
    return [each / total for each in attraction], 0.25 * np.log(total)


def test_policies_do_what_they_say():
    game = make_game("pricing")
    low, high = game.grid[0, 4], game.grid[0, 9]
    (first, second), surplus = demand([low, high])
    base = [surplus, (low - 1) * first, (high - 1) * second]
    (alone,), narrow = demand([low])
    for policy in ("leave", "withhold"):
        np.testing.assert_allclose(paid(game, policy, 0.7, [4, 9]), base)
    threshold = (low - game.low) / (game.high - game.low)
    np.testing.assert_allclose(paid(game, "hide", threshold, [4, 9]), [narrow, (low - 1) * alone, 0], atol=1e-12)
    np.testing.assert_allclose(paid(game, "hide", 1.0, [4, 9]), base)
    only = np.array([narrow, (low - 1) * alone, 0])
    np.testing.assert_allclose(paid(game, "steer", 0.25, [4, 9]), 0.75 * np.array(base) + 0.25 * only)
    np.testing.assert_allclose(paid(game, "steer", 1.0, [4, 4]), paid(game, "leave", 0.0, [4, 4]))  # both are cheapest
    tax = 0.1 * (game.high - 1)
    taxed = [surplus, (low - 1 - tax) * first, (high - 1 - tax) * second]
    np.testing.assert_allclose(paid(game, "tax", 0.1, [4, 9]), taxed)


def test_welfare_counts_profits_and_taxes():
    game = make_game("pricing", objective="welfare")
    low, high = game.grid[0, 4], game.grid[0, 9]
    (first, second), surplus = demand([low, high])
    total = surplus + (low - 1) * first + (high - 1) * second
    for policy in ("leave", "tax"):
        assert paid(game, policy, 0.4, [4, 9])[0] == pytest.approx(total)
    assert game.bound().value >= max(paid(game, "leave", 0, [a, b])[0] for a in range(15) for b in range(15))


@pytest.mark.parametrize("given", [{"levels": 4}, {"sellers": 3, "levels": 3, "costs": [1.0, 0.9, 0.8]}])
def test_it_keeps_the_contract(given):
    game_test(make_game("pricing", **given))


def test_hiding_all_but_the_lowest_price_is_the_optimum_and_sellers_learn_it():
    game = make_game("pricing", levels=4)
    solution = solve(game)
    strategy = LeaderStrategy.from_pairs(game, list(solution.leader_strategy))
    found = evaluate_strategy(strategy, LeaderSettings.checked(**QUICK).fitted(game), samples=4)
    assert found.leader_value == pytest.approx(solution.leader_value) == pytest.approx(game.bound().value)
    assert make_game("pricing", costs=[1.0, 0.75]).optimum() is None
    assert make_game("pricing", policies=["leave", "tax"]).optimum() is None


SCRIPT = Path(__file__).parents[2] / "tuned_examples" / "figures" / "pricing_algorithms.py"


@pytest.fixture(scope="module")
def script():
    """What the tuned example measures."""
    spec = importlib.util.spec_from_file_location("pricing_algorithms", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sellers_collude_and_punish_who_undercuts(script):
    """Published: a mean gain of .849 with deviation .112, so that the mean of three is within .2 of it."""
    found = script.played(Pricing(), "leave", 0.0, 3, 0)
    assert found.gain.mean() == pytest.approx(0.849, abs=0.2)
    assert (found.periods < 10**7).all()  # all have settled
    before, war = found.prices[:, : script.BEFORE], found.prices[:, script.BEFORE :]
    assert (war[:, 0, 0] < before[..., 0].mean(axis=1)).all()  # the first seller undercuts
    np.testing.assert_allclose(war[:, 0, 1], [np.mean(each) for each in before[..., 1]], atol=0.1)  # in surprise
    assert war[:, 1, 1].mean() < before[..., 1].mean() - 0.02  # the other one answers
    assert war[:, -4:].mean() == pytest.approx(before.mean(), abs=0.04)  # and both come back
    text = markdown_table([script.cells(script.row("1", found) | {"published gain": 0.849}, "cost", script.SHOWN)])
    assert f"| 1 | {found.gain.mean():.3f} ± " in text


@pytest.mark.learning
@pytest.mark.parametrize(("cost", "published"), [(1.0, 0.849), (0.875, 0.841), (0.75, 0.812)])
def test_profit_gains_are_the_published_ones(script, cost, published):
    """Calvano et al. 2020: means over 1,000 sessions, deviation .112, 64.3 % of cycles of length one at cost 1."""
    found = script.played(Pricing(costs=[1.0, cost]), "leave", 0.0, 400, 0)
    assert found.gain.mean() == pytest.approx(published, abs=0.02 + 3 * 0.112 / np.sqrt(400))
    if cost == 1.0:
        assert found.gain.std(ddof=1) == pytest.approx(0.112, abs=0.02)
        assert (found.lengths == 1).mean() == pytest.approx(0.643, abs=0.075)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"levels": 65}, "levels"),
        ({"sellers": 3, "levels": 17}, "levels"),
        ({"costs": [1.0, 1.0, 1.0]}, "costs"),
        ({"costs": -1.0}, "costs"),
        ({"mu": 0}, "mu"),
        ({"mu": 1e-5}, "mu"),
        ({"margin": 5.0}, "margin"),
        ({"policies": []}, "policies"),
        ({"policies": ["tax", "tax"]}, "policies"),
        ({"policies": ["ban"]}, "policies"),
        ({"quality": float("inf")}, "quality"),
    ],
)
def test_nonsense_is_refused_by_name(given, field):
    with pytest.raises(InvalidFieldError, match=field):
        make_game("pricing", **given)
