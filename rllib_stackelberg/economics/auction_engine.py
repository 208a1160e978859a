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
from numpy.typing import NDArray

from rllib_stackelberg.compilation import njit


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


class JointFacts(NamedTuple):
    """Of an instance with correlated values.

    Attributes:
        auction: all but how likely values are.
        types: number of each bidder's value, in all joint values that there are, `[cells, bidders]`.
        probabilities: of each, `[cells]`.
    """

    auction: AuctionFacts
    types: NDArray[np.int64]
    probabilities: NDArray[np.float64]


class Kinds(NamedTuple):
    """Bidders who do the same, counted: the first of each kind, and how many they are, `[kinds]` each."""

    first: NDArray[np.int64]
    number: NDArray[np.int64]


@njit
def _kinds(leads):
    first = np.flatnonzero(leads == np.arange(len(leads)))
    count = np.zeros(len(leads), dtype=np.int64)
    for lead in leads:
        count[lead] += 1
    return Kinds(first, count[first])


@njit
def _others(each, count, found):
    """Product over all bidders but one of a kind, of `each [kinds]` to the power of `count`: `found [kinds]`."""
    product = 1.0
    for g in range(len(count)):
        found[g] = product * each[g] ** (count[g] - 1)
        product *= each[g] ** count[g]
    product = 1.0
    for g in range(len(count) - 1, -1, -1):
        found[g] *= product
        product *= each[g] ** count[g]


@njit
def _offered(facts, kinds, first, reserve, policy, offered):
    """Probability of every bid `[kinds, 1 + levels]`, those below the reserve counted as none."""
    for g in range(len(kinds.first)):
        bidder = kinds.first[g]
        for t in range(facts.rows[bidder]):
            for k in range(offered.shape[1]):
                accepted = k > 0 and facts.levels[k - 1] >= reserve
                offered[g, k if accepted else 0] += facts.marginals[bidder, t] * policy[first[bidder] + t, k]


@njit
def _won(facts, count, below, here, each, share, found):
    """Probability of winning with a bid that others make with probability `here`, lower ones with `below`: `found`."""
    found[:] = 0.0
    for node in range(len(facts.nodes)):
        for g in range(len(count)):
            each[g] = below[g] + facts.nodes[node] * here[g]
        _others(each, count, share)
        for g in range(len(count)):
            found[g] += facts.weights[node] * share[g]


@njit
def _worth(facts, count, terms, offered, wins, pays):
    """Probability of winning and expected payment of every bid, `[kinds, 1 + levels]` each."""
    reserve, share_of_second, fee, all_pay = terms
    below, win, lower, upto, each, share = np.zeros((6, len(count)))
    below[:] = offered[:, 0]
    _others(below, count, lower)
    second = reserve * lower
    for k in range(1, offered.shape[1]):
        bid = facts.levels[k - 1]
        if bid < reserve:
            continue
        here = offered[:, k]
        if here.any():
            _won(facts, count, below, here, each, share, win)
            below += here
            _others(below, count, upto)
        else:
            win[:], upto[:] = lower, lower
        for g in range(len(count)):
            runner_up = second[g] + bid * (win[g] - lower[g])
            price = (1 - share_of_second) * bid * win[g] + share_of_second * runner_up
            wins[g, k], pays[g, k] = win[g], price + all_pay * bid * (1 - win[g]) + fee
            second[g] += bid * (upto[g] - lower[g])
        lower[:] = upto


@njit
def _terms(facts, action):
    """Those that are held, and those that the leader chooses."""
    terms = facts.held.copy()
    for k in range(len(terms)):
        if facts.chosen[k] >= 0:
            terms[k] = action[facts.chosen[k]]
    return terms


@njit(error_model="numpy")
def expect(facts, leads, first, action, policy, utilities, payoffs):
    """See `InterimRules.expect`: of independent values."""
    kinds, actions, terms = _kinds(leads), len(facts.levels) + 1, _terms(facts, action)
    offered, wins, pays = np.zeros((3, len(kinds.first), actions))
    _offered(facts, kinds, first, terms[0], policy, offered)
    _worth(facts, kinds.number, terms, offered, wins, pays)
    payoffs[:] = 0.0
    for g in range(len(kinds.first)):
        bidder = kinds.first[g]
        for t in range(facts.rows[bidder]):
            row, value = first[bidder] + t, facts.values[bidder, t]
            for k in range(actions):
                share, worth = facts.marginals[bidder, t] * policy[row, k], value * wins[g, k]
                utilities[row, k] = worth - pays[g, k]
                payoffs[1 + bidder] += share * utilities[row, k]
                paid = (1 - facts.welfare) * pays[g, k] + facts.welfare * worth
                payoffs[0] += kinds.number[g] * share * paid
    for bidder in range(len(leads)):
        payoffs[1 + bidder] = payoffs[1 + leads[bidder]]


@njit(error_model="numpy")
def expect_jointly(facts, leads, first, action, policy, utilities, payoffs):
    """See `InterimRules.expect`: of correlated values, joint value by joint value. Nobody counts as alike."""
    auction, bidders, actions = facts.auction, len(leads), len(facts.auction.levels) + 1
    terms, once = _terms(auction, action), np.ones(bidders, dtype=np.int64)
    offered, wins, pays = np.zeros((3, bidders, actions))
    reach = np.zeros(len(utilities))
    payoffs[:], utilities[:] = 0.0, 0.0
    for cell in range(len(facts.probabilities)):
        chance = facts.probabilities[cell]
        offered[:] = 0.0
        for i in range(bidders):
            for k in range(actions):
                accepted = k > 0 and auction.levels[k - 1] >= terms[0]
                offered[i, k if accepted else 0] += policy[first[i] + facts.types[cell, i], k]
        _worth(auction, once, terms, offered, wins, pays)
        for i in range(bidders):
            row, value = first[i] + facts.types[cell, i], auction.values[i, facts.types[cell, i]]
            reach[row] += chance
            for k in range(actions):
                worth, share = value * wins[i, k], chance * policy[row, k]
                utilities[row, k] += chance * (worth - pays[i, k])
                payoffs[1 + i] += share * (worth - pays[i, k])
                payoffs[0] += share * ((1 - auction.welfare) * pays[i, k] + auction.welfare * worth)
    for row in range(len(reach)):
        if reach[row] > 0:
            utilities[row] /= reach[row]
