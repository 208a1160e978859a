"""Gini and tax against independent implementations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad

from rllib_stackelberg.economics.inequality import gini, top_and_bottom
from rllib_stackelberg.economics.taxes import kept

AMOUNTS = arrays(float, st.integers(1, 30), elements=st.just(0.0) | st.floats(0.01, 1e9))


@given(AMOUNTS)
def test_gini_is_half_the_mean_absolute_difference_over_the_mean(amounts):
    if not amounts.any():
        assert gini(amounts) == 0
        return
    difference = np.abs(amounts[:, None] - amounts[None, :]).mean()
    found = gini(amounts)
    assert found == pytest.approx(difference / (2 * amounts.mean()), rel=1e-9, abs=1e-12)
    assert -1e-12 <= found <= 1 - 1 / len(amounts) + 1e-12


@given(st.floats(1e-3, 1e9), st.floats(0, 0.99), st.floats(0, 0.5))
def test_tax_is_the_integral_of_the_marginal_rate(amount, rate, slope):
    free, _ = quad(lambda x: 1 - rate, 0, amount, weight="alg", wvar=(-slope, 0), epsabs=0)  # of (1 - rate) x^-slope
    found = amount - float(kept(np.array(amount), rate, slope))
    assert found == pytest.approx(amount - free, rel=1e-9, abs=1e-9 * amount)


def test_groups_are_of_people_ranked_once():
    wealth = np.arange(20.0)[None]
    other = wealth[:, ::-1] * 10
    assert top_and_bottom(wealth, [wealth, other]).tolist() == [[18.5, 5.0, 4.5, 145.0]]
    alone = np.array([[3.0]])
    assert top_and_bottom(alone, [alone]).tolist() == [[3.0, 3.0]]
