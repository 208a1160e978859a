"""# Sequential price mechanisms with messages (MSPM)

A seller has identical items; each buyer wants one. Buyers see their values and send messages, no one seeing another's.
Then, until the items are sold or every buyer has been visited, the leader picks a buyer and a price, and that buyer
buys iff its value is at least the price (a dominant reply).

```python
env = pettingzoo.make("aec", "stackelberg/message-spm-v0", types=3, messages=2)
env = pettingzoo.make("aec", "stackelberg/message-spm-pi-v0", epsilon=0.2)
```

| | leader_0 | follower_i |
|---|---|---|
| turn | choose, repeatedly | message (learned), then buy (reply) when chosen |
| action | Box [0, 1]^(buyers+1), or Discrete(buyers * k) | Discrete(messages); Discrete(2), 1 buys |
| sees | the messages heard; who is left, has refused or has won | its type; the price at its buy turn |
| payoff | welfare or revenue | value - price if it buys |

Leader action: a score per buyer and a price; the buyer left with the highest score (ties to the lowest index) is next.
With a grid: buyer b and price j/(k-1) as b*k + j; if that buyer is not left, the next one that is. Prices quoted so far
are implied by the leader's own fixed answers and are not shown again. Welfare: the winners' values minus the largest
values there are (<= 0; 0 is efficient). Revenue: prices paid.

`types=n`: values linspace(0, 1, n), independent and uniform. `values=` gives each buyer's own finite values, `prior=` a
joint distribution over types (an axis per buyer) or one distribution per buyer, `file=` a JSON file with both.
`message-spm-pi` (Agrawal et al.): buyer 0 has value epsilon with probability 1-epsilon, else 1; buyer 1 has 0 or
2 epsilon, equally likely. `noise=` and `channel=` make the channels noisy (channels.py); `bits` is what they carry.

Source: Brero et al. 2022, arXiv 2210.03852. Version history: v0, first release.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.economics.channels import Channel
from rllib_stackelberg.economics.direct_mechanisms import best_mechanism, sale
from rllib_stackelberg.economics.message_prices import message_solve
from rllib_stackelberg.economics.optimal_auctions import best_revenue
from rllib_stackelberg.economics.sequential_prices import Market, no_message_solve
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.files.folder import read_fields
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import NO_CHANCE, Prior, prior_from
from rllib_stackelberg.rules.solution import Bound, StackelbergSolution

LEFT, REFUSED, WON = 0, 1, 2
INDIFFERENT = 1e-12
"""A buyer whose value falls short of the price by less than this share of the largest value still buys."""

Count = Annotated[int, Field(ge=1, le=64)]


@dataclass
class MessageSPMState(State):
    """Arrays `[B, buyers]` or `[B]`.

    `heard`: messages as heard, -1 before; `sent`: number of buyers that have sent; `status`: LEFT, REFUSED or WON;
    `visited`, `sold`: number of buyers asked, and of items sold; `question`: key of `heard` and `status`, kept up to
    date so that a turn costs the same however many buyers there are; `offered`: buyer at its buy turn, -1 otherwise;
    `price`: offered; `over`.
    """

    heard: np.ndarray
    sent: np.ndarray
    status: np.ndarray
    visited: np.ndarray
    sold: np.ndarray
    question: np.ndarray
    offered: np.ndarray
    price: np.ndarray
    over: np.ndarray


class MessageSPM(StackelbergGame):
    """Sequential posted prices, after messages.

    Args:
        types: how many values a buyer may have, equally spaced from 0 to 1 and equally likely.
        messages: how many different messages each buyer can send; 1 means none.
        buyers: how many there are.
        items: how many identical items are sold.
        values: each buyer's own list of values, increasing, in place of `buyers` and `types`.
        prior: a list of probabilities per buyer, or joint ones with an axis per buyer; uniform if not given.
        file: JSON file with `values` and `prior`, in their place.
        noise: probability that a message does not arrive as it was sent.
        channel: what noise does: another message arrives (symmetric), or none (erasure).
        price_grid: how many equally spaced prices from 0 to 1 the leader chooses from; any price if not given.
        objective: what the leader is paid: minus the welfare lost (welfare), or the prices paid (revenue).
    """

    source = "Brero et al. 2022"

    def __init__(
        self,
        *,
        types: Count = 3,
        messages: Count = 2,
        buyers: Annotated[int, Field(ge=2, le=32)] = 2,
        items: Count = 1,
        values: list[list[float]] | None = None,
        prior: list | None = None,
        file: Path | None = None,
        noise: Annotated[float, Field(ge=0, le=1)] = 0.0,
        channel: Literal["symmetric", "erasure"] = "symmetric",
        price_grid: Annotated[int, Field(ge=2, le=1001)] | None = None,
        objective: Literal["welfare", "revenue"] = "welfare",
    ):
        if file is not None:
            values, prior = read_fields("file", file, "values", "prior")
        if values is not None:
            buyers = len(values)
        if items > buyers:
            raise InvalidFieldError("items", f"{items} for {buyers} buyers", f"1..{buyers}")
        self.buyers, self.items, self.objective, self.price_grid = buyers, items, objective, price_grid
        self.values = _values(values, buyers, types)
        self.channel = Channel(messages, noise, channel)
        self.prior = _prior(prior, [len(own) for own in self.values])
        self.chance = Prior.product(*[self.channel.chance] * buyers) if noise else NO_CHANCE
        self._noisy = bool(noise)
        self._indifferent = INDIFFERENT * max(float(own.max()) for own in self.values)
        # Values by (buyer, type), padded with 0 for buyers of fewer types.
        self._table = np.zeros((buyers, max(len(own) for own in self.values)))
        for i, own in enumerate(self.values):
            self._table[i, : len(own)] = own
        choose = Box(0.0, 1.0, (buyers + 1,), np.float64) if price_grid is None else Discrete(buyers * price_grid)
        questions = (self.channel.heard_letters * 3) ** buyers
        numbered = questions < 2**62
        # Key of a question: messages heard, then status, in mixed radix; a digit per buyer, the first one's highest.
        powers = range(buyers - 1, -1, -1)
        self._letter_places = np.array([self.channel.heard_letters**k * 3**buyers * numbered for k in powers])
        self._status_places = np.array([3**k * numbered for k in powers])
        self.turns = (
            *(Turn("message", i + 1, Discrete(messages), "learned", len(own)) for i, own in enumerate(self.values)),
            Turn("choose", 0, choose, "leader", questions if numbered else None),
            *(Turn("buy", i + 1, Discrete(2), "reply") for i in range(buyers)),
        )
        self._set_ranges()

    @property
    def bits(self) -> float:
        """Capacity of all channels together, bits per play."""
        return self.buyers * self.channel.capacity

    def _set_ranges(self) -> None:
        tops = np.sort([own.max() for own in self.values])[::-1][: self.items].sum()
        leader = [0.0, float(self.items)] if self.objective == "revenue" else [-float(tops), 0.0]
        self.payoff_range = np.array([leader, *([0.0, float(own.max())] for own in self.values)])
        heard = self.buyers * self.channel.heard_letters
        own = self._table.shape[1] + 2
        buyer = Box(0.0, 1.0, (own,), np.float32)
        self.observation_spaces = (Box(0, 1, (heard + 3 * self.buyers,), np.float32), *[buyer] * self.buyers)

    @property
    def utility_scale(self) -> float:
        """Values are in [0, 1]: the paper's payoffs as they are."""
        return 1.0

    def start(self, types, chance):
        """Nobody has sent."""
        plays, n = len(types), self.buyers
        nobody = np.full(plays, -1, dtype=np.int64)
        return MessageSPMState(
            types.astype(np.min_scalar_type(self._table.shape[1])),
            chance,
            heard=np.full((plays, n), -1, dtype=np.int8),
            sent=np.zeros(plays, dtype=np.int64),
            status=np.zeros((plays, n), dtype=np.int8),
            visited=np.zeros(plays, dtype=np.int64),
            sold=np.zeros(plays, dtype=np.int64),
            question=np.zeros(plays, dtype=np.int64),
            offered=nobody,
            price=np.zeros(plays),
            over=np.zeros(plays, dtype=bool),
        )

    def turn(self, state):
        """Messages in buyer order; then leader and chosen buyer alternate."""
        n = self.buyers
        selling = np.where(state.offered >= 0, n + 1 + state.offered, n)
        return np.where(state.over, OVER, np.where(state.sent < n, state.sent, selling))

    def observe(self, state, agent):
        """Leader: heard messages and status. Buyer: its type, whether it is offered an item, and the price."""
        if agent == 0:
            ready = (state.sent == self.buyers)[:, None, None]
            heard = np.eye(self.channel.heard_letters)[state.heard] * ready
            status = np.eye(3)[state.status] * ready
            return np.concatenate(
                [heard.reshape(len(state), -1), status.reshape(len(state), -1)], axis=1, dtype=np.float32
            )
        mine = (state.offered == agent - 1) & ~state.over
        shown = np.eye(self._table.shape[1])[state.types[:, agent - 1]]
        return np.concatenate([shown, mine[:, None], (state.price * mine)[:, None]], axis=1, dtype=np.float32)

    def information(self, state):
        """A sender's type; the leader's key: heard messages, then status, in mixed radix."""
        own = state.types[np.arange(len(state)), np.minimum(state.sent, self.buyers - 1)]
        asking = (state.offered < 0) & ~state.over
        return np.where(state.sent < self.buyers, own, np.where(asking, state.question, 0))

    def value_of(self, state, buyer):
        """Value of the given buyer in each play, `[B]`."""
        return self._table[buyer, state.types[np.arange(len(state)), buyer]]

    def reply(self, state):
        """Buy iff the value is at least the price."""
        value = self.value_of(state, np.maximum(state.offered, 0))
        actions = np.zeros((len(state), self.width))
        actions[:, 0] = value - state.price >= -self._indifferent
        return actions

    def transition(self, state, actions):
        """Send, choose or buy, whichever each play is at."""
        changing = ("heard", "sent", "status", "visited", "sold", "question", "offered", "price", "over")
        after = replace(state, **{name: getattr(state, name).copy() for name in changing})
        payoffs = np.zeros((len(state), self.buyers + 1))
        sending = ~state.over & (state.sent < self.buyers)
        buying = ~state.over & (state.offered >= 0)
        choosing = ~state.over & ~sending & ~buying
        for rows, move in ((sending, self._send), (choosing, self._offer), (buying, self._buy)):
            rows = np.flatnonzero(rows)
            if len(rows):
                move(after, rows, actions, payoffs)
        return after, payoffs

    def _send(self, state, rows, actions, _):
        sender = state.sent[rows]
        noise = state.chance[rows, sender] if self._noisy else 0
        heard = self.channel.hear(actions[rows, 0].astype(np.int64), noise)
        state.heard[rows, sender] = heard
        state.question[rows] += heard * self._letter_places[sender]
        state.sent[rows] += 1

    def _offer(self, state, rows, actions, _):
        # Usually all plays are here at once: n + 1 numbers each, not to be copied for nothing.
        all_rows = slice(None) if len(rows) == len(state) else rows
        state.offered[rows], state.price[rows] = self._choose(state.status[all_rows] == LEFT, actions[all_rows])

    def _buy(self, state, rows, actions, payoffs):
        buyer, bought = state.offered[rows], actions[rows, 0] == 1
        status = np.where(bought, WON, REFUSED)
        state.status[rows, buyer] = status
        state.question[rows] += status * self._status_places[buyer]
        state.visited[rows] += 1
        state.sold[rows] += bought
        state.offered[rows] = -1
        ending = (state.sold[rows] == self.items) | (state.visited[rows] == self.buyers)
        state.over[rows] = ending
        value, price = self._table[buyer, state.types[rows, buyer]], state.price[rows]
        payoffs[rows, buyer + 1] = np.where(bought, value - price, 0.0)
        if self.objective == "revenue":
            payoffs[rows, 0] = np.where(bought, price, 0.0)
        else:
            payoffs[rows[ending], 0] = self._welfare(state.types[rows[ending]], state.status[rows[ending]] == WON)

    def _welfare(self, types, won):
        """Winners' values minus the largest values there are, `[B]`."""
        values = self._table[np.arange(self.buyers), types]
        best = np.partition(values, -self.items, axis=1)[:, -self.items :].sum(axis=1)
        return (values * won).sum(axis=1) - best

    def _choose(self, left, actions):
        """Next buyer and price of each play's leader action, given who is left `[B, buyers]`."""
        if self.price_grid is None:
            scores = np.where(left, actions[:, : self.buyers], -np.inf)
            return scores.argmax(axis=1), actions[:, self.buyers]
        wanted, step = np.divmod(actions[:, 0].astype(np.int64), self.price_grid)
        order = (wanted[:, None] + np.arange(self.buyers)) % self.buyers
        first = np.take_along_axis(left, order % self.buyers, axis=1).argmax(axis=1)
        return order[np.arange(len(left)), first], step / (self.price_grid - 1)

    def describe(self, turn, key):
        """Messages heard, and who has refused or won; a type's value."""
        if turn.kind != "leader":
            return f"value {self.values[turn.agent - 1][key]:.4g}"
        status, heard = [], []
        for _ in range(self.buyers):
            key, digit = divmod(key, 3)
            status.append(("", " refused", " won")[digit])
        for _ in range(self.buyers):
            key, digit = divmod(key, self.channel.heard_letters)
            heard.append("blank" if digit >= self.channel.letters else str(digit))
        said = ", ".join(reversed(heard))
        done = [f"{i}{text}" for i, text in enumerate(reversed(status)) if text]
        return f"messages ({said})" + (f", buyer {', '.join(done)}" if done else "")

    def describe_action(self, turn, key, action):
        """Who is offered an item, at what price, and with which values it buys; whether it does; a message."""
        if turn.kind == "reply":
            return ("no", "yes")[int(action[0])]
        if turn.kind == "learned":
            return super().describe_action(turn, key, action)
        status = [(key // 3**i) % 3 for i in reversed(range(self.buyers))]
        left = np.array(status) == LEFT
        padded = np.pad(action, (0, max(0, self.buyers + 1 - len(action))))[None]
        buyer, price = self._choose(left[None], padded)
        own = self.values[buyer[0]]
        buying = [f"{value:.4g}" for value in own if value - price[0] >= -self._indifferent]
        who = "sold" if len(buying) == len(own) else f"sold to value {', '.join(buying)}" if buying else "not sold"
        return f"buyer {buyer[0]} at {price[0]:.4g}: {who}"

    def optimum(self):
        """Without messages: order and prices. Two buyers, one item, clean channels: the best message equilibrium."""
        if self.channel.letters == 1:
            market = self.market()
            if not market.searchable:
                return None
            plan = no_message_solve(market)
            # Where questions cannot be numbered there is no table to give, only its value.
            offers = plan.offers if self.leader_turn.rows is not None else {}
            pairs = [(self.question((0,) * self.buyers, s), self.action(*o)) for s, o in offers.items()]
            return self._solution(plan.value, pairs, "best order and prices, dynamic programming", {})
        if self.buyers != 2 or self.items != 1 or self._noisy or self.price_grid is not None:
            return None
        market = self.market()
        best = message_solve(market, self.channel.letters)
        pairs = []
        for heard, (first, price, other) in best.offers.items():
            pairs.append((self.question(heard, (LEFT, LEFT)), self.action(first, price)))
            status = (REFUSED, LEFT) if first == 0 else (LEFT, REFUSED)
            pairs.append((self.question(heard, status), self.action(1 - first, other)))
        details = {"senders": best.senders, "no_message_value": no_message_solve(market).value}
        return self._solution(best.value, pairs, "mixed-integer programs over message strategies", details)

    def bound(self):
        """Welfare: nothing is lost. Revenue: that of the best auction, whatever buyers may say in it."""
        if self.objective == "welfare":
            return Bound(0.0, "first best: the largest values win")
        market = self.market()
        if market.prior is None:
            best = best_revenue(market.values, market.marginals, self.items)
            return Bound(best, "optimal auction, ironed virtual values", "Myerson 1981")
        try:
            # A buyer pays at most its value, and only if it wins; nobody is paid.
            auction = sale(market.values, market.prior, self.items)
            best = best_mechanism(auction, "revenue", "bayesian", "ex post", subsidies=False).value
        except BeyondLimitsError:
            return Bound(replace(market, objective="welfare").best_welfare, "first best: all that winners gain")
        return Bound(best, "best direct mechanism, linear programme", "revelation principle")

    def baselines(self):
        """The best order and prices if nobody listens to messages."""
        market = self.market()
        if self.channel.letters == 1 or not market.searchable:
            return {}
        return {"without messages": no_message_solve(market).value}

    def _solution(self, value, pairs, method, details):
        nothing = (float("nan"),) * self.buyers
        return StackelbergSolution(value, nothing, tuple(sorted(pairs)), method, "leader", details=details)

    def market(self):
        """The instance without its messages, for economics/sequential_prices.py."""
        independent = all(block.ndim == 1 for block in self.prior.blocks)
        return Market(
            values=self.values,
            marginals=[self.prior.marginal(i) for i in range(self.buyers)],
            prior=None if independent else self.joint_prior(),
            items=self.items,
            objective=self.objective,
            price_grid=self.price_grid,
        )

    def joint_prior(self):
        """Joint probabilities of types, an axis per buyer."""
        joint = np.zeros(self.prior.counts)
        values, probabilities = self.prior.support()
        joint[tuple(values.T)] = probabilities
        return joint

    def question(self, heard, status):
        """Key of a leader observation."""
        return int(np.dot(heard, self._letter_places) + np.dot(status, self._status_places))

    def action(self, buyer, price):
        """The leader action that offers to a buyer at a price (the nearest one of the grid)."""
        if self.price_grid is not None:
            return buyer * self.price_grid + round(price * (self.price_grid - 1))
        return (*(1.0 if i == buyer else 0.0 for i in range(self.buyers)), float(price))


class MessageSPMPI(MessageSPM):
    """The instance of Agrawal et al.: order and price must depend on who is likely to be worth more.

    Args:
        epsilon: how small the first buyer's usual value is, and how likely its large one.
        messages: how many different messages each buyer can send; 1 means none.
    """

    def __init__(self, *, epsilon: Annotated[float, Field(gt=0, le=0.5)] = 0.2, messages: Count = 2):
        super().__init__(
            messages=messages,
            values=[[epsilon, 1.0], [0.0, 2 * epsilon]],
            prior=[[1 - epsilon, epsilon], [0.5, 0.5]],
        )


def _values(values: list[list[float]] | None, buyers: int, types: int) -> list[np.ndarray]:
    if values is None:
        return [np.linspace(0, 1, types) if types > 1 else np.ones(1)] * buyers
    if len(values) < 2:
        raise InvalidFieldError("values", f"for {len(values)} buyers", "a list for each of at least 2 buyers")
    found = []
    for own in values:
        array = np.asarray(own, dtype=float)
        if array.ndim != 1 or not array.size or not ((array >= 0) & (array <= 1)).all():
            raise InvalidFieldError("values", f"got {own}", "numbers in [0, 1], at least one per buyer")
        if (np.diff(array) <= 0).any():
            raise InvalidFieldError("values", f"got {own}", "increasing values")
        found.append(array)
    return found


def _prior(prior: list | None, sizes: list[int]) -> Prior:
    """A distribution per buyer (each summing to 1), or a joint one (all of it summing to 1)."""
    if prior is None:
        return Prior.uniform(*sizes)
    rows = [np.asarray(own, dtype=float) for own in prior if not np.isscalar(own)]
    if [row.shape for row in rows] == [(size,) for size in sizes] and np.allclose([row.sum() for row in rows], 1):
        return Prior.independent(*rows)
    return prior_from("prior", prior, sizes)
