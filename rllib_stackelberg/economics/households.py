"""Who lives in an economy when it starts: wealth and ability of every household.

`synthetic` is a population that needs no data. Ability is lognormal, with the stationary variance .2^2 / (1 - .982^2)
= 1.1212 of the logarithm of its yearly process (Gini coefficient .546). Wealth is lognormal up to its 90 % quantile
(standard deviation of the logarithm 2), and above it has a Pareto tail of index 1.5: the richest tenth owns 69 %, the
poorer half 3 %, and the Gini coefficient is .80, much as in surveys of American households. A Gaussian copula of
correlation .5 joins the two: able households tend to be rich. `Survey` reads a population from a file, for those who
have the data.

Draws are by inverse distribution function, from uniforms handed in.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

ABILITY_PERSISTENCE = 0.982
ABILITY_NOISE = 0.2
ABILITY_DEVIATION = ABILITY_NOISE / np.sqrt(1 - ABILITY_PERSISTENCE**2)
WEALTH_DEVIATION = 2.0
TAIL = 0.1
TAIL_INDEX = 1.5
CORRELATION = 0.5
LEAST_UNIFORM = 2.0**-54
"""Stands for a uniform of 0, half a step below the next one."""

COLUMNS = ("NETWORTH", "WAGEINC", "WGT")


def normal(uniforms: Numbers) -> Numbers:
    """Standard normal draws from uniforms in [0, 1), all finite."""
    return np.asarray(special.ndtri(np.maximum(uniforms, LEAST_UNIFORM)))


def stratified(uniforms: Numbers) -> Numbers:
    """Quantiles in [0, 1), one from each of N equal parts, in order: `[..., N]` from as many uniforms.

    Each is unbiased for its part, so that a mean over N households is one over the distribution, and closer to it by
    far than that of N independent draws.

    >>> stratified(np.array([0.5, 0.5, 0.0, 0.25])).tolist()
    [0.125, 0.375, 0.5, 0.8125]
    """
    n = uniforms.shape[-1]
    return np.minimum((np.arange(n) + uniforms) / n, np.nextafter(1.0, 0.0))


def wealth_quantile(shares: Numbers) -> Numbers:
    """Wealth below which a share in (0, 1) of all households is, the median being 1.

    >>> wealth_quantile(np.array([0.5, 0.9, 0.99])).round(2).tolist()
    [1.0, 12.98, 60.23]
    """
    body = np.exp(WEALTH_DEVIATION * special.ndtri(np.minimum(shares, 1 - TAIL)))
    return np.asarray(body * (TAIL / np.minimum(1 - shares, TAIL)) ** (1 / TAIL_INDEX))


def synthetic(uniforms: Numbers) -> tuple[Numbers, Numbers]:
    """Wealth and ability, each `[B, N]` and up to a factor, from uniforms `[B, N, 2]`."""
    able, other = normal(uniforms[..., 0]), normal(uniforms[..., 1])
    rank = special.ndtr(CORRELATION * able + np.sqrt(1 - CORRELATION**2) * other)
    # A rank of 1 would be infinite wealth; the double below it is as far as the tail goes.
    return wealth_quantile(np.minimum(rank, np.nextafter(1.0, 0.0))), np.exp(ABILITY_DEVIATION * able)


@dataclass(frozen=True)
class Survey:
    """Households of a survey, to draw from.

    Attributes:
        wealth, ability: of m households `[m]`; wealth in dollars, ability in dollars of wage a year.
        cumulative: steps of the distribution function of their weights `[m]`, the last one 1.
    """

    wealth: Numbers
    ability: Numbers
    cumulative: Numbers

    @classmethod
    def read(cls, file: str | Path) -> Survey:
        """Read a CSV file with a header that has the columns NETWORTH, WAGEINC (a year's) and WGT.

        These are the names in the summary extract of the 2022 Survey of Consumer Finances. Households without wage
        income are left out: everybody here works. Debts are not followed: wealth below 0 becomes 0, because
        progressive wealth tax has no meaning there.

        Raises:
            InvalidFieldError: naming the file's fault; the field is "survey".
        """
        table = _numbers(Path(file))
        wealth, wage, weight = table.T
        if (weight < 0).any():
            raise InvalidFieldError("survey", f"{file} has a negative WGT", "weights of at least 0")
        use = (wage > 0) & (weight > 0)
        if not (wealth[use] > 0).any():
            raise InvalidFieldError("survey", f"{file} has no household with wage and wealth", "some with both")
        cumulative = np.cumsum(weight[use]) / weight[use].sum()
        return cls(np.maximum(wealth[use], 0.0), wage[use], cumulative)

    def draw(self, uniforms: Numbers) -> tuple[Numbers, Numbers]:
        """Wealth and ability of households drawn with replacement: uniforms `[B, N, >= 1]` -> `[B, N]` each."""
        rows = np.searchsorted(self.cumulative[:-1], uniforms[..., 0], side="right")
        return self.wealth[rows], self.ability[rows]


def _numbers(file: Path) -> Numbers:
    """The columns of a survey, `[m, 3]`."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                problem = f"{file} has no column {', '.join(missing)}"
                raise InvalidFieldError("survey", problem, f"a CSV file with the columns {', '.join(COLUMNS)}")
            rows = [_row(file, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidFieldError("survey", f"cannot read {file} ({error})", "an existing CSV file") from error
    if not rows:
        raise InvalidFieldError("survey", f"{file} has no households", "at least one line after the header")
    return np.array(rows)


def _row(file: Path, line: int, row: dict[str, str]) -> list[float]:
    found = []
    for name in COLUMNS:
        try:
            found.append(float(row[name]))
        except (TypeError, ValueError):
            found.append(np.nan)
        if not np.isfinite(found[-1]):
            raise InvalidFieldError("survey", f"{file} line {line}: {name} is {row[name]!r}", "a finite number")
    return found
