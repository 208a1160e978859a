"""Tax schedules: against tables of the law, integrals, and loops."""

from itertools import pairwise

import numpy as np
import pytest

from rllib_stackelberg import make_population
from rllib_stackelberg.economics.taxes import CODES, bracket_tax, saez_rates

FEDERAL = CODES["federal"]
EDGES, RATES = np.array(FEDERAL.edges, dtype=float), np.array(FEDERAL.rates)

# Taxable income and tax, dollars: the sums at the edges are those of the Internal Revenue Service's schedule X of 2022.
SCHEDULE = {
    0: 0, 10_275: 1_027.5, 41_775: 4_807.5, 89_075: 15_213.5, 100_000: 17_835.5, 170_050: 34_647.5,
    215_950: 49_335.5, 539_900: 162_718, 1_000_000: 332_955,
}  # fmt: skip


def test_federal_tax_is_that_of_the_schedule():
    taxable = np.array(list(SCHEDULE), dtype=float)
    np.testing.assert_allclose(bracket_tax(taxable, EDGES, RATES), list(SCHEDULE.values()), rtol=1e-12)
    left = FEDERAL.left(np.array([[0.0, 12_950.0, 112_950.0]]), RATES[None])
    np.testing.assert_allclose(left, [[0, 12_950, 112_950 - 17_835.5]])


def test_bracket_tax_is_the_integral_of_the_marginal_rate():
    rng = np.random.default_rng(0)
    for _ in range(20):
        edges = np.concatenate([[0.0], np.sort(rng.uniform(0, 1000, 4))])
        rates = rng.random((1, 5))
        dollars = np.arange(2000)
        marginal = rates[0][np.searchsorted(edges, dollars + 0.5, side="right") - 1]
        integral = np.concatenate([[0.0], np.cumsum(marginal)])
        found = bracket_tax(np.arange(2001.0)[None], edges, rates)[0]
        assert np.abs(found - integral).max() <= 4  # a dollar around each edge
        knots = np.append(edges, 2000.0)
        exact = np.interp(np.arange(2001.0), knots, np.append(0, np.cumsum(rates[0] * np.diff(knots))))
        np.testing.assert_allclose(found, exact, rtol=1e-9)


def test_each_economy_has_its_own_rates():
    amounts, rates = np.full((2, 3), 100.0), np.array([[0.1, 0.2], [0.5, 0.0]])
    np.testing.assert_allclose(bracket_tax(amounts, np.array([0.0, 50.0]), rates), [[15.0] * 3, [25.0] * 3])


def pareto(index, people=400_000):
    return ((1 - (np.arange(people) + 0.5) / people) ** (-1 / index))[None]


@pytest.mark.parametrize("index", [2.0, 3.0])
@pytest.mark.parametrize("elasticity", [0.1, 0.25, 1.0])
def test_saez_rates_of_pareto_incomes(index, elasticity):
    """Of incomes of that index from 1: above an edge a is the index."""
    edges = np.array([0.0, 1.5, 2.0, 4.0])
    found = saez_rates(pareto(index), edges, elasticity)[0]
    for edge, rate in zip(edges[1:], found[1:], strict=True):
        # E[1 - z / y | y > z] = 1 / (index + 1); E[y - z | y > z] = z / (index - 1); E[1 / y] = index / (index + 1).
        weight = (index - 1) / (index * edge)
        assert rate == pytest.approx((1 - weight) / (1 - weight + index * elasticity), abs=0.01)
    weight = (index + 1) / index * (index - 1) / index  # a flat tax on all: weight 1 / y over E[y], and a = 1
    assert found[0] == pytest.approx((1 - weight) / (1 - weight + elasticity), abs=0.01)


def test_saez_rates_in_loops():
    rng = np.random.default_rng(3)
    incomes, edges = np.exp(rng.normal(10, 1.5, (3, 50))), np.array([0, 20_000.0, 90_000.0])
    found = saez_rates(incomes, edges)
    for play in range(3):
        people = incomes[play]
        mean_weight = sum(1 / y for y in people) / 50
        for k, z in enumerate(edges):
            rich = [y for y in people if y > z]
            mean = sum(rich) / len(rich)
            g = sum((1 / y / mean_weight) * (y - z) for y in rich) / sum(y - z for y in rich)
            assert found[play, k] == pytest.approx((1 - g) / (1 - g + mean / (mean - z) * 0.25), rel=1e-9)


def test_saez_rates_are_shares_and_nobody_rich_changes_nothing():
    rng = np.random.default_rng(0)
    rates = saez_rates(np.exp(rng.normal(10, 2, (100, 20))), np.array(CODES["saez"].edges))
    assert ((rates >= 0) & (rates < 1)).all()
    equal = saez_rates(np.full((1, 5), 50_000.0), np.array(CODES["saez"].edges))
    assert equal[0, 0] == pytest.approx(0, abs=1e-12)  # nothing to redistribute
    assert (equal[0, 2:] == equal[0, 1]).all()
    assert (saez_rates(np.zeros((1, 5)), np.array([0.0, 1.0])) == 0).all()


def years(taxes, count, **parameters):
    game = make_population("taxation", households=20, taxes=taxes, **parameters)
    rng = np.random.default_rng(0)
    state = game.start(rng.random((2, 20, game.start_draws)))
    lived = [state]
    for _ in range(count):
        members = np.tile([0.9, 0.4], (2, 20, 1))
        state, *_ = game.step(state, np.full((2, 1), 0.1), members, rng.random((2, 20, game.draws)))
        lived.append(state)
    return game, lived


def test_a_free_market_has_no_taxes_and_no_spending():
    game, (_, *lived) = years("none", 5)
    assert game.leader_actions.shape == (1,)
    for state in lived:
        assert not state.taxes.any()
        assert not state.spending.any()
        np.testing.assert_array_equal(state.kept, state.income)
        np.testing.assert_allclose(state.consumption, 0.1 * state.income.sum(axis=1), rtol=1e-12)


def test_the_federal_code_taxes_income_and_consumption():
    _, (before, after) = years("federal", 1)
    due = bracket_tax(np.maximum(after.income - 12_950, 0), EDGES, RATES)
    np.testing.assert_allclose(after.kept, after.income - due, rtol=1e-12)
    np.testing.assert_allclose(after.income_tax, due.sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(after.wealth_tax, 0, atol=1e-6)
    np.testing.assert_allclose(after.taxes, due.sum(axis=1) + 0.065 * after.consumption, rtol=1e-9)
    np.testing.assert_allclose(after.spending, 0.1 * after.output, rtol=1e-12)
    saved = before.wealth + 0.9 * after.kept
    np.testing.assert_allclose(after.wealth, saved, rtol=1e-9)


def test_saez_rates_are_found_anew_every_hundred_years():
    _, lived = years("saez", 201)
    edges = np.array(CODES["saez"].edges)
    np.testing.assert_array_equal(lived[0].rates, saez_rates(lived[0].income, edges))
    for year, (before, after) in enumerate(pairwise(lived), start=1):
        due = bracket_tax(after.income, edges, before.rates)
        np.testing.assert_allclose(after.kept, after.income - due, rtol=1e-12)
        wanted = saez_rates(after.income, edges) if year % 100 == 0 else before.rates
        np.testing.assert_array_equal(after.rates, wanted)
    assert (lived[100].rates != lived[99].rates).any()
