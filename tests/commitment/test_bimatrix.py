"""Closed forms, a theorem, and independent solvers."""

import warnings
from fractions import Fraction
from itertools import combinations

import nashpy
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import LinearConstraint, linprog, minimize

from rllib_stackelberg import make_game, solve
from rllib_stackelberg.commitment import bimatrix
from rllib_stackelberg.solvers import mixed_commitment_solve, pure_commitment_solve

VALUE = 1e-6

# game, parameters, leader value (known values of the paper's games)
KNOWN = [
    ("escape", {}, 1.0),
    ("escape", {"mixed": True}, 1.0),
    ("maintain", {}, 2 / 3),
    ("maintain", {"mixed": True}, 11 / 12),
    ("conitzer", {}, 2 / 3),
    ("conitzer", {"mixed": True}, 5 / 6),
    ("matrix-design", {}, 5 / 3),
    ("simple-allocation", {"messages": 1}, 1 / 3),
    ("simple-allocation", {"messages": 2}, 2 / 3),
    ("simple-allocation", {"messages": 3}, 1.0),
    ("simple-allocation", {"types": 8, "messages": 8}, 1.0),
]


@pytest.mark.parametrize(("name", "parameters", "value"), KNOWN)
def test_known_values(name, parameters, value):
    assert solve(make_game(name, **parameters)).leader_value == pytest.approx(value, abs=VALUE)


def test_maintain_commits_to_a_quarter_and_three_quarters():
    ((_, mixture),) = solve(make_game("maintain", mixed=True)).leader_strategy
    np.testing.assert_allclose(mixture, [0.25, 0.75, 0], atol=1e-9)


def bimatrices(rows, columns):
    entry = st.integers(-20, 20).map(float)
    return st.tuples(arrays(float, (rows, columns), elements=entry), arrays(float, (rows, columns), elements=entry))


def brute_force(leader, follower, steps=60):
    """Independent: the best mixture of two rows on a grid, ties to the leader. A lower bound."""
    best = -np.inf
    for p in np.linspace(0, 1, steps + 1):
        mixture = np.array([p, 1 - p])
        utility = mixture @ follower
        tied = utility >= utility.max() - 1e-9
        best = max(best, (mixture @ leader)[tied].max())
    return best


@settings(max_examples=60, deadline=None)
@given(bimatrices(2, 3))
def test_commitment_beats_every_grid_point_and_is_attained(matrices):
    leader, follower = matrices
    solution = mixed_commitment_solve(leader, follower)
    assert solution.leader_value >= brute_force(leader, follower) - 1e-7
    mixture = np.array(solution.leader_strategy[0][1])
    utility = mixture @ follower
    column = solution.details["follower_column"]
    assert utility[column] >= utility.max() - 1e-6
    assert mixture @ leader[:, column] == pytest.approx(solution.leader_value, abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(2, 4))
