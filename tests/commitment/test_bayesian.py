"""Commitment to followers of private types: published games, three methods, vertices in fractions, theorems."""

from fractions import Fraction
from itertools import combinations, permutations, product

import nashpy
import numpy as np
import pytest

from rllib_stackelberg.commitment import bayesian, dobss, type_search
from rllib_stackelberg.commitment.bayesian import METHODS, typed_pure_solve, typed_solve
from rllib_stackelberg.commitment.typed_payoffs import TypedPayoffs
from rllib_stackelberg.comparisons import typical_spread
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.solvers import (
    bayesian_commitment_solve,
    mixed_commitment_solve,
    polymatrix_commitment_solve,
    pure_commitment_solve,
)
from tests.commitment.test_bimatrix import best_vertex, exact_solution

AGREEMENT = 1e-6

O_NEILL = [[1, -1, -1, -1], [-1, -1, 1, 1], [-1, 1, -1, 1], [-1, 1, 1, -1]]
"""The row player's payoffs, zero-sum: it wins with two jokers (the first card) or two different number cards."""

PUBLISHED = [
    ([[2, 4], [1, 3]], [[1, 0], [0, 1]], 3.5, (1 / 2, 1 / 2)),
    ([[2, 0, 0], [1, 0, 0]], [[0, 2, 5], [0, -1, -4]], 4 / 3, (1 / 3, 2 / 3)),
    ([[3, 9], [9, 1]], [[0, 0], [1, 8]], 9, (1, 0)),
    (O_NEILL, (-np.array(O_NEILL)).tolist(), -1 / 5, (2 / 5, 1 / 5, 1 / 5, 1 / 5)),
]
"""Leader, follower, value and mixture: Conitzer & Sandholm (2006), O'Neill (1987)."""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("leader", "follower", "value", "mixture"), PUBLISHED)
def test_published_games(method, leader, follower, value, mixture):
    found = bayesian_commitment_solve([leader], [follower], [1.0], method)
    assert found.certain
    assert found.leader_value == pytest.approx(value, abs=1e-15)
    assert found.leader_strategy[0][1] == pytest.approx(mixture, abs=1e-15)
    assert mixed_commitment_solve(leader, follower).leader_value == pytest.approx(value, abs=1e-15)


def test_observed_commitment_in_bagwells_game():
    """The leader's first row is worth 5 if it is believed, and the only Nash equilibrium 4 (Bagwell 1995)."""
    leader, follower = [[5, 3], [6, 4]], [[2, 1], [3, 4]]
    equilibria = list(nashpy.Game(leader, follower).support_enumeration())
    assert [row @ np.array(leader) @ column for row, column in equilibria] == [4]
    assert pure_commitment_solve(leader, follower).leader_value == 5
    assert typed_pure_solve(TypedPayoffs.of([[leader]], [[follower]], [[1.0]])).leader_value == 5


def drawn(rng, number):
    """A game whose payoffs and prior floats add up exactly; every second one has ties."""
    types, rows = rng.integers(1, 4), rng.integers(2, 5)
    shapes = [(rows, columns) for columns in rng.integers(1, 4, types)]
    if number % 2:
        leader, follower = ([rng.integers(-3, 4, shape) / 1 for shape in shapes] for _ in range(2))
    else:
        leader, follower = ([rng.integers(0, 2**20, shape) / 2**20 for shape in shapes] for _ in range(2))
    cuts = np.sort(rng.choice(np.arange(1, 64), types - 1, replace=False))
    return leader, follower, np.diff(np.concatenate([[0], cuts, [64]])) / 64


def harsanyi(leader, follower, prior):
    """A column for every tuple of columns, which pays what it pays on average over types."""
    tuples = list(product(*(range(matrix.shape[1]) for matrix in leader)))
    both = [
        [sum(p * matrix[:, j] for p, matrix, j in zip(prior, matrices, columns, strict=True)) for columns in tuples]
        for matrices in (leader, follower)
    ]
    return mixed_commitment_solve(*(np.stack(columns, axis=1) for columns in both))


def campaign(games, seed):
    """All methods on random games, and Harsanyi's transformation: how far apart at most."""
    rng, apart = np.random.default_rng(seed), 0.0
    for number in range(games):
        leader, follower, prior = drawn(rng, number)
        found = [bayesian_commitment_solve(leader, follower, prior, method) for method in METHODS]
        assert all(one.certain for one in found)
        values = [one.leader_value for one in (*found, harsanyi(leader, follower, prior))]
        apart = max(apart, float(np.ptp(values)))
        assert apart <= AGREEMENT, (leader, follower, prior, values)
        for one in found:
            is_what_it_says(one, leader, follower, prior)
    return apart


