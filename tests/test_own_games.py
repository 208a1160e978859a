"""The three games that are written as a person would: their numbers by other means than the platform's."""

import subprocess
import sys
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from rllib_stackelberg import LeaderSettings, LeaderStrategy, evaluate_strategy, make_game, respond, solve
from rllib_stackelberg.testing import game_test

FOLDER = Path(__file__).parents[1] / "tuned_examples" / "own_games"
GAMES = {"auction": "Auction", "contract": "Contract", "toll": "Toll"}


def own(name, **parameters):
    return make_game(f"{FOLDER / name}.py:{GAMES[name]}", **parameters)


def committed(action):
    return [{"question": 0, "action": action}]


@pytest.mark.parametrize("name", GAMES)
def test_they_keep_the_contract(name):
    game_test(own(name))


# auction

QUARTERS = [Fraction(k, 4) for k in range(5)]


def revenue(second_price, reserve, values, bid):
    """Of a rule against bidders of given values who bid as `bid` says; in plain Python."""
    bids = sorted(bid(value) for value in values)
    if bids[-1] < reserve:
        return Fraction(0)
    return max(bids[-2], reserve) if second_price else bids[-1]


def expected(second_price, reserve, bid):
    profiles = list(product(QUARTERS, repeat=3))
    return sum(revenue(second_price, reserve, values, bid) for values in profiles) / len(profiles)


def test_the_best_second_price_has_reserve_three_quarters_if_bidders_are_truthful():
    worth = {reserve: expected(True, reserve, lambda value: value) for reserve in QUARTERS}
    assert max(worth, key=worth.get) == Fraction(3, 4)
    assert worth[Fraction(3, 4)] == Fraction(614, 1000)


@pytest.mark.parametrize("rule", range(10))
def test_the_auction_pays_the_revenue_of_its_rules(rule):
    game = own("auction")
    second, reserve = divmod(rule, 5)
    nature, _ = game.nature.support()
    state, _ = game.step(game.begin(nature), np.full((125, 1), float(rule)))
    total = np.zeros((125, 4))
    for bidder in range(3):
        state, paid = game.step(state, nature[:, bidder : bidder + 1].astype(float))
        total += paid
    assert total[:, 0].mean() == pytest.approx(float(expected(second == 1, QUARTERS[reserve], lambda value: value)))
    highest = nature.max(axis=1)
    surplus = np.where(highest >= reserve, highest / 4, 0.0) - total[:, 0]
    np.testing.assert_allclose(total[:, 1:].sum(axis=1), surplus, atol=1e-12)  # what the winner keeps, and nothing else


def test_learners_at_the_reserve_decide_between_two_rules():
    """Lowest of equally good bids: .51 at reserve 1/4; bids that help the seller: .614 at 3/4."""

    def found(rule, **settings):
        strategy = LeaderStrategy.from_data(own("auction"), committed(rule))
        return evaluate_strategy(strategy, LeaderSettings.checked(response_updates=300, **settings), samples=2)

    lowest = {rule: found(rule).leader_value for rule in (6, 8)}
    assert lowest == {6: pytest.approx(0.51, abs=1e-9), 8: pytest.approx(0.392, abs=1e-9)}
    helped = found(8, ties="leader")
    assert helped.leader_value == pytest.approx(0.614, abs=1e-9)
    assert helped.certificate.equilibrium


# contract


def cheapest(module, effort, most=2.0):
    """Least expected payment that makes an effort a best choice; None if nothing does."""
    results, cost = module.RESULTS, module.COST
    incentives = [results[k] - results[effort] for k in range(3) if k != effort]
    savings = [cost[k] - cost[effort] for k in range(3) if k != effort]
    found = linprog(results[effort], incentives, savings, bounds=[(0, most)] * 3)
    return found.fun if found.success else None


def test_the_contracts_linear_programme_gives_nine_tenths():
    game = own("contract")
    module = sys.modules[type(game).__module__]
    worth = [module.RESULTS[e] @ module.WORTH - paid for e in range(3) if (paid := cheapest(module, e)) is not None]
    solution = solve(game)
    assert max(worth) == pytest.approx(0.9)
    assert solution.leader_value == pytest.approx(max(worth))
    np.testing.assert_allclose(solution.leader_strategy[0][1], (0, 0, 1), atol=1e-12)


def test_no_payments_on_a_grid_are_worth_more_to_the_employer():
    """Every payment in steps of .05, by comparing the worker's utilities."""
    module = sys.modules[type(own("contract")).__module__]
    payments = np.array(list(product(np.arange(41) / 20, repeat=3)))
    paid = payments @ module.RESULTS.T
    utility = paid - module.COST
    best = utility >= utility.max(axis=1, keepdims=True) - 1e-12
    employer = np.where(best, module.RESULTS @ module.WORTH - paid, -np.inf)
    assert employer.max() == pytest.approx(0.9)
    np.testing.assert_allclose(payments[employer.max(axis=1).argmax()], (0, 0, 1))


@pytest.mark.parametrize(("ties", "worth"), [("lowest", 0.75), ("leader", 0.9)])
def test_the_exact_optimum_is_worth_what_an_indifferent_worker_makes_of_it(ties, worth):
    found = respond(own("contract"), committed([0, 0, 1.0]), ties=ties)
    assert found.leader_value == pytest.approx(worth)
    assert found.certificate.equilibrium


# toll


def equilibria(toll):
    """Total hours of every pure equilibrium of the eight drivers, by trying all 256 of their choices."""
    totals = set()
    for first in product((False, True), repeat=8):
        load = sum(first)
        stays = all(Fraction(load, 8) + toll <= 1 if driver else Fraction(load + 1, 8) + toll >= 1 for driver in first)
        if stays:
            totals.add(Fraction(load * load, 8) + (8 - load))
    return totals


@pytest.mark.parametrize("eighths", [Fraction(301, 100), Fraction(7, 2), Fraction(399, 100)])
def test_any_toll_between_three_and_four_eighths_leads_to_six_hours_alone(eighths):
    assert equilibria(eighths / 8) == {6}


def test_other_tolls_lead_to_more_hours_or_may():
    assert equilibria(Fraction(0)) == {8, Fraction(57, 8)}
    assert min(min(equilibria(Fraction(k, 100))) for k in [*range(37), *range(51, 101)]) > 6
    assert equilibria(Fraction(3, 8)) == {6, Fraction(49, 8)}
    solution = solve(own("toll"))
    assert solution.leader_value == -6
    assert 0.375 < solution.leader_strategy[0][1][0] < 0.5


def test_drivers_who_learn_by_regret_matching_find_it():
    found = respond(own("toll"), committed([0.4375]), followers="regret-matching", updates=250)
    assert found.leader_value == pytest.approx(-6)
    assert found.certificate.equilibrium
    undecided = respond(own("toll"), committed([0.4375]), updates=250)
    assert not undecided.certificate.equilibrium
    assert undecided.certificate.deviation_gain > 0.3
    assert undecided.by_play["average"] == pytest.approx(-6.25, abs=0.01)


@pytest.mark.learning
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("auction", ["ties lowest: second price, reserve 0.25 is worth 0.51", "reserve 0.75 is worth 0.614"]),
        ("contract", ["exact optimum: 0.9", "ties"]),
        ("toll", ["exact optimum: -6", "followers regret-matching: toll 0.4", "is worth -6"]),
    ],
)
def test_each_runs_and_ends_in_a_value_that_is_explained(name, said, tmp_path):
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(words in done.stdout for words in said), done.stdout
