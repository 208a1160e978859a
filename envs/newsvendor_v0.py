"""# Newsvendor pricing: a supplier, a retailer and uncertain demand

The supplier (leader) posts a wholesale price a; the retailer answers with an order b and a retail price p; demand is
theta0 - theta1 p plus normal noise. The supplier is paid for the order; the retailer sells what is asked for of it.

```python
env = pettingzoo.make("aec", "stackelberg/newsvendor-v0", theta0=10, theta1=1, sigma=1)
```

| | leader_0 | follower_0 |
|---|---|---|
| turn | post | answer (a reply: the retailer's rule) |
| action | a in [0, price_cap] | order in [0, order_cap], price in [0, price_cap] |
| sees | what has been posted, answered and asked for so far | the same |
| payoff | a b | p min(demand, b) - a b; 0 for an order of 0 |

The retailer's rule: `retailer="exact"` prices for the largest expected profit, `"riskless"` as if there were no noise;
both order the critical fractile, and order nothing (at the cap) where that is worth nothing. Demand may be negative.
Its noise takes `levels` equally likely values, the means of as many equal parts of the normal distribution. The price
cap is .9 of the choke price theta0 / theta1 unless given; the order cap is theta0 + 4 sigma.

Exact value (economics/newsvendor.py, normal noise): theta0^2 / (8 theta1) without noise, at a = theta0 / (2 theta1) and
p = 3 theta0 / (4 theta1). With theta0 10, theta1 1 and sigma 1: 12.12554 at a = 4.16476; against the riskless
retailer 11.29697 at a = 3.84512.

Source: Liu & Rong 2024, arXiv 2404.00203; Petruzzi & Dada 1999. Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from gymnasium.spaces import Box
from pydantic import Field

from rllib_stackelberg.economics.demand_game import DemandGame
from rllib_stackelberg.economics.newsvendor import Market, answer, density, newsvendor_solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.rules.game import OVER, State, Turn
from rllib_stackelberg.rules.priors import Prior

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

POST, ANSWER = 0, 1
CAP_SHARE = 0.9
ORDER_DEVIATIONS = 4

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass
class NewsvendorState(State):
    """`wholesale`, `order`, `price`, `demand`: each `[B]`, 0 before they are there; `moves`: turns taken `[B]`."""

    wholesale: np.ndarray
    order: np.ndarray
    price: np.ndarray
    demand: np.ndarray
    moves: np.ndarray


class Newsvendor(DemandGame):
    """A supplier posts a wholesale price to a price-setting newsvendor.

    Args:
        theta0: demand at a price of 0.
        theta1: demand lost for each unit of price.
        sigma: standard deviation of demand.
        price_cap: largest price; .9 of the price at which nobody buys, theta0 / theta1, if not given.
        retailer: whether the retailer prices for the largest expected profit (exact), or as if there were no noise
            (riskless).
        levels: how many equally likely values the noise takes.
    """

    source = "Liu & Rong 2024, arXiv 2404.00203"

    def __init__(
        self,
        *,
        theta0: Positive = 10.0,
        theta1: Positive = 1.0,
        sigma: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0,
        price_cap: Positive | None = None,
        retailer: Literal["exact", "riskless"] = "exact",
        levels: Annotated[int, Field(ge=1, le=4096)] = 256,
    ):
        choke = theta0 / theta1
        if price_cap is not None and price_cap > choke:
            raise InvalidFieldError("price_cap", f"got {price_cap:g}", f"at most the choke price {choke:g}")
        cap = CAP_SHARE * choke if price_cap is None else price_cap
        self.market = Market(theta0, theta1, sigma, cap, theta0 + ORDER_DEVIATIONS * sigma, retailer)
        self.estimand = np.array([theta0, theta1])
        most = self.market.order_cap
        self.turns = (
            Turn("post", 0, Box(0.0, cap, (1,), np.float64), "leader"),
            Turn("answer", 1, Box(np.zeros(2), np.array([most, cap]), dtype=np.float64), "reply", sees_leader=True),
        )
        self.prior = Prior.uniform(1)
        self.chance = Prior.uniform(levels)
        self._noise = sigma * equal_parts(levels)
        self._least = min(theta0 - theta1 * cap + self._noise[0], 0.0)
        self._largest = theta0 + self._noise[-1]
        self.payoff_range = np.array([[0.0, cap * most], [cap * (self._least - most), cap * most]])
        seen = Box(0.0, 1.0, (6,), np.float32)
        self.observation_spaces = (seen, Box(0.0, 1.0, (6,), np.float32))

    def start(self, types, chance):
        """Nothing posted."""
        nothing = [np.zeros(len(types)) for _ in range(4)]
        return NewsvendorState(types, chance, *nothing, np.zeros(len(types), dtype=np.int64))

    def turn(self, state):
        """Supplier, then retailer."""
        return np.where(state.moves < 2, state.moves, OVER)

    def observe(self, state, agent):
        """How far the play is; prices and order as shares of their caps; demand as a share of its range."""
        cap, over = self.market.price_cap, state.moves == 2
        demand = (state.demand - self._least) / (self._largest - self._least)
        parts = (
            state.moves > 0,
            over,
            state.wholesale / cap,
            state.order / self.market.order_cap,
            state.price / cap,
            np.where(over, demand, 0.0),
        )
        return np.stack(parts, axis=1).astype(np.float32)

    def reply(self, state):
        """Order and price by the retailer's rule."""
        return np.stack(answer(self.market, state.wholesale), axis=1)

    def transition(self, state, actions):
        """Keep the wholesale price; then trade."""
        posting, answering = state.moves == POST, state.moves == ANSWER
        wholesale = np.where(posting, actions[:, 0], state.wholesale)
        order = np.where(answering, actions[:, 0], state.order)
        price = np.where(answering, actions[:, 1], state.price)
        asked = self.market.theta0 - self.market.theta1 * price + self._noise[state.chance[:, 0]]
        demand = np.where(answering, asked, state.demand)
        cost = wholesale * order
        profit = np.where(order > 0, price * np.minimum(demand, order) - cost, 0.0)
        payoffs = np.where(answering[:, None], np.stack([cost, profit], axis=1), 0.0)
        moves = np.minimum(state.moves + 1, 2)
        return NewsvendorState(state.types, state.chance, wholesale, order, price, demand, moves), payoffs

    def signal(self, state):
        """Demand."""
        return state.demand[:, None]

    def describe_action(self, turn, key, action):
        """The wholesale price, and what the retailer answers; the answer."""
        if turn.kind == "reply":
            return f"orders {action[0]:.4g}, sells at {action[1]:.4g}"
        order, price = answer(self.market, action[0])
        return f"wholesale price {action[0]:.4g}: orders {order:.4g}, sells at {price:.4g}"

    def optimum(self):
        """The equilibrium with normal noise."""
        return newsvendor_solve(self.market)


def equal_parts(levels: int) -> np.ndarray:
    """Means of the equally likely parts of a standard normal distribution, ascending.

    >>> equal_parts(2).round(6).tolist()
    [-0.797885, 0.797885]
    """
    edges = special.ndtri(np.arange(levels + 1) / levels)
    return levels * (density(edges[:-1]) - density(edges[1:]))
