"""Auctions: rules against a loop over bidders, theory against exact sums and against programmes."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg import make_game, pure_equilibria, solve
from rllib_stackelberg.economics.auctions import OUT, best_reserve, second_price, second_price_of, settle
from rllib_stackelberg.economics.direct_mechanisms import best_mechanism, sale
from rllib_stackelberg.economics.optimal_auctions import best_revenue, ironed_virtual_values
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.priors import Prior
from tests.economics.test_optimal_auctions import drawn, joint_of


def settled_one_by_one(bids, reserve, second, fee, all_pay):
    """Shares and payments, by who of those with the highest bid is drawn: independent of `settle`."""
    accepted = [i for i, bid in enumerate(bids) if bid != OUT and bid >= reserve]
    shares, paid = np.zeros(len(bids)), np.zeros(len(bids))
    for i in accepted:
        paid[i] += fee
    top = max((bids[i] for i in accepted), default=None)
    winners = [i for i in accepted if bids[i] == top]
    for winner in winners:
        shares[winner] += 1 / len(winners)
        for i in accepted:
            others = [bids[j] for j in accepted if j != winner]
            price = (1 - second) * bids[winner] + second * max([reserve, *others])
            paid[i] += (price if i == winner else all_pay * bids[i]) / len(winners)
    return shares, paid


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_rules_are_what_they_say(seed):
    rng = np.random.default_rng(seed)
    bids = rng.choice([OUT, 0.0, 0.2, 0.5, 0.7, 1.0], size=(20, rng.integers(1, 6)))
    terms = np.stack([rng.choice([0.0, 0.2, 0.4, 0.5, 2.0], 20), *rng.random((3, 20))], axis=1)
    found = settle(bids, terms)
    expected = [settled_one_by_one(own, *of) for own, of in zip(bids, terms, strict=True)]
    for each, wanted in zip(found, zip(*expected, strict=True), strict=True):
        np.testing.assert_allclose(each, wanted, atol=1e-14)


@pytest.mark.parametrize("seed", range(6))
def test_the_second_price_is_the_sum_over_all_values_in_fractions(seed):
    values, marginals = drawn(seed, 3, 4)
    reserve = float(values[0][seed % 4])
    revenue = welfare = Fraction(0)
    for types in product(range(4), repeat=3):
        chance = np.prod([Fraction(float(own[t])) for own, t in zip(marginals, types, strict=True)])
        bids = sorted((Fraction(float(own[t])) for own, t in zip(values, types, strict=True)), reverse=True)
        if bids[0] >= Fraction(reserve):
            revenue, welfare = revenue + chance * max(bids[1], Fraction(reserve)), welfare + chance * bids[0]
    found = second_price(values, marginals, reserve)
    assert found == pytest.approx((float(revenue), float(welfare)), abs=1e-12)
    correlated = Prior.joint(joint_of(marginals) / joint_of(marginals).sum())
    assert second_price_of(values, correlated, reserve) == pytest.approx(found, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 0.8, 1.0]))
def test_ironing_and_the_programme_agree_on_mixtures(seed, welfare):
    values, marginals = drawn(seed, 2, 4)
    best = best_revenue(values, marginals, welfare=welfare)
    found = best_mechanism(sale(values, joint_of(marginals)), welfare=welfare)
    assert not found.doubt
    assert found.value == pytest.approx(best, abs=1e-9)
    assert best_reserve(values, Prior.independent(*marginals), welfare)[1] <= best + 1e-12


def test_where_welfare_is_all_that_counts_values_are_their_own_virtual_values():
    values, marginals = drawn(3, 1, 6)
    np.testing.assert_allclose(ironed_virtual_values(values[0], marginals[0], 1.0), values[0])


@pytest.mark.parametrize(("bidders", "plain", "reserved"), [(2, 1 / 3, 5 / 12), (3, 1 / 2, 17 / 32)])
def test_published_revenues_of_uniform_values(bidders, plain, reserved):
    """On 100 quantiles a reserve of .505 sells as one of .5 does, and one bidder alone pays .005 more."""
    game = make_game("auction", bidders=bidders, values=100)
    found = game.baselines()
    assert found["second price, no reserve"] == pytest.approx(plain, abs=1e-4)
    assert found["second price, best reserve"] == pytest.approx(reserved + 0.005 * bidders / 2**bidders, abs=1e-4)
    assert found["second price, best reserve"] <= game.bound().value


def test_a_payment_that_is_limited_by_hand():
    """Values 1 and 3, at most 2 paid: the low type gets x for x, the high one all for min(2, 3 - 2 x). Best x = 1/2."""
    values, half = [np.array([1.0, 3.0])], np.array([0.5, 0.5])
    assert best_mechanism(sale(values, half), most_paid=2.0, subsidies=False).value == pytest.approx(1.25, abs=1e-9)
    assert best_mechanism(sale(values, half)).value == pytest.approx(1.5, abs=1e-9)
    found = solve(make_game("auction-table", values=values[0].tolist(), bidders=1, most_paid=2))
    assert found.leader_value == pytest.approx(1.25, abs=1e-9)


@pytest.mark.parametrize(
    "parameters",
    [
        {"values": [1, 2, 4], "prior": [[0.5, 0.2, 0.3], [0.2, 0.6, 0.2]]},
        {"values": [[1, 2], [1, 3]], "prior": [[0.4, 0.1], [0.1, 0.4]]},
        {"values": [[1, 2], [1, 3]], "prior": [[0.4, 0.1], [0.1, 0.4]], "welfare": 0.5, "most_paid": 1.5},
        {"values": [1, 2], "bidders": 3},
        {"values": [1, 2], "prior": [0.3, 0.7], "bids": [5, 6, 7]},
    ],
)
def test_the_best_table_holds_an_equilibrium_that_is_worth_what_it_says(parameters):
    game = make_game("auction-table", **parameters)
    found = solve(game)
    assert found.certain
    best = pure_equilibria(game, list(found.leader_strategy))[0]
    assert best.values[0] == pytest.approx(found.leader_value, abs=1e-7)
    assert found.leader_value <= game.bound().value + 1e-9
    if game.independent and not game.welfare and "most_paid" not in parameters:
        assert found.leader_value == pytest.approx(best_revenue(game.values, game.prior.blocks), abs=1e-9)


def test_correlation_bounds_more_than_independence_and_large_tables_fall_back_on_first_best():
    joint = [[0.4, 0.1], [0.1, 0.4]]
    game = make_game("auction", values=[[1, 2], [1, 2]], prior=joint)
    assert best_revenue(game.values, [np.array([0.5, 0.5])] * 2) == pytest.approx(1.5)
    assert game.bound().value == pytest.approx(1.6, abs=1e-9)  # all of the surplus: Cremer & McLean 1988
    fine = np.full((80, 80), 1 / 6400)
    large = make_game("auction", bidders=2, values=80, prior=fine.tolist())
    assert large.bound().method.startswith("first best")
    assert large.bound().value == pytest.approx(2 / 3, abs=1e-3)


def test_nonsense_is_refused_by_name():
    for parameters, field in [
        ({"bidders": 0}, "bidders"),
        ({"bidders": 65}, "bidders"),
        ({"values": 0}, "values"),
        ({"values": []}, "values"),
        ({"values": [0.5, 0.2]}, "values"),
        ({"values": [-1, 1]}, "values"),
        ({"values": [0.0]}, "values"),
        ({"values": [[1, 2], []]}, "values"),
        ({"values": [1, 2], "prior": [[0.5, 0.6]] * 3}, "prior"),
        ({"values": [1, 2], "prior": [0.5, 0.6]}, "prior"),
        ({"values": [1, 2], "prior": ["much", "little"]}, "prior"),
        ({"bids": 0}, "bids"),
        ({"bids": []}, "bids"),
        ({"bids": [0.2, 0.2]}, "bids"),
        ({"values": 600}, "bids"),
        ({"chooses": []}, "chooses"),
        ({"chooses": ["fee", "fee"]}, "chooses"),
        ({"chooses": ["rules"]}, "chooses"),
        ({"reserve": -1}, "reserve"),
        ({"second_price": 2}, "second_price"),
        ({"all_pay": 1.5}, "all_pay"),
        ({"fee": float("inf")}, "fee"),
        ({"welfare": -0.1}, "welfare"),
    ]:
        with pytest.raises(InvalidFieldError) as refused:
            make_game("auction", **parameters)
        assert refused.value.field.partition(".")[0] == field, parameters
    for parameters, field in [({"values": 40}, "bids"), ({"bidders": 5}, "bidders"), ({"most_paid": 0}, "most_paid")]:
        with pytest.raises(InvalidFieldError) as refused:
            make_game("auction-table", bids=parameters.pop("bids", None), **({"bidders": 3} | parameters))
        assert refused.value.field == field, parameters
