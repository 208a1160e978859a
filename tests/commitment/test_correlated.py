"""Correlated commitment and followers' equilibria: theorems, plain programmes, pygambit, nashpy, and another module."""

import warnings
from fractions import Fraction
from itertools import pairwise, product

import nashpy
import numpy as np
import pytest
from scipy.optimize import linprog

from rllib_stackelberg import make_game
from rllib_stackelberg.commitment import correlated, incentive_programs
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.solvers import (
    coarse_correlated_range,
    correlated_commitment_solve,
    mixed_commitment_solve,
    response_range,
)

KINDS = ("coarse-correlated", "correlated", "nash", "pure-nash")


def drawn(rng, *shape):
    """Payoffs of all agents; small integers, so that there are ties."""
    return rng.integers(-4, 5, (*shape, len(shape))) / 1


def test_against_one_follower_correlation_adds_nothing():
    """Conitzer & Korzhyk 2011; here to the bit, both in fractions."""
    rng = np.random.default_rng(2011)
    for _ in range(25):
        payoffs = drawn(rng, *rng.integers(1, 5, 2))
        found, mixed = correlated_commitment_solve(payoffs), mixed_commitment_solve(payoffs[..., 0], payoffs[..., 1])
        assert found.certain
        assert found.leader_value == mixed.leader_value


def test_zero_sum_games_are_worth_their_minimax_value():
    rng = np.random.default_rng(1928)
    for _ in range(10):
        own = rng.integers(-9, 10, (3, 4)) / 1
        plain = linprog(
            [0, 0, 0, -1], A_ub=np.c_[-own.T, np.ones(4)], b_ub=np.zeros(4), A_eq=[[1, 1, 1, 0]], b_eq=[1],
            bounds=[(0, None)] * 3 + [(None, None)],
        )  # fmt: skip
        for found in (correlated_commitment_solve(np.stack([own, -own], axis=-1)), mixed_commitment_solve(own, -own)):
            assert found.leader_value == pytest.approx(-plain.fun, abs=1e-9)


def test_correlated_is_worth_at_least_mixed_and_mixed_at_least_nash():
    rng, compared = np.random.default_rng(6), 0
    for _ in range(20):
        payoffs = rng.random((3, 3, 2))
        joint = correlated_commitment_solve(payoffs).leader_value
        mixed = mixed_commitment_solve(payoffs[..., 0], payoffs[..., 1]).leader_value
        assert joint >= mixed - 1e-12
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for row, column in nashpy.Game(payoffs[..., 0], payoffs[..., 1]).support_enumeration():
                assert mixed >= row @ payoffs[..., 0] @ column - 1e-9
                compared += 1
    assert compared >= 20


def plain_range(game, told):
    """Independent: the programmes as they are written, loop by loop; the leader's least and most."""
    actions = game.shape[:-1]
    joint = list(product(*map(range, actions)))
    rows = []
    for f, count in enumerate(actions):
        for i, k in product(range(count) if told else [None], range(count)):
            row = []
            for at in joint:
                other = (*at[:f], k, *at[f + 1 :])
                row.append(game[(*other, f + 1)] - game[(*at, f + 1)] if i is None or at[f] == i else 0.0)
            rows.append(row)
    leader = np.array([game[(*at, 0)] for at in joint])
    return [
        sign * linprog(sign * leader, A_ub=rows, b_ub=np.zeros(len(rows)), A_eq=[np.ones(len(joint))], b_eq=[1]).fun
        for sign in (1, -1)
    ]


@pytest.mark.parametrize("exact", [True, False])
def test_ranges_of_three_followers_are_those_of_plain_programmes(exact, monkeypatch):
    if not exact:
        monkeypatch.setattr(incentive_programs, "EXACT_ENTRIES", 0)
    rng = np.random.default_rng(3)
    for _ in range(6):
        payoffs, mixture = drawn(rng, 2, 2, 2, 3), rng.dirichlet(np.ones(2))
        game = np.tensordot(mixture, payoffs, axes=1)
        whole = correlated_commitment_solve(payoffs)
        for kind in ("coarse-correlated", "correlated"):
            found = response_range(payoffs, mixture, kind)
            least, most = plain_range(game, told=kind == "correlated")
            assert (found.worst.values[0], found.best.values[0]) == pytest.approx((least, most), abs=1e-7)
            assert not found.best.doubt + found.worst.doubt + whole.doubt
        # The leader could commit to this mixture and to what followers do then.
        assert whole.leader_value >= found.best.values[0] - 1e-9


def test_every_kind_of_equilibrium_is_among_those_before_it():
    rng, ranges = np.random.default_rng(12), 0
    for _ in range(12):
        payoffs, mixture = drawn(rng, 2, 3, 3), [Fraction(1, 3), Fraction(2, 3)]
        found = [response_range(payoffs, mixture, kind) for kind in KINDS[:3]]
        for wider, narrower in pairwise(found):
            assert wider.best.values[0] >= narrower.best.values[0] - 1e-12
            assert wider.worst.values[0] <= narrower.worst.values[0] + 1e-12
        ranges += found[2].best.values[0] > found[2].worst.values[0]
    assert ranges >= 3


