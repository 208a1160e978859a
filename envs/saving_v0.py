"""# Saving: two small economies that grow, or not, by what is saved and taxed

A government taxes output, period after period; households save a share of what is left and consume the rest. Siblings
of `taxation` without work or risk, whose optima are known. `public-investment`: the government invests what it
raises, and wants growth. `output-tax`: it spends it on what households value.

```python
env = pettingzoo.make("aec", "stackelberg/public-investment-v0", households=100)
env = pettingzoo.make("aec", "stackelberg/output-tax-v0", households=100, public=1)
```

| | leader_0 (government) | population_0 (N households) |
|---|---|---|
| turn | set the tax | save, knowing it |
| action | t in [.01, .99] | N numbers s in [.01, .99]: share saved of output after tax |
| sees | mean of log k | own log k, of capital k; the government's action |
| payoff of a period | mean of log(k' / k); `output-tax`: mean of log c + `public` log(t y) | log c |

**Rules.** With output y a household consumes c = (1 - s) (1 - t) y and has k' = s (1 - t) y: capital is used up in a
period. `output-tax`: y = k^alpha. `public-investment`: y = A k^alpha g^(1 - alpha) with public capital g = t y, what
is raised from a household being invested where it lives, so that y = (A t^(1 - alpha))^(1 / alpha) k. Logarithms of
capital start normal, of standard deviation `spread` around 0, or around the steady state without tax. Nothing is
random after that.

**Objectives** are discounted by `discount` for ever, and a play is a window of that: who learns discounts alike,
and takes its horizon for a cut, not an end.

**Exact values** (economics/fiscal.py), in every state. `public-investment`: save the share `discount`; tax 1 - alpha.
`output-tax`: save alpha x discount (.72589 of .7445 and .975); tax (1 - alpha discount) public / (1 + public)
(.13706); capital tends to (alpha discount (1 - t))^(1 / (1 - alpha)): .28540 without tax, .11917 at t = .2.
Households start at stratified quantiles, so that means of log k are those of the formulas on average over plays.

Source: Barro 1990; Brock & Mirman 1972. Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box
from pydantic import Field

from rllib_stackelberg.economics.fiscal import (
    Growth,
    invested_return,
    output_tax_solve,
    public_investment_solve,
    steady_capital,
)
from rllib_stackelberg.economics.households import normal, stratified
from rllib_stackelberg.rules.population import PopulationGame, PopulationState

LEAST, MOST = 0.01, 0.99
HOUSEHOLDS = Annotated[int, Field(ge=1, le=1_000_000)]
PERIODS = Annotated[int, Field(ge=1, le=100_000)]
SHARE = Annotated[float, Field(gt=0, lt=1)]
SPREAD = Annotated[float, Field(ge=0, le=5)]


@dataclass
class Savers(PopulationState):
    """Households `[B, N]`: logarithms of `capital`, and of the last period's `output` and `consumption`."""

    capital: np.ndarray
    output: np.ndarray
    consumption: np.ndarray


