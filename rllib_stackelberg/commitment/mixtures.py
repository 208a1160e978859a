"""Mixed actions as an agent writes them: points of the unit box, which mean their entries over their sum."""

from __future__ import annotations

import numpy as np

from rllib_stackelberg.arrays import Numbers


def mixtures(weights: Numbers) -> Numbers:
    """Weights `[B, n]` over their sum; uniform where that is 0.

    >>> mixtures(np.array([[1.0, 0.5, 0.5], [0.0, 0.0, 0.0]])).round(3).tolist()
    [[0.5, 0.25, 0.25], [0.333, 0.333, 0.333]]
    """
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=np.full(weights.shape, 1 / weights.shape[1]), where=total > 0)
