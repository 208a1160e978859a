"""What a measure comes to over seeds: a mean, a geometric mean or a median, each with its 95 % interval.

Arithmetic means fit what is bounded (years, Gini coefficients, payoffs). What grows without bound is heavy-tailed over
seeds, one of which would make the mean: a geometric mean then fits what is positive, and a median what may be 0.
Intervals are Student's t, of the values or of their logarithms, and of the median by order statistics, which takes
six seeds at least. NaN stands for a seed that has no value: it is left out, and `of` says how many there were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.table import Table
from scipy.stats import quantile_test

from rllib_stackelberg.online.results import CONFIDENCE, half_width
from rllib_stackelberg.rounding import estimate as rounded
from rllib_stackelberg.terminal import Terminal

Estimate = dict[str, float]


def mean_of(values: Sequence[float]) -> Estimate:
    """The mean and half of its interval: `mean`, `half_width`, `of`; NaN of too few values.

    >>> mean_of([1.0, 2.0, 3.0, float("nan")])["of"]
    3
    """
    known = _known(values)
    mean = float(known.mean()) if len(known) else np.nan
    return {"mean": mean, "half_width": float(half_width(known)), "of": len(known)}


def geometric_of(values: Sequence[float]) -> Estimate:
    """The geometric mean of positive values, and the factor to either end of its interval: `geometric mean`, `factor`.

    >>> found = geometric_of([1.0, 10.0, 100.0])
    >>> round(found["geometric mean"], 9), round(found["factor"])
    (10.0, 305)
    """
    found = mean_of(np.log(_known(values)))
    return {
        "geometric mean": float(np.exp(found["mean"])),
        "factor": float(np.exp(found["half_width"])),
        "of": found["of"],
    }


def median_of(values: Sequence[float]) -> Estimate:
    """The median and its interval: `median`, `low`, `high`.

    >>> [median_of([0.0, 1.0, 5.0, 2.0, 3.0, 900.0])[name] for name in ("median", "low", "high")]
    [2.5, 0.0, 900.0]
    """
    known = _known(values)
    if not len(known):
        return {"median": np.nan, "low": np.nan, "high": np.nan, "of": 0}
    ends = quantile_test(known, p=0.5).confidence_interval(CONFIDENCE)
    return {"median": float(np.median(known)), "low": float(ends.low), "high": float(ends.high), "of": len(known)}


def largest_of(values: Sequence[float]) -> Estimate:
    """The largest, `largest`, of which there is no interval."""
    known = _known(values)
    return {"largest": float(known.max()) if len(known) else np.nan, "of": len(known)}


def geometric_mean(values: NDArray[np.float64], axis: int | None = None) -> NDArray[np.float64]:
    """Of positive values, along an axis or of all; NaN is left out, and what it is of if there is nothing else."""
    known = np.isfinite(values)
    total = np.where(known, np.log(np.where(known, values, 1.0)), 0.0).sum(axis=axis)
    count = known.sum(axis=axis)
    return np.exp(np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0))


def middle(estimate: Estimate) -> float:
    """The estimate itself, without its interval."""
    return next(iter(estimate.values()))


def ends(estimate: Estimate) -> tuple[float, float]:
    """Of its interval; NaN where there is none."""
    value = middle(estimate)
    if "factor" in estimate:
        return value / estimate["factor"], value * estimate["factor"]
    if "half_width" in estimate:
        return value - estimate["half_width"], value + estimate["half_width"]
    return estimate.get("low", np.nan), estimate.get("high", np.nan)


def cell(estimate: Estimate) -> str:
    """For people: what its interval lets be known, and the interval, a dash for nothing.

    >>> cell({"mean": 300.0, "half_width": 1.234}), cell({"geometric mean": 2e9, "factor": 1.8})
    ('300.0 ± 1.2', '2e+09, factor 1.8')
    >>> cell({"geometric mean": 353_210.0, "factor": 1.234}), cell({"geometric mean": 0.97654, "factor": 1.0034})
    ('353,000, factor 1.23', '0.9765, factor 1.003')
    >>> cell({"median": 0.02, "low": 0.01, "high": 3.0}), cell({"mean": 0.5, "half_width": float("nan")})
    ('0.02 (0.01 to 3)', '0.5')
    """
    value = middle(estimate)
    if np.isnan(value):
        return "-"
    if "half_width" in estimate:
        return str(rounded(value, estimate["half_width"]))
    if np.isnan(ends(estimate)[0]):
        return f"{value:.4g}"
    if "factor" in estimate:
        digits = 4 if estimate["factor"] < 1.1 else 3
        shown = f"{value:.{digits}g}"
        if 1e3 <= value < 1e6:
            shown = f"{float(shown):,.0f}"
        return f"{shown}, factor {estimate['factor']:.{digits}g}"
    return f"{value:.3g} ({estimate['low']:.3g} to {estimate['high']:.3g})"


def show(title: str, corner: str, rows: Mapping[str, Mapping[str, Estimate]]) -> None:
    """Print a table.

    Args:
        title: above it; corner: what its rows are; rows: estimates by row and column, the same columns in each.
    """
    shown = Table(title=title, box=SIMPLE, title_justify="left", pad_edge=False)
    for column in (corner, *next(iter(rows.values()))):
        shown.add_column(column)
    for name, estimates in rows.items():
        shown.add_row(name, *map(cell, estimates.values()))
    Terminal(width=160).print(shown)


def _known(values: Sequence[float]) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    return found[~np.isnan(found)]
