"""The exponential that loops take side by side: exact against mpmath, whole numbers of bits, the same in a loop."""

import mpmath
import numpy as np
import pytest

from rllib_stackelberg.compilation import kept
from rllib_stackelberg.followers import Hedge, MultiplicativeWeights, OptimisticHedge
from rllib_stackelberg.followers.exponential import LOWEST, exponential
from rllib_stackelberg.testing.seats import seats


@kept(error_model="numpy")
def each(numbers, found):
    for i in range(len(numbers)):
        found[i] = exponential(numbers[i])


def exponentials(numbers):
    found = np.empty(len(numbers))
    each(numbers, found)
    return found


def errors(numbers):
    """Distance from the exact value, in units in the last place."""
    with mpmath.workprec(120):
        exact = [mpmath.exp(mpmath.mpf(float(x))) for x in numbers]
        return np.array(
            [
                float(abs(mpmath.mpf(float(found)) - true) / mpmath.mpf(float(np.spacing(float(true)))))
                for found, true in zip(exponentials(numbers), exact, strict=True)
            ]
        )


@pytest.mark.parametrize(("low", "high"), [(-1e-6, 0), (-1, 0), (-40, 0), (LOWEST, 0), (0, 709)])
def test_exact_within_two_units_in_the_last_place(low, high):
    drawn = np.random.default_rng(0).uniform(low, high, 1_500)
    edges = np.clip(np.arange(-1021, 1022) * (np.log(2) / 2) + 1e-13, low, high)[::7]  # where n changes
    assert errors(np.concatenate([drawn, edges])).max() < 2


def test_ends():
    below = np.nextafter(LOWEST, -np.inf)
    given = np.array([0.0, -0.0, 1e-300, LOWEST, below, -1e300, -np.inf, np.nan])
    assert exponentials(given)[:3].tolist() == [1, 1, 1]
    assert exponentials(given)[3] == pytest.approx(np.exp(LOWEST), rel=1e-15)
    assert exponentials(given)[4:7].tolist() == [0, 0, 0]
    assert np.isnan(exponentials(given)[7])


def test_many_side_by_side_give_the_bits_of_each_alone():
    numbers = np.random.default_rng(1).exponential(30, 1_003) * -1
    alone = [exponentials(numbers[[i]])[0] for i in range(len(numbers))]
    np.testing.assert_array_equal(exponentials(numbers), alone)
    np.testing.assert_array_equal(exponentials(numbers), [exponential.py_func(x) for x in numbers])


@pytest.mark.parametrize("learner", [MultiplicativeWeights(), OptimisticHedge(), Hedge()], ids=lambda one: one.text())
def test_a_million_updates_neither_overflow_nor_forget(learner):
    """One action is better for a million updates, then the other for as many: what was learned of both is the same."""
    million, row = np.zeros(1_000), seats(learner, 1, 2)
    row.endure(np.tile([1.0, 0.0], (1_000, 1)), million, 1_000)
    assert row.policy().tolist() == [[1, 0]]
    row.endure(np.tile([0.0, 1.0], (1_000, 1)), million, 1_000)
    both = np.exp(learner.kernel_parameters()[0]) if isinstance(learner, OptimisticHedge) else 1.0
    np.testing.assert_allclose(row.policy(), [[1 / (1 + both), both / (1 + both)]], rtol=1e-9)
