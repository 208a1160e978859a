"""The ends of the BCCE against dual programs written as plain loops, closed forms, equilibria and learners."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from rllib_stackelberg import LeaderSettings, evaluate_strategy, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.solvers import coarse_correlated_range, equilibria, table_solve
from tests.games_for_tests import BayesianGame

INDEPENDENT = np.full((2, 2), 0.25)
TYPES = list(product((0, 1), repeat=2))
STRATEGIES = list(product((0, 1), repeat=2))
SOLVER = 1e-7


def outcomes(game):
    return tabulate(game, np.zeros((1, 1, 1)))


def bayesian(utilities, prior=INDEPENDENT):
    """A Bayesian game of the given payoffs, `[follower, t0, t1, a0, a1]`."""
    game = BayesianGame(prior=prior)
    game.utilities = np.asarray(utilities, dtype=float)[None]
    return game


def paid_by(table, leader):
    """The same table with the leader's payoffs `[t0, t1, a0, a1]`."""
    payoffs = table.payoffs.copy()
    payoffs[0, ..., 0] = leader.reshape(4, 4)
    return replace(table, payoffs=payoffs)


def gain(game, types, joint, follower, own, action):
    """What a follower of type `own` gains at these types and actions by `action` instead, times their probability."""
    if types[follower] != own:
        return 0.0
    other = list(joint)
    other[follower] = action
    paid = game.utilities[0, follower, types[0], types[1]]
    return game.prior.blocks[0][types] * (paid[tuple(other)] - paid[joint])


def plain_columns(game, device):
    """Independent: (block, leader payoff, gain of every deviation) of everything a mediator can draw."""
    deviations = list(product((0, 1), repeat=3))
    prior, welfare = game.prior.blocks[0], game.utilities[0].sum(axis=0)
    if device == "omniscient":
        for types, joint in product(TYPES, STRATEGIES):
            gains = [gain(game, types, joint, *deviation) for deviation in deviations]
            yield TYPES.index(types), prior[types] * welfare[types + joint], gains
        return
    for first, second in product(STRATEGIES, STRATEGIES):
        played = {types: (first[types[0]], second[types[1]]) for types in TYPES}
        value = sum(prior[types] * welfare[types + played[types]] for types in TYPES)
        gains = [sum(gain(game, types, played[types], *d) for types in TYPES) for d in deviations]
        yield 0, value, gains


def dual_value(game, device, sign, gap):
    """Smallest price of the constraints: min sum(mu) + gap sum(lambda), mu_block + lambda . gains >= sign value."""
    columns = list(plain_columns(game, device))
    blocks = 1 + max(block for block, _, _ in columns)
    rows = [[-float(block == b) for b in range(blocks)] + [-g for g in gains] for block, _, gains in columns]
    cost = [1.0] * blocks + [gap] * 8
    bounds = [(None, None)] * blocks + [(0, None)] * 8
    found = linprog(cost, A_ub=rows, b_ub=[-sign * value for _, value, _ in columns], bounds=bounds)
    assert found.success
    return sign * found.fun


@pytest.mark.parametrize("device", ["strategies", "omniscient"])
@pytest.mark.parametrize("gap", [0.0, 0.05])
def test_both_ends_equal_their_dual_programs(device, gap):
    for seed in range(8):
        game = BayesianGame(seed=seed)
        found = coarse_correlated_range(outcomes(game), gap, device)
        assert found.best.values[0] == pytest.approx(dual_value(game, device, 1, gap), abs=SOLVER)
        assert found.worst.values[0] == pytest.approx(dual_value(game, device, -1, gap), abs=SOLVER)
        assert found.device == device
        for end in (found.best, found.worst):
            assert end.values[0] == pytest.approx(sum(end.values[1:]))  # the leader gets the followers' sum
            assert end.gap <= gap + SOLVER
            assert 1 <= end.support <= 12  # a vertex: as many things drawn as constraints, at most


def test_a_device_that_knows_more_and_a_gap_widen_the_set_around_all_equilibria():
    wider = 0
    for seed in range(12):
        table = outcomes(BayesianGame(seed=seed))
        exact, loose = coarse_correlated_range(table), coarse_correlated_range(table, 0.01)
        omniscient = coarse_correlated_range(table, device="omniscient")
        pure = [equilibrium.values[0] for equilibrium in equilibria(table)]
        ends = [omniscient.worst, exact.worst, *pure, exact.best, omniscient.best]
        values = np.array([getattr(end, "values", [end])[0] for end in ends])
        assert (values[0] - SOLVER <= values[1:]).all()
        assert (values[-1] + SOLVER >= values[:-1]).all()
        assert all(exact.worst.values[0] - SOLVER <= v <= exact.best.values[0] + SOLVER for v in pure)
        assert loose.worst.values[0] < exact.worst.values[0] + SOLVER
        assert loose.best.values[0] > exact.best.values[0] - SOLVER
        wider += omniscient.best.values[0] > exact.best.values[0] + 1e-3
    assert wider >= 3


def test_a_pure_profile_is_in_the_set_exactly_if_it_is_an_equilibrium():
    """A leader that is paid 1 where the profile is played gets 1 exactly if the profile can be played for sure."""
    counts = np.zeros(2, dtype=int)
    for seed in range(6):
        table = outcomes(BayesianGame(seed=seed))
        stable = {equilibrium.strategies for equilibrium in equilibria(table)}
        for first, second in product(STRATEGIES, STRATEGIES):
            paid = np.zeros((2, 2, 2, 2))
            for types in TYPES:
                paid[(*types, first[types[0]], second[types[1]])] = 1.0
            best = coarse_correlated_range(paid_by(table, paid)).best.values[0]
            # An equilibrium has no gain at all; a profile that is none leaves some probability to others.
            assert (best > 1 - SOLVER) == ((first, second) in stable), (seed, first, second)
            counts[int((first, second) in stable)] += 1
    assert counts.min() >= 4


