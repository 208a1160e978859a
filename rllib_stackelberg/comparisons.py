"""When two payoffs count as equal: never by a constant, always in the unit of the payoffs that are compared.

Floats make two kinds of difference where there is none, and both grow with the unit that payoffs are counted in:

- A sum of payoffs is off by a share (`ROUNDING`) of the *sizes* of what was added up. The size of an expectation
  sum p u is sum p |u|: an outcome of probability zero has none, however bad it is.
- The rules of a game round too: a value of .3 less a price of .1 + .2 is -5e-17, and means 0. What that is off by
  depends on numbers that only the rules know. They are taken to be as large as what payoffs typically differ by
  (`typical_spread`), which a few enormous penalties do not change.

Payoffs within the sum of the two are tied. Multiplying all payoffs by a number, or adding one that floats can hold
beside them, changes no comparison.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rllib_stackelberg.errors import InvalidFieldError

ROUNDING = 1e-12
"""Share of the sizes added up that a sum of floats may be off by."""

EPSILON = float(np.finfo(float).eps)
"""How far apart the floats next to 1 are."""

SURE = 16 * EPSILON
"""Share of what payoffs typically differ by, up to which a difference is certainly the rules' rounding."""

NEGLIGIBLE = 1e-9
"""Share of what payoffs typically differ by, that a certificate neglects: optima of linear programs are not closer."""


def check_comparable(field: str, payoffs: NDArray[np.float64]) -> None:
    """Refuse payoffs that are no numbers, or whose differences no float holds.

    Raises:
        InvalidFieldError: naming the field.
    """
    if not np.isfinite(payoffs).all():
        raise InvalidFieldError(field, "has NaN or infinite entries", "finite numbers")
    low, high = payoffs.min(initial=0.0), payoffs.max(initial=0.0)
    if high / 2 - low / 2 > np.finfo(float).max / 2:
        problem = f"has {low:g} and {high:g}, whose difference no float holds"
        raise InvalidFieldError(field, problem, f"payoffs that differ by up to {np.finfo(float).max:.3g}")


def typical_spread(payoffs: ArrayLike) -> float:
    """What payoffs of any shape typically differ by: the median distance of those that are not the median, to it.

    >>> typical_spread([0, 1, 1, 2, -1e300]), typical_spread([5, 5])
    (1.0, 0.0)
    """
    payoffs = np.asarray(payoffs, dtype=float)
    largest = float(np.abs(payoffs).max(initial=0.0))
    if largest == 0:
        return 0.0
    scaled = payoffs / largest  # what is added up below is no larger than any float
    middle = np.median(scaled)
    distances = np.abs(scaled - middle)
    distances = distances[distances > ROUNDING * abs(middle)]
    return float(np.median(distances)) * largest if distances.size else 0.0


def exceeds(
    better: ArrayLike, worse: ArrayLike, sizes: ArrayLike | None = None, slack: ArrayLike = 0.0
) -> NDArray[np.bool_]:
    """Whether a payoff is larger than another by more than rounding; entry by entry.

    Args:
        better, worse: the payoffs.
        sizes: of what either was summed up from (sum p |u|); by default the payoffs themselves.
        slack: what they may differ by besides, such as a share of `typical_spread`.

    >>> exceeds([2e-10, 0.1 + 0.2, 1e9 + 0.5], [-2e-10, 0.3, 1e9]).tolist()
    [True, False, True]
    """
    better, worse = np.asarray(better, dtype=float), np.asarray(worse, dtype=float)
    if sizes is None:
        sizes = np.maximum(np.abs(better), np.abs(worse))
    # Divided first: the difference of two floats may be larger than any float.
    return np.asarray(
        better / 2 - worse / 2 > (ROUNDING * np.asarray(sizes, dtype=float) + np.asarray(slack, dtype=float)) / 2
    )


def tied(payoffs: ArrayLike, sizes: ArrayLike | None = None, slack: ArrayLike = 0.0) -> NDArray[np.bool_]:
    """Which payoffs along the last axis are the largest, up to rounding; arguments as of `exceeds`.

    >>> tied([[1e-10, 2e-10, 2e-10], [1.0, 0.0, -1e300]]).tolist()
    [[False, True, True], [True, False, False]]
    """
    payoffs = np.asarray(payoffs, dtype=float)
    sizes = np.abs(payoffs) if sizes is None else np.broadcast_to(np.asarray(sizes, dtype=float), payoffs.shape)
    best = payoffs.argmax(axis=-1)[..., None]
    largest, of_largest = np.take_along_axis(payoffs, best, axis=-1), np.take_along_axis(sizes, best, axis=-1)
    return ~exceeds(largest, payoffs, np.maximum(sizes, of_largest), slack)


def beyond_rounding(gains: ArrayLike, sizes: ArrayLike, slack: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Gains (differences of payoffs of those sizes), 0 where they are lost or where rounding explains them.

    >>> beyond_rounding([1e-10, 1e-16, -1.0], [1e-10, 1.0, 1.0]).tolist()
    [1e-10, 0.0, 0.0]
    """
    gains = np.asarray(gains, dtype=float)
    return np.where(exceeds(gains, 0.0, sizes, slack), gains, 0.0)


def standard_error(values: NDArray[np.float64], times: float = 1.0) -> NDArray[np.float64]:
    """Standard error of the mean over the first axis; 0 of one value, which nothing is known to differ from.

    Args:
        values: independent ones, `[n, ...]`.
        times: how many standard errors; half a confidence interval is some of them.

    Returns:
        In the unit of the values, `[...]`.

    >>> float(standard_error(np.array([1.0, 3.0]))), float(standard_error(np.array([5.0])))
    (1.0, 0.0)
    """
    if len(values) < 2:
        return np.zeros(values.shape[1:])
    return times * values.std(axis=0, ddof=1) / np.sqrt(len(values))
