"""A carbon tax whose optimum is known: the economy of Golosov, Hassler, Krusell & Tsyvinski (2014).

Output of a period is exp(-d S) K^a (1 - n)^(1 - a - v) (m n)^v: of capital K, all of it used up, and of labour, of
which the share n makes energy, m units of carbon with all of it. d S is the damage that carbon in the air, S, does to
the logarithm of output. Of what is emitted one share stays for ever, one is gone at once, and the rest decays
geometrically. Utility is log c, with the discount factor b.

- With damages in the logarithm, and log utility, a further unit of carbon costs a constant share of output whatever
  the state: d times the sum over j of b^j (share left after j periods), their Proposition 1. A tax of this share of
  output on a unit of carbon, given back in equal parts, makes price-takers do what is best for all (Pigou).
- Who takes prices splits labour where v / n - (1 - a - v) / (1 - n) = m x tax: a constant share under a constant tax.
- Everybody saves so that the share a b of output is saved. Households that own different capital, x times the mean,
  earn the share a x + 1 - a of output, as capital is lent and labour is alike. Their wages to come are worth (1 - a)
  / (1 - b) of it, at interest rates 1 / b times the growth of output, and they consume 1 - b of what they have: the
  share saved of earnings is a b x / (1 - a + a x), and x never changes.

With T periods to go and nothing after them, all this holds with other numbers (`finite_taxes`): backwards from the last
period, the logarithm of output in period t weighs m_t = 1 + a b m_(t+1) in what follows, m_T = 1. Of output the share
1 - 1 / m_t is saved, and carbon costs d times the sum of b^j (m_(t+j) / m_t) (share left after j periods).

Not for economies with uncertain damages, exhaustible fuel, or several kinds of energy, which the paper has as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.economics.fiscal import Growth
from rllib_stackelberg.rules.solution import PopulationSolution

NODES = 80
"""Of the quadrature over households' capital."""


@dataclass(frozen=True)
class CarbonCycle:
    """What becomes of emitted carbon; the defaults are the paper's, of a period of ten years.

    Attributes:
        staying: share that stays in the air for ever.
        lasting: share of the rest that is not gone within the period.
        decay: share of that which goes in each later period.
    """

    staying: float = 0.2
    lasting: float = 0.393
    decay: float = 0.0228

    def left(self, periods: ArrayLike) -> Numbers:
        """Share that is in the air so many periods after emission, 0 being the same period.

        >>> CarbonCycle().left([0, 3, 30]).round(3).tolist()
        [0.514, 0.493, 0.357]
        """
        return self.staying + (1 - self.staying) * self.lasting * (1 - self.decay) ** np.asarray(periods, dtype=float)

    def discounted(self, discount: float) -> float:
        """Sum of what is left over all periods, each discounted.

        >>> round(CarbonCycle().discounted(0.985**10), 4)
        3.3924
        """
        lasting = (1 - self.staying) * self.lasting
        return self.staying / (1 - discount) + lasting / (1 - (1 - self.decay) * discount)


@dataclass(frozen=True)
class CarbonEconomy:
    """What everybody is in.

    Attributes:
        growth: exponent of capital, discount factor, and periods of a play.
        energy: exponent v of energy, with that of capital below 1.
        damage: d, by which a unit of carbon lowers the logarithm of output.
        emissions: m, units of carbon that all labour would emit in a period if it made energy alone.
        carbon: in the air at the beginning beyond what always was: what stays, and what decays.
        spread: standard deviation of the logarithm of households' capital.
        cycle: what becomes of carbon.
    """

    growth: Growth
    energy: float
    damage: float
    emissions: float
    carbon: tuple[float, float] = (0.0, 0.0)
    spread: float = 0.0
    cycle: CarbonCycle = CarbonCycle()

    @property
    def tax(self) -> float:
        """The best tax, a share of output for a unit of carbon, of a play without end."""
        return self.damage * self.cycle.discounted(self.growth.discount)

    def labour(self, tax: ArrayLike) -> Numbers:
        """Share of labour that makes energy, the best answer of price-takers to a tax: a root of a quadratic.

        >>> economy = CarbonEconomy(Growth(0.3, 0.86, 1), energy=0.04, damage=0.02379, emissions=1.75)
        >>> economy.labour([0, 0.0807, 0.694]).round(4).tolist()
        [0.0571, 0.0479, 0.0212]
        """
        levy = self.emissions * np.asarray(tax, dtype=float)
        energy, rest = self.energy, 1 - self.growth.alpha - self.energy
        # levy n^2 - (energy + rest + levy) n + energy = 0, by the form that holds at a levy of 0 as well
        total = energy + rest + levy
        return np.asarray(2 * energy / (total + np.sqrt(total**2 - 4 * levy * energy)))

    def saved(self, capital: ArrayLike) -> Numbers:
        """Share of earnings that a household does best to save, of its capital relative to the mean.

        >>> economy = CarbonEconomy(Growth(0.3, 0.86, 1), energy=0.04, damage=0.02379, emissions=1.75)
        >>> economy.saved([0.1, 1, 10]).round(4).tolist()
        [0.0353, 0.258, 0.6973]
        """
        owned = self.growth.alpha * np.asarray(capital, dtype=float)
        return np.asarray(self.growth.discount * owned / (1 - self.growth.alpha + owned))

    def log_made(self, labour: ArrayLike) -> Numbers:
        """Logarithm of what labour makes, of its share for energy."""
        labour = np.asarray(labour, dtype=float)
        rest = 1 - self.growth.alpha - self.energy
        return np.asarray(rest * np.log1p(-labour) + self.energy * np.log(self.emissions * labour))

    def log_output(self, capital: ArrayLike, carbon: ArrayLike, log_made: ArrayLike) -> Numbers:
        """Logarithm of output, of that of capital, of carbon in the air, and of what labour makes."""
        return np.asarray(log_made) - self.damage * np.asarray(carbon) + self.growth.alpha * np.asarray(capital)

    @property
    def untouched(self) -> float:
        """Logarithm of the capital that reproduces itself without tax and carbon."""
        made = self.log_made(self.labour(0.0))
        return float((np.log(self.growth.saved) + made) / (1 - self.growth.alpha))

    def emitted(self, carbon: Numbers, emissions: Numbers) -> Numbers:
        """Carbon in the air, what stays and what decays `[..., 2]`, after emissions `[...]` of a period."""
        cycle = self.cycle
        shares = np.array([cycle.staying, (1 - cycle.staying) * cycle.lasting])
        return carbon * np.array([1, 1 - cycle.decay]) + shares * np.asarray(emissions)[..., None]


