"""The newsvendor pricing game: a retailer's answers to a wholesale price, and the best price to post.

Demand at a price p is theta0 - theta1 p + sigma x, with x standard normal (it may be negative). A retailer that pays
a per unit orders the critical fractile, theta0 - theta1 p + sigma z with z = Phi^-1((p - a) / p), and expects
(p - a)(theta0 - theta1 p) - sigma p phi(z); it stays out where that is not positive. Two rules set p:
- "exact" maximises this value. Its derivative in p is concave, and negative at the riskless price: Newton's method from
  there comes down monotonically to the maximum, or past where one could be (and the retailer stays out);
- "riskless" maximises (p - a)(theta0 - theta1 p), as if there were no noise.
Everything is elementwise array code. Source: Liu & Rong 2024, arXiv 2404.00203; Petruzzi & Dada 1999.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.rules.solution import StackelbergSolution

if TYPE_CHECKING:
    from scipy import optimize, special
else:
    optimize, special = LazyModule("scipy.optimize"), LazyModule("scipy.special")

Rule = Literal["exact", "riskless"]
Quantity = Numbers | float

NEWTON_STEPS = 12
"""From the riskless price; six are enough where staying in is worth anything."""

GRID = 257
"""Wholesale prices among which the best one is bracketed."""

BISECTIONS = 60


@dataclass(frozen=True)
class Market:
    """What the two players are in.

    Attributes:
        theta0: demand at price 0; theta1: what demand loses per unit of price; both positive numbers, or arrays of
            hypotheses side by side.
        sigma: standard deviation of demand.
        price_cap: highest retail and wholesale price.
        order_cap: largest order.
        retailer: how the retailer prices.
    """

    theta0: Any
    theta1: Any
    sigma: float
    price_cap: float
    order_cap: float
    retailer: Rule = "exact"


class Answer(NamedTuple):
    """A retailer's order and retail price; order 0 is staying out."""

    order: Numbers
    price: Numbers


def density(z: Quantity) -> Numbers:
    """Of the standard normal distribution."""
    return np.exp(-0.5 * np.square(z)) / np.sqrt(2 * np.pi)


def fractile(wholesale: Quantity, price: Quantity) -> Numbers:
    """z of the critical fractile; minus infinity where the price does not exceed the wholesale price."""
    share = np.divide(wholesale, price, out=np.ones(np.broadcast(wholesale, price).shape), where=np.greater(price, 0))
    return -special.ndtri(np.clip(share, 1e-300, 1.0))


def retailer_value(market: Market, wholesale: Quantity, answer: Answer) -> Numbers:
    """What the retailer expects from any answer: p E[min(d, b)] - a b, nothing from an order of 0."""
    mean = market.theta0 - market.theta1 * answer.price
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (answer.order - mean) / market.sigma
        left = np.where(market.sigma > 0, market.sigma * (z * special.ndtr(z) + density(z)), answer.order - mean)
    sold = answer.order - np.maximum(left, 0.0)
    return np.where(answer.order > 0, answer.price * sold - wholesale * answer.order, 0.0)


def optimal_value(mean: Quantity, sigma: float, wholesale: Quantity, price: Quantity) -> Numbers:
    """What the retailer expects of a price with that mean demand when it orders the critical fractile."""
    return (price - wholesale) * mean - sigma * price * density(fractile(wholesale, price))


def riskless_price(market: Market, wholesale: Quantity) -> Numbers:
    """Best retail price if demand were its mean."""
    return (market.theta0 + market.theta1 * wholesale) / (2 * market.theta1)


def exact_price(market: Market, wholesale: Quantity) -> Numbers:
    """Best retail price without a cap; meaningless where staying out is better."""
    price = riskless_price(market, wholesale)
    least = np.maximum(wholesale, 1e-12 * price)
    for _ in range(NEWTON_STEPS):
        slope, curvature = _slopes(market, wholesale, price)
        step = np.divide(slope, curvature, out=np.zeros_like(price), where=curvature < 0)
        price = np.clip(price - step, least, price)
    return price