def test_what_the_mediator_knows_matters():
    """Indifferent followers, and a leader who wants each to guess the other's type: half of the time, or always."""
    table = outcomes(bayesian(np.zeros((2, 2, 2, 2, 2))))
    guessed = np.zeros((2, 2, 2, 2))
    for t0, t1 in TYPES:
        guessed[t0, t1, t1, t0] = 1.0
    table = paid_by(table, guessed)
    # Independent uniform types: without knowing types, neither guesses better than half of the time; but each follower
    # knows its own, and right guesses can be made to coincide.
    assert coarse_correlated_range(table, device="strategies").best.values[0] == pytest.approx(0.5)
    assert coarse_correlated_range(table, device="omniscient").best.values[0] == pytest.approx(1.0)


@pytest.mark.parametrize("device", ["strategies", "omniscient"])
def test_closed_forms(device):
    """Matching pennies has one CCE value; in matrix design without payments (3 3)(6 4)/(4 6)(2 2) the worst CCE puts
    16/25 on (0, 0), 4/25 on each of the outcomes of sum 10 and 1/25 on (1, 1)."""
    pennies = np.zeros((2, 2, 2, 2, 2))
    pennies[0], pennies[1] = np.eye(2), 1 - np.eye(2)
    found = coarse_correlated_range(outcomes(bayesian(pennies)), device=device)
    assert found.best.values == pytest.approx((1, 0.5, 0.5))
    assert found.worst.values == pytest.approx((1, 0.5, 0.5))
    design = coarse_correlated_range(tabulate(make_game("matrix-design"), np.zeros((1, 4, 2))), device=device)
    assert design.worst.values[0] == pytest.approx((16 * 6 + 8 * 10 + 4) / 25 / 6)
    assert design.worst.support == 4
    assert design.best.values[0] == pytest.approx(10 / 6)


@pytest.mark.parametrize(("name", "params"), [("simple-allocation", {"messages": 2}), ("escape", {}), ("conitzer", {})])
def test_one_follower_best_responds_at_every_type(name, params):
    game = make_game(name, **params)
    turn = game.leader_turn
    tables = np.array(list(product(range(turn.choices), repeat=turn.keys)), dtype=float)[..., None]
    found = [coarse_correlated_range(tabulate(game, each[None])) for each in tables]
    for rule, values in (
        ("leader", [each.best.values[0] for each in found]),
        ("against", [each.worst.values[0] for each in found]),
    ):
        assert max(values) == pytest.approx(table_solve(game, rule).leader_value)


@pytest.mark.parametrize("prior", [INDEPENDENT, [[0.4, 0.1], [0.1, 0.4]]], ids=["independent", "correlated"])
def test_average_play_lies_between_the_ends_of_its_gap(prior):
    """Exact: expected play is a BCCE up to its gap, so the ends of that gap enclose it, after any number of updates."""
    for seed, updates in ((0, 5), (1, 50), (7, 500)):
        game = BayesianGame(seed=seed, prior=prior)
        strategy = LeaderStrategy.from_pairs(game, [(0, 0)])
        settings = LeaderSettings.checked(response_updates=updates, update_mode="expected")
        found = evaluate_strategy(strategy, settings)
        ends = coarse_correlated_range(outcomes(game), found.certificate.bcce_gap)
        value = found.by_play["average"]
        assert ends.worst.values[0] - SOLVER <= value <= ends.best.values[0] + SOLVER


def test_sampled_play_comes_to_the_set():
    game = BayesianGame()
    settings = LeaderSettings.checked(response_updates=10_000)
    found = evaluate_strategy(LeaderStrategy.from_pairs(game, [(0, 0)]), settings, samples=4)
    ends = coarse_correlated_range(outcomes(game))
    assert ends.worst.values[0] - 0.005 <= found.by_play["average"] <= ends.best.values[0] + 0.005
    assert ends.best.values[0] - ends.worst.values[0] < 0.2  # so that this says something


def test_units_do_not_matter():
    """A game of 729 strategy profiles, in which a solver with absolute tolerances stops too early or never."""
    found = []
    for unit in (1.0, 1e-12, 1e12):
        game = make_game("bayesian", types=3, actions=3, seed=2, correlated=True)
        game.payoffs, game.payoff_range = game.payoffs * unit, game.payoff_range * unit
        both = coarse_correlated_range(outcomes(game), 0.01 * unit)
        found.append(np.array([both.best.values, both.worst.values]) / unit)
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-6)


def test_what_has_too_many_strategies_is_bounded_by_the_omniscient_mediator():
    game = make_game("message-spm", types=5, messages=3, leader="scores")
    turn = game.leader_turn
    table = tabulate(game, np.random.default_rng(0).random((1, turn.keys, turn.width)))
    found = coarse_correlated_range(table)
    assert found.device == "omniscient"
    assert -1 <= found.worst.values[0] < found.best.values[0] <= 0
    with pytest.raises(InvalidFieldError, match="59,049 strategy profiles and 225 outcomes"):
        coarse_correlated_range(table, device="strategies")


def test_what_has_no_meaning_is_refused():
    table = outcomes(BayesianGame())
    with pytest.raises(InvalidFieldError, match="see each other"):
        coarse_correlated_range(outcomes(BayesianGame(sequential=True)))
    for gap in (-0.1, np.inf, np.nan):
        with pytest.raises(InvalidFieldError, match="gap"):
            coarse_correlated_range(table, gap)
    with pytest.raises(InvalidFieldError, match="strategies, omniscient"):
        coarse_correlated_range(table, device="oracle")
