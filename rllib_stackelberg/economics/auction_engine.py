"""What bids are worth on average in an auction of the family of `auctions.py`, compiled.

With independent values it takes the distribution of each bidder's bids. Let H(c) be the probability that nobody else
bids more than c. A bid b wins with probability

    X = E[1 / (1 + others who bid b); nobody bids more] = integral over t in [0, 1] of prod_j (P_j(< b) + t P_j(b)),

since the integral of t^k is 1 / (1 + k). That is a polynomial of a degree below the number of bidders, which
Gauss-Legendre quadrature with half as many nodes integrates exactly. What a second price is on average is
a sum over c < b of c (H(c) - H(c before)), and b where it is shared. Nothing is exponential in the number of bidders,
and bidders who bid alike are counted, not listed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class AuctionFacts(NamedTuple):
    """Of an instance. V are the most values that a bidder has.

    Attributes:
        values, marginals: of each bidder, and their probabilities, `[bidders, V]`.
        rows: how many values each has, `[bidders]`.
        levels: bids, increasing; action 0 is to stay out.
        held: reserve, share of second price, fee, share of all-pay, where the leader does not choose them `[4]`.
        chosen: where they stand in the leader's action, -1 where it does not choose them `[4]`.
        welfare: weight of welfare in what the leader is paid.
        nodes, weights: of the quadrature.
    """

    values: NDArray[np.float64]
    marginals: NDArray[np.float64]
    rows: NDArray[np.int64]
    levels: NDArray[np.float64]
    held: NDArray[np.float64]
    chosen: NDArray[np.int64]
    welfare: float
    nodes: NDArray[np.float64]
    weights: NDArray[np.float64]


@njit
def _others(each, count, before, found):
    """Product over all bidders but one of i's kind, of `each [bidders]` to the power of `count`: `found [bidders]`."""
    product = 1.0
    for m in range(len(count)):
        before[m] = product
        product *= each[m] ** count[m]
    product = 1.0
    for m in range(len(count) - 1, -1, -1):
        if count[m] > 0:
            found[m] = before[m] * product * each[m] ** (count[m] - 1)
            product *= each[m] ** count[m]


@njit
def _offered(facts, count, first, reserve, policy, offered):
    """Probability of every bid `[bidders, 1 + levels]`, those below the reserve counted as none."""
    for m in range(len(count)):
        if count[m] == 0:
            continue
        for t in range(facts.rows[m]):
            for k in range(offered.shape[1]):
                accepted = k > 0 and facts.levels[k - 1] >= reserve
                offered[m, k if accepted else 0] += facts.marginals[m, t] * policy[first[m] + t, k]


@njit
def _won(facts, count, below, here, before, room, found):
    """Probability of winning with a bid that others make with probability `here`, lower ones with `below`: `found`."""
    found[:] = 0.0
    each, share = np.zeros(len(count)), np.zeros(len(count))
    for node in range(len(facts.nodes)):
        for m in range(len(count)):
            each[m] = below[m] + facts.nodes[node] * here[m]
        _others(each, count, room, share)
        for m in range(len(count)):
            found[m] += facts.weights[node] * share[m]


@njit
def _worth(facts, count, terms, offered, wins, pays):
    """Probability of winning and expected payment of every bid, `[bidders, 1 + levels]` each."""
    bidders, reserve = len(count), terms[0]
    below, room, lower, upto = offered[:, 0].copy(), np.zeros(bidders), np.zeros(bidders), np.zeros(bidders)
    win = np.zeros(bidders)
    _others(below, count, room, lower)
    second = reserve * lower
    for k in range(1, offered.shape[1]):
        bid = facts.levels[k - 1]
        if bid < reserve:
            continue
        here = offered[:, k]
        if here.any():
            _won(facts, count, below, here, lower, room, win)
            below += here
            _others(below, count, room, upto)
        else:
            win[:], upto[:] = lower, lower
        for m in range(bidders):
            if count[m] > 0:
                price = (1 - terms[1]) * bid * win[m] + terms[1] * (second[m] + bid * (win[m] - lower[m]))
                wins[m, k], pays[m, k] = win[m], price + terms[3] * bid * (1 - win[m]) + terms[2]
                second[m] += bid * (upto[m] - lower[m])
        lower[:] = upto


@njit(error_model="numpy")
def expect(facts, leads, first, action, policy, utilities, payoffs):
    """See `InterimRules.expect`."""
    bidders, actions = len(leads), len(facts.levels) + 1
    count, terms = np.zeros(bidders, dtype=np.int64), facts.held.copy()
    for m in range(bidders):
        count[leads[m]] += 1
    for k in range(len(terms)):
        if facts.chosen[k] >= 0:
            terms[k] = action[facts.chosen[k]]
    offered, wins, pays = np.zeros((bidders, actions)), np.zeros((bidders, actions)), np.zeros((bidders, actions))
    _offered(facts, count, first, terms[0], policy, offered)
    _worth(facts, count, terms, offered, wins, pays)
    payoffs[:] = 0.0
    for m in range(bidders):
        if count[m] == 0:
            payoffs[1 + m] = payoffs[1 + leads[m]]
            continue
        for t in range(facts.rows[m]):
            row, value = first[m] + t, facts.values[m, t]
            for k in range(actions):
                share, worth = facts.marginals[m, t] * policy[row, k], value * wins[m, k]
                utilities[row, k] = worth - pays[m, k]
                payoffs[1 + m] += share * utilities[row, k]
                paid = (1 - facts.welfare) * pays[m, k] + facts.welfare * worth
                payoffs[0] += count[m] * share * paid
