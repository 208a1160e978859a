"""Known optima, brute force over mechanisms and equilibria, and independent verification by playing."""

import math
from fractions import Fraction
from itertools import permutations, product
from operator import mul

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg import LeaderSettings, evaluate_strategy, make_game, solve
from rllib_stackelberg.economics.sequential_prices import Market, _best_independent, no_message_solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.solvers import equilibria

# Expected welfare loss of the best mechanism: types, messages, value (known values of the paper's instances).
KNOWN = [
    *((2, m, 0.0) for m in (1, 2, 3)),
    (3, 1, -1 / 18), (3, 2, 0.0), (3, 3, 0.0),
    (4, 1, -1 / 24), (4, 2, 0.0), (4, 3, 0.0),
    (5, 1, -1 / 20), (5, 2, 0.0), pytest.param(5, 3, 0.0, marks=pytest.mark.learning),
]  # fmt: skip


def played(game, solution):
    """Value and pure equilibria of a solver's mechanism, found by playing every outcome of it."""
    strategy = LeaderStrategy.from_pairs(game, solution.leader_strategy)
    # Questions the solver leaves out are those nobody can reach; any answer will do there.
    actions = np.nan_to_num(strategy.table(), nan=0.0)
    return tabulate(game, actions)


@pytest.mark.parametrize(("types", "messages", "value"), KNOWN)
def test_known_values_and_the_mechanism_verifies(types, messages, value):
    game = make_game("message-spm", types=types, messages=messages)
    solution = solve(game)
    assert solution.leader_value == pytest.approx(value, abs=1e-6)
    table = played(game, solution)
    if messages == 1:
        silent = [np.ones((1, types, 1))] * 2
        assert table.values(table.distribution(silent))[0, 0] == pytest.approx(value, abs=1e-9)
        return
    senders = [np.eye(messages)[list(strategy)][None] for strategy in solution.details["senders"]]
    play = table.distribution(senders)
    assert table.values(play)[0, 0] == pytest.approx(value, abs=1e-6)
    for buyer in (0, 1):
        assert table.gains(play, buyer).max() == 0


@pytest.mark.parametrize(("messages", "value"), [(1, -0.06), (2, 0.0), (3, 0.0)])
def test_pi(messages, value):
    game = make_game("message-spm-pi", messages=messages)
    solution = solve(game)
    assert solution.leader_value == pytest.approx(value, abs=1e-6)
    if messages > 1:
        values = [equilibrium.values[0] for equilibrium in equilibria(played(game, solution))]
        assert max(values) == pytest.approx(value, abs=1e-6)


def brute_force(values, joint, items, objective):
    """Independent: every fixed order with every non-adaptive price, and for two buyers every adaptive choice."""
    n, best = len(values), -np.inf
    for first in range(n):
        for price in values[first]:
            total = 0.0
            rest = [i for i in range(n) if i != first]
            branch = {}
            for sold in (True, False):
                left = items - sold
                found = 0.0 if left <= 0 else -np.inf
                if left > 0:
                    for order in permutations(rest):
                        for prices in product(*(values[i] for i in order)):
                            gain = 0.0
                            for types in np.ndindex(joint.shape):
                                if (values[first][types[first]] >= price) != sold:
                                    continue
                                stock = left
                                for i, p in zip(order, prices, strict=True):
                                    if stock and values[i][types[i]] >= p:
                                        gain += joint[types] * (p if objective == "revenue" else values[i][types[i]])
                                        stock -= 1
                            found = max(found, gain)
                branch[sold] = found
            for types in np.ndindex(joint.shape):
                value = values[first][types[first]]
                if value >= price:
                    total += joint[types] * (price if objective == "revenue" else value)
            best = max(best, total + branch[True] + branch[False])
    return best


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["welfare", "revenue"]), st.booleans(), st.integers(1, 2))
def test_two_buyers_agree_with_brute_force(seed, objective, correlated, items):
    rng = np.random.default_rng(seed)
    values = [np.append(np.sort(rng.choice(99, size=2, replace=False)) / 100, 1.0) for _ in range(2)]
    marginals = [rng.dirichlet(np.ones(3)) for _ in range(2)]
    joint = rng.dirichlet(np.ones(9)).reshape(3, 3) if correlated else np.multiply.outer(*marginals)
    market = Market(values, marginals, joint if correlated else None, items, objective)
    expected = brute_force(values, joint, items, objective) - market.best_welfare
    assert no_message_solve(market).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("buyers", [3, 5])
