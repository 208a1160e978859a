"""Comparisons of payoffs in the unit of the payoffs compared."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from rllib_stackelberg.comparisons import exceeds, tied, typical_spread

UNITS = 10.0 ** np.arange(-300, 301, 60)


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_changes_no_comparison(unit):
    payoffs = np.array([[1.0, 2.0, 2.0, -3.0], [0.1 + 0.2, 0.3, 0.0, 0.3 - 1e-9]]) * unit
    assert tied(payoffs).tolist() == [[False, True, True, False], [True, True, False, False]]
    assert typical_spread(payoffs) == pytest.approx(typical_spread(payoffs / unit) * unit)


@pytest.mark.parametrize("penalty", UNITS[UNITS >= 1])
def test_a_penalty_ties_nothing(penalty):
    assert tied([[1.0, 0.0, -penalty], [0.0, 1e-6, -penalty]]).tolist() == [[True, False, False], [False, True, False]]
    assert typical_spread([0.0, 1.0, 2.0, 3.0, -penalty]) <= 3


def test_a_penalty_of_probability_zero_has_no_size():
    probabilities, payoffs = np.array([0.5, 0.5, 0.0]), np.array([[1.0, 0.0, -1e300], [0.5, 0.5 - 1e-9, -1e300]])
    expected, sizes = payoffs @ probabilities, np.abs(payoffs) @ probabilities
    assert tied(expected, sizes).tolist() == [True, False]


def test_sums_of_floats_are_tied_where_their_exact_values_are():
    generator = np.random.default_rng(3)
    for unit in 10.0 ** generator.uniform(-12, 12, size=50):
        terms = generator.integers(-9, 10, size=40) * 0.1 * unit
        shuffled = generator.permutation(terms)
        assert not exceeds(terms.sum(), shuffled.sum(), sizes=np.abs(terms).sum())
        assert sum(map(Fraction, terms)) == sum(map(Fraction, shuffled))
        more = terms.sum() + 1e-6 * unit
        assert exceeds(more, shuffled.sum(), sizes=np.abs(terms).sum())


def test_what_rules_round_is_within_a_share_of_what_payoffs_differ_by():
    utilities = np.array([0.3 - (0.1 + 0.2), 0.0])  # -5e-17
    assert tied(utilities).tolist() == [False, True]
    assert tied(utilities, slack=1e-12 * typical_spread([0.0, 0.3, 0.6, *utilities])).all()


def test_the_largest_floats_are_compared():
    assert exceeds(1.7e308, -1.7e308)
    assert typical_spread([1.7e308, -1.7e308, 1.7e308]) > 0