def is_what_it_says(found, leader, follower, prior):
    """Types want the columns that they are said to take, and pay the leader what it is said to get."""
    mixture, (columns,) = np.array(found.leader_strategy[0][1]), found.details["columns"]
    assert mixture.min() >= 0
    assert mixture.sum() == pytest.approx(1, abs=1e-14)
    won = 0.0
    for own, theirs, weight, column in zip(leader, follower, prior, columns, strict=True):
        paid = mixture @ theirs
        assert paid[column] >= paid.max() - 1e-12 * np.abs(theirs).max()
        won += weight * (mixture @ own[:, column])
    assert won == pytest.approx(found.leader_value, abs=1e-12 * max(np.abs(own).max() for own in leader))


def test_all_methods_agree():
    assert campaign(20, 2008) <= 1e-12


@pytest.mark.learning
@pytest.mark.parametrize("seed", [2006, 2008, 2011, 2019])
def test_all_methods_agree_on_a_thousand_games(seed):
    print(f"250 Bayesian games: apart by at most {campaign(250, seed):.2g}")


def patrol(rng, houses, types):
    """DOBSS's domain: routes along two of some houses against robbers; `[types, routes, houses]` of both sides."""
    routes = list(permutations(range(houses), 2))
    caught = np.zeros((len(routes), houses))
    for row, (first, second) in enumerate(routes):
        caught[row, first], caught[row, second] = 1.0, 0.75
    loss, gain = rng.random((2, types, 1, houses))
    reward, penalty = rng.random((2, types, 1, 1))
    return caught * reward - (1 - caught) * loss, (1 - caught) * gain - caught * penalty


def test_fourteen_types_of_dobss_domain():
    """Of the first six of them DOBSS's programme says the same."""
    leader, follower = patrol(np.random.default_rng(14), 4, 14)
    for types in (6, 14):
        prior = np.full(types, 1 / types)
        found = bayesian_commitment_solve(leader[:types], follower[:types], prior)
        assert "branch and bound" in found.method
        assert found.certain
        is_what_it_says(found, leader[:types], follower[:types], prior)
        if types == 6:
            other = bayesian_commitment_solve(leader[:types], follower[:types], prior, "dobss")
            assert other.certain
            assert found.leader_value == pytest.approx(other.leader_value, abs=1e-9)


def test_a_search_that_is_out_of_time_says_what_may_be_left_to_gain(monkeypatch):
    original = type_search._Search.run
    monkeypatch.setattr(type_search._Search, "run", lambda search, until: original(search, 0.0))
    leader, follower = np.random.default_rng(3).random((2, 5, 6, 6))
    found = bayesian_commitment_solve(leader, follower, np.full(5, 0.2), "branch-and-bound")
    monkeypatch.undo()
    best = bayesian_commitment_solve(leader, follower, np.full(5, 0.2), "branch-and-bound")
    assert best.certain
    assert found.leader_value < best.leader_value
    assert "another mixture may be worth up to" in found.doubt
    assert float(found.doubt.split()[-1]) >= best.leader_value


def typed_vertex(leader, follower, prior):
    """Independent: every vertex of the regions of all types, in fractions, ties to the leader."""
    exact = [[[[Fraction(x) for x in row] for row in m.tolist()] for m in side] for side in (leader, follower)]
    rows = len(leader[0])
    faces = [[Fraction(int(i == r)) for i in range(rows)] for r in range(rows)]
    for theirs in exact[1]:
        faces += [[row[a] - row[b] for row in theirs] for a, b in combinations(range(len(theirs[0])), 2)]
    best = None
    for chosen in combinations(faces, rows - 1):
        mixture = exact_solution([[*face, Fraction(0)] for face in chosen] + [[Fraction(1)] * (rows + 1)])
        if mixture is None or min(mixture) < 0:
            continue
        value = Fraction(0)
        for own, theirs, weight in zip(*exact, prior.tolist(), strict=True):
            won, paid = (
                [sum(x * row[j] for x, row in zip(mixture, m, strict=True)) for j in range(len(m[0]))]
                for m in (own, theirs)
            )
            value += Fraction(weight) * max(w for w, p in zip(won, paid, strict=True) if p == max(paid))
        best = value if best is None else max(best, value)
    return best


