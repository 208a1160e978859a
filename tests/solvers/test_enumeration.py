"""Enumeration of leader tables against closed forms, plain loops, and the leader's own problem."""

import json
from fractions import Fraction
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
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.solvers import equilibria, response_solve, table_solve
from rllib_stackelberg.solvers.pure_equilibria import lossless, reached, stable_strategies
from tests.games_for_tests import Auction, BayesianGame, NoisyAllocation


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
    assert table_solve(game, "leader").by_ties["against"] == 0
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
    with pytest.raises(InvalidFieldError, match="continuous leader actions"):
        table_solve(make_game("matrix-design"))


def bayesian(tmp_path, payoffs, prior):
    file = tmp_path / "game.json"
    file.write_text(json.dumps({"payoffs": np.asarray(payoffs).tolist(), "prior": prior}))
    return make_game("bayesian", file=file)


@pytest.mark.parametrize("unit", [1e-200, 1e-10, 1.0, 1e10, 1e200])
def test_a_unit_changes_no_optimum(tmp_path, unit):
    """Table 1 pays the leader 8 for an action that costs the follower a unit; table 0 pays 6 for what it likes."""
    payoffs = np.array([[[[6, 0]], [[1, 0]]], [[[8, 2]], [[0, 1]]]]) * unit
    found = table_solve(bayesian(tmp_path, payoffs, [1.0]))
    assert found.leader_value == pytest.approx(6 * unit)
    assert found.certain
    dilemma = tmp_path / "dilemma.json"
    matrices = {"leader": [[-1, -3], [0, -2]], "follower": [[-1, 0], [-3, -2]]}
    scaled = {name: (np.array(matrix) * unit).tolist() for name, matrix in matrices.items()}
    dilemma.write_text(json.dumps(scaled))
    repeated = solve(make_game("iterated-bimatrix", file=dilemma, rounds=3, follower_sees="round"))
    assert repeated.leader_value == pytest.approx(-4 * unit)
    assert repeated.certain


@pytest.mark.parametrize("penalty", [1e2, 1e8, 1e9, 1e12, 1e16, 1e100, 1e300])
@pytest.mark.parametrize("followers", [1, 2])
def test_a_penalty_changes_no_optimum_or_is_doubted(tmp_path, penalty, followers):
    """The leader picks the row of a game with a penalty; a second follower moves in vain."""
    leader, follower = [[2, 4, 0], [1, 3, 0], [0, 0, -penalty]], [[1, 0, 0], [0, 1, 0], [0, 0, -penalty]]
    payoffs = np.stack([leader, follower], axis=1)
    if followers == 1:
        found = table_solve(bayesian(tmp_path, payoffs[:, :, None], [1.0]))
    else:
        second = np.zeros((3, 1, 1, 1, 3, 2))
        second[:, 0, 0, 0, :, 0] = 1
        both = np.broadcast_to(payoffs[:, :, None, None, :, None], (3, 2, 1, 1, 3, 2))
        found = table_solve(bayesian(tmp_path, np.concatenate([both, second], axis=1), [[1.0]]))
    assert found.leader_value == 3
    assert found.certain or penalty >= 1e16


def exact_optimum(payoffs, prior):
    """Independent: loops over tables, types and followers' actions, in fractions; one follower, ties to the leader."""
    best = None
    for table in payoffs:
        value = Fraction(0)
        for t, share in enumerate(prior):
            own, leader = ([Fraction(x) for x in table[agent, t].tolist()] for agent in (1, 0))
            value += Fraction(share) * max(x for x, y in zip(leader, own, strict=True) if y == max(own))
        best = value if best is None else max(best, value)
    return best


def test_payoffs_of_twelve_orders_of_magnitude_with_ties_agree_with_fractions(tmp_path):
    generator, doubted = np.random.default_rng(12), 0
    for _ in range(60):
        tables, types, actions = generator.integers(1, 5, size=3)
        shape = (tables, 2, types, actions)
        payoffs = generator.integers(-2, 3, size=shape) * 10.0 ** generator.integers(-6, 7, size=shape)
        prior = generator.dirichlet(np.ones(types))
        found = table_solve(bayesian(tmp_path, payoffs, prior.tolist()))
        doubted += not found.certain
        assert not found.certain or found.leader_value == pytest.approx(float(exact_optimum(payoffs, prior)), rel=1e-9)
    assert doubted <= 3


def test_an_announced_auction_of_three_bidders():
    """Second price with reserve 3/4: 1 if two bid 1, else 3/4 if anyone has at least 3/4 and takes part."""
    assert table_solve(Auction(), "leader").leader_value == pytest.approx(0.104 + 0.68 * 0.75)  # .614
    found = table_solve(Auction(), "against")
    assert found.leader_value == pytest.approx(0.51)
    assert found.details["equilibria"] == "undominated"
    assert "undominated" in found.method


def test_leaving_out_what_no_equilibrium_needs_loses_no_value():
    lost = 0
    for seed in range(20):
        entry = tabulate(BayesianGame(tables=1, seed=seed), np.zeros((1, 1, 1)))
        every, fewer = reached(entry), lossless(entry, reached(entry))
        values = [np.concatenate([each.values for each in stable_strategies(entry, a, 0.0)]) for a in (every, fewer)]
        np.testing.assert_array_equal(*(np.unique(each, axis=0) for each in values))
        lost += sum(own.sum() for own in every) - sum(own.sum() for own in fewer)
    assert lost > 0


def test_limits_are_named_with_what_to_do():
    with pytest.raises(InvalidFieldError, match=r"244,140,625 outcomes .* up to 65,536; or train a leader"):
        table_solve(Auction(bidders=6))
    assert solve(Auction(bidders=6)) is None