@pytest.mark.parametrize("items", [1, 2])
@pytest.mark.parametrize("objective", ["welfare", "revenue"])
def test_more_buyers_and_items_are_worth_what_playing_says(buyers, items, objective):
    game = make_game("message-spm", messages=1, buyers=buyers, items=items, objective=objective)
    solution = solve(game)
    table = played(game, solution)
    silent = [np.ones((1, 3, 1))] * buyers
    assert table.values(table.distribution(silent))[0, 0] == pytest.approx(solution.leader_value, abs=1e-9)


def test_a_correlated_prior_as_independent_ones_gives_the_same():
    values = [np.linspace(0, 1, 3)] * 3
    marginals = [np.array([0.2, 0.3, 0.5]), np.array([0.6, 0.3, 0.1]), np.ones(3) / 3]
    market = Market(values, marginals)
    same = no_message_solve(Market(values, marginals, prior=market.joint)).value
    assert no_message_solve(market).value == pytest.approx(same)


def test_what_is_too_large_is_refused():
    values = [np.linspace(0, 1, 9)] * 6
    market = Market(values, [np.ones(9) / 9] * 6, prior=np.ones((9,) * 6) / 9**6)
    with pytest.raises(InvalidFieldError, match="histories"):
        no_message_solve(market)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"items": 3}, "items"),
        ({"values": [[0, 1.5], [0, 1]]}, "values"),
        ({"values": [[1, 0], [0, 1]]}, "values"),
        ({"messages": 1, "noise": 0.1}, "messages"),
        ({"noise": 1.5}, "noise"),
        ({"prior": [[0.5, 0.1], [0.1, 0.1]], "types": 2}, "prior"),
        ({"prior": [[0.5, 0.5], [0.5, 0.5]], "types": 3}, "prior"),
        ({"price_grid": 1}, "price_grid"),
        ({"buyers": 1}, "buyers"),
        ({"objective": "fame"}, "objective"),
        ({"file": "/no/such/file.json"}, "file"),
    ],
)
def test_bad_instances_are_refused_by_name(parameters, field):
    with pytest.raises(InvalidFieldError) as caught:
        make_game("message-spm", **parameters)
    assert caught.value.field == field


@pytest.mark.parametrize(("buyers", "items", "types"), [(2, 1, 3), (3, 2, 4), (4, 4, 2), (5, 3, 3)])
def test_expected_largest_values_need_no_list_of_type_profiles(buyers, items, types):
    rng = np.random.default_rng(buyers)
    values = [np.sort(rng.random(types)) for _ in range(buyers)]
    marginals = [rng.dirichlet(np.ones(types)) for _ in range(buyers)]
    short = Market(values, marginals, items=items)
    listed = Market(values, marginals, prior=short.joint, items=items)
    assert short.best_welfare == pytest.approx(listed.best_welfare, abs=1e-12)


def test_too_many_buyers_are_refused_by_name_and_not_searched():
    several = [np.linspace(0, top, 3) for top in (0.5, 1.0)]
    with pytest.raises(InvalidFieldError, match="buyers: 16 that are not alike"):
        no_message_solve(Market(several * 8, [np.ones(3) / 3] * 16))
    assert solve(make_game("message-spm", messages=1, values=[own.tolist() for own in several] * 8)) is None


LOSSES = [
    (2, 3, -0.05556), (5, 3, -0.03086), (5, 5, -0.0608), (6, 3, -0.02126), (8, 3, -0.00968), (8, 5, -0.03807),
    (16, 5, -0.00705), (16, 9, -0.02681), (64, 17, -0.00255),
]  # fmt: skip
"""Buyers that are alike, values, and what is lost without messages: found by a program written for the purpose."""


