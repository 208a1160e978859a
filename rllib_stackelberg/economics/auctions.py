"""Auctions of one item by sealed bids: what a family of rules pays, and what its classic members are worth in theory.

Bidders 1..n know their own values, and bid or stay out. A bid of at least the *reserve* is accepted; the highest
accepted one wins, equal ones with the same probability (payoffs here are expectations over that). With terms

- reserve r: the lowest bid that is accepted;
- second price w: the winner pays (1 - w) b + w max(r, second highest bid); 0 is the first price, 1 the second price;
- fee f: every accepted bid costs it, won or not;
- all-pay a: a loser pays a times its bid (w = 0, a = 1 is the all-pay auction, w = a = 1 the war of attrition).

In the second-price auction (w = 1, f = a = 0) it is best to bid one's value, whatever others do (Vickrey 1961), so its
worth is a sum over values. If bidders are alike, their values independent and bids not confined to a grid, the first
price and all the others in which the highest value wins and the lowest type expects nothing are worth the same (revenue
equivalence: Myerson 1981, Riley & Samuelson 1981; of finite types, where incentives downwards bind).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.economics.optimal_auctions import expected_largest, numbers_above
from rllib_stackelberg.rules.priors import Prior

TERMS = ("reserve", "second_price", "fee", "all_pay")
"""Of the family, in this order."""

OUT = -np.inf
"""The bid of who stays out."""

Values = Sequence[NDArray[np.float64]]
Amount = TypeVar("Amount", float, NDArray[np.float64])


def settle(bids: NDArray[np.float64], terms: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the item and payments of all bidders, `[B, bidders]` each; equal bids share both evenly.

    Args:
        bids: `[B, bidders]`, `OUT` of who stays out; terms: `[B, 4]`, as in `TERMS`.

    >>> shares, payments = settle(np.array([[0.9, 0.6, 0.1]]), np.array([[0.5, 1.0, 0.0, 0.0]]))
    >>> shares.tolist(), payments.tolist()  # second price: the winner pays .6
    ([[1.0, 0.0, 0.0]], [[0.6, 0.0, 0.0]])
    """
    reserve, second, fee, all_pay = (column[:, None] for column in terms.T)
    accepted = (bids >= reserve) & (bids > OUT)
    own = np.where(accepted, bids, 0.0)
    ranked = np.sort(np.where(accepted, bids, OUT), axis=1)
    winning = accepted & (bids == ranked[:, -1:])
    shares = winning / np.maximum(winning.sum(axis=1, keepdims=True), 1)
    runner_up = np.maximum(ranked[:, -2:-1], reserve) if bids.shape[1] > 1 else reserve
    price = (1 - second) * own + second * runner_up
    paid = np.where(winning, shares * price, 0.0) + all_pay * own * (1 - shares) + fee * accepted
    return shares, paid


def second_price(values: Values, marginals: Values, reserve: float = 0.0) -> tuple[float, float]:
    """Expected revenue and welfare of the second-price auction in which independent bidders bid their values.

    Args:
        values, marginals: per bidder, and their probabilities; reserve: who has that value, bids.

    >>> fine = (np.arange(1000) + 0.5) / 1000
    >>> tuple(round(each, 4) for each in second_price([fine] * 3, [np.full(1000, 0.001)] * 3, 0.5))
    (0.5313, 0.7031)
    """
    kept = [np.where(own >= reserve, own, 0.0) for own in values]
    levels = np.unique(np.concatenate([np.array([reserve]), *(own[own > reserve] for own in values)]))
    none = float(np.prod([marginal[own < reserve].sum() for own, marginal in zip(values, marginals, strict=True)]))
    revenue = reserve * (1 - none)
    for low, high in pairwise(levels):
        above = numbers_above(values, marginals, low)
        revenue += float(high - low) * float(above[2:].sum())
    return revenue, expected_largest(kept, marginals, 1)


def second_price_of(values: Values, prior: Prior, reserve: float = 0.0) -> tuple[float, float]:
    """As `second_price`, of values that may be correlated: a sum over all joint values."""
    if all(block.ndim == 1 for block in prior.blocks):
        return second_price(values, prior.blocks, reserve)
    types, probabilities = prior.support()
    bids = np.stack([own[types[:, bidder]] for bidder, own in enumerate(values)], axis=1)
    terms = np.broadcast_to([reserve, 1.0, 0.0, 0.0], (len(bids), 4))
    shares, payments = settle(bids, terms)
    return float(probabilities @ payments.sum(axis=1)), float(probabilities @ (shares * bids).sum(axis=1))


def best_reserve(values: Values, prior: Prior, welfare: float = 0.0) -> tuple[float, float]:
    """The best reserve of the second-price auction among the bidders' values, and what it is worth.

    Args:
        values, prior: of the bidders; welfare: weight of welfare, the rest is revenue's.

    >>> halves = [np.array([1.0, 3.0])] * 2
    >>> best_reserve(halves, Prior.uniform(2, 2))  # 3 three times out of four
    (3.0, 2.25)
    """
    tried = np.unique(np.concatenate([np.zeros(1), *values]))
    worth = [mixture(*second_price_of(values, prior, float(reserve)), welfare) for reserve in tried]
    best = int(np.argmax(worth))
    return float(tried[best]), worth[best]


def mixture(revenue: Amount, welfare: Amount, weight: float) -> Amount:
    """What an auctioneer is paid who counts welfare with that weight, and revenue with the rest."""
    return (1 - weight) * revenue + weight * welfare