def test_nash_ranges_are_those_of_gambits_extreme_equilibria():
    pygambit = pytest.importorskip("pygambit")
    rng = np.random.default_rng(1964)
    for number in range(15):
        shape = [(2, 2), (3, 2), (3, 3)][number % 3]
        payoffs = drawn(rng, 1, *shape)
        game = pygambit.Game.from_arrays(*(payoffs[0, ..., f].astype(int) for f in (1, 2)))
        values = []
        for equilibrium in pygambit.nash.enummixed_solve(game, rational=True).equilibria:
            first, second = ([Fraction(p) for _, p in equilibrium[player]] for player in game.players)
            values.append(
                sum(
                    x * y * Fraction(float(payoffs[0, i, j, 0]))
                    for (i, x), (j, y) in product(enumerate(first), enumerate(second))
                )
            )
        found = response_range(payoffs, [1], "nash")
        assert (found.worst.values[0], found.best.values[0]) == (float(min(values)), float(max(values)))


def test_coarse_correlated_ranges_are_those_of_tabulated_games():
    for seed in range(4):
        game = make_game("bayesian", types=1, actions=3, tables=1, seed=seed, objective="own")
        payoffs = game.payoffs.reshape(3, 3, 3)
        table = coarse_correlated_range(tabulate(game, np.zeros((1, 1, 1))))
        found = response_range(np.moveaxis(payoffs, 0, -1)[None], [1], "coarse-correlated")
        assert found.best.values == pytest.approx(table.best.values, abs=1e-8)
        assert found.worst.values[0] == pytest.approx(table.worst.values[0], abs=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_an_indifferent_follower_makes_a_range(kind):
    """The optimal mixture of Conitzer & Sandholm's second game: the follower's favour is worth 4/3, or nothing."""
    payoffs = np.stack([[[2, 0, 0], [1, 0, 0]], [[0, 2, 5], [0, -1, -4]]], axis=-1)
    for mixture in ([1 / 3, 2 / 3], [Fraction(1, 3), Fraction(2, 3)]):
        found = response_range(payoffs, mixture, kind)
        assert (found.best.values[0], found.worst.values[0]) == pytest.approx((4 / 3, 0))
        assert found.best.distribution == (((0,), 1.0),)


@pytest.mark.parametrize("kind", KINDS)
def test_a_follower_that_rounding_alone_parts_from_indifference_is_indifferent(kind):
    mixture, safe = [0.1, 0.2, 0.7], 0.3
    assert sum(map(Fraction, mixture[:2])) != Fraction(safe)
    payoffs = np.stack([[[0, 1]] * 3, [[safe, 1], [safe, 1], [safe, 0]]], axis=-1)
    found = response_range(payoffs, mixture, kind)
    assert (found.best.values[0], found.worst.values[0]) == (1, 0)
    exact = response_range(payoffs, list(map(Fraction, mixture)), kind)
    assert exact.best.values[0] == exact.worst.values[0]


def test_pure_equilibria_of_any_number_of_followers():
    """Four followers want to do what most do: all 0 or all 1; the leader likes 1."""
    payoffs = np.zeros((1, 2, 2, 2, 2, 5))
    for at in product(range(2), repeat=4):
        payoffs[(0, *at)] = [sum(at), *(sum(other == own for other in at) for own in at)]
    found = response_range(payoffs, [1], "pure-nash")
    assert found.best.values[0] == 4
    assert found.worst.distribution == (((0, 0, 0, 0), 1.0),)
    with pytest.raises(BeyondLimitsError, match=r"of 4 followers .*allowed: pure-nash, correlated, coarse-correlated"):
        response_range(payoffs, [1], "nash")


def test_what_cannot_be_done_is_refused_by_name(monkeypatch):
    pennies = np.zeros((1, 2, 2, 3))
    pennies[0, ..., 1], pennies[0, ..., 2] = np.eye(2), 1 - np.eye(2)
    with pytest.raises(InvalidFieldError, match="no pure Nash equilibrium; allowed: nash"):
        response_range(pennies, [1], "pure-nash")
    with pytest.raises(InvalidFieldError, match="equilibrium: got 'trembling'"):
        response_range(pennies, [1], "trembling")
    for mixture in ([0.5], [-1, 2], [np.nan], [1, 0]):
        with pytest.raises(InvalidFieldError, match="mixture"):
            response_range(pennies, mixture)
    for payoffs in (np.zeros((2, 2)), np.zeros((2, 2, 3)), [[["x"]]], np.full((1, 1, 2), np.inf)):
        with pytest.raises(InvalidFieldError, match="payoffs"):
            correlated_commitment_solve(payoffs)
    with pytest.raises(BeyondLimitsError, match=r"vertices of 9 by 9 .*allowed: correlated"):
        response_range(np.zeros((1, 9, 9, 3)), [1], "nash")
    monkeypatch.setattr(correlated, "ENTRIES", 15)
    with pytest.raises(BeyondLimitsError, match="programme of 16 numbers"):
        correlated_commitment_solve(pennies)


def test_a_large_programme_in_floats_is_checked():
    rng = np.random.default_rng(8)
    payoffs = rng.random((6, 6, 6, 3))
    found = correlated_commitment_solve(payoffs)
    assert found.certain
    played = np.zeros((6, 6, 6))
    for at, probability in found.details["distribution"]:
        played[at] = probability
    assert played.sum() == pytest.approx(1)
    assert (played * payoffs[..., 0]).sum() == pytest.approx(found.leader_value)
    for f, own in ((1, payoffs[..., 1]), (2, payoffs[..., 2])):
        for told, other in product(range(6), repeat=2):
            here = np.take(played, told, axis=f)
            assert (here * (np.take(own, other, axis=f) - np.take(own, told, axis=f))).sum() <= 1e-8