def twelve_orders(rng, shape):
    """Payoffs of -2 to 2 times 1e-6 to 1e6, so that there are ties of all sizes."""
    return rng.integers(-2, 3, shape) * 10.0 ** rng.integers(-6, 7, shape)


def test_a_programme_that_highs_gives_up_leaves_a_doubt(monkeypatch):
    leader, follower = np.random.default_rng(3).random((2, 4, 5, 5))
    prior = np.full(4, 0.25)
    best = bayesian_commitment_solve(leader, follower, prior, "branch-and-bound")
    relaxed, nodes = type_search._Search.relaxed, []

    def sometimes(search, decided, others):
        nodes.append(decided)
        if len(nodes) == 2:
            raise type_search._UnsolvedError
        return relaxed(search, decided, others)

    monkeypatch.setattr(type_search._Search, "relaxed", sometimes)
    found = bayesian_commitment_solve(leader, follower, prior, "branch-and-bound")
    assert len(nodes) >= 2
    assert found.doubt
    assert found.leader_value <= best.leader_value


def certain_or_doubted(games, seed):
    """Small games against their vertices: fractions are right to the bit, floats right or doubted; how many doubts."""
    rng, doubted = np.random.default_rng(seed), 0
    for number in range(games):
        types, rows = (1, 3) if number % 2 else (2, 2)
        shapes = [(rows, columns) for columns in rng.integers(1, 4, types)]
        leader, follower = ([twelve_orders(rng, shape) for shape in shapes] for _ in range(2))
        prior = np.array([[1.0], [0.25, 0.75]][types - 1])
        value = float(typed_vertex(leader, follower, prior))
        found = bayesian_commitment_solve(leader, follower, prior, "multiple-programs")
        assert found.certain
        assert found.leader_value == value
        for method in ("branch-and-bound", "dobss"):
            try:
                rough = bayesian_commitment_solve(leader, follower, prior, method)
            except BeyondLimitsError:  # HiGHS gives up, and it is said
                doubted += 1
                continue
            doubted += not rough.certain
            unit = max(typical_spread(weight * own) for weight, own in zip(prior, leader, strict=True))
            unit = unit or max(np.ptp(own) for own in leader)
            assert rough.doubt or rough.leader_value >= value - 1e-6 * unit, (leader, follower, prior, method)
            assert rough.leader_value <= value
    return doubted


def test_types_with_payoffs_of_twelve_orders_of_magnitude_agree_with_the_vertices():
    assert certain_or_doubted(20, 3) < 20


@pytest.mark.learning
def test_a_thousand_games_of_types_of_twelve_orders_of_magnitude_agree_or_are_doubted():
    doubted = certain_or_doubted(1_000, 12)
    print(f"1,000 games of types: fractions right to the bit, floats doubted in {doubted} of 2,000 runs, else right")


@pytest.mark.learning
def test_ten_thousand_games_of_twelve_orders_of_magnitude_agree_with_the_vertices():
    rng = np.random.default_rng(10_000)
    for _ in range(10_000):
        shape = rng.integers(1, 4), rng.integers(1, 4)
        leader, follower = twelve_orders(rng, shape), twelve_orders(rng, shape)
        value = float(best_vertex(leader, follower))
        for found in (
            mixed_commitment_solve(leader, follower),
            bayesian_commitment_solve([leader], [follower], [1.0], "multiple-programs"),
        ):
            assert found.certain
            assert found.leader_value == value, (leader, follower)
    print("10,000 bimatrix games: every optimum is that of the vertices, to the bit")


@pytest.mark.parametrize("method", METHODS)
def test_several_followers_are_worth_the_best_of_all_their_tuples(method):
    """Independent: a follower whose columns are pairs, paid by its part alone, is two followers."""
    rng = np.random.default_rng(7)
    for _ in range(5):
        leader, follower = ([[matrix / 4] for matrix in rng.integers(-8, 9, (2, 3, 3))] for _ in range(2))
        both = [
            np.stack([one[0][:, i] + two[0][:, j] for i, j in product(range(3), repeat=2)], axis=1)
            for one, two in (leader, follower)
        ]
        found = polymatrix_commitment_solve(leader, follower, [[1.0], [1.0]], method)
        assert found.leader_value == pytest.approx(mixed_commitment_solve(*both).leader_value, abs=1e-12)
        mixture, ((first,), (second,)) = np.array(found.leader_strategy[0][1]), found.details["columns"]
        paid = [mixture @ matrix[:, j] for (matrix,), j in zip(follower, (first, second), strict=True)]
        assert found.follower_values == pytest.approx(paid)


