"""Tax schedules.

The schedule of Feldstein (1969), Benabou (2002) and Heathcote, Storesletten & Violante (2017): of an amount x one keeps
(1 - rate) / (1 - progressivity) x^(1 - progressivity), so the marginal tax is 1 - (1 - rate) x^-progressivity: flat at
progressivity 0, and the more progressive the larger it is. Small amounts are subsidised. x is in the unit in which the
rate is meant, here dollars. Whoever has nothing keeps nothing, and nobody keeps less than nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def kept(amounts: Floats, rate: ArrayLike, progressivity: ArrayLike) -> Floats:
    """What is left of amounts >= 0 after tax, of the shape they broadcast to; rate and progressivity in [0, 1).

    >>> kept(np.array([100.0, 10_000.0]), 0.2, 0.0)
    array([  80., 8000.])
    >>> (1 - kept(np.array([1.0, 100.0, 10_000.0]), 0.2, 0.05) / [1, 100, 10_000]).round(4)
    array([0.1579, 0.3311, 0.4687])
    """
    exponent = 1 - np.asarray(progressivity)
    return np.asarray((1 - np.asarray(rate)) / exponent * amounts**exponent)
