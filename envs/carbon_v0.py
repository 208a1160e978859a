"""# Carbon: a tax on what warms the climate

A government taxes carbon, period after period, and gives what it raises back to everybody alike. Households produce,
and decide how much energy they use, which emits carbon, and how much they save. Carbon in the air lowers everybody's
output, some of it for ever. A dynamic economy with a known optimum.

```python
env = pettingzoo.make("aec", "stackelberg/carbon-v0", households=100)
```

| | leader_0 (government) | population_0 (N households) |
|---|---|---|
| turn | set the tax | produce and save, knowing it |
| action | t in [0, `cap`]: tax on 1,000 GtC, share of output | N x 2 numbers: s saved; n of labour makes energy |
| sees | log mean capital; carbon that stays, that decays | own capital over the mean; all that the government does |
| payoff of a period | mean of log c | log c |

**A period** is ten years. Carbon is counted in units of 1,000 GtC, over what was in the air before industry.

1. Household i makes y = exp(-`damage` S) k^alpha (1 - n)^(1 - alpha - `energy`) (m n)^`energy`, of its own labour and
   of capital k that it rents. Rents clear the market: k is then in proportion to y, and the share alpha of output goes
   to those who own capital. Household i emits e = m n; m = `emissions` is what labour emits if it makes energy alone.
   S is the carbon in the air, households' mean emissions of this period included.
2. Household i pays t Y e, where Y is mean output, but never more than .99 of what it earns. Everybody gets the mean of
   what is paid.
3. Of what a household has, the share 1 - s is consumed, c. The rest is its capital of the next period: all capital is
   used up.
4. Of emissions the share .2 stays in the air for ever; of the rest .393 is not absorbed within the period, and decays
   by .0228 in each later one.

s is in [.01, .99]. n is between a hundredth of and twice v / (1 - alpha), v = `energy`, which is best untaxed, and at
most .99. Capital begins at its steady state without carbon and tax, lognormal among households with standard deviation
`spread`; carbon at that of 1999, 103 GtC that stay and 118 that decay. Nothing is random after that.

**Objectives** are discounted by `discount` for ever, and a play is a window of that: who learns discounts alike,
and takes its horizon for a cut, not an end.

**Exact values** (economics/carbon.py), in every state. The best tax is `damage` times the sum of what is left of a
unit of carbon, discounted: .0807 with the paper's numbers, about 57 dollars a tonne of carbon with a world output of
70 trillion dollars a year. Labour for energy solves v / n - (1 - alpha - v) / (1 - n) = m t, and is .0479 then, .0571
untaxed. Of capital x times the mean a household saves the share alpha `discount` x / (1 - alpha + alpha x), so that x
stays. These are of households that take prices, the tax, carbon and what is given back as given; one of N moves them
by order 1 / N. `optimum` is of a play without end: with T periods and nothing after them the best tax falls to what
carbon costs at once, `damage` x .514 in the last period (`finite_taxes`).

Source: Golosov, Hassler, Krusell & Tsyvinski 2014, Econometrica 82. Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box
from pydantic import Field

from rllib_stackelberg.economics.carbon import CarbonEconomy, carbon_tax_solve
from rllib_stackelberg.economics.fiscal import Growth
from rllib_stackelberg.economics.households import normal, stratified
from rllib_stackelberg.economics.inequality import gini
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.population import PopulationGame, PopulationState

LEAST, MOST = 0.01, 0.99
FURTHEST = 2.0
"""How much more labour than without tax may make energy."""

CARBON = 0.103, 0.118
GTC = "1,000 GtC"
UNITS = {
    "log capital": "", "log output": "", "emissions": GTC, "carbon": GTC, "labour for energy": "", "share saved": "",
    "tax paid / output": "", "log consumption": "", "capital Gini": "",
}  # fmt: skip


@dataclass
class Climate(PopulationState):
    """An economy with its carbon.

    `capital`: logarithm of the mean `[B]`; `owned`: relative to the mean `[B, N]`; `carbon`: what stays and what decays
    `[B, 2]`. Of the last period: the logarithm of mean `output`, `emissions` and `paid` taxes relative to output `[B]`;
    `consumption` (its logarithm), `labour` for energy and the share `saved` `[B, N]`.
    """

    capital: np.ndarray
    owned: np.ndarray
    carbon: np.ndarray
    output: np.ndarray
    emissions: np.ndarray
    paid: np.ndarray
    consumption: np.ndarray
    labour: np.ndarray
    saved: np.ndarray


class Carbon(PopulationGame):
    """A government taxes carbon.

    Args:
        households: how many there are.
        periods: how long a play lasts, in decades.
        alpha: exponent of capital in production.
        energy: exponent of energy.
        damage: by how much 1,000 GtC in the air lower the logarithm of output.
        emissions: what would be emitted in a period if all labour made energy, in 1,000 GtC.
        discount: weight of the next period's payoff beside this one's.
        cap: the highest tax.
        spread: standard deviation of the logarithm of capital at the start.
    """

    source = "Golosov, Hassler, Krusell & Tsyvinski 2014"
    draws = 0
    leader_terms = ("tax on carbon",)
    member_terms = ("share saved", "share of labour for energy")

    carries_over = ("households", "periods", "spread")

    def __init__(
        self,
        *,
        households: Annotated[int, Field(ge=1, le=1_000_000)] = 100,
        periods: Annotated[int, Field(ge=1, le=100_000)] = 10,
        alpha: Annotated[float, Field(gt=0, lt=1)] = 0.3,
        energy: Annotated[float, Field(gt=0, lt=1)] = 0.04,
        damage: Annotated[float, Field(ge=0, le=10)] = 0.02379,
        emissions: Annotated[float, Field(gt=0, le=1000)] = 1.75,
        discount: Annotated[float, Field(gt=0, lt=1)] = 0.985**10,
        cap: Annotated[float, Field(gt=0, le=1000)] = 0.4,
        spread: Annotated[float, Field(ge=0, le=5)] = 0.5,
    ):
        if alpha + energy >= 1:
            raise InvalidFieldError("energy", f"is {energy} beside alpha={alpha}", f"less than {1 - alpha:g}")
        self.members, self.periods, self.discount, self.cap = households, periods, discount, cap
        self.economy = CarbonEconomy(Growth(alpha, discount, periods), energy, damage, emissions, CARBON, spread)
        free = float(self.economy.labour(0.0))
        self.units = UNITS
        self.leader_actions = Box(0.0, cap, (1,), np.float64)
        least, most = np.array([LEAST, LEAST * free]), np.array([MOST, min(MOST, FURTHEST * free)])
        self.member_actions = Box(least, most, dtype=np.float64)
        unbounded, positive = [-np.inf], [0.0]
        self.leader_space = Box(np.float32(unbounded + 2 * positive), np.inf, dtype=np.float32)
        self.member_space = Box(np.float32(positive + unbounded + 2 * positive), np.inf, dtype=np.float32)

    def start(self, uniforms):
        """Nothing has been produced."""
        plays = len(uniforms)
        owned = np.exp(self.economy.spread * normal(stratified(uniforms[..., 0])))
        never, nothing, each = np.zeros(plays, dtype=np.int64), np.zeros(plays), np.zeros(owned.shape)
        return Climate(
            period=never, ending=never.copy(), capital=np.full(plays, self.economy.untouched),
            owned=owned / owned.mean(axis=1, keepdims=True), carbon=np.tile(self.economy.carbon, (plays, 1)),
            output=nothing, emissions=nothing.copy(), paid=nothing.copy(), consumption=each, labour=each.copy(),
            saved=each.copy(),
        )  # fmt: skip

    def observe_leader(self, state):
        """Logarithm of mean capital, and carbon."""
        return np.column_stack([state.capital, state.carbon]).astype(np.float32)

    def observe_members(self, state):
        """Own capital, then what the leader sees."""
        seen = np.empty((*state.owned.shape, 4), dtype=np.float32)
        seen[..., 0], seen[..., 1:] = state.owned, self.observe_leader(state)[:, None]
        return seen

    def transition(self, state, leader, members, uniforms):
        """Produce, pay taxes, consume and save; all of it relative to mean output, which cannot overflow."""
        saved, labour = members.transpose(2, 0, 1).copy()
        alpha, emissions = self.economy.growth.alpha, self.economy.emissions * labour
        carbon = self.economy.emitted(state.carbon, emissions.mean(axis=1))
        made = np.exp(self.economy.log_made(labour) / (1 - alpha))
        mean_made = made.mean(axis=1, keepdims=True)
        output = self.economy.log_output(state.capital, carbon.sum(axis=1), (1 - alpha) * np.log(mean_made[:, 0]))
        earned = alpha * state.owned + (1 - alpha) * made / mean_made
        due = np.minimum(leader * emissions, MOST * earned)
        paid = due.mean(axis=1, keepdims=True)
        had = earned - due + paid
        kept = saved * had
        mean_kept = kept.mean(axis=1, keepdims=True)
        consumption = output[:, None] + np.log1p(-saved) + np.log(had)
        after = Climate(
            period=state.period, ending=state.ending.copy(), capital=output + np.log(mean_kept[:, 0]),
            owned=kept / mean_kept, carbon=carbon, output=output, emissions=emissions.mean(axis=1), paid=paid[:, 0],
            consumption=consumption, labour=labour, saved=saved,
        )  # fmt: skip
        return after, consumption.mean(axis=1), consumption.copy()

    def report(self, state):
        """Means over households, and how unequal capital is."""
        figures = (
            state.capital, state.output, state.emissions, state.carbon.sum(axis=1), state.labour.mean(axis=1),
            state.saved.mean(axis=1), state.paid, state.consumption.mean(axis=1), gini(state.owned),
        )  # fmt: skip
        return dict(zip(self.units, figures, strict=True))

    def best_response(self, state, leader):
        """Of each, by what it owns; labour by the tax alone."""
        best = np.empty((*state.owned.shape, 2))
        best[..., 0], best[..., 1] = self.economy.saved(state.owned), self.economy.labour(leader)
        return np.clip(best, self.member_actions.low, self.member_actions.high)

    def optimum(self):
        """The best tax for a population without end."""
        return carbon_tax_solve(self.economy, self.cap)
