"""Numbers as a person reads them: six significant digits, and an estimate no finer than its error."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

FINEST = 5e-7
"""An error, relative to the value, that does not reach the six digits which are shown."""

LONGEST = 7
"""Most digits before or after the decimal point; beyond them an estimate is written with an exponent."""


SIMPLE = 60
"""Largest denominator of a fraction that a probability is written as."""

SHOWN_FROM = 1e-4
"""Smallest probability that is shown to people."""


@dataclass(frozen=True)
class Rounded:
    """A value and what it may be off by, both as text.

    Attributes:
        value: no finer than its error.
        margin: such as "± 0.09"; empty where there is no error.
    """

    value: str
    margin: str = ""

    def __str__(self) -> str:
        return f"{self.value} {self.margin}".rstrip()


def number(value: float | None, digits: int = 6) -> str:
    """So many significant digits; a dash for nothing.

    >>> number(2 / 3), number(None), number(float("nan"))
    ('0.666667', '-', '-')
    """
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}g}"


def shares(named: Iterable[tuple[str, float]]) -> str:
    """A mixture: what is played, with which probability; without what is next to never played.

    In simple fractions where all probabilities are some, but for their last digit; else in four significant digits.

    >>> shares([("left", 0.4), ("middle", 0.0), ("right", 0.6)]), shares([("left", 0.39984), ("right", 0.60016)])
    ('left: 2/5, right: 3/5', 'left: 0.3998, right: 0.6002')
    """
    mixture = dict(named)
    simple = {name: Fraction(each).limit_denominator(SIMPLE) for name, each in mixture.items()}
    exact = all(abs(float(simple[name]) - each) <= math.ulp(1.0) for name, each in mixture.items())
    shown = {name: str(simple[name]) if exact else f"{each:.4g}" for name, each in mixture.items()}
    return ", ".join(f"{name}: {shown[name]}" for name, each in mixture.items() if each >= SHOWN_FROM)


def estimate(value: float | None, error: float | None, digits: int = 6) -> Rounded:
    """A value rounded by its error, which has one significant digit (two if the first is a 1).

    Args:
        value: of what was estimated.
        digits: of a value without an error.
        error: a standard error or half a confidence interval; None, NaN, or below the digits that are shown: none.

    >>> print(estimate(-6.74023, 0.0912))
    -6.74 ± 0.09
    >>> print(estimate(5403.2, 392.1), "|", estimate(0.25, 0.0), "|", estimate(3.91e11, 2.4e9))
    5400 ± 400 | 0.25 | 3.91e+11 ± 2e+09
    """
    if value is None or math.isnan(value) or not _matters(value, error):
        return Rounded(number(value, digits))
    assert error is not None
    margin = _one_digit(error)
    last = _last_digit(margin)
    shown = round(value, -last)
    if shown and (abs(last) > LONGEST or abs(shown) >= 10**LONGEST):
        digits = max(0, math.floor(math.log10(abs(shown))) - last)
        return Rounded(f"{shown:.{digits}e}", f"± {margin:g}")
    places = max(0, -last)
    return Rounded(f"{shown + 0.0:.{places}f}", f"± {margin:.{places}f}")


def _matters(value: float, error: float | None) -> bool:
    return error is not None and math.isfinite(error) and error > FINEST * abs(value)


def _one_digit(error: float) -> float:
    return float(f"{error:.2g}" if f"{error:e}"[0] == "1" else f"{error:.1g}")


def _last_digit(margin: float) -> int:
    """Power of ten of the last significant digit of a rounded error."""
    digits, _, exponent = f"{margin:.1e}".partition("e")
    return int(exponent) - (digits[-1] != "0" or digits[0] == "1")