def finite_weights(economy: CarbonEconomy) -> Numbers:
    """What the logarithm of output of each period of a play counts for in all that follows in it, discounted: `[T]`."""
    weights = np.ones(economy.growth.periods)
    for period in range(economy.growth.periods - 2, -1, -1):
        weights[period] += economy.growth.saved * weights[period + 1]
    return weights


def finite_taxes(economy: CarbonEconomy) -> Numbers:
    """The best tax in each period of a play after which there is nothing: `[T]`.

    >>> short = CarbonEconomy(Growth(0.3, 0.86, 3), energy=0.04, damage=0.1, emissions=1.0)
    >>> finite_taxes(short).round(4).tolist(), round(short.tax, 4)
    ([0.1208, 0.0861, 0.0514], 0.3398)
    """
    weights, periods = finite_weights(economy), np.arange(economy.growth.periods)
    left = economy.growth.discount**periods * economy.cycle.left(periods)
    costs = [weights[t:] @ left[: len(weights) - t] for t in periods]
    return economy.damage * np.array(costs) / weights


def mean_log_consumption(economy: CarbonEconomy) -> float:
    """Of households, relative to output: the mean over a lognormal distribution of capital, of mean 1."""
    alpha, discount = economy.growth.alpha, economy.growth.discount
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    capital = np.exp(economy.spread * nodes - economy.spread**2 / 2)
    return float(weights @ np.log(1 - alpha + (1 - discount) * alpha * capital) / weights.sum())


def log_outputs(economy: CarbonEconomy, tax: float) -> Numbers:
    """Logarithms of output in the periods of a play under a constant tax, everybody answering best: `[T]`."""
    labour, capital = economy.labour(tax), np.asarray(economy.untouched)
    carbon, outputs = np.array(economy.carbon), np.zeros(economy.growth.periods)
    for period in range(economy.growth.periods):
        carbon = economy.emitted(carbon, economy.emissions * labour)
        outputs[period] = economy.log_output(capital, carbon.sum(), economy.log_made(labour))
        capital = np.log(economy.growth.saved) + outputs[period]
    return outputs


def carbon_tax_solve(economy: CarbonEconomy, cap: float) -> PopulationSolution:
    """The best tax, discounting without end, and what a play is worth under it.

    Args:
        economy: of a population without end; cap: the highest tax.

    >>> paper = CarbonEconomy(Growth(0.3, 0.985**10, 30), energy=0.04, damage=0.02379, emissions=1.75)
    >>> found = carbon_tax_solve(paper, cap=1.0)
    >>> round(found.leader_action[0], 4), round(found.details["labour for energy"], 4)
    (0.0807, 0.0479)
    """
    tax = min(economy.tax, cap)
    method = "closed form" if tax < cap else "the cap: welfare rises up to it"
    value = float(log_outputs(economy, tax).sum()) + economy.growth.periods * mean_log_consumption(economy)
    details = {
        "labour for energy": float(economy.labour(tax)),
        "the same untaxed": float(economy.labour(0.0)),
        "saving share": economy.growth.saved,
    }
    return PopulationSolution((tax,), value, value, method, details)
