"""Security games: by hand, three methods, and the exact optimum of the normal form."""

from itertools import combinations, product

import numpy as np
import pytest

from rllib_stackelberg import make_game, solve
from rllib_stackelberg.commitment import linear
from rllib_stackelberg.commitment.linear import LinearCommitment, programmes
from rllib_stackelberg.economics.security import METHODS, Targets, expected, placements, security_solve
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.solvers import mixed_commitment_solve
from rllib_stackelberg.testing import game_test

SIZES = [(1, 2, 1), (1, 5, 2), (1, 4, 3), (2, 3, 1), (2, 4, 2), (3, 3, 2), (3, 3, 1)]
"""Types, targets and resources whose normal form is small enough to be solved in fractions."""


def drawn(rng, types, targets, resources, usual):
    """Whole payoffs, so that ties happen; `usual`: cover deters the attacker and pays the defender."""
    own, theirs = rng.integers(-6, 7, (2, types, targets, 2)).astype(float)
    if usual:
        own.sort(axis=2)
        theirs = -np.sort(-theirs, axis=2)
        theirs[..., 0] += 1
    return Targets(own, theirs, rng.dirichlet(np.ones(types)), resources)


def normal_form(game):
    """Independent: lotteries over sets of targets, against a column for every tuple of attacks (Harsanyi), exactly."""
    sets = [
        some for count in range(min(game.resources, game.count) + 1) for some in combinations(range(game.count), count)
    ]
    attacks = list(product(range(game.count), repeat=len(game.prior)))
    matrices = np.zeros((2, len(sets), len(attacks)))
    for row, some in enumerate(sets):
        for column, attacked in enumerate(attacks):
            for t, target in enumerate(attacked):
                for matrix, payoffs in zip(matrices, (game.defender, game.attacker), strict=True):
                    matrix[row, column] += game.prior[t] * payoffs[t, target, int(target in some)]
    return mixed_commitment_solve(*matrices)


def campaign(games, seed):
    """Every method that can do a game against its normal form; how many games and how far off at most."""
    rng, off, doubted = np.random.default_rng(seed), 0.0, 0
    for number in range(games):
        types, targets, resources = SIZES[number % len(SIZES)]
        game = drawn(rng, types, targets, resources, usual=number % 3 > 0)
        value = normal_form(game).leader_value
        for method in METHODS:
            if method == "origami" and game.beyond_origami:
                continue
            found = security_solve(game, method)
            doubted += not found.certain
            if found.certain:
                off = max(off, abs(found.leader_value - value))
                assert off <= 1e-6, (game, method)
                check(game, found)
    return off, doubted


def check(game, found):
    """The attacker wants what it is said to do, and the defender gets what it is said to get."""
    coverage = np.array(found.leader_strategy[0][1])
    assert coverage.min() >= 0
    assert coverage.max() <= 1
    assert coverage.sum() <= game.resources + 1e-12
    theirs, own = expected(game.attacker, coverage), expected(game.defender, coverage)
    attacked = np.arange(len(game.prior)), found.details["attacked"]
    np.testing.assert_allclose(theirs[attacked], theirs.max(axis=1), atol=1e-9)
    assert game.prior @ own[attacked] == pytest.approx(found.leader_value, abs=1e-12)


def test_methods_agree_with_the_normal_form():
    off, doubted = campaign(28, 20)
    assert off <= 1e-9
    assert doubted == 0


@pytest.mark.learning
def test_methods_agree_with_the_normal_form_in_a_thousand_games():
    off, doubted = campaign(1000, 2009)
    print(f"1,000 security games: off by at most {off:.2g}, {doubted} doubted")
    assert doubted <= 10


@pytest.mark.parametrize(
    ("named", "value", "coverage"), [("two-targets", 5, (1 / 2, 1 / 2)), ("two-types", -1 / 8, (3 / 4, 1 / 4))]
)
def test_named_games_by_hand(named, value, coverage):
    found = solve(make_game("security", named=named))
    assert found.leader_value == pytest.approx(value, abs=1e-12)
    assert found.certain
    np.testing.assert_allclose(found.leader_strategy[0][1], coverage, atol=1e-12)
    assert found.by_ties["leader"] == pytest.approx(value, abs=1e-12)


def test_an_attacker_who_is_indifferent_but_for_rounding_is_taken_to_be():
    """All four targets are worth 1.99094 to it, up to the last digit."""
    found = solve(make_game("security"))
    theirs = expected(make_game("security").game.attacker[0], np.array(found.leader_strategy[0][1]))
    assert 0 < np.ptp(theirs) < 1e-14
    assert found.by_ties["leader"] == pytest.approx(found.leader_value, abs=1e-12)
    assert found.by_ties["against"] < found.leader_value - 3


