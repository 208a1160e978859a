"""The logit market: published numbers, theorems, and best prices found by search."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from rllib_stackelberg.economics.logit_market import LogitMarket
from rllib_stackelberg.errors import InvalidFieldError

CALVANO = LogitMarket((2.0, 2.0), (1.0, 1.0), mu=0.25)
UNLIKE = LogitMarket((2.0, 1.6, 2.3), (1.0, 0.5, 1.4), mu=0.3, outside=0.2)


def test_landmarks_are_the_published_ones():
    nash, monopoly = CALVANO.nash_prices(), CALVANO.monopoly_prices()
    np.testing.assert_allclose(nash, 1.47293, atol=5e-6)
    np.testing.assert_allclose(monopoly, 1.92498, atol=5e-6)
    np.testing.assert_allclose(CALVANO.profits(nash), 0.22293, atol=5e-6)
    np.testing.assert_allclose(CALVANO.profits(monopoly), 0.33749, atol=5e-6)
    assert CALVANO.profit_gain(CALVANO.profits(nash)) == pytest.approx(0, abs=1e-12)
    assert CALVANO.profit_gain(CALVANO.profits(monopoly)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("market", [CALVANO, UNLIKE], ids=["published", "unlike firms"])
def test_nobody_gains_by_another_price_alone_nor_all_of_them_together(market):
    nash = market.nash_prices()
    for i in range(market.firms):
        own = minimize_scalar(
            lambda price, i=i: -market.profits(np.where(np.arange(market.firms) == i, price, nash))[i],
            bounds=(market.costs[i], market.costs[i] + 3),
            method="bounded",
            options={"xatol": 1e-10},
        )
        assert own.x == pytest.approx(nash[i], abs=1e-6)
    together = market.monopoly_prices()
    best = market.profits(together).sum()
    nearby = together + np.random.default_rng(0).normal(scale=0.05, size=(2000, market.firms))
    assert market.profits(nearby).sum(axis=-1).max() <= best
    assert (nash < together).all()
    assert market.profits(nash).sum() < best


def test_consumers_lose_what_is_sold_when_a_price_rises():
    """Roy's identity: the derivative of the surplus in a price is minus the share."""
    prices, step = np.array([1.5, 1.2, 1.9]), 1e-6
    for i in range(3):
        ahead, behind = (UNLIKE.surplus(prices + way * step * np.eye(3)[i]) for way in (1, -1))
        assert (ahead - behind) / (2 * step) == pytest.approx(-UNLIKE.shares(prices)[i], abs=1e-8)


def test_hidden_goods_are_as_good_as_not_there():
    shown = np.array([True, False, True])
    rest = LogitMarket((2.0, 2.3), (1.0, 1.4), mu=0.3, outside=0.2)
    prices = np.array([1.5, 0.9, 1.8])
    np.testing.assert_allclose(UNLIKE.profits(prices, shown)[shown], rest.profits(prices[shown]), rtol=1e-14)
    assert UNLIKE.profits(prices, shown)[1] == 0
    assert UNLIKE.surplus(prices, shown) == pytest.approx(rest.surplus(prices[shown]), rel=1e-14)


def test_the_price_grid_reaches_beyond_both_landmarks():
    grid = CALVANO.price_grid(15)
    distance = 1.92498 - 1.47293
    np.testing.assert_allclose(grid[:, [0, -1]], [[1.47293 - distance / 10, 1.92498 + distance / 10]] * 2, atol=1e-5)
    np.testing.assert_allclose(np.diff(grid), 1.2 * distance / 14, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (((2.0,), (1.0, 1.0), 0.25), "costs"),
        (((), (), 0.25), "costs"),
        (((2.0,), (-1.0,), 0.25), "costs"),
        (((2.0,), (1.0,), 0.0), "mu"),
        (((2.0,), (1.0,), 1e-4), "mu"),
        (((float("nan"),), (1.0,), 0.25), "qualities"),
    ],
)
def test_nonsense_is_refused_by_name(given, field):
    with pytest.raises(InvalidFieldError, match=field):
        LogitMarket(*given)
