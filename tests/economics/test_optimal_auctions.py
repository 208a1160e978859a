"""Myerson's optimal auction by ironing and by linear programme; what correlation adds; published values."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg.economics.direct_mechanisms import Setting, best_mechanism, sale
from rllib_stackelberg.economics.optimal_auctions import best_revenue, expected_largest, ironed_virtual_values
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError

FORMS = list(product(["bayesian", "dominant"], ["interim", "ex post"]))


def joint_of(marginals):
    """Joint probabilities of independent types."""
    joint = np.ones(())
    for marginal in marginals:
        joint = np.multiply.outer(joint, marginal)
    return joint


def drawn(seed, buyers, types):
    """Values and probabilities, many of them irregular."""
    rng = np.random.default_rng(seed)
    values = [np.sort(rng.choice(100, types, replace=False)) / 100 for _ in range(buyers)]
    return values, [rng.dirichlet(np.full(types, 0.7)) for _ in range(buyers)]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(1, 5, 1), (2, 4, 1), (2, 3, 2), (3, 3, 1), (3, 3, 2)]))
def test_ironing_and_the_programme_agree_in_every_form(seed, size):
    buyers, types, items = size
    values, marginals = drawn(seed, buyers, types)
    setting, expected = sale(values, joint_of(marginals), items), best_revenue(values, marginals, items)
    for incentives, participation in FORMS:
        found = best_mechanism(setting, "revenue", incentives, participation)
        assert found.value == pytest.approx(expected, abs=1e-9)
    efficient = best_mechanism(setting, "welfare", "dominant", "ex post", subsidies=False)
    assert efficient.value == pytest.approx(expected_largest(values, marginals, items), abs=1e-9)


@pytest.mark.parametrize(("bidders", "revenue"), [(1, 1 / 4), (2, 5 / 12), (3, 17 / 32)])
def test_uniform_bidders_pay_what_is_published(bidders, revenue):
    values = (np.arange(4000) + 0.5) / 4000
    found = best_revenue([values] * bidders, [np.full(4000, 1 / 4000)] * bidders)
    assert found == pytest.approx(revenue, abs=3e-4)


def test_a_price_by_hand():
    """Two values: the virtual value of the lower one is 1 - (3 - 1) * .5 / .5 = -1: it is never sold to."""
    values, half = np.array([1.0, 3.0]), np.array([0.5, 0.5])
    np.testing.assert_allclose(ironed_virtual_values(values, half), [-1, 3])
    assert best_revenue([values] * 2, [half] * 2) == pytest.approx(3 * 3 / 4)


def test_ironing_falls_to_the_revenue_of_the_best_price():
    for seed in range(20):
        (values,), (marginal,) = drawn(seed, 1, 6)
        assert (np.diff(ironed_virtual_values(values, marginal)) >= -1e-12).all()
        prices = [price * marginal[values >= price].sum() for price in values]
        assert best_revenue([values], [marginal]) == pytest.approx(max(prices), abs=1e-12)


def test_values_that_nobody_has_change_nothing():
    values, marginal = np.array([0.1, 0.2, 0.5, 0.8, 0.9]), np.array([0.0, 0.3, 0.0, 0.7, 0.0])
    kept = marginal > 0
    assert best_revenue([values], [marginal]) == pytest.approx(best_revenue([values[kept]], [marginal[kept]]))
    assert best_mechanism(sale([values], marginal)).value == pytest.approx(0.56, abs=1e-9)


def test_what_is_rare_counts_for_what_it_is():
    """Joint probabilities below what a solver takes for 0."""
    values = [np.array([0.2, 0.6, 1.0])] * 3
    marginals = [np.array([1 - 2e-5, 1e-5, 1e-5])] * 3
    expected = best_revenue(values, marginals)
    for incentives, participation in FORMS:
        found = best_mechanism(sale(values, joint_of(marginals)), "revenue", incentives, participation)
        assert found.value == pytest.approx(expected, abs=1e-9)


def test_correlation_is_worth_all_of_the_surplus_where_losses_are_allowed():
    """Cremer and McLean 1988: beliefs of different types are independent, and then nothing is left to buyers."""
    values, prior = [np.array([0.25, 0.5, 1.0])] * 2, np.array([[4.0, 2, 1], [2, 4, 2], [1, 2, 4]]) / 22
    assert np.linalg.matrix_rank(prior) == 3
    setting = sale(values, prior)
    surplus = float((prior * np.maximum(values[0][:, None], values[1])).sum())
    loose, strict = (best_mechanism(setting, "revenue", "bayesian", part) for part in ("interim", "ex post"))
    assert loose.value == pytest.approx(surplus, abs=1e-9)
    assert strict.value < surplus - 0.01
    assert best_mechanism(setting, "revenue", "dominant", "ex post").value <= strict.value + 1e-9
    marginals = [prior.sum(axis=1), prior.sum(axis=0)]
    assert loose.value > best_revenue(values, marginals) + 0.01


@pytest.mark.parametrize(("incentives", "participation"), FORMS)
def test_the_mechanism_does_what_was_asked_for(incentives, participation):
    rng = np.random.default_rng(5)
    prior = rng.dirichlet(np.ones(9)).reshape(3, 3)
    values = [np.sort(rng.random(3)), np.sort(rng.random(3))]
    setting = sale(values, prior)
    found = best_mechanism(setting, "revenue", incentives, participation)
    assert np.allclose(found.lotteries.sum(axis=-1), 1)
    assert found.value == pytest.approx(float((prior * found.payments).sum()), abs=1e-9)
    for agent in (0, 1):
        chances, lotteries, paid = (
            np.moveaxis(each, agent, 0) for each in (prior, found.lotteries, found.payments[agent])
        )
        for own in range(3):
            utility = lotteries @ setting.values[agent][own] - paid
            gains = np.array([utility[own] - utility[lie] for lie in range(3)])
            expected = (gains @ chances[own]) if incentives == "bayesian" else gains
            assert expected.min() >= -1e-8
            kept = utility[own] @ chances[own] if participation == "interim" else utility[own]
            assert np.min(kept) >= -1e-8


def test_two_items_of_one_additive_buyer():
    """Values 1 or 2 each, equally likely: separate prices give 2, the bundle 9/4, which is the best there is."""
    bundles = np.array(list(product([0, 1], repeat=2)), dtype=float)
    values = np.array(list(product([1.0, 2.0], repeat=2))) @ bundles.T
    assert best_mechanism(Setting(np.full(4, 0.25), [values])).value == pytest.approx(9 / 4, abs=1e-9)


def test_what_does_not_fit_is_refused_by_name():
    values = [np.linspace(0, 1, 9)] * 5
    with pytest.raises(BeyondLimitsError, match=r"setting: .*variables"):
        sale(values, np.full((9,) * 5, 9.0**-5), items=2)
    with pytest.raises(InvalidFieldError, match="values"):
        Setting(np.full((2, 2), 0.25), [np.zeros((2, 3)), np.zeros((3, 3))])
    with pytest.raises(InvalidFieldError, match="no such mechanism"):
        best_mechanism(Setting(np.ones(1), [-np.ones((1, 1))]), participation="ex post", subsidies=False)
