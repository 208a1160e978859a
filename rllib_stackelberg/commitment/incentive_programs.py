"""The best distribution over what everybody may do, such that nobody gains by doing something else.

    maximise p.l over distributions p with p.d_k <= 0 for every k

d_k is what somebody gains in every case by one deviation. Up to `EXACT_ENTRIES` numbers in fractions
(exact_programs.py); larger ones by HiGHS in floats, payoffs and gains in units of their own. What it finds is checked:
by the gains it leaves, and by what its multipliers say no distribution exceeds; where that leaves a doubt, it is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.commitment.exact_programs import best_mixture
from rllib_stackelberg.comparisons import typical_spread
from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = LazyModule("scipy.optimize")

EXACT_ENTRIES = 2_000
"""Most numbers of constraints that are solved in fractions."""

ACCURACY = 1e-9
"""Share of its unit that a gain, and of the payoffs' typical difference that the value, may be off by in floats."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """The best distribution.

    Attributes:
        value: p.l; probabilities: `[n]`, fractions where they were computed so.
        doubt: why it may not be the best; empty if it is.
    """

    value: float
    probabilities: NDArray[Any]
    doubt: str = ""


def best_distribution(payoffs: NDArray[Any], gains: NDArray[Any], sign: int = 1) -> Distribution:
    """The distribution of largest payoff that leaves no gain; there must be one that leaves none.

    Args:
        payoffs: l, `[n]`; gains: d, `[constraints, n]`; floats or fractions.
        sign: -1 where `payoffs` are the negatives of what is valued.

    >>> found = best_distribution(np.array([2.0, 1.0]), np.array([[1.0, -2.0]]))
    >>> found.value, [str(share) for share in found.probabilities]
    (1.6666666666666667, ['2/3', '1/3'])
    """
    if gains.size <= EXACT_ENTRIES:
        from_floats = np.vectorize(_exactly, otypes=[object])
        rows = from_floats(gains).tolist() if gains.size else []
        exact = best_mixture(from_floats(payoffs).tolist(), rows)
        assert exact is not None, "an equilibrium exists"
        return Distribution(sign * float(exact.value), np.array(exact.mixture, dtype=object))
    return _float_distribution(payoffs.astype(float), gains.astype(float), sign)


def _exactly(entry: Any) -> Any:
    return entry if isinstance(entry, Fraction) else Fraction(float(entry))


def _float_distribution(payoffs: Numbers, gains: Numbers, sign: int) -> Distribution:
    units = np.abs(gains).max(axis=1)
    scaled = gains[units > 0] / units[units > 0, None]
    unit = typical_spread(payoffs) or np.ptp(payoffs) or 1.0
    found = optimize.linprog(
        (payoffs.max() - payoffs) / unit,
        A_ub=scaled,
        b_ub=np.zeros(len(scaled)),
        A_eq=np.ones((1, len(payoffs))),
        b_eq=[1.0],
        method="highs",
        options={"primal_feasibility_tolerance": ACCURACY / 10, "dual_feasibility_tolerance": ACCURACY / 10},
    )
    if found.x is None:
        raise RuntimeError(f"linear program of an equilibrium: {found.message}")
    probabilities = np.maximum(found.x, 0) / np.maximum(found.x, 0).sum()
    value = float(probabilities @ payoffs)
    multipliers = np.maximum(-found.ineqlin.marginals, 0) * unit
    bound = float((payoffs - multipliers @ scaled).max())
    doubt = ""
    if (scaled @ probabilities).max(initial=0.0) > ACCURACY:
        doubt = "somebody may gain by leaving it, by a little more than programmes in floats leave open"
    elif bound > value + 10 * ACCURACY * unit:
        doubt = f"another one may be worth {sign * bound:.9g}"
    return Distribution(sign * value, probabilities, doubt)
