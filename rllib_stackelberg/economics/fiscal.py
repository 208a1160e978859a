"""Optimal taxes where households' answers are known: three small economies in closed form.

1. Labour supply. Income after a progressive tax is in proportion to (e h)^x, x = 1 - progressivity; utility is
   log c - 10 h^3 / 3. The best answer of a price-taker is h = (x / 10)^(1/3), whatever its ability. With the share g
   of output collected and abilities e lognormal of mean 1 and log-variance v, welfare is log(1 - g) + log(x / 10) / 3
   - x / 3 - x^2 v / 2: concave in x, its slope 1 / (3 x) - 1 / 3 - v x zero at the root of 3 v x^2 + x = 1. The form
   of the tax: Benabou 2002; Heathcote, Storesletten & Violante 2017.
2. Public investment. Output (A t^(1-a))^(1/a) k of capital k where the tax t on it is invested; households with utility
   log c save the share b, their discount factor. Growth is b (1 - t) (A t^(1-a))^(1/a), largest at t = 1 - a (Barro
   1990).
3. Output tax. Output k^a, all capital used up in a period, utility log c: the share a b of output after tax is saved
   (Brock & Mirman 1972), and log k' = log(a b (1 - t)) + a log k. A government that values its spending t y as
   p log(t y) does best, discounting by b too and in every state, with t = (1 - a b) p / (1 + p).

Values of plays are sums over their periods, without discounting. Not for economies in which households differ in their
answers, or face risk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.rules.solution import PopulationSolution

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = LazyModule("scipy.optimize")

EFFORT = 10.0
"""What work costs: EFFORT h^3 / 3."""


@dataclass(frozen=True)
class LabourSupply:
    """What a government that taxes work is in.

    Attributes:
        variance: of the logarithm of ability, whose mean is 1; budget: share of output collected, in [0, 1).
        cap: highest progressivity, in (0, 1).
        task: "welfare", the households' mean utility, or "output" a head.
    """

    variance: float
    budget: float
    cap: float
    task: Literal["welfare", "output"] = "welfare"

    def welfare(self, progressivity: ArrayLike) -> Numbers:
        """Mean utility when everybody answers best."""
        x = 1 - np.asarray(progressivity, dtype=float)
        return np.asarray(np.log(1 - self.budget) + np.log(x / EFFORT) / 3 - x / 3 - x**2 * self.variance / 2)


def best_work(progressivity: ArrayLike) -> Numbers:
    """Share of time worked, the best answer of a price-taker.

    >>> best_work([0, 0.025, 0.05]).round(6).tolist()
    [0.464159, 0.460258, 0.45629]
    """
    return np.cbrt((1 - np.asarray(progressivity, dtype=float)) / EFFORT)


def labour_supply_solve(economy: LabourSupply) -> PopulationSolution:
    """The best progressivity: a root of the slope of welfare, or the end of the range that it points to.

    >>> found = labour_supply_solve(LabourSupply(variance=1.1212, budget=0.2, cap=0.99))
    >>> round(found.leader_action[0], 4), round(found.leader_value, 5)
    (0.5835, -1.51871)
    """

    def slope(x: float) -> float:
        """Of welfare in progressivity, at x = 1 - progressivity."""
        return 1 / (3 * x) - 1 / 3 - economy.variance * x

    least = 1 - economy.cap
    if economy.task == "output":
        best, method = 0.0, "closed form"
    elif slope(least) <= 0:
        best, method = economy.cap, "the cap: welfare rises up to it"
    else:
        best, method = 1 - float(optimize.brentq(slope, least, 1.0, xtol=1e-14)), "root of the slope of welfare"
    welfare, work = float(economy.welfare(best)), float(best_work(best))
    value = welfare if economy.task == "welfare" else work
    return PopulationSolution((best,), value, welfare, method, {"work": work, "output": work, "welfare": welfare})


@dataclass(frozen=True)
class Growth:
    """What households that save are in.

    Attributes:
        alpha: exponent of capital, and discount: discount factor of everybody, both in (0, 1); periods: of a play.
        start: mean of the logarithm of capital at the beginning.
    """

    alpha: float
    discount: float
    periods: int
    start: float = 0.0

    @property
    def saved(self) -> float:
        """Share of output after tax that is saved where output is capital to the power of alpha.

        >>> round(Growth(alpha=0.7445, discount=0.975, periods=1).saved, 5)
        0.72589
        """
        return self.alpha * self.discount


def invested_return(factor: float, alpha: float, tax: ArrayLike) -> Numbers:
    """Output of a unit of capital where the tax on it is invested."""
    return np.asarray((factor * np.asarray(tax) ** (1 - alpha)) ** (1 / alpha))


def public_investment_solve(economy: Growth, factor: float) -> PopulationSolution:
    """The tax of fastest growth; the leader is paid the logarithm of growth.

    >>> found = public_investment_solve(Growth(alpha=0.75, discount=0.96, periods=10), factor=2.0)
    >>> found.leader_action, round(found.details["growth factor"], 6)
    ((0.25,), 1.142929)
    """
    tax, periods = 1 - economy.alpha, economy.periods
    output = float(invested_return(factor, economy.alpha, tax))
    growth = economy.discount * (1 - tax) * output
    first = np.log((1 - economy.discount) * (1 - tax) * output) + economy.start
    members = periods * first + np.log(growth) * periods * (periods - 1) / 2
    details = {"saving share": economy.discount, "growth factor": growth}
    return PopulationSolution((tax,), float(periods * np.log(growth)), float(members), "closed form", details)


def steady_capital(economy: Growth, tax: float) -> float:
    """Capital that reproduces itself under an output tax.

    >>> american = Growth(alpha=0.7445, discount=0.975, periods=1)
    >>> [round(steady_capital(american, tax), 5) for tax in (0.0, 0.2)]
    [0.2854, 0.11917]
    """
    return float((economy.saved * (1 - tax)) ** (1 / (1 - economy.alpha)))


def output_tax_solve(economy: Growth, public: float) -> PopulationSolution:
    """The best output tax of a government whose households value spending t y as public * log(t y).

    It is the best of the discounted sum without end; the values are those of a play from its start. Members' payoffs
    are log c, the leader's log c + public log(t y), both on average.

    >>> found = output_tax_solve(Growth(alpha=0.5, discount=0.8, periods=1), public=1.0)
    >>> round(found.leader_action[0], 6), round(found.details["saving share"], 6)
    (0.3, 0.4)
    """
    tax = (1 - economy.saved) * public / (1 + public)
    steady, powers = np.log(steady_capital(economy, tax)), economy.alpha ** np.arange(economy.periods)
    output = economy.alpha * (steady + (economy.start - steady) * powers)
    consumed = np.log((1 - economy.saved) * (1 - tax)) + output
    spent = np.log(tax) + output
    details = {"saving share": economy.saved, "steady capital": float(np.exp(steady))}
    return PopulationSolution(
        (tax,), float((consumed + public * spent).sum()), float(consumed.sum()), "closed form", details
    )
