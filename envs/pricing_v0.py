"""# Pricing algorithms: what a platform can do about sellers who learn to charge too much

Sellers set prices, period after period, and remember those of the period before. Q-learning sellers come to charge
well above the equilibrium of one period, and punish whoever undercuts (Calvano et al. 2020). The platform (leader)
posts one policy for good; sellers then learn against it.

```python
env = pettingzoo.make("aec", "stackelberg/pricing-v0")
```

| | leader_0 | follower_i |
|---|---|---|
| turn | policy, first | price (learned), none seeing the others' |
| action | Tuple(Discrete(5), Box(0, 1, (1,))): what, and how much | Discrete(levels): own price grid |
| sees | nothing | all prices of the period before, unless they are withheld |
| payoff of a period | consumer surplus, or welfare | (price - cost - tax) x share of consumers |

What the platform may do, with a number x in [0, 1]:

| policy | what it does |
|---|---|
| leave | nothing (the market of Calvano et al.) |
| hide | whoever asks more than low + x (high - low) is not shown |
| steer | a share x of consumers is shown the cheapest sellers alone |
| tax | a seller pays x (high - cost) for each unit |
| withhold | sellers are not told last period's prices: they have no memory |

Demand is logit (`economics/logit_market.py`): quality 2, cost 1, mu .25, outside good 0. The price grid goes from below
the equilibrium of one period to above the best joint prices, by a tenth of the distance: at the default 15 prices from
1.4277 to 1.9702. A play is one period; the first one comes after a period of lowest prices. Taxes are no gain to
consumers, and no loss of welfare.

Exact values: equilibrium prices 1.47293 (profit .22293), best joint prices 1.92498 (.33749). Hiding whoever asks more
than the lowest price leaves sellers no other one to profit from: with alike sellers that is the optimum for consumers,
if the platform may hide. `bound` holds always. Sellers begin and learn as those of Calvano et al. do, until no best
price has changed for 100,000 periods.

Source: Calvano, Calzolari, Denicolo & Pastorello 2020, American Economic Review 110: 3267-3297; Johnson, Rhodes &
Wildenbeest 2023, Econometrica 91: 1841-1879. Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete, Tuple
from pydantic import Field

from rllib_stackelberg.economics.logit_market import LogitMarket
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import Bound, StackelbergSolution

Policy = Literal["leave", "hide", "steer", "tax", "withhold"]

MOST_ROWS = 4096
"""Prices of a period that sellers can tell apart."""


@dataclass
class PricingState(State):
    """`last`: price levels of the period before `[B, n]`; `policy`: what and how much `[B, 2]`, -1 before; `now`: of
    this period, -1 if not set `[B, n]`."""

    last: np.ndarray
    policy: np.ndarray
    now: np.ndarray


class Pricing(StackelbergGame):
    """Sellers that learn to price, on a platform that posts a policy.

    Args:
        sellers: how many set prices.
        levels: how many equally spaced prices each chooses from.
        quality: what consumers value every good at, in the unit of prices.
        costs: what one unit costs: one number, or one for each seller.
        mu: how much consumers differ: the larger, the less prices matter to them.
        outside: what buying nothing is worth to them.
        margin: by how much prices reach beyond equilibrium and best joint prices, of their distance.
        policies: what the platform may do.
        objective: of the platform: consumer surplus, or welfare (with profits and taxes).
    """

    source = "Calvano, Calzolari, Denicolo & Pastorello 2020; Johnson, Rhodes & Wildenbeest 2023"

    def __init__(
        self,
        *,
        sellers: Annotated[int, Field(ge=2, le=6)] = 2,
        levels: Annotated[int, Field(ge=2, le=64)] = 15,
        quality: Annotated[float, Field(allow_inf_nan=False)] = 2.0,
        costs: float | list[float] = 1.0,
        mu: Annotated[float, Field(gt=0)] = 0.25,
        outside: float = 0.0,
        margin: Annotated[float, Field(ge=0)] = 0.1,
        policies: list[Policy] = ["leave", "hide", "steer", "tax", "withhold"],  # noqa: B006 (never changed)
        objective: Literal["surplus", "welfare"] = "surplus",
    ):
        if levels**sellers > MOST_ROWS:
            problem = f"{levels} make {levels**sellers:,} combinations of prices for {sellers} sellers to remember"
            raise InvalidFieldError("levels", problem, f"up to {int(MOST_ROWS ** (1 / sellers) + 1e-9)} here")
        if not policies or len(set(policies)) < len(policies):
            raise InvalidFieldError("policies", f"got {', '.join(policies) or 'none'}", "one or several, each once")
        each = tuple(costs) if isinstance(costs, list) else (costs,) * sellers
        if len(each) != sellers:
            raise InvalidFieldError("costs", f"{len(each)} for {sellers} sellers", "one number, or one for each")
        self.market = LogitMarket((quality,) * sellers, each, mu, outside)
        self.grid = self.market.price_grid(levels, margin)
        if (below := self.grid[:, 0] < each).any():
            problem = f"got {margin:g}, a lowest price of {self.grid[below, 0][0]:.4g} below the cost of a unit"
            raise InvalidFieldError("margin", problem, "a smaller one")
        self.sellers, self.levels, self.policies, self.objective = sellers, levels, tuple(policies), objective
        self.low, self.high = float(self.grid.min()), float(self.grid.max())
        self.most_tax = self.high - min(each)
        self.memory = levels**sellers
        self._digits = levels ** np.arange(sellers - 1, -1, -1)
        policy = Tuple((Discrete(len(policies)), Box(0, 1, (1,))))
        self.turns = (
            Turn("policy", 0, policy, "leader"),
            *(Turn("price", 1 + i, Discrete(levels), "learned", rows=self.memory + 1) for i in range(sellers)),
        )
        self.prior = Prior((np.ones((1,) * sellers),))
        self.payoff_range = self._payoff_range()
        self.observation_spaces = (
            Box(0, 1, (1,), np.float32),
            *(Box(0, 1, (sellers * levels,), np.float32) for _ in range(sellers)),
        )

    def _payoff_range(self):
        alone = np.eye(self.sellers, dtype=bool)
        prices = np.moveaxis(np.broadcast_to(self.grid, (self.sellers, *self.grid.shape)), 2, 0)
        shares = np.einsum("lii->li", self.market.shares(prices, alone))
        margins = self.grid.T - np.asarray(self.market.costs)
        tax = self.most_tax if "tax" in self.policies else 0.0
        lowest = np.minimum((margins - tax) * shares, 0).min(axis=0)
        highest = (margins * shares).max(axis=0)
        return np.stack([[0.0, *lowest], [self.bound().value, *highest]], axis=1)

    def start(self, types, chance):
        """After a period in which all had their lowest price."""
        return self.resume(types, chance, np.zeros(len(types), dtype=np.int64))

    def resume(self, types, chance, carried):
        """After a period with the given prices."""
        last = carried[:, None] // self._digits % self.levels
        return PricingState(types, chance, last, np.full((len(types), 2), -1.0), np.full_like(last, -1))

    def carried(self, state):
        """The prices of this period."""
        return np.maximum(state.now, 0) @ self._digits

    def turn(self, state):
        """The platform, then seller after seller."""
        moved = (state.policy[:, 0] >= 0) + (state.now >= 0).sum(axis=1)
        return np.where(moved > self.sellers, OVER, moved)

    def _withheld(self, state):
        """Whether sellers are not told last prices, `[B]`."""
        chosen = np.array([policy == "withhold" for policy in self.policies])
        return chosen[state.policy[:, 0].astype(np.int64)] & (state.policy[:, 0] >= 0)

    def observe(self, state, agent):
        """The platform nothing, a seller the last prices."""
        if agent == 0:
            return np.zeros((len(state), 1), dtype=np.float32)
        shown = np.eye(self.levels, dtype=np.float32)[state.last] * ~self._withheld(state)[:, None, None]
        return shown.reshape(len(state), -1)

    def information(self, state):
        """Sellers: the last prices; one key more stands for prices withheld. The platform has one question."""
        seen = np.where(self._withheld(state), self.memory, state.last @ self._digits)
        return np.where(state.policy[:, 0] < 0, 0, seen)

    def transition(self, state, actions):
        """Post a policy, or set a price; everybody is paid with the last one."""
        posting = state.policy[:, 0] < 0
        policy, now = state.policy.copy(), state.now.copy()
        policy[posting] = actions[posting, :2]
        pricing = np.flatnonzero(~posting & (state.now < 0).any(axis=1))
        mover = (state.now[pricing] >= 0).sum(axis=1)
        now[pricing, mover] = actions[pricing, 0].astype(np.int64)
        payoffs = np.zeros((len(state), self.sellers + 1))
        last = pricing[mover == self.sellers - 1]
        payoffs[last] = self.period(now[last], policy[last])
        return PricingState(state.types, state.chance, state.last, policy, now), payoffs

    def period(self, levels, policy):
        """Payoffs of a period, platform first: levels `[B, n]`, policy `[B, 2]` -> `[B, 1 + n]`."""
        prices, much = self.grid[np.arange(self.sellers), levels], policy[:, 1:]
        kind = np.array(self.policies)[policy[:, 0].astype(np.int64)][:, None]
        threshold = self.low + much * (self.high - self.low)
        all_shown = (kind != "hide") | (prices <= threshold + 1e-12 * self.high)
        cheapest = prices <= prices.min(axis=1, keepdims=True) * (1 + 1e-12)
        share = np.where(kind == "steer", much, 0.0)
        steered = all_shown & cheapest
        sold = (1 - share) * self.market.shares(prices, all_shown) + share * self.market.shares(prices, steered)
        surplus, narrow = (self.market.surplus(prices, shown) for shown in (all_shown, steered))
        gain = (1 - share[:, 0]) * surplus + share[:, 0] * narrow
        margins = prices - np.asarray(self.market.costs)
        if self.objective == "welfare":
            gain = gain + (margins * sold).sum(axis=1)
        tax = np.where(kind == "tax", much * self.most_tax, 0.0)
        return np.concatenate([gain[:, None], (margins - tax) * sold], axis=1)

    def bound(self):
        """What the platform would get if everybody asked for the lowest price, or for the cost where profits count."""
        welfare = self.objective == "welfare"
        prices = np.asarray(self.market.costs) if welfare else self.grid[:, 0]
        return Bound(float(self.market.surplus(prices)), "everybody sells at cost" if welfare else "lowest prices")

    def optimum(self):
        """Alike sellers that are hidden above the lowest price profit from no other, whatever the others do."""
        alike = len(set(self.market.costs)) == 1
        if not alike or "hide" not in self.policies or self.objective == "welfare":
            return None
        lowest = self.grid[:, 0]
        return StackelbergSolution(
            leader_value=float(self.market.surplus(lowest)),
            follower_values=tuple(self.market.profits(lowest).tolist()),
            leader_strategy=((0, (float(self.policies.index("hide")), 0.0)),),
            method="largest payoff of a period, attained",
            tie_break="none",
        )

    def describe(self, turn, key):
        """The last prices."""
        if turn.kind == "leader":
            return "post a policy"
        if key == self.memory:
            return "last prices withheld"
        prices = self.grid[np.arange(self.sellers), key // self._digits % self.levels]
        return "last prices " + ", ".join(f"{price:.3f}" for price in prices)

    def describe_action(self, turn, key, action):
        """A price, or what the platform does."""
        if turn.kind == "learned":
            return f"{self.grid[turn.agent - 1, int(action[0])]:.3f}"
        much = float(action[1])
        return {
            "leave": "leave sellers alone",
            "hide": f"hide above {self.low + much * (self.high - self.low):.3f}",
            "steer": f"show {much:.0%} of consumers the cheapest alone",
            "tax": f"tax of {much * self.most_tax:.3f} per unit",
            "withhold": "withhold last prices",
        }[self.policies[int(action[0])]]
