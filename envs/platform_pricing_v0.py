"""# Platform pricing: which sellers to show

Two sellers of the same good set prices, period after period. The platform (leader) sees them and hides every seller
above a threshold of its choice; consumers buy from those who are shown, or not at all (logit demand). Sellers who
learn from experience raise their prices together; a platform that commits to what it shows can break that.

```python
env = pettingzoo.make("aec", "stackelberg/platform-pricing-v0")
```

| | leader_0 | follower_0, follower_1 |
|---|---|---|
| turn | show, last | price (learned), both without seeing the other's |
| action | Discrete(levels): who asks more is hidden | Discrete(levels): prices in [1.05, 1.7] |
| sees | the two prices | the two prices of the period before |
| payoff of a period | consumer surplus mu log(sum exp((q - p) / mu) + 1), over the shown | (p - cost) x demand |

A hidden seller sells nothing. Quality q 2, cost 1, mu .25, outside good 0. A play is one period; prices are carried to
the next one (the first period starts after both had the lowest price). With everybody shown: surplus 1.1261 at price
1.05 and .5084 at 1.7; the sellers' one-period equilibrium is at 1.4729, the best joint price at 1.9250 (continuous
prices). Exact value: no platform gets more than everybody's surplus at the lowest price, and hiding whoever asks more
leaves sellers no other price to profit from.

Source: Johnson, Rhodes & Wildenbeest 2023, "Platform design when sellers use pricing algorithms"; Brero et al. 2022,
"Learning to mitigate AI collusion on economic platforms"; Calvano et al. 2020. Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.economics.logit_market import LogitMarket
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import StackelbergSolution

SELLERS = 2


@dataclass
class PricingState(State):
    """`last`: price levels of the period before `[B, 2]`; `now`: of this one, -1 if not set; `shown`: period over."""

    last: np.ndarray
    now: np.ndarray
    shown: np.ndarray


class PlatformPricing(StackelbergGame):
    """Two sellers on a platform that decides who is shown.

    Args:
        levels: how many equally spaced prices the sellers choose from.
        low: lowest of these prices.
        high: highest of these prices.
        quality: what consumers value the good at, in the unit of prices.
        cost: what one unit costs a seller.
        mu: how much consumers differ: the larger, the less prices matter to them.
    """

    source = "Johnson, Rhodes & Wildenbeest 2023; Brero et al. 2022"

    def __init__(
        self,
        *,
        levels: Annotated[int, Field(ge=2, le=16)] = 4,
        low: float = 1.05,
        high: float = 1.7,
        quality: float = 2.0,
        cost: float = 1.0,
        mu: Annotated[float, Field(gt=0)] = 0.25,
    ):
        if not cost <= low < high < np.inf:
            raise InvalidFieldError("low", f"got {low} (cost {cost}, high {high})", "cost <= low < high")
        self.prices = np.linspace(low, high, levels)
        self.levels = levels
        self.market = LogitMarket((quality,) * SELLERS, (cost,) * SELLERS, mu)
        self.memory = levels**SELLERS
        self.turns = (
            *(Turn("price", 1 + i, Discrete(levels), "learned", rows=self.memory) for i in range(SELLERS)),
            Turn("show", 0, Discrete(levels), "leader", rows=self.memory),
        )
        self.prior = Prior.uniform(1, 1)
        best = self.market.surplus(np.full(SELLERS, low))
        alone = self.market.profits(self.prices[:, None], np.arange(SELLERS) == 0).max()
        self.payoff_range = np.array([[0.0, float(best)], *[[0.0, float(alone)]] * SELLERS])
        seen = SELLERS * levels
        self.observation_spaces = (
            Box(0, 1, (seen + SELLERS,), np.float32),
            *(Box(0, 1, (seen + 1,), np.float32) for _ in range(SELLERS)),
        )

    def start(self, types, chance):
        """After a period in which both had the lowest price."""
        return self.resume(types, chance, np.zeros(len(types), dtype=np.int64))

    def resume(self, types, chance, carried):
        """After a period with the given prices."""
        last = np.stack(np.divmod(carried, self.levels), axis=1)
        return PricingState(types, chance, last, np.full_like(last, -1), np.zeros(len(types), dtype=bool))

    def carried(self, state):
        """The prices of this period."""
        return self._key(state.now)

    def _key(self, levels):
        return levels[:, 0] * self.levels + levels[:, 1]

    def turn(self, state):
        """Seller 0, seller 1, platform."""
        return np.where(state.shown, OVER, (state.now >= 0).sum(axis=1))

    def observe(self, state, agent):
        """The platform: this period's prices, and which are set. A seller: the last ones, and if its own is set."""
        one_hot = np.eye(self.levels, dtype=np.float32)
        if agent == 0:
            known = (state.now >= 0).astype(np.float32)
            prices = one_hot[state.now] * known[..., None]
            return np.concatenate([prices.reshape(len(state), -1), known], axis=1)
        own = (state.now[:, agent - 1] >= 0).astype(np.float32)[:, None]
        return np.concatenate([one_hot[state.last].reshape(len(state), -1), own], axis=1)

    def information(self, state):
        """Prices: this period's to the platform, the last one's to a seller."""
        return np.where((state.now >= 0).all(axis=1), self._key(np.maximum(state.now, 0)), self._key(state.last))

    def transition(self, state, actions):
        """Set a price; or show, and pay."""
        action = actions[:, 0].astype(np.int64)
        mover = (state.now >= 0).sum(axis=1)
        pays = (mover == SELLERS) & ~state.shown
        pricing = np.flatnonzero(mover < SELLERS)
        now = state.now.copy()
        now[pricing, mover[pricing]] = action[pricing]
        levels = np.maximum(now, 0)
        prices, shown = self.prices[levels], levels <= action[:, None]
        paid = np.concatenate([self.market.surplus(prices, shown)[:, None], self.market.profits(prices, shown)], axis=1)
        after = PricingState(state.types, state.chance, state.last, now, state.shown | pays)
        return after, np.where(pays[:, None], paid, 0.0)

    def optimum(self):
        """Nobody is shown above the lowest price; then it is the only one that pays, whatever the other seller does."""
        lowest = np.full(SELLERS, self.prices[0])
        return StackelbergSolution(
            leader_value=float(self.market.surplus(lowest)),
            follower_values=tuple(self.market.profits(lowest).tolist()),
            leader_strategy=tuple((key, 0) for key in range(self.memory)),
            method="largest payoff of a period, attained",
            tie_break="none",
        )

    def describe(self, turn, key):
        """The two prices."""
        first, second = (f"{self.prices[k]:.2f}" for k in divmod(key, self.levels))
        return f"prices {first} and {second}" if turn.kind == "leader" else f"last prices {first} and {second}"

    def describe_action(self, turn, key, action):
        """A seller's price; who is shown."""
        threshold = int(action[0])
        if turn.kind == "learned":
            return f"{self.prices[threshold]:.2f}"
        shown = [str(i) for i, level in enumerate(divmod(key, self.levels)) if level <= threshold]
        return f"up to {self.prices[threshold]:.2f}: " + (f"shows {' and '.join(shown)}" if shown else "shows nobody")
