"""The best auction of one item by a table: shares and payments for every combination of bids.

By the revelation principle no table is worth more than the best direct mechanism whose payments are within the table's
limits, and where every type has a bid of its own, the table can be that mechanism: bids stand for types, and no type
gains by another's bid or by staying out. It is a linear programme (direct_mechanisms.py).
"""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.economics.auctions import Values
from rllib_stackelberg.economics.direct_mechanisms import best_mechanism, sale
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import StackelbergSolution


def joint_of(prior: Prior) -> NDArray[np.float64]:
    """Joint probabilities, an axis per column.

    >>> joint_of(Prior.independent([0.5, 0.5], [0.2, 0.8])).tolist()
    [[0.1, 0.4], [0.1, 0.4]]
    """
    return reduce(np.multiply.outer, prior.blocks, np.ones(()))


def direct_solve(values: Values, prior: Prior, most_paid: float, welfare: float, actions: int) -> StackelbergSolution:
    """The best table, in which bid k + 1 stands for the k-th value; if anybody stays out, nothing is sold.

    Args:
        values, prior: of the bidders; most_paid: by one of them.
        welfare: weight of welfare in what the leader is paid; the rest is revenue's.
        actions: of a bidder, to stay out (0) among them: at least one more than any bidder has values.

    Raises:
        InvalidFieldError: the programme is too large.

    >>> ones = [np.array([1.0, 2.0])] * 2
    >>> round(direct_solve(ones, Prior.uniform(2, 2), 2.0, 0.0, 3).leader_value, 9)
    1.5
    """
    joint = joint_of(prior)
    found = best_mechanism(sale(values, joint), subsidies=False, most_paid=most_paid, welfare=welfare)
    shares = np.abs(np.moveaxis(found.lotteries[..., 1:], -1, 0).clip(0.0, 1.0))  # no -0
    payments = np.abs(found.payments.clip(0.0, most_paid))
    answers, nothing = np.stack([shares, payments], axis=-1), (0.0,) * 2 * len(values)
    strategy = []
    for key, bids in enumerate(np.ndindex(*(actions,) * len(values))):
        types = tuple(min(bid, len(own)) - 1 for bid, own in zip(bids, values, strict=True))
        said = tuple(answers[(slice(None), *types)].ravel().tolist())
        strategy.append((key, said if min(bids) > 0 else nothing))
    own_types = np.indices(joint.shape)
    worth = [own[own_types[i]] * shares[i] - payments[i] for i, own in enumerate(values)]
    return StackelbergSolution(
        leader_value=found.value,
        follower_values=tuple(float((joint * own).sum()) for own in worth),
        leader_strategy=tuple(strategy),
        method="best direct mechanism, a linear program",
        tie_break="leader",
        doubt=found.doubt,
    )