def test_twenty_buyers_of_ten_items():
    """An inventory of Brero et al. 2021, appendix C: nothing is lost, and prices by what is left do it."""
    market = Market([np.array([0.5, 1.0])] * 20, [np.ones(2) / 2] * 20, items=10)
    assert market.best_welfare == pytest.approx(9.5595, abs=5e-5)
    assert no_message_solve(market).value == pytest.approx(0, abs=1e-12)


def alike(buyers, types, **fields):
    return Market([np.linspace(0, 1, types)] * buyers, [np.ones(types) / types] * buyers, **fields)


@pytest.mark.parametrize(("buyers", "types", "value"), LOSSES)
def test_any_number_of_buyers_that_are_alike(buyers, types, value):
    assert no_message_solve(alike(buyers, types)).value == pytest.approx(value, abs=6e-6)


def exact_gain(values, chances, items, objective, left):
    """The same recursion in fractions, over thresholds."""
    if not left or not items:
        return Fraction(0)
    found = Fraction(0)
    for k, price in enumerate(values):
        sold = sum(chances[k:], Fraction(0))
        own = price * sold if objective == "revenue" else sum(map(mul, chances[k:], values[k:]), Fraction(0))
        won = exact_gain(values, chances, items - 1, objective, left - 1)
        found = max(found, own + sold * won + (1 - sold) * exact_gain(values, chances, items, objective, left - 1))
    return found


def exact_best(values, chances, buyers, items):
    """Expected sum of the largest values, over every profile of types."""
    total = Fraction(0)
    for types in product(range(len(values)), repeat=buyers):
        tops = sorted((values[t] for t in types), reverse=True)[:items]
        total += math.prod((chances[t] for t in types), start=Fraction(1)) * sum(tops)
    return total


@pytest.mark.parametrize("objective", ["welfare", "revenue"])
@pytest.mark.parametrize(("buyers", "items"), [(2, 1), (3, 1), (4, 2), (4, 4)])
def test_buyers_that_are_alike_in_fractions(buyers, items, objective):
    values, chances = [Fraction(1, 8), Fraction(1, 2), Fraction(1)], [Fraction(1, 2), Fraction(1, 8), Fraction(3, 8)]
    market = Market([np.array(values, float)] * buyers, [np.array(chances, float)] * buyers, None, items, objective)
    expected = exact_gain(values, chances, items, objective, buyers)
    if objective == "welfare":
        expected -= exact_best(values, chances, buyers, items)
    assert no_message_solve(market).value == pytest.approx(float(expected), abs=1e-15)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["welfare", "revenue"]), st.integers(2, 5), st.integers(1, 4))
def test_buyers_that_are_alike_are_worth_what_the_program_of_all_statuses_says(seed, objective, buyers, items):
    rng = np.random.default_rng(seed)
    own, marginal = np.sort(rng.choice(100, size=3, replace=False)) / 100, rng.dirichlet(np.ones(3))
    market = Market([own] * buyers, [marginal] * buyers, None, min(items, buyers), objective)
    plan, (gain, offers) = no_message_solve(market), _best_independent(market)
    assert market.exchangeable
    assert plan.value == pytest.approx(gain - market.best_welfare, abs=1e-12)
    assert plan.offers.items() <= offers.items()


def test_seven_buyers_are_played_as_they_were_planned():
    game = make_game("message-spm", buyers=7, types=3, items=2, messages=1, objective="revenue")
    solution = solve(game)
    strategy = LeaderStrategy.from_pairs(game, solution.leader_strategy)
    found = evaluate_strategy(strategy, LeaderSettings.checked(response_updates=1), samples=1, every_play=False)
    assert found.leader_value == pytest.approx(solution.leader_value, abs=1e-12)


def test_many_buyers_have_a_value_even_where_their_questions_have_no_numbers():
    game = make_game("message-spm", buyers=32, types=17, messages=1)
    assert solve(game).leader_strategy
    plan = no_message_solve(alike(64, 33, items=32))
    assert plan.offers == {}
    assert plan.value < 0
