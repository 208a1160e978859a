"""# Labour supply: how progressive a tax on work should be

A government sets how progressive the tax on income is; households that differ in ability work, and consume what is
left. One period, nothing is saved: the small sibling of `taxation` whose optimum is known.

```python
env = pettingzoo.make("aec", "stackelberg/labour-supply-v0", households=100, task="welfare")
```

| | leader_0 (government) | population_0 (N households) |
|---|---|---|
| turn | set the progressivity | work, knowing it |
| action | xi in [0, cap] | N numbers h in [.01, .99]: share of time worked |
| sees | Gini coefficient of ability | own ability e; the government's action |
| payoff | by `task` | log c - 10 h^3 / 3 |

**Rules.** Income before tax is e h, with a wage of 1 and abilities lognormal, of mean 1 in every economy and
log-variance `variance` (that of `taxation` unless told otherwise). After tax it is c = level (e h)^(1 - xi). The
budget is balanced whatever anybody does: the level is the one at which everybody's consumption adds up to the share 1
- `budget` of output, found after all have worked. The government spends the rest on what nobody values.

**Tasks.** "welfare": the households' mean payoff. "output": the mean of e h.

**Exact value** (economics/fiscal.py). The best answer of a household that takes the level as given is h = ((1 - xi) /
10)^(1/3), whatever its ability. With `variance` 1.1212 and `budget` .2 welfare is largest at xi = .58350 (h = .34663,
welfare -1.51871; -1.88461 at xi = 0), at the cap where that is lower (-1.83038 at .05); output at xi = 0. These are
of a population without end. In one of N a household moves the level by order 1 / N, and abilities are drawn one from
each of N equal parts of their distribution, divided by their mean: at N = 100 mean welfare is that of the formula up
to .002 at xi = 0 and 1e-4 at .58, with a standard deviation of at most .05 between economies.

Source: Benabou 2002; Heathcote, Storesletten & Violante 2017; economy of Mi et al. 2025. Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box
from pydantic import Field

from rllib_stackelberg.economics.fiscal import EFFORT, LabourSupply, best_work, labour_supply_solve
from rllib_stackelberg.economics.households import ABILITY_DEVIATION, normal, stratified
from rllib_stackelberg.economics.inequality import gini
from rllib_stackelberg.rules.population import PopulationGame, PopulationState

LEAST, MOST = 0.01, 0.99
FIGURES = "output", "tax level", "work", "consumption", "income Gini", "income Gini after tax"


@dataclass
class Workers(PopulationState):
    """Households `[B, N]`: `ability`, and of the last period `work` and `consumption`; `level` of the tax `[B]`."""

    ability: np.ndarray
    work: np.ndarray
    consumption: np.ndarray
    level: np.ndarray


class LabourSupplyGame(PopulationGame):
    """A government taxes households that work.

    Args:
        households: how many there are.
        task: what the government wants: the households' utility (welfare), or output.
        cap: largest progressivity of the tax.
        budget: share of output that the government needs.
        variance: of the logarithm of ability.
    """

    source = "Heathcote, Storesletten & Violante 2017"
    draws = 0
    leader_terms = ("progressivity",)
    member_terms = ("share worked",)

    carries_over = ("households",)
    discount = 0.0

    def __init__(
        self,
        *,
        households: Annotated[int, Field(ge=1, le=1_000_000)] = 100,
        task: Literal["welfare", "output"] = "welfare",
        cap: Annotated[float, Field(gt=0, lt=1)] = 0.99,
        budget: Annotated[float, Field(ge=0, lt=1)] = 0.2,
        variance: Annotated[float, Field(ge=0, le=10)] = ABILITY_DEVIATION**2,
    ):
        self.members, self.periods, self.task = households, 1, task
        self.economy = LabourSupply(variance, budget, cap, task)
        self.units = dict.fromkeys(FIGURES, "")
        self.leader_actions = Box(0.0, cap, (1,), np.float64)
        self.member_actions = Box(LEAST, MOST, (1,), np.float64)
        self.leader_space = Box(0.0, 1.0, (1,), np.float32)
        self.member_space = Box(0.0, np.inf, (1,), np.float32)

    def start(self, uniforms):
        """Nobody has worked."""
        plays = len(uniforms)
        ability = np.exp(np.sqrt(self.economy.variance) * normal(stratified(uniforms[..., 0])))
        ability /= ability.mean(axis=1, keepdims=True)
        never, nothing = np.zeros(plays, dtype=np.int64), np.zeros(ability.shape)
        return Workers(never, never.copy(), ability, nothing, nothing.copy(), np.zeros(plays))

    def observe_leader(self, state):
        """Gini coefficient of ability."""
        return gini(state.ability)[:, None].astype(np.float32)

    def observe_members(self, state):
        """Ability."""
        return state.ability[..., None].astype(np.float32)

    def transition(self, state, leader, members, uniforms):
        """Work, collect the budget, consume."""
        work = members[..., 0].copy()
        earned = state.ability * work
        kept = earned ** (1 - leader)
        level = (1 - self.economy.budget) * earned.sum(axis=1) / kept.sum(axis=1)
        consumption = level[:, None] * kept
        utility = np.log(consumption) - EFFORT / 3 * work**3
        after = Workers(state.period, state.ending.copy(), state.ability.copy(), work, consumption, level)
        return after, utility.mean(axis=1) if self.task == "welfare" else earned.mean(axis=1), utility

    def report(self, state):
        """Means over households, and how unequal they are."""
        earned = state.ability * state.work
        figures = (
            earned.mean(axis=1), state.level, state.work.mean(axis=1), state.consumption.mean(axis=1),
            gini(earned), gini(state.consumption),
        )  # fmt: skip
        return dict(zip(self.units, figures, strict=True))

    def best_response(self, state, leader):
        """The same of all, by the progressivity alone."""
        return np.tile(best_work(leader)[:, None, :], (1, self.members, 1))

    def optimum(self):
        """The best progressivity for a population without end."""
        return labour_supply_solve(self.economy)
