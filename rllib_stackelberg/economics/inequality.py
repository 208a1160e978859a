"""How unequal a population is: the Gini coefficient, and what its richest and its poorer part have.

The Gini coefficient of n amounts x_(1) <= ... <= x_(n) is G = sum_i (2i - n - 1) x_(i) / (n sum_i x_i): half the mean
absolute difference over the mean (Gini 1912). Of amounts of which none is negative it is in [0, (n - 1) / n]. Sorting,
O(n log n). Sums are taken population by population, so that a batch gives the same bits as its rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rllib_stackelberg.arrays import Numbers


def gini(amounts: Numbers) -> Numbers:
    """Gini coefficient of each population: `[..., n]` -> `[...]`; 0 where nobody has anything.

    >>> gini(np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 4.0], [1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]]))
    array([0.  , 0.75, 0.25, 0.  ])
    """
    ordered, n = np.sort(amounts, axis=-1), amounts.shape[-1]
    total = n * ordered.sum(axis=-1)
    weighted = (ordered * np.arange(1 - n, n, 2)).sum(axis=-1)
    return np.divide(weighted, total, out=np.zeros_like(total), where=total != 0)


def top_and_bottom(by: Numbers, of: Sequence[Numbers], top: float = 0.1, bottom: float = 0.5) -> Numbers:
    """Mean amounts of those who have most and of those who have least of something.

    Args:
        by: what people are ranked by, `[B, n]`; of: amounts to average, m arrays `[B, n]`.
        top, bottom: shares of the people, rounded down, but at least one of them.

    Returns:
        `[B, 2 m]`: all means of the top, then all of the bottom.

    >>> wealth, age = np.array([[3.0, 1.0, 9.0, 2.0]]), np.array([[50.0, 20.0, 70.0, 30.0]])
    >>> top_and_bottom(wealth, [wealth, age])
    array([[ 9. , 70. ,  1.5, 25. ]])
    """
    plays, people = by.shape
    most, least = max(1, int(top * people)), max(1, int(bottom * people))
    order = np.argpartition(by, (least - 1, people - most), axis=1) + people * np.arange(plays)[:, None]
    amounts = np.empty((len(of), plays, people))
    for k, each in enumerate(of):
        amounts[k] = each
    means, flat = np.empty((2, len(of), plays)), amounts.reshape(len(of), -1)
    means[0] = flat.take(order[:, people - most :], axis=1).sum(axis=2) / most
    means[1] = flat.take(order[:, :least], axis=1).sum(axis=2) / least
    return means.reshape(-1, plays).T
