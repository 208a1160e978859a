"""Two buyers with messages: what is left out could not have won, and time is bounded."""

from itertools import product

import numpy as np
import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.economics.message_prices import (
    ACCURACY,
    BOUND_DIGITS,
    MessageProgram,
    message_solve,
    message_strategies,
    promising_pairs,
    strategies_number,
)
from rllib_stackelberg.economics.sequential_prices import Market
from rllib_stackelberg.errors import BeyondLimitsError
from rllib_stackelberg.solvers import solution_or_reason


def markets(rng):
    """Of three types and fewer, alike or not, correlated or not."""
    for objective, correlated in product(("welfare", "revenue"), (False, True)):
        counts = rng.integers(2, 4, 2)
        values = [np.sort(rng.random(count)).round(2) + np.arange(count) / 100 for count in counts]
        values = [own / max(own.max(), 1.0) for own in values]
        joint = rng.random(counts)
        marginals = [rng.dirichlet(np.ones(count)) for count in counts]
        yield Market(values, marginals, joint / joint.sum() if correlated else None, objective=objective)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.learning)])
def test_the_best_of_all_pairs_is_found_and_no_pair_is_worth_more_than_its_bound(seed):
    for market in markets(np.random.default_rng(seed)):
        bounds = dict(promising_pairs(market, 2))
        assert set(bounds) == set(product(*(message_strategies(len(own), 2) for own in market.values)))
        assert list(bounds.values()) == sorted(bounds.values(), key=lambda bound: -round(bound, BOUND_DIGITS))
        values = []
        for senders, bound in bounds.items():
            found = MessageProgram(market, 2, senders).solve()
            if found is not None:
                assert found.value <= bound - market.best_welfare + ACCURACY
                values.append(found.value)
        assert message_solve(market, 2).value == pytest.approx(max(values), abs=1e-6)


@pytest.mark.parametrize(("types", "messages"), [(1, 1), (4, 2), (5, 3), (6, 4), (3, 7)])
def test_message_strategies_are_counted(types, messages):
    assert strategies_number(types, messages) == len(list(message_strategies(types, messages)))


def test_eight_types_are_few():
    """Minutes, when every pair of strategies was a program before it was left out: 16,384 of them."""
    solution, _ = solution_or_reason(make_game("message-spm", types=8, messages=2))
    assert -1 / 64 < solution.leader_value < 0
    assert solution.leader_value > solution.details["no_message_value"]


@pytest.mark.parametrize("types", [3, 4, 6])
def test_an_efficient_mechanism_loses_nothing_not_even_by_rounding(types):
    own, marginal = np.linspace(0, 1, types), np.full(types, 1 / types)
    assert message_solve(Market([own, own], [marginal, marginal]), 2).value == 0.0


def test_a_search_without_time_says_what_is_known():
    market = Market([np.linspace(0, 1, 3)] * 2, [np.ones(3) / 3] * 2, objective="revenue")
    with pytest.raises(BeyondLimitsError, match=r"not found in 0 s: none exceeds 0\.5555"):
        message_solve(market, 2, seconds=0)


def test_too_many_pairs_are_refused_before_work_starts():
    solution, reason = solution_or_reason(make_game("message-spm", types=40, messages=3))
    assert solution is None
    assert "pairs of message strategies" in reason
