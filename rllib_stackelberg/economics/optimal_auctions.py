"""The best auctions of identical items among buyers of finite independent values who want one item each.

No mechanism is worth more, whatever buyers may say in it and in whichever order they are visited: by the revelation
principle its equilibrium is that of a direct one, and of these the largest welfare gives the items to the largest
values, the largest revenue to the largest *ironed virtual values* above 0 (Myerson 1981, Mathematics of Operations
Research 6: 58-73; finite values: Elkind 2007, SODA). Correlated values: direct_mechanisms.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def expected_largest(
    values: Sequence[NDArray[np.float64]], marginals: Sequence[NDArray[np.float64]], items: int
) -> float:
    """Expected sum of the largest values, `items` of them, where they are above 0.

    It is the integral over x of E[min(items, number of values above x)], and no list of joint values is made.

    Args:
        values, marginals: per buyer its values and their probabilities; independent.
        items: how many there are.

    >>> expected_largest([np.array([0.0, 1.0])] * 2, [np.array([0.5, 0.5])] * 2, 1)
    0.75
    """
    positive = [np.maximum(own, 0.0) for own in values]
    levels = np.unique(np.concatenate([np.zeros(1), *positive]))
    total = 0.0
    for low, high in pairwise(levels):
        above = numbers_above(positive, marginals, low)
        total += float(high - low) * float(above @ np.minimum(np.arange(len(above)), items))
    return total


def numbers_above(
    values: Sequence[NDArray[np.float64]], marginals: Sequence[NDArray[np.float64]], level: float
) -> NDArray[np.float64]:
    """Distribution of the number of buyers whose value exceeds a level, `[buyers + 1]`.

    >>> numbers_above([np.array([0.0, 1.0])] * 2, [np.array([0.5, 0.5])] * 2, 0.5)
    array([0.25, 0.5 , 0.25])
    """
    above = np.ones(1)
    for own, marginal in zip(values, marginals, strict=True):
        chance = marginal[own > level].sum()
        above = np.convolve(above, [1 - chance, chance])
    return above


def ironed_virtual_values(
    values: NDArray[np.float64], probabilities: NDArray[np.float64], welfare: float = 0.0
) -> NDArray[np.float64]:
    """What selling to each value adds to the revenue: slopes of the concave hull of revenue over sales.

    Args:
        values: increasing; probabilities: of each. A value of probability 0 gets that of the next larger one.
        welfare: weight of welfare, where revenue is not all that counts; at 1 each value is its own virtual value.

    >>> ironed_virtual_values(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.25, 0.25])).round(9).tolist()
    [0.0, 1.0, 3.0]
    >>> ironed_virtual_values(np.array([1.0, 2.0, 8.0]), np.array([0.5, 0.25, 0.25])).round(9).tolist()
    [-1.333333333, -1.333333333, 8.0]
    """
    # Points of the curve from the largest value down: sold with probability q at price v, revenue v q.
    falling, weights = values[::-1], probabilities[::-1]
    sold = np.cumsum(weights)
    curve = (1 - welfare) * falling * sold + welfare * np.cumsum(falling * weights)
    hull = [(0.0, 0.0)]
    for point in zip(sold.tolist(), curve.tolist(), strict=True):
        if point[0] == hull[-1][0]:
            hull[-1] = (point[0], max(point[1], hull[-1][1]))
            continue
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], point):
            hull.pop()
        hull.append(point)
    ends = np.array([end for end, _ in hull[1:]])
    slopes = np.array([_slope(one, other) for one, other in pairwise(hull)])
    # The part of the hull that ends where the value's own share of sales does, or later.
    return slopes[np.searchsorted(ends, sold, side="left")][::-1]


def _slope(one: tuple[float, float], other: tuple[float, float]) -> float:
    return (other[1] - one[1]) / (other[0] - one[0])


def best_revenue(
    values: Sequence[NDArray[np.float64]],
    marginals: Sequence[NDArray[np.float64]],
    items: int = 1,
    welfare: float = 0.0,
) -> float:
    """Revenue of Myerson's optimal auction, or the best mixture of revenue and welfare.

    Args:
        values, marginals: per buyer its increasing values and their probabilities; independent.
        items: how many identical ones are sold.
        welfare: its weight; the rest is revenue's.

    >>> tenths = np.linspace(0, 1, 11)
    >>> round(best_revenue([tenths], [np.ones(11) / 11]), 6)  # a price of .5 sells with probability 6/11
    0.272727
    """
    virtual = [ironed_virtual_values(own, marginal, welfare) for own, marginal in zip(values, marginals, strict=True)]
    return expected_largest(virtual, marginals, items)