def _slopes(market: Market, wholesale: Quantity, price: Numbers) -> tuple[Numbers, Numbers]:
    """First and second derivative of the retailer's value in its price."""
    z, share = fractile(wholesale, price), wholesale / price
    height = np.maximum(density(z), 1e-300)
    slope = market.theta0 + market.theta1 * wholesale - 2 * market.theta1 * price
    slope = slope - market.sigma * (height - np.where(share > 0, z, 0.0) * share)
    return slope, -2 * market.theta1 + market.sigma * share * (share / height) / price


def answer(market: Market, wholesale: Quantity) -> Answer:
    """What the retailer does, by its rule."""
    wholesale = np.asarray(wholesale, dtype=float)
    rule = exact_price if market.retailer == "exact" else riskless_price
    price = np.minimum(rule(market, wholesale), market.price_cap)
    return order_at(market, wholesale, price, market.theta0 - market.theta1 * price)


def order_at(market: Market, wholesale: Quantity, price: Quantity, mean: Quantity) -> Answer:
    """The critical fractile at a price with that mean demand; staying out (at the cap) where it is worth nothing."""
    safe = np.where(price > wholesale, price, market.price_cap)
    order = mean + market.sigma * np.where(market.sigma > 0, fractile(np.minimum(wholesale, safe), safe), 0.0)
    stays = (price > wholesale) & (order > 0) & (optimal_value(mean, market.sigma, wholesale, safe) > 0)
    return Answer(np.where(stays, np.minimum(order, market.order_cap), 0.0), np.where(stays, price, market.price_cap))


def supplier_value(market: Market, wholesale: Quantity) -> Numbers:
    """What the supplier gets from a wholesale price."""
    return wholesale * answer(market, wholesale).order


def newsvendor_solve(market: Market) -> StackelbergSolution:
    """The equilibrium: the wholesale price at which the supplier's marginal revenue is zero.

    Bracketed on a grid, then a root of the derivative (the retailer's own price by implicit differentiation). Where the
    retailer would rather stay out before that, the supplier takes it to that edge, and indifference favours it.

    >>> solution = newsvendor_solve(Market(10.0, 1.0, 0.0, price_cap=9.0, order_cap=10.0))
    >>> [round(x, 9) for x in (*solution.leader_strategy[0][1], solution.leader_value, *solution.follower_values)]
    [5.0, 12.5, 6.25]
    """
    edge = _edge(market)
    grid = np.linspace(0, edge, GRID)
    best = int(np.argmax(supplier_value(market, grid)))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    inside = marginal_revenue(market, low) > 0 > marginal_revenue(market, high)
    exact = 1e-14 * market.price_cap
    wholesale = (
        float(optimize.brentq(lambda a: float(marginal_revenue(market, a)), low, high, xtol=exact)) if inside else edge
    )
    chosen = answer(market, wholesale)
    return StackelbergSolution(
        leader_value=float(wholesale * chosen.order),
        follower_values=(float(retailer_value(market, wholesale, chosen)),),
        leader_strategy=((0, (wholesale,)),),
        method="root of the marginal revenue",
        tie_break="leader",
        details={"order": float(chosen.order), "price": float(chosen.price)},
    )


def marginal_revenue(market: Market, wholesale: Quantity) -> Numbers:
    """Derivative of the supplier's revenue in its price, where the retailer stays in."""
    wholesale = np.asarray(wholesale, dtype=float)
    order, price = answer(market, wholesale)
    share, height = wholesale / price, np.maximum(density(fractile(wholesale, price)), 1e-300)
    pressure = market.sigma / (price * height)
    if market.retailer == "exact":
        pass_through = (market.theta1 - pressure * share) / (2 * market.theta1 - pressure * share**2)
    else:
        pass_through = np.full_like(price, 0.5)
    pass_through = np.where(price < market.price_cap, pass_through, 0.0)
    slope = -market.theta1 * pass_through - pressure * (1 - share * pass_through)
    return order + wholesale * np.where(order < market.order_cap, slope, 0.0)


def _edge(market: Market) -> float:
    """The highest wholesale price at which the retailer stays in."""
    low, high = 0.0, market.price_cap
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if answer(market, middle).order > 0 else (low, middle)
    return low
