"""Tax schedules: a smooth one with two parameters, and brackets, by law or by formula.

`kept`: the schedule of Feldstein (1969), Benabou (2002) and Heathcote, Storesletten & Violante (2017): of an amount x
one keeps (1 - rate) / (1 - progressivity) x^(1 - progressivity), so the marginal tax is 1 - (1 - rate)
x^-progressivity: flat at progressivity 0, and the more progressive the larger it is. Small amounts are subsidised. x
is in the unit in which the rate is meant, here dollars. Whoever has nothing keeps nothing, and nobody keeps less than
nothing.

`bracket_tax`: of what lies between two edges the share of that bracket is due. The rates are those of the US federal
income tax of 2022 (single filers; Rev. Proc. 2021-45), or follow from incomes (`saez_rates`): the best flat rate on
all income above an edge z is (1 - g) / (1 - g + a e), where e is the elasticity of income to what is kept of a
further dollar, a = m / (m - z) of the mean m of incomes above z (their Pareto index, if they are Pareto), and g the
mean social weight of a further dollar to those who have it, each weighed by its income above z (Saez 2001; Diamond &
Saez 2011). Weights are in proportion to 1 / income, of mean 1 (logarithmic utility), and e is .25, the middle of
Saez's range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rllib_stackelberg.arrays import Numbers

TaxSystem = Literal["chosen", "none", "federal", "saez"]

SALES_TAX = 0.065
ELASTICITY = 0.25
SMALLEST_INCOME = 1.0
"""Dollars at which the social weight of a household stops growing."""


def kept(amounts: Numbers, rate: ArrayLike, progressivity: ArrayLike) -> Numbers:
    """What is left of amounts >= 0 after tax, of the shape they broadcast to; rate and progressivity in [0, 1).

    >>> kept(np.array([100.0, 10_000.0]), 0.2, 0.0)
    array([  80., 8000.])
    >>> (1 - kept(np.array([1.0, 100.0, 10_000.0]), 0.2, 0.05) / [1, 100, 10_000]).round(4)
    array([0.1579, 0.3311, 0.4687])
    """
    exponent = 1 - np.asarray(progressivity)
    return np.asarray((1 - np.asarray(rate)) / exponent * amounts**exponent)


def bracket_tax(amounts: Numbers, edges: Numbers, rates: Numbers) -> Numbers:
    """Tax on amounts >= 0: `[..., n]`, of the same shape.

    Args:
        amounts: what is taxed; edges: where brackets begin, ascending, the first at 0 `[m]`.
        rates: of the brackets `[..., m]`.

    >>> bracket_tax(np.array([5_000.0, 20_000.0]), np.array([0.0, 10_000.0]), np.array([0.1, 0.2]))
    array([ 500., 3000.])
    """
    steps = np.diff(rates, axis=-1, prepend=0.0)
    due = steps[..., :1] * amounts
    for k in range(1, len(edges)):
        due += steps[..., k : k + 1] * np.maximum(amounts - edges[k], 0.0)
    return np.asarray(due)


def saez_rates(incomes: Numbers, edges: Numbers, elasticity: float = ELASTICITY) -> Numbers:
    """Rates of brackets for the incomes of each economy: `[B, N]` -> `[B, m]`, in [0, 1).

    A bracket above all incomes has the rate of the one below it.

    >>> pareto = (1 - (np.arange(100_000) + 0.5) / 100_000)[None] ** -0.5  # of index 2, from 1
    >>> saez_rates(pareto, np.array([0.0, 2.0])).round(2)
    array([[0.5, 0.6]])
    """
    weights = 1 / np.maximum(incomes, SMALLEST_INCOME)
    weights /= weights.mean(axis=1, keepdims=True)
    rates = np.zeros((len(incomes), len(edges)))
    for k, edge in enumerate(edges):
        above = np.maximum(incomes - edge, 0.0)
        total, taxed = above.sum(axis=1), (incomes > edge).sum(axis=1)
        some = np.where(total > 0, total, 1.0)
        inequality = np.maximum(1 - (weights * above).sum(axis=1) / some, 0.0)
        response = elasticity * (total + edge * taxed) / some
        found = inequality / np.where(total > 0, inequality + response, 1.0)
        rates[:, k] = np.where(total > 0, found, rates[:, k - 1] if k else 0.0)
    return rates


@dataclass(frozen=True)
class TaxCode:
    """Taxes that the leader does not choose: on income in brackets, on consumption, and none on wealth.

    Attributes:
        edges, rates: of the brackets `[m]`, dollars and shares; allowance: income that is not taxed, dollars.
        sales: tax on consumption, as a share of it; spends: whether the leader spends on anything.
        years: after how many the rates are found anew by `saez_rates`; 0 for rates that stay.
    """

    edges: tuple[float, ...] = (0.0,)
    rates: tuple[float, ...] = (0.0,)
    allowance: float = 0.0
    sales: float = SALES_TAX
    spends: bool = True
    years: int = 0

    def begin(self, incomes: Numbers) -> Numbers:
        """The rates of the first year `[B, m]`, after incomes `[B, N]` of the year before."""
        if self.years:
            return saez_rates(incomes, np.asarray(self.edges))
        return np.tile(self.rates, (len(incomes), 1))

    def next_rates(self, rates: Numbers, incomes: Numbers, year: NDArray[np.int64]) -> Numbers:
        """The rates of the year after the given one `[B]`, in which they were `rates` and people had incomes."""
        rates = rates.copy()
        due = np.flatnonzero(year % self.years == 0) if self.years else ()
        if len(due):
            rates[due] = saez_rates(incomes[due], np.asarray(self.edges))
        return rates

    def left(self, incomes: Numbers, rates: Numbers) -> Numbers:
        """What is kept of incomes `[B, N]` under rates `[B, m]`."""
        return incomes - bracket_tax(np.maximum(incomes - self.allowance, 0.0), np.asarray(self.edges), rates)


CODES = {
    "none": TaxCode(sales=0.0, spends=False),
    "federal": TaxCode(
        edges=(0, 10_275, 41_775, 89_075, 170_050, 215_950, 539_900),
        rates=(0.10, 0.12, 0.22, 0.24, 0.32, 0.35, 0.37),
        allowance=12_950,
    ),
    # Five brackets, four of them half a decade wide and the last one open: it would have ended at 4 million.
    "saez": TaxCode(edges=(0, 40_000, 126_491, 400_000, 1_264_911), rates=(0.0,) * 5, years=100),
}