def test_pure_commitment_is_the_best_row_by_every_rule():
    rng = np.random.default_rng(2)
    for _ in range(20):
        leader, follower = rng.integers(-2, 3, (2, 2, 3, 3)) / 1
        game = TypedPayoffs.of([leader], [follower], [[0.25, 0.75]])
        for ties, pick in (("leader", max), ("against", min)):
            rows = [
                sum(
                    weight * pick(own[row][theirs[row] == theirs[row].max()])
                    for weight, own, theirs in zip((0.25, 0.75), leader, follower, strict=True)
                )
                for row in range(3)
            ]
            found = typed_pure_solve(game, ties)
            assert found.leader_value == max(rows) == found.best_by_ties[ties]
            assert found.certain
        assert (
            bayesian_commitment_solve(leader, follower, [0.25, 0.75]).leader_value
            >= typed_pure_solve(game).leader_value
        )


def test_types_that_never_come_and_types_that_are_alike_change_nothing():
    leader, follower = np.random.default_rng(4).random((2, 3, 3))
    alone = mixed_commitment_solve(leader, follower).leader_value
    other = np.random.default_rng(5).random((3, 3))
    for method in METHODS:
        never = bayesian_commitment_solve([leader, other], [follower, other.T], [1.0, 0.0], method)
        alike = bayesian_commitment_solve([leader] * 3, [follower] * 3, [0.5, 0.25, 0.25], method)
        assert never.leader_value == pytest.approx(alone)
        assert alike.leader_value == pytest.approx(alone)


@pytest.mark.parametrize("unit", [1e-200, 1e-9, 1e9, 1e200])
def test_units_change_no_mixture(unit):
    leader, follower = np.random.default_rng(6).random((2, 2, 3, 3))
    for method in METHODS:
        plain, scaled = (bayesian_commitment_solve(leader * u, follower * u, [0.5, 0.5], method) for u in (1.0, unit))
        assert scaled.certain
        assert scaled.leader_strategy[0][1] == pytest.approx(plain.leader_strategy[0][1])
        assert scaled.leader_value / unit == pytest.approx(plain.leader_value)


def test_what_is_too_large_is_refused_with_what_can_do_it(monkeypatch):
    leader, follower = np.random.default_rng(1).random((2, 6, 6, 6))
    game = TypedPayoffs.of([leader], [follower], [[1 / 6] * 6])
    with pytest.raises(BeyondLimitsError, match=r"there are 46,656 tuples .*allowed: branch-and-bound, dobss"):
        typed_solve(game, "multiple-programs")
    with pytest.raises(InvalidFieldError, match="allowed: multiple-programs, branch-and-bound, dobss"):
        typed_solve(game, "simplex")
    monkeypatch.setattr(bayesian, "TUPLES", 10**6)
    monkeypatch.setattr(bayesian, "EXACT_ENTRIES", 100)
    with pytest.raises(BeyondLimitsError, match="entries"):
        typed_solve(game, "multiple-programs")
    monkeypatch.setattr(dobss, "ENTRIES", 100)
    with pytest.raises(BeyondLimitsError, match=r"dobss cannot: its programme has 1,296 numbers"):
        typed_solve(game, "dobss")
    monkeypatch.setattr(type_search, "ENTRIES", 100)
    with pytest.raises(BeyondLimitsError, match=r"branch-and-bound cannot: its first programme has 1,296 numbers"):
        typed_solve(game)


@pytest.mark.parametrize(
    ("leader", "follower", "prior", "field"),
    [
        ([[[1, 2]]], [[[1, 2]]], [0.5, 0.5], "prior"),
        ([[[1, 2]]], [[[1, 2]], [[1, 2]]], [1.0], "follower"),
        ([[[1, 2]]], [[[1]]], [1.0], "follower"),
        ([[[1, 2]], [[1], [2]]], [[[1, 2]], [[1], [2]]], [0.5, 0.5], "follower"),
        ([[[1, 2], [3]]], [[[1, 2]]], [1.0], "leader"),
        ([[[1, float("nan")]]], [[[1, 2]]], [1.0], "leader"),
        ([[[1, 2]]], [[[1, 2]]], [0.9], "prior"),
    ],
)
def test_payoffs_that_do_not_fit_are_refused_by_name(leader, follower, prior, field):
    with pytest.raises(InvalidFieldError) as refused:
        bayesian_commitment_solve(leader, follower, prior)
    assert refused.value.field == field
