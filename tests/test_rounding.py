"""Numbers as a person reads them: no finer than their error."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rllib_stackelberg.rounding import estimate, number

CASES = [
    (-6.74023, 0.0912, "-6.74 ± 0.09"),
    (1.23456, 0.0123, "1.235 ± 0.012"),  # a first digit of 1 has a second one beside it
    (0.6995, 0.0996, "0.70 ± 0.10"),  # an error that is rounded up to the next power of ten
    (5403.2, 392.1, "5400 ± 400"),
    (0.004, 0.09, "0.00 ± 0.09"),  # nothing but noise
    (-0.004, 0.09, "0.00 ± 0.09"),  # and no negative nought
    (3.91e11, 2.4e9, "3.91e+11 ± 2e+09"),
    (1.234e-9, 3e-11, "1.23e-09 ± 3e-11"),
    (0.657893163373, 3e-12, "0.657893"),  # an error below all digits that are shown
    (0.72227, 2e-6, "0.722270 ± 0.000002"),
    (0.5, 0.0, "0.5"),
    (0.5, None, "0.5"),
    (0.5, math.nan, "0.5"),
    (1e6 / 3, 1e-9, "333333"),  # what sums of floating-point numbers are off by is no error
    (None, 0.1, "-"),
    (math.nan, 0.1, "-"),
]


@pytest.mark.parametrize(("value", "error", "shown"), CASES)
def test_an_estimate_is_no_finer_than_its_error(value, error, shown):
    assert str(estimate(value, error)) == shown


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e9))
def test_rounding_loses_less_than_a_third_of_the_error(value, error):
    found = estimate(value, error)
    assert abs(float(found.value) - value) <= 0.26 * error + 5e-6 * abs(value) * (not found.margin)
    if found.margin:
        assert float(found.margin.removeprefix("± ")) == pytest.approx(error, rel=0.34)


def test_nothing_is_a_dash():
    assert [number(value) for value in (None, math.nan, 0.1 + 0.2, -math.inf)] == ["-", "-", "0.3", "-inf"]
