"""Enumeration of leader tables against closed forms, plain loops, and the leader's own problem."""

from itertools import product

import numpy as np
import pytest

from rllib_stackelberg import (
    LeaderSettings,
    MultiplicativeWeights,
    StackelbergPOMDP,
    evaluate_strategy,
    make_game,
    solve,
)
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers import BestResponse
from rllib_stackelberg.outcomes import tabulate
from rllib_stackelberg.solvers import equilibria, response_solve, table_solve
from rllib_stackelberg.strategy import LeaderStrategy
from tests.games_for_tests import BayesianGame, NoisyAllocation


@pytest.mark.parametrize(("types", "messages"), [(1, 1), (2, 3), (3, 1), (3, 2), (3, 3), (4, 2)])
def test_simple_allocation_has_its_closed_form(types, messages):
    game = make_game("simple-allocation", types=types, messages=messages)
    found = table_solve(game)
    assert found.leader_value == pytest.approx(min(types, messages) / types)
    assert found.leader_value == pytest.approx(solve(game).leader_value)


def test_pure_bimatrix_agrees_with_row_enumeration():
    for name in ("escape", "maintain", "conitzer"):
        game = make_game(name)
        assert table_solve(game).leader_value == pytest.approx(solve(game).leader_value)


def test_ties_for_and_against_the_leader():
    game = make_game("bimatrix", leader=[[0, 5]], follower=[[7, 7]])
    assert table_solve(game, "leader").leader_value == 5
    assert table_solve(game, "leader").details["worst"] == 0
    assert table_solve(game, "against").leader_value == 0
    assert table_solve(game, "lowest").leader_value == 0


def test_noise_costs_what_it_must():
    assert table_solve(NoisyAllocation(noise=0.25)).leader_value == pytest.approx(0.75)
    assert table_solve(NoisyAllocation(noise=0.5)).leader_value == pytest.approx(0.5)


def plain_equilibria(game, table):
    """Independent: loops over all pure strategies, types and deviations."""
    prior, u, found = game.prior.blocks[0], game.utilities[table], []
    strategies = list(product((0, 1), repeat=2))
    for first, second in product(strategies, strategies):
        stable = True
        for own, other in product((0, 1), (0, 1)):
            stay = sum(prior[own, t] * u[0, own, t, first[own], second[t]] for t in (0, 1))
            leave = sum(prior[own, t] * u[0, own, t, other, second[t]] for t in (0, 1))
            stable &= leave <= stay + 1e-9
            stay = sum(prior[t, own] * u[1, t, own, first[t], second[own]] for t in (0, 1))
            leave = sum(prior[t, own] * u[1, t, own, first[t], other] for t in (0, 1))
            stable &= leave <= stay + 1e-9
        if stable:
            value = sum(prior[s, t] * u[:, s, t, first[s], second[t]].sum() for s, t in product((0, 1), (0, 1)))
            found.append(((first, second), value))
    return found


def test_every_pure_bayesian_equilibrium_is_found():
    counts = set()
    for seed in range(30):
        game = BayesianGame(tables=1, seed=seed)
        found = equilibria(tabulate(game, np.zeros((1, 1, 1))))
        plain = plain_equilibria(game, 0)
        assert [equilibrium.strategies for equilibrium in found] == [strategies for strategies, _ in plain]
        np.testing.assert_allclose([e.values[0] for e in found], [value for _, value in plain], atol=1e-12)
        counts.add(len(found))
    assert {0, 1, 2} <= counts  # the seeds cover none, one and several


def test_best_and_worst_equilibrium_over_leader_tables():
    for seed in range(10):
        game = BayesianGame(tables=3, seed=seed)
        plain = [[value for _, value in plain_equilibria(game, table)] for table in range(3)]
        best, worst = table_solve(game, "leader"), table_solve(game, "against")
        if not any(plain):
            assert not best.exists
            continue
        assert best.leader_value == pytest.approx(max(max(values) for values in plain if values))
        assert worst.leader_value == pytest.approx(max(min(values) for values in plain if values))


def test_no_equilibrium_is_said():
    class Pennies(BayesianGame):
        def __init__(self):
            super().__init__()
            match = np.eye(2)
            self.utilities = np.zeros((1, 2, 2, 2, 2, 2))
            self.utilities[0, 0], self.utilities[0, 1] = match, 1 - match

    found = table_solve(Pennies())
    assert not found.exists
    assert np.isnan(found.leader_value)


def test_equivalence_of_the_leaders_problem_and_the_best_table():
    """The Stackelberg POMDP's best deterministic policy is the optimum against the response algorithm."""
    game = make_game("simple-allocation", types=3, messages=2)
    settings = LeaderSettings.checked(followers=MultiplicativeWeights(0.1), response_updates=60, update_mode="expected")
    env = StackelbergPOMDP(game, settings, num_envs=9)
    tables = np.array(list(product(range(3), repeat=2)))
    env.reset()
    for question in (0, 1):
        _, rewards, *_ = env.step(tables[:, question])
    best = response_solve(game, settings)
    assert rewards.max() == pytest.approx(best.leader_value)
    assert rewards.max() == pytest.approx(table_solve(game).leader_value)
    assert tuple(action for _, action in best.leader_strategy) == tuple(tables[rewards.argmax()])


def test_best_responses_that_settle_are_an_equilibrium_and_worth_no_more_than_the_best_one():
    settled = 0
    for seed in range(10):
        game = BayesianGame(tables=1, seed=seed)
        found = evaluate_strategy(
            LeaderStrategy.from_pairs(game, [(0, 0)]),
            LeaderSettings.checked(followers=BestResponse(), response_updates=50),
        )
        if found.certificate.equilibrium:
            settled += 1
            values = [equilibrium.values[0] for equilibrium in equilibria(tabulate(game, np.zeros((1, 1, 1))))]
            assert min(abs(found.leader_value - value) for value in values) < 1e-9
            assert found.leader_value <= table_solve(game).leader_value + 1e-9
    assert settled >= 3


def test_what_is_too_large_or_continuous_is_refused():
    with pytest.raises(InvalidFieldError, match="leader tables"):
        table_solve(make_game("simple-allocation", types=10, messages=10))
    with pytest.raises(InvalidFieldError, match="leader tables"):
        table_solve(make_game("matrix-design"))