def test_random_games_agree_with_an_independent_solver(seed, rows, columns):
    """The same programs handed to SLSQP instead of HiGHS."""
    rng = np.random.default_rng(seed)
    leader, follower = rng.random((rows, columns)), rng.random((rows, columns))
    best = -np.inf
    for column in range(columns):
        advantage = (follower - follower[:, [column]]).T
        constraints = [LinearConstraint(np.ones((1, rows)), 1, 1), LinearConstraint(advantage, -np.inf, 0)]
        for start in (np.full(rows, 1 / rows), *np.eye(rows)):
            found = minimize(
                lambda x, j=column: -x @ leader[:, j], start, bounds=[(0, 1)] * rows, constraints=constraints,
                method="SLSQP", options={"ftol": 1e-12, "maxiter": 500},
            )  # fmt: skip
            if found.success and (advantage @ found.x).max() < 1e-7:
                best = max(best, -found.fun)
    assert mixed_commitment_solve(leader, follower).leader_value == pytest.approx(best, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_commitment_is_worth_at_least_every_nash_equilibrium(seed, size):
    rng = np.random.default_rng(seed)
    leader, follower = rng.random((size, size)), rng.random((size, size))
    value = mixed_commitment_solve(leader, follower).leader_value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        equilibria = list(nashpy.Game(leader, follower).support_enumeration())
    assume(equilibria)  # the enumeration misses a few, for numerical reasons of its own
    for row, column in equilibria:
        assert value >= row @ leader @ column - 1e-9
    assert value >= pure_commitment_solve(leader, follower).leader_value - 1e-9


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_payoffs_of_any_size(scale):
    leader = np.array([[1, 3], [0, 2]]) * scale
    follower = np.array([[1, 0], [0, 1]]) * scale
    assert mixed_commitment_solve(leader, follower).leader_value == pytest.approx(2.5 * scale, rel=1e-9)
    assert pure_commitment_solve(leader, follower).leader_value == 2 * scale


def test_all_equal_payoffs_and_one_action():
    assert mixed_commitment_solve([[3, 3], [3, 3]], [[1, 1], [1, 1]]).leader_value == 3
    assert mixed_commitment_solve([[3], [4]], [[0], [0]]).leader_value == pytest.approx(4)
    assert pure_commitment_solve([[3], [4]], [[0], [0]]).leader_value == 4


def test_tie_breaking():
    leader, follower = [[0, 5, 1]], [[7, 7, 3]]
    assert pure_commitment_solve(leader, follower, "leader").leader_value == 5
    assert pure_commitment_solve(leader, follower, "against").leader_value == 0
    assert pure_commitment_solve(leader, follower, "lowest").leader_value == 0


SENTINELS = [1e2, 1e8, 1e9, 1e12, 1e16, 1e100, 1e300]


@pytest.mark.parametrize("penalty", SENTINELS)
def test_a_penalty_changes_no_optimum(penalty):
    leader, follower = [[2, 4, 0], [1, 3, 0], [0, 0, -penalty]], [[1, 0, 0], [0, 1, 0], [0, 0, -penalty]]
    pure, mixed = pure_commitment_solve(leader, follower), mixed_commitment_solve(leader, follower)
    assert (pure.leader_value, mixed.leader_value) == (3, 3.5)
    assert pure.certain
    assert mixed.certain
    assert mixed.leader_strategy[0][1] == (0.5, 0.5, 0)


def exact_solution(rows):
    """The solution of a square system of equations in fractions, None if it is singular; rows `[.. | right side]`."""
    rows = [list(row) for row in rows]
    for k in range(len(rows)):
        pivot = next((r for r in range(k, len(rows)) if rows[r][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [entry / rows[k][k] for entry in rows[k]]
        for r in range(len(rows)):
            if r != k and rows[r][k]:
                rows[r] = [a - rows[r][k] * b for a, b in zip(rows[r], rows[k], strict=True)]
    return [row[-1] for row in rows]


def best_vertex(leader, follower):
    """Independent: every vertex of every follower region, in fractions, ties to the leader."""
    leader, follower = ([[Fraction(x) for x in row] for row in matrix.tolist()] for matrix in (leader, follower))
    rows, columns = len(leader), len(leader[0])
    faces = [[Fraction(int(i == r)) for i in range(rows)] for r in range(rows)]
    faces += [[row[a] - row[b] for row in follower] for a, b in combinations(range(columns), 2)]
    best = None
    for chosen in combinations(faces, rows - 1):
        mixture = exact_solution([[*face, Fraction(0)] for face in chosen] + [[Fraction(1)] * (rows + 1)])
        if mixture is None or min(mixture) < 0:
            continue
        paid = [sum(x * row[j] for x, row in zip(mixture, follower, strict=True)) for j in range(columns)]
        won = [sum(x * row[j] for x, row in zip(mixture, leader, strict=True)) for j in range(columns)]
        value = max(w for w, p in zip(won, paid, strict=True) if p == max(paid))
        best = value if best is None else max(best, value)
    return best


def test_payoffs_of_twelve_orders_of_magnitude_with_ties_agree_with_the_vertices():
    generator = np.random.default_rng(16)
    for _ in range(150):
        shape = generator.integers(1, 4), generator.integers(1, 5)
        sizes = 10.0 ** generator.integers(-6, 7, size=(2, *shape))
        leader, follower = generator.integers(-2, 3, size=(2, *shape)) * sizes
        found = mixed_commitment_solve(leader, follower)
        assert found.certain
        assert found.leader_value == float(best_vertex(leader, follower))
        exact = [max(row[follower[r] == follower[r].max()]) for r, row in enumerate(leader)]
        assert pure_commitment_solve(leader, follower).leader_value == max(exact)


@pytest.mark.parametrize("unit", [1e-200, 1e-10, 1.0, 1e200])
def test_large_games_are_verified_in_any_unit(unit):
    leader, follower = np.random.default_rng(5).random((2, 22, 22))
    found = mixed_commitment_solve(leader * unit, follower * unit)
    assert found.certain
    exact = mixed_commitment_solve(leader[:, :18], follower[:, :18])  # fewer columns: another problem, but exact
    assert found.leader_value / unit == pytest.approx(mixed_commitment_solve(leader, follower).leader_value)
    assert exact.certain


def test_a_penalty_in_a_game_too_large_to_be_exact_is_solved_or_doubted():
    leader, follower = np.random.default_rng(5).random((2, 22, 22))
    value = mixed_commitment_solve(leader, follower).leader_value
    for penalty in SENTINELS:
        worse = np.full((1, 22), -penalty)
        found = mixed_commitment_solve(np.vstack([leader, worse]), np.vstack([follower, worse + np.arange(22)]))
        assert found.doubt or found.leader_value == pytest.approx(value)


def test_payoffs_that_rounding_parts_are_doubted():
    found = pure_commitment_solve([[0, 1]], [[0.1 + 0.2, 0.3]])
    assert (found.leader_value, found.certain) == (0, False)
    assert "meant to be equal: 1" in found.doubt


def payoffs_of_many_kinds(rng, shape):
    """Without structure, with ties, of one interest or opposed ones, of twelve orders of magnitude."""
    follower = rng.random(shape)
    yield rng.random(shape), follower
    yield rng.integers(-2, 3, shape), rng.integers(-2, 3, shape)
    yield -follower, follower
    yield rng.random(shape) / 5 - follower, follower
    yield rng.random(shape) / 10 + follower, follower
    yield rng.random(shape).round(1), follower.round(1)
    yield (opposed := rng.integers(-2, 3, shape)), -opposed
    yield rng.integers(-2, 3, shape) * 10.0 ** rng.integers(-6, 7, shape), follower * 10.0 ** rng.integers(-6, 7, shape)


@pytest.mark.parametrize("games", [8, pytest.param(120, marks=pytest.mark.learning)])
def test_what_floats_find_and_rationals_prove_is_what_rationals_find(games, monkeypatch):
    """The value to the last bit, and the first of the columns that have it: with ties, another mixture may, too."""
    rng = np.random.default_rng(19)
    for _ in range(games):
        for leader, follower in payoffs_of_many_kinds(rng, rng.integers(1, 12, 2)):
            found = []
            for small in (0, bimatrix.EXACT_ENTRIES):
                monkeypatch.setattr(bimatrix, "SMALL_ENTRIES", small)
                found.append(mixed_commitment_solve(leader, follower))
            assert all(solution.certain for solution in found)
            assert found[0].leader_value == found[1].leader_value
            assert found[0].details == found[1].details


def highs(leader, follower):
    """Independent: every column's program, by HiGHS."""
    values = []
    for column in range(leader.shape[1]):
        advantage = (follower - follower[:, [column]]).T
        found = linprog(-leader[:, column], advantage, np.zeros(len(advantage)), np.ones((1, len(leader))), [1])
        values.append(-found.fun if found.status == 0 else -np.inf)
    return max(values)


@pytest.mark.parametrize("shape", [(24, 30), (45, 25), pytest.param((120, 90), marks=pytest.mark.learning)])
def test_large_games_agree_with_all_programs_solved_by_another_library(shape):
    *kinds, _ = payoffs_of_many_kinds(np.random.default_rng(20), shape)
    for leader, follower in kinds:
        found = mixed_commitment_solve(leader, follower)
        assert found.certain
        assert found.leader_value == pytest.approx(highs(leader, follower), abs=1e-9)
        mixture = np.array(found.leader_strategy[0][1])
        assert mixture.min() >= 0
        assert mixture.sum() == pytest.approx(1)
        assert (mixture @ follower).max() <= (mixture @ follower)[found.details["follower_column"]] + 1e-9


def test_columns_that_cannot_win_are_left_out():
    leader, follower = np.random.default_rng(5).random((2, 60, 60))
    columns = bimatrix._solve_columns(leader, follower)
    assert np.count_nonzero(columns.status == bimatrix.FOUND) < 5
    assert mixed_commitment_solve(leader, follower).leader_value == pytest.approx(columns.bounds.max())


def test_a_loss_that_the_follower_hardly_notices_is_its_own_unit():
    """Column 1 pays it 1e-12 less whatever the leader does: it is never played, however much the leader would like."""
    leader, follower = np.random.default_rng(6).random((2, 30, 30)).round(3)
    leader[:, 1], follower[:, 1] = 100, follower[:, 0] - 1e-12
    found = mixed_commitment_solve(leader, follower)
    assert found.doubt or found.leader_value < 1
