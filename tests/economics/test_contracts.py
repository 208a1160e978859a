"""Contracts: closed forms, the exact optimum over the corners of all payments, and independent programmes."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from rllib_stackelberg import make_game, pure_equilibria, solve
from rllib_stackelberg.economics.contracts import METHODS, HiddenAction, Team, contract_solve, linear_share, team_solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.solvers import mixed_commitment_solve

SIZES = [(1, 2, 2), (1, 4, 3), (1, 3, 5), (2, 3, 3), (3, 2, 3), (2, 4, 2), (2, 2, 4)]
"""Types, actions and outcomes whose payoffs at the corners of all payments can be solved in fractions."""


def drawn(rng, types, actions, outcomes):
    """No order in it: some outcomes are worth less than nothing, and effort may make good ones rarer."""
    return HiddenAction(
        rng.integers(-2, 7, outcomes).astype(float),
        rng.dirichlet(np.ones(outcomes), (types, actions)),
        rng.integers(0, 5, (types, actions)) / 4,
        rng.dirichlet(np.ones(types)),
        float(rng.integers(1, 12)),
    )


def by_corners(problem):
    """Independent: payoffs are linear, so payments are mixtures of the corners of their box; a column a tuple."""
    corners = np.array(list(product([0.0, problem.most_paid], repeat=len(problem.rewards))))
    tuples = np.array(list(product(range(problem.costs.shape[1]), repeat=len(problem.prior))))
    paid = np.einsum("tao,ro->rta", problem.probabilities, corners)
    own, theirs = (problem.probabilities @ problem.rewards) - paid, paid - problem.costs
    columns = [(each[:, np.arange(len(problem.prior)), tuples] * problem.prior).sum(axis=2) for each in (own, theirs)]
    return mixed_commitment_solve(*columns)


def campaign(games, seed):
    """Both methods against the corners: how far off at most, and how many were doubted."""
    rng, off, doubted = np.random.default_rng(seed), 0.0, 0
    for number in range(games):
        problem = drawn(rng, *SIZES[number % len(SIZES)])
        value = by_corners(problem).leader_value
        for method in METHODS:
            found = contract_solve(problem, method)
            doubted += not found.certain
            if found.certain:
                off = max(off, abs(found.leader_value - value))
                assert problem.value(np.array(found.leader_strategy[0][1])) == pytest.approx(
                    found.leader_value, abs=1e-9
                )
        assert value <= problem.first_best + 1e-9
    return off, doubted


def test_both_methods_agree_with_the_corners():
    off, doubted = campaign(14, 21)
    assert off <= 1e-9
    assert doubted == 0


@pytest.mark.learning
def test_both_methods_agree_with_the_corners_in_a_thousand_games():
    off, doubted = campaign(1000, 1983)
    print(f"1,000 contracts: off by at most {off:.2g}, {doubted} doubted")
    assert off <= 1e-6
    assert doubted <= 10


def test_the_page_says_what_is_so():
    game = make_game("contract")
    found = solve(game)
    assert found.leader_value == pytest.approx(0.9, abs=1e-12)
    np.testing.assert_allclose(found.leader_strategy[0][1], [0, 0, 1], atol=1e-12)
    assert found.by_ties["against"] == pytest.approx(0.75)
    assert game.baselines() == pytest.approx({"no payments": 0.75, "the best share of rewards": 0.75})


@pytest.mark.parametrize(("high", "low", "cost"), [(0.8, 0.3, 0.1), (0.6, 0.5, 0.02), (0.9, 0.1, 0.5)])
def test_success_or_failure_by_hand(high, low, cost):
    """w = cost / (high - low) for a success worth 1, if that leaves more than low."""
    problem = HiddenAction(
        np.array([0.0, 1.0]),
        np.array([[[1 - low, low], [1 - high, high]]]),
        np.array([[0.0, cost]]),
        np.ones(1),
        1.0,
    )
    wage = cost / (high - low)
    expected = max(low, high * (1 - wage))
    assert contract_solve(problem).leader_value == pytest.approx(expected, abs=1e-12)
    # A payment for success is a share of it: with two outcomes, one of them worth nothing, shares are all there is.
    assert linear_share(problem)[1] == pytest.approx(expected, abs=1e-12)


def test_an_outcome_that_tells_the_action_gives_the_principal_first_best():
    rng = np.random.default_rng(1)
    for _ in range(5):
        rewards, costs = np.sort(rng.random(4)) * 3, np.append(0.0, rng.random(3))
        problem = HiddenAction(rewards, np.eye(4)[None], costs[None], np.ones(1), 3.0)
        expected = float((rewards - costs).max())
        assert problem.first_best == pytest.approx(expected, abs=1e-12)
        assert contract_solve(problem).leader_value == pytest.approx(expected, abs=1e-12)


def test_the_best_share_is_the_best_of_many():
    rng = np.random.default_rng(2)
    for seed in range(8):
        problem = make_game("contract", seed=seed, types=1 + seed % 3, actions=4, outcomes=4).problem
        share, worth = linear_share(problem)
        assert problem.value(share * problem.rewards) == pytest.approx(worth, abs=1e-9)
        assert worth >= max(problem.value(each * problem.rewards) for each in rng.random(300)) - 1e-12
        assert worth <= contract_solve(problem).leader_value + 1e-12


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_money_of_any_unit(unit):
    rng = np.random.default_rng(6)
    each = drawn(rng, 2, 3, 3)
    scaled = HiddenAction(each.rewards * unit, each.probabilities, each.costs * unit, each.prior, each.most_paid * unit)
    for method in METHODS:
        found = contract_solve(scaled, method)
        assert found.certain
        assert found.leader_value / unit == pytest.approx(contract_solve(each).leader_value, rel=1e-9)


def winter(success, reward, cost):
    """A team of n who work or shirk and succeed with `success[number who work]`."""
    agents = len(success) - 1
    chances = np.array([success[sum(acts)] for acts in product((0, 1), repeat=agents)]).reshape((2,) * agents)
    return Team(
        np.array([0.0, reward]), np.stack([1 - chances, chances], axis=-1), [np.array([0.0, cost])] * agents, reward
    )


@pytest.mark.parametrize("success", [(0.1, 0.3, 0.8), (0.1, 0.2, 0.4, 0.8), (0.2, 0.6, 0.7)])
def test_teams_who_work_or_shirk_by_hand(success):
    """Winter 2004: k work if each of them is paid cost / (success with k - success with k - 1), nobody else is."""
    reward, cost = 2.0, 0.05
    steps = np.diff(success)
    each = [success[k] * (reward - (k * cost / steps[k - 1] if k else 0)) for k in range(len(success))]
    # k who work are an equilibrium only if one more would not gain: nobody else is paid, so none would.
    assert team_solve(winter(success, reward, cost)).leader_value == pytest.approx(max(each), abs=1e-12)


def test_teams_agree_with_one_programme_for_all_agents():
    """Independent: payments of both agents in one programme for every joint action."""
    rng = np.random.default_rng(8)
    for _ in range(10):
        chances, rewards = rng.dirichlet(np.ones(3), (2, 3)), rng.integers(0, 6, 3).astype(float)
        costs, most = [np.append(0.0, rng.random(k - 1)) for k in (2, 3)], float(rewards.max() + 1)
        best = -np.inf
        for a, b in product(range(2), range(3)):
            rows = [np.append(chances[k, b] - chances[a, b], np.zeros(3)) for k in range(2)]
            rows += [np.append(np.zeros(3), chances[a, k] - chances[a, b]) for k in range(3)]
            limits = [*(costs[0] - costs[0][a]), *(costs[1] - costs[1][b])]
            found = linprog(np.tile(chances[a, b], 2), np.array(rows), np.array(limits), bounds=(0, most))
            if found.success:
                best = max(best, chances[a, b] @ rewards - found.fun)
        assert team_solve(Team(rewards, chances, costs, most)).leader_value == pytest.approx(best, abs=1e-7)


def test_a_team_has_a_worse_equilibrium_until_one_is_paid_more():
    """Winter 2004: equal pay leaves it open whether anybody works; .5 and .2 do not, and leave 1.04."""
    game = make_game("team-contract")
    found = solve(game)
    assert found.leader_value == pytest.approx(1.28, abs=1e-12)
    assert found.by_ties["against"] < 0.2
    payments = {"both": (0, 0.2, 0, 0.2), "equal": (0, 0.3, 0, 0.3), "unequal": (0, 0.501, 0, 0.201)}
    values = {
        name: sorted(e.values[0] for e in pure_equilibria(game, LeaderStrategy.from_pairs(game, [(0, paid)])))
        for name, paid in payments.items()
    }
    assert len(values["equal"]) == 2
    assert len(values["unequal"]) == 1
    assert values["unequal"][0] == pytest.approx(1.04, abs=2e-3)


def test_nonsense_is_refused_by_name():
    bad = [
        ({"rewards": [0, 1]}, "probabilities"),
        ({"rewards": [0, 1], "probabilities": [[[0.5, 0.6]]], "costs": [[0]]}, "probabilities"),
        ({"rewards": [0, 1], "probabilities": [[[1.5, -0.5]]], "costs": [[0]]}, "probabilities"),
        ({"rewards": [0, 1], "probabilities": [[0.5, 0.5]], "costs": [[0]]}, "probabilities"),
        ({"rewards": [0, 1], "probabilities": [[[0.5, 0.5]]], "costs": [[0, 1]]}, "costs"),
        ({"rewards": [0, 0], "probabilities": [[[0.5, 0.5]]], "costs": [[0]]}, "most_paid"),
        ({"rewards": [0, "a"], "probabilities": [[[0.5, 0.5]]], "costs": [[0]]}, "rewards"),
        ({"prior": [0.5, 0.5]}, "prior"),
        ({"most_paid": 0}, "most_paid"),
    ]
    for parameters, field in bad:
        with pytest.raises(InvalidFieldError) as refused:
            make_game("contract", **parameters)
        assert refused.value.field == field, parameters
    for parameters, field in [
        ({"costs": [[0, 1]]}, "rewards"),
        ({"rewards": [0, 1], "probabilities": [[0.5, 0.5]], "costs": [[0, 1]]}, "costs"),
        ({"rewards": [0, 1], "probabilities": [[0.5, 0.5]], "costs": []}, "probabilities"),
    ]:
        with pytest.raises(InvalidFieldError) as refused:
            make_game("team-contract", **parameters)
        assert refused.value.field == field, parameters