class Saving(PopulationGame):
    """What both have in common: all of it in logarithms, in which the economy is linear and cannot overflow."""

    draws = 0
    leader_terms = ("tax on output",)
    member_terms = ("share saved",)

    carries_over = ("households", "periods", "spread")

    def __init__(self, economy, households, spread):
        self.economy, self.members, self.periods, self.spread = economy, households, economy.periods, spread
        self.discount = economy.discount
        self.units = {
            "log capital": "",
            "log output": "",
            "log consumption": "",
            "standard deviation of log capital": "",
        }
        self.leader_actions = Box(LEAST, MOST, (1,), np.float64)
        self.member_actions = Box(LEAST, MOST, (1,), np.float64)
        self.leader_space = Box(-np.inf, np.inf, (1,), np.float32)
        self.member_space = Box(-np.inf, np.inf, (1,), np.float32)

    def produce(self, capital, tax):
        """Logarithm of output `[B, N]`, of that of capital and the tax `[B, 1]`."""
        raise NotImplementedError

    def pay_leader(self, before, after, tax):
        """The leader's payoffs `[B]`."""
        raise NotImplementedError

    @property
    def saved(self):
        """The share that households do best to save."""
        raise NotImplementedError

    def start(self, uniforms):
        """Nothing has been produced."""
        plays = len(uniforms)
        capital = self.economy.start + self.spread * normal(stratified(uniforms[..., 0]))
        never, nothing = np.zeros(plays, dtype=np.int64), np.zeros(capital.shape)
        return Savers(never, never.copy(), capital, nothing, nothing.copy())

    def observe_leader(self, state):
        """Mean logarithm of capital."""
        return state.capital.mean(axis=1, keepdims=True).astype(np.float32)

    def observe_members(self, state):
        """Logarithm of capital."""
        return state.capital[..., None].astype(np.float32)

    def transition(self, state, leader, members, uniforms):
        """Produce, pay taxes, consume and save."""
        share, output = members[..., 0], self.produce(state.capital, leader)
        left = output + np.log1p(-leader)
        after = Savers(state.period, state.ending.copy(), left + np.log(share), output, left + np.log1p(-share))
        return after, self.pay_leader(state, after, leader), after.consumption.copy()

    def report(self, state):
        """Means over households, and how far they are apart."""
        figures = (
            *(part.mean(axis=1) for part in (state.capital, state.output, state.consumption)),
            state.capital.std(axis=1),
        )
        return dict(zip(self.units, figures, strict=True))

    def best_response(self, state, leader):
        """The same share of all, in every state and under every tax."""
        return np.full((len(state), self.members, 1), self.saved)


class PublicInvestment(Saving):
    """A government invests what it taxes.

    Args:
        households: how many there are.
        periods: how long a play lasts.
        alpha: exponent of capital in production.
        factor: what is produced with one unit of both kinds of capital.
        discount: weight of the next period's payoff beside this one's.
        spread: standard deviation of the logarithm of capital at the start.
    """

    source = "Barro 1990"

    def __init__(
        self,
        *,
        households: HOUSEHOLDS = 100,
        periods: PERIODS = 50,
        alpha: SHARE = 0.7445,
        factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.85,
        discount: SHARE = 0.975,
        spread: SPREAD = 0.5,
    ):
        super().__init__(Growth(alpha, discount, periods), households, spread)
        self.factor = factor

    @property
    def saved(self):
        """Output is linear in capital."""
        return self.economy.discount

    def produce(self, capital, tax):
        """Output in proportion to capital."""
        return np.log(invested_return(self.factor, self.economy.alpha, tax)) + capital

    def pay_leader(self, before, after, tax):
        """Growth."""
        return (after.capital - before.capital).mean(axis=1)

    def optimum(self):
        """The tax of fastest growth."""
        return public_investment_solve(self.economy, self.factor)


class OutputTax(Saving):
    """A government spends what it taxes on what households value.

    Args:
        households: how many there are.
        periods: how long a play lasts.
        alpha: exponent of capital in production.
        discount: weight of the next period's payoff beside this one's.
        public: weight of what the government spends beside what households consume.
        spread: standard deviation of the logarithm of capital at the start.
    """

    source = "Brock & Mirman 1972"

    def __init__(
        self,
        *,
        households: HOUSEHOLDS = 100,
        periods: PERIODS = 50,
        alpha: SHARE = 0.7445,
        discount: SHARE = 0.975,
        public: Annotated[float, Field(gt=0, le=100)] = 1.0,
        spread: SPREAD = 0.5,
    ):
        untaxed = steady_capital(Growth(alpha, discount, periods), 0.0)
        super().__init__(Growth(alpha, discount, periods, float(np.log(untaxed))), households, spread)
        self.public = public

    @property
    def saved(self):
        """Output has diminishing returns."""
        return self.economy.saved

    def produce(self, capital, tax):
        """Output of capital alone."""
        return self.economy.alpha * capital

    def pay_leader(self, before, after, tax):
        """Utility of what households and the government spend."""
        return after.consumption.mean(axis=1) + self.public * (np.log(tax[:, 0]) + after.output.mean(axis=1))

    def optimum(self):
        """The best tax, discounting as households do."""
        return output_tax_solve(self.economy, self.public)