@pytest.mark.parametrize("resources", [1, 2, 3, 5])
def test_equal_targets_are_covered_equally(resources):
    """Attacks win 1 or 0: coverage min(1, r / n) leaves the attacker 1 - r / n, and the defender r / n - 1."""
    each = np.array([[[-1.0, 0.0]] * 4]), np.array([[[1.0, 0.0]] * 4])
    for method in METHODS:
        found = security_solve(Targets(*each, np.ones(1), resources), method)
        assert found.leader_value == pytest.approx(min(0, resources / 4 - 1), abs=1e-12)


def test_zero_sum_games_are_worth_their_minimax_value():
    """Attacks worth w_t if not covered: u solves sum of max(0, 1 - u / w_t) = resources."""
    worth = np.array([1.0, 2.0, 4.0, 8.0])
    theirs = np.stack([worth, np.zeros(4)], axis=1)[None]
    found = security_solve(Targets(-theirs, theirs, np.ones(1), 1))
    # With 4 and 8 covered: 2 - u (1/4 + 1/8) = 1, u = 8/3 > 2.
    assert found.leader_value == pytest.approx(-8 / 3, abs=1e-12)
    assert security_solve(Targets(-theirs, theirs, np.ones(1), 1), "integer-program").leader_value == pytest.approx(
        -8 / 3
    )


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_payoffs_of_any_unit(unit):
    rng = np.random.default_rng(3)
    game = drawn(rng, 2, 5, 2, usual=True)
    scaled = Targets(game.defender * unit, game.attacker * unit, game.prior, 2)
    for method in ("linear-programs", "integer-program"):
        found = security_solve(scaled, method)
        assert found.certain
        assert found.leader_value / unit == pytest.approx(security_solve(game).leader_value, rel=1e-9)


@pytest.mark.parametrize("resources", [1, 2, 4])
def test_placements_cover_as_often_as_they_should(resources):
    rng = np.random.default_rng(resources)
    for _ in range(20):
        coverage = make_game("security", targets=7, resources=resources).coverage(rng.random(7))
        covered = np.zeros(7)
        for chance, targets in placements(coverage):
            assert len(targets) == len(set(targets)) <= resources
            covered[list(targets)] += chance
        np.testing.assert_allclose(covered, coverage, atol=1e-12)


def test_a_doubt_is_said_where_a_choice_is_best_at_no_commitment():
    """The second choice is never best, by less than programmes in floats can tell."""
    slope, small = np.zeros((1, 2, 1)), 1e-9
    problem = LinearCommitment(np.ones(1), slope, slope, np.array([[0.0, 1.0]]), np.array([[small, 0.0]]), 1.0)
    assert programmes(problem).doubt or programmes(problem).leader_value == 0


def test_limits_and_nonsense_are_refused_by_name(monkeypatch):
    rng = np.random.default_rng(0)
    several = drawn(rng, 3, 4, 2, usual=True)
    with pytest.raises(BeyondLimitsError, match=r"3 types.*linear-programs"):
        security_solve(several, "origami")
    with pytest.raises(InvalidFieldError, match="origami, linear-programs, integer-program"):
        security_solve(several, "simplex")
    monkeypatch.setattr(linear, "PROGRAMMES", 5)
    with pytest.raises(BeyondLimitsError, match="integer-program"):
        security_solve(several)
    bad = [
        ({"defender": [[[0, 1]]]}, "attacker"),
        ({"defender": [[0, 1]], "attacker": [[1, 0]]}, "defender"),
        ({"defender": [[[0, 1]]], "attacker": [[[1, 0], [1, 0]]]}, "attacker"),
        ({"defender": [[[0, "x"]]], "attacker": [[[1, 0]]]}, "defender"),
        ({"types": 2, "prior": [0.5, 0.6]}, "prior"),
        ({"types": 2, "prior": [1.0]}, "prior"),
        ({"resources": 0}, "resources"),
    ]
    for parameters, field in bad:
        with pytest.raises(InvalidFieldError) as refused:
            make_game("security", **parameters)
        assert refused.value.field == field


def test_a_large_game_keeps_the_contract_and_is_solved():
    game = make_game("security", targets=1000, resources=40, seed=1)
    game_test(game, plays=3)
    found = solve(game)
    assert found.certain
    check(game.game, found)


def test_a_file_with_payoffs(tmp_path):
    (tmp_path / "game.json").write_text('{"defender": [[[0, 10], [-10, 0]]], "attacker": [[[1, -1], [1, -1]]]}')
    assert solve(make_game("security", file=tmp_path / "game.json")).leader_value == 5
