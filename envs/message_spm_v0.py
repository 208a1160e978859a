"""# Sequential price mechanisms with messages (MSPM)

A seller has identical items; each buyer wants one. Buyers see their values and send messages, no one seeing another's.
Then, until the items are sold or every buyer has been visited, the leader picks a buyer and a price, and that buyer
buys iff its value is at least the price (a dominant reply).

```python
env = pettingzoo.make("aec", "stackelberg/message-spm-v0", types=3, messages=2)
env = pettingzoo.make("aec", "stackelberg/message-spm-v0", buyers=16, types=5, anonymous=True)
env = pettingzoo.make("aec", "stackelberg/message-spm-pi-v0", epsilon=0.2)
```

| | leader_0 | follower_i |
|---|---|---|
| turn | choose, repeatedly | message (learned), then buy (reply) when chosen |
| action | a buyer who is left, and a price in [0, 1] | Discrete(messages); Discrete(2), 1 buys |
| sees | the messages heard; who is left, has refused or has won | its type; the price at its buy turn |
| payoff | welfare or revenue | value - price if it buys |

Leader action: `Tuple((Discrete(buyers), Box(0, 1, (1,))))`, whose mask says who is left. `leader=scores` makes it a
`Box` of a score per buyer and a price; the buyer left with the highest score (ties to the lowest index) is next.
`price_grid=k` makes it `Discrete(buyers * k)`, buyer b and price j/(k-1) as b*k + j; if that buyer is not left, the
next one that is. Prices quoted so far are implied by the leader's own fixed answers and are not shown again.

Welfare: the winners' values minus the largest values there are (<= 0; 0 is efficient). Revenue: prices paid.

What the leader sees speaks of each buyer in the same way (`seats`): its message and its status. Of buyers that are
alike it also shows each one's place in a row, from 0 to 1; of those that differ each one's values and their chances,
and where types are correlated, which buyer it is.

`anonymous=true`: the leader sees for each message how many who sent it are left and how many have refused, as shares
of all buyers, and names a message with somebody left and a price, in the forms above with a message in the buyer's
place. The first buyer (lowest index) who sent it and is left is visited. It cannot tell buyers of one message
apart, so that there are few questions, for up to 64 buyers; without messages, and if buyers are alike, it loses
nothing by that.

`types=n`: values linspace(0, 1, n), independent and uniform. `values=` gives each buyer's own finite values, `prior=` a
joint distribution over types (an axis per buyer) or one distribution per buyer, `file=` a JSON file with both.
`message-spm-pi` (Agrawal et al.): buyer 0 has value epsilon with probability 1-epsilon, else 1; buyer 1 has 0 or
2 epsilon, equally likely. `noise=` and `channel=` make the channels noisy (channels.py); `bits` is what they carry.

Source: Brero et al. 2022, arXiv 2210.03852. Version history: v0, first release.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.economics import buyer_sets, sale_engine
from rllib_stackelberg.economics.channels import Channel
from rllib_stackelberg.economics.direct_mechanisms import best_mechanism, sale
from rllib_stackelberg.economics.message_prices import message_solve
from rllib_stackelberg.economics.optimal_auctions import best_revenue
from rllib_stackelberg.economics.price_offers import offers_of
from rllib_stackelberg.economics.seller_views import LEFT, REFUSED, ByBuyer, ByMessage, SaleState, View
from rllib_stackelberg.economics.sequential_prices import Market, no_message_solve
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.files.folder import read_fields
from rllib_stackelberg.rules.compiled_rules import CompiledRules
from rllib_stackelberg.rules.game import OVER, USUAL_UPDATES, StackelbergGame
from rllib_stackelberg.rules.priors import NO_CHANCE, Prior, prior_of
from rllib_stackelberg.rules.solution import Bound, StackelbergSolution
from rllib_stackelberg.rules.turns import Seats, Turn

SEND, OFFER, BUY, DONE = range(4)
"""What a play is at."""

ZERO = np.zeros(1)
ZERO.flags.writeable = False

INDIFFERENT = 1e-12
"""A buyer whose value falls short of the price by less than this share of the largest value still buys."""

MOST_UPDATES = 2000
"""Updates of a response by default, at most; half of that with more than two buyers."""

MOST_BY_BUYER = 32
"""Most buyers whose messages the leader sees one by one though they are too many to number."""

Count = Annotated[int, Field(ge=1, le=64)]


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
        leader: how it says who is next: by a choice among those left, or by the highest of scores.
        price_grid: how many equally spaced prices from 0 to 1 the leader chooses from; any price if not given.
        anonymous: whether it sees how many buyers sent which message, not which buyer did, and names a message.
        objective: what the leader is paid: minus the welfare lost (welfare), or the prices paid (revenue).
    """

    source = "Brero et al. 2022"

    def __init__(
        self,
        *,
        types: Count = 3,
        messages: Count = 2,
        buyers: Annotated[int, Field(ge=2, le=buyer_sets.MOST)] = 2,
        items: Count = 1,
        values: list[list[float]] | None = None,
        prior: list | None = None,
        file: Path | None = None,
        noise: Annotated[float, Field(ge=0, le=1)] = 0.0,
        channel: Literal["symmetric", "erasure"] = "symmetric",
        leader: Literal["choice", "scores"] = "choice",
        price_grid: Annotated[int, Field(ge=2, le=1001)] | None = None,
        anonymous: bool = False,
        objective: Literal["welfare", "revenue"] = "welfare",
    ):
        if file is not None:
            values, prior = read_fields("file", file, "values", "prior")
        if values is not None:
            buyers = len(values)
        if items > buyers:
            raise InvalidFieldError("items", f"{items} for {buyers} buyers", f"1..{buyers}")
        self.buyers, self.items, self.objective = buyers, items, objective
        self.anonymous, self.price_grid = anonymous, price_grid
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
        self._same_values = all(np.array_equal(own, self.values[0]) for own in self.values)
        self.view = self._view(tell=leader != "scores")
        self.offers = offers_of(self.view.names, leader, price_grid)
        self.seats = None if anonymous or leader == "scores" else Seats(self.view.columns)
        self.turns = (
            *(Turn("message", i + 1, Discrete(messages), "learned", len(own)) for i, own in enumerate(self.values)),
            Turn("choose", 0, self.offers.actions, "leader", self.view.questions, masked=self.offers.masked),
            *(Turn("buy", i + 1, Discrete(2), "reply") for i in range(buyers)),
        )
        self._stages = np.array([SEND] * buyers + [OFFER] + [BUY] * buyers + [DONE], dtype=np.int8)
        self._set_ranges()

    def _view(self, tell: bool) -> View:
        """What the leader sees; `tell`: also what tells buyers apart, where its network is shared between them."""
        if self.anonymous:
            return ByMessage(self.buyers, self.channel, self.items)
        view = ByBuyer(self.buyers, self.channel, self._told() if tell else np.zeros((self.buyers, 0)))
        if view.questions is None and self.buyers > MOST_BY_BUYER:
            problem = f"{self.buyers} with messages that are too many to number"
            raise InvalidFieldError("buyers", problem, f"up to {MOST_BY_BUYER}, or anonymous=true")
        return view

    @cached_property
    def alike(self) -> bool:
        """Whether buyers can change places: all have the same values, and the prior treats them alike."""
        if not self._same_values:
            return False
        marginals = [self.prior.marginal(i) for i in range(self.buyers)]
        if not all(np.array_equal(each, marginals[0]) for each in marginals):
            return False
        if self._independent:
            return True
        joint = self.joint_prior()
        return all(np.array_equal(joint, joint.swapaxes(i, i + 1)) for i in range(self.buyers - 1))

    @property
    def _independent(self) -> bool:
        return all(block.ndim == 1 for block in self.prior.blocks)

    def _told(self) -> np.ndarray:
        """What tells buyers apart, `[buyers, features]`: values, chances of types; who it is, if types correlate.

        Of those who are alike their place in a row, from 0 to 1: a leader that cannot tell them apart treats them so,
        and the best mechanism does not. Two buyers of five values each lose .01 to one that does, else nothing.
        """
        if self.alike:
            return np.linspace(0, 1, self.buyers)[:, None]
        chances = np.zeros_like(self._table)
        for i, own in enumerate(self.values):
            chances[i, : len(own)] = self.prior.marginal(i)
        who = np.eye(self.buyers)[:, : 0 if self._independent else None]
        return np.concatenate([self._table, chances.clip(0, 1), who], axis=1)

    @property
    def bits(self) -> float:
        """Capacity of all channels together, bits per play."""
        return self.buyers * self.channel.capacity

    def _set_ranges(self) -> None:
        tops = np.sort([own.max() for own in self.values])[::-1][: self.items].sum()
        leader = [0.0, float(self.items)] if self.objective == "revenue" else [-float(tops), 0.0]
        self.payoff_range = np.array([leader, *([0.0, float(own.max())] for own in self.values)])
        buyer = Box(0.0, 1.0, (self._table.shape[1] + 2,), np.float32)
        self.observation_spaces = (Box(0, 1, (self.view.width,), np.float32), *[buyer] * self.buyers)

    @property
    def response_updates(self) -> int:
        """The closer values are, the less a wrong message costs, and the rarer a buyer learns what it costs."""
        closest = min((float(np.diff(own).min()) for own in self.values if len(own) > 1), default=1.0)
        steps = max(1.0, max(float(own.max()) for own in self.values) / max(closest, 1e-3))
        if self.buyers == 2:
            return int(min(USUAL_UPDATES * max(1.0, steps - 1) ** 2, MOST_UPDATES))
        return int(min(USUAL_UPDATES * max(2.0, steps / 2), MOST_UPDATES // 2))

    @property
    def utility_scale(self) -> float:
        """Values are in [0, 1]: the paper's payoffs as they are."""
        return 1.0

    def start(self, types, chance):
        """Nobody has sent."""
        plays = len(types)
        return SaleState(
            types.astype(np.min_scalar_type(self._table.shape[1])),
            chance.astype(np.uint8),
            at=np.zeros(plays, dtype=np.int64),
            said=np.zeros((plays, buyer_sets.digits_of(self.channel.heard_letters)), dtype=np.uint64),
            left=np.full(plays, buyer_sets.everybody(self.buyers)),
            refused=np.zeros(plays, dtype=np.uint64),
            sold=np.zeros(plays, dtype=np.int8),
            question=np.zeros(plays, dtype=np.int64),
            price=np.zeros(plays),
        )

    def opening_rows(self, nature):
        """Buyers know their types, and send all at once."""
        return nature[:, : self.buyers]

    def after_opening(self, nature, actions):
        """Everybody has sent."""
        state = self.begin(nature)
        heard = self.channel.hear(actions.astype(np.uint8), state.chance if self._noisy else 0)
        said = buyer_sets.of_letters(heard, state.said.shape[1])
        return replace(state, at=np.full(len(state), self.buyers), said=said, question=self.view.all_heard(heard, said))

    def turn(self, state):
        """Messages in buyer order; then leader and chosen buyer alternate."""
        return state.at

    def observe(self, state, agent):
        """Leader: what its view shows, once all have sent. Buyer: its type, whether it is asked, and the price."""
        if agent == 0:
            asked = (state.at >= self.buyers) | (state.at == OVER)
            return self.view.seen(state) * asked[:, None]
        mine = state.at == self.buyers + agent
        shown = np.eye(self._table.shape[1])[state.types[:, agent - 1]]
        return np.concatenate([shown, mine[:, None], (state.price * mine)[:, None]], axis=1, dtype=np.float32)

    def information(self, state):
        """A sender's type; the leader's key."""
        asked = np.where(state.at == self.buyers, state.question, 0)
        sending = (state.at < self.buyers) & (state.at >= 0)
        if not sending.any():
            return asked
        return np.where(sending, state.types[np.arange(len(state)), np.where(sending, state.at, 0)], asked)

    def open_choices(self, state):
        """Whom, or which message, an offer can go to."""
        return self.view.open(state)

    def _value(self, state, buyer):
        """Value of the given buyer in each play, `[B]`."""
        return self._table[buyer, state.types[np.arange(len(state)), buyer]]

    def reply(self, state):
        """Buy iff the value is at least the price."""
        actions = np.zeros((len(state), self.width))
        buyer = np.maximum(state.at - self.buyers - 1, 0)
        actions[:, 0] = self._value(state, buyer) - state.price >= -self._indifferent
        return actions

    def transition(self, state, actions):
        """Send, choose or buy, whichever each play is at: nearly always all at the same."""
        stages, moves = self._stages[state.at], (self._send, self._offer, self._buy, self._rest)
        if len(state) and (stages == stages[0]).all():
            return moves[stages[0]](state, actions)
        after, payoffs = state.take(np.arange(len(state))), np.zeros((len(state), self.buyers + 1))
        for stage in (SEND, OFFER, BUY):
            rows = np.flatnonzero(stages == stage)
            if len(rows):
                moved, payoffs[rows] = moves[stage](state.take(rows), actions[rows])
                after.put(rows, moved)
        return after, payoffs

    def _rest(self, state, _):
        return state, self._nothing(state)

    def _nothing(self, state):
        """Nobody is paid: one number broadcast, since most turns pay none of many buyers."""
        return np.ndarray((len(state), self.buyers + 1), np.float64, ZERO, strides=(0, 0))

    def _send(self, state, actions):
        sender = state.at
        noise = state.chance[np.arange(len(state)), sender] if self._noisy else 0
        heard = self.channel.hear(actions[:, 0].astype(np.int64), noise)
        digits = buyer_sets.written(heard, state.said.shape[1])
        after = replace(
            state,
            at=sender + 1,
            said=state.said | digits << sender.astype(np.uint64)[:, None],
            question=state.question + self.view.heard(sender, heard),
        )
        return after, self._nothing(state)

    def _offer(self, state, actions):
        name, price = self.offers.read(actions, lambda: self.view.open(state))
        buyer = self.view.next_buyer(state, name)
        return replace(state, at=self.buyers + 1 + buyer, price=price.copy()), self._nothing(state)

    def _buy(self, state, actions):
        buyer, bought = state.at - self.buyers - 1, actions[:, 0] == 1
        visited = buyer_sets.only(buyer)
        left, sold = state.left & ~visited, state.sold + bought
        ending = (sold == self.items) | (left == 0)
        after = replace(
            state,
            at=np.where(ending, OVER, self.buyers),
            left=left,
            refused=np.where(bought, state.refused, state.refused | visited),
            sold=sold,
            question=state.question + self.view.visited(state, buyer, bought),
        )
        value, payoffs = self._value(state, buyer), np.zeros((len(state), self.buyers + 1))
        payoffs[np.arange(len(state)), buyer + 1] = np.where(bought, value - state.price, 0.0)
        if self.objective == "revenue":
            payoffs[:, 0] = np.where(bought, state.price, 0.0)
        elif ending.any():
            payoffs[ending, 0] = self._welfare(after.take(ending), np.where(bought, value, 0.0)[ending])
        return after, payoffs

    def _welfare(self, state, last):
        """Winners' values minus the largest values there are, `[B]`; `last`: what the last one visited won."""
        if self.items == 1:
            if self._same_values:
                return last - self._table[0, state.types.max(axis=1)]
            return last - self._table[np.arange(self.buyers), state.types].max(axis=1)
        found = np.empty(len(state))
        types, without = state.types.astype(np.int64), (state.left | state.refused).view(np.int64)
        sale_engine.welfares(self._table, types, without, self.items, found)
        return found

    @cached_property
    def compiled(self):
        """See economics/sale_engine.py."""
        letters = range(self.channel.heard_letters if self.channel.kind == "symmetric" else 2)
        noise = letters if self._noisy else range(1)
        sent = np.arange(self.channel.letters)
        facts = sale_engine.SaleFacts(
            values=self._table,
            heard=np.stack([self.channel.hear(sent, np.full(len(sent), k)) for k in noise], axis=1),
            noisy=self._noisy,
            items=self.items,
            revenue=self.objective == "revenue",
            indifferent=self._indifferent,
            form=self.offers.form,
            prices=self.price_grid or 0,
            anonymous=self.anonymous,
            letter_places=self.view.letter_places,
            other_places=self.view.other_places,
        )
        size = sale_engine.SAID + buyer_sets.digits_of(self.channel.heard_letters)
        return CompiledRules(facts, size, sale_engine.SALE, self._from_compiled)

    def _from_compiled(self, states, nature):
        """Plays that wait for the leader, from the numbers of compiled ones."""
        state = self.begin(nature)
        sets = states.view(np.uint64)
        return replace(
            state,
            at=np.full(len(state), self.buyers),
            said=sets[:, sale_engine.SAID :].copy(),
            left=sets[:, sale_engine.LEFT].copy(),
            refused=sets[:, sale_engine.REFUSED].copy(),
            sold=states[:, sale_engine.SOLD].astype(np.int8),
            question=states[:, sale_engine.QUESTION].copy(),
        )

    def describe(self, turn, key):
        """What the leader sees; a type's value."""
        return self.view.described(key) if turn.kind == "leader" else f"value {self.values[turn.agent - 1][key]:.4g}"

    def describe_action(self, turn, key, action):
        """Who is offered an item, at what price, and with which values it buys; whether it does; a message."""
        if turn.kind == "reply":
            return ("no", "yes")[int(action[0])]
        if turn.kind == "learned":
            return super().describe_action(turn, key, action)
        names, prices = self.offers.read(np.asarray(action)[None], lambda: self.view.open_at(key)[None])
        offer = f"{self.view.named(names[0])} at {prices[0]:.4g}"
        if self.anonymous and not self._same_values:
            return offer
        own = self.values[0 if self.anonymous else names[0]]
        buying = [f"{value:.4g}" for value in own if value - prices[0] >= -self._indifferent]
        who = "sold" if len(buying) == len(own) else f"sold to value {', '.join(buying)}" if buying else "not sold"
        return f"{offer}: {who}"

    def optimum(self):
        """Without messages: order and prices. Two buyers, one item, clean channels: the best message equilibrium."""
        if self.channel.letters == 1:
            market = self.market()
            if not self._orders(market):
                return None
            plan = no_message_solve(market)
            # Where questions cannot be numbered there is no table to give, only its value.
            offers = plan.offers if self.leader_turn.rows is not None else {}
            pairs = {}
            for status, (buyer, price) in offers.items():
                name = 0 if self.anonymous else buyer
                pairs[self.question((0,) * self.buyers, status)] = self.action(name, price)
            return self._solution(plan.value, pairs, "best order and prices, dynamic programming", {})
        if self.buyers != 2 or self.items != 1 or self._noisy or self.price_grid is not None or self.anonymous:
            return None
        market = self.market()
        best = message_solve(market, self.channel.letters)
        pairs = {}
        for heard, (first, price, other) in best.offers.items():
            pairs[self.question(heard, (LEFT, LEFT))] = self.action(first, price)
            status = (REFUSED, LEFT) if first == 0 else (LEFT, REFUSED)
            pairs[self.question(heard, status)] = self.action(1 - first, other)
        details = {"senders": best.senders, "no_message_value": no_message_solve(market).value}
        return self._solution(best.value, pairs, "mixed-integer programs over message strategies", details)

    def _orders(self, market):
        """Whether the best order is found, and the leader's to choose: an anonymous one's buyers must be alike."""
        return market.searchable and (market.exchangeable or not self.anonymous)

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
        if self.channel.letters == 1 or not self._orders(market):
            return {}
        return {"without messages": no_message_solve(market).value}

    def _solution(self, value, pairs, method, details):
        nothing = (float("nan"),) * self.buyers
        return StackelbergSolution(value, nothing, tuple(sorted(pairs.items())), method, "leader", details=details)

    def market(self):
        """The instance without its messages, for economics/sequential_prices.py."""
        return Market(
            values=self.values,
            marginals=[self.prior.marginal(i) for i in range(self.buyers)],
            prior=None if self._independent else self.joint_prior(),
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
        return self.view.key(heard, status)

    def action(self, name, price):
        """The leader action that makes an offer to a buyer, or to who sent a message (the nearest price of a grid)."""
        return self.offers.write(name, price)


class MessageSPMPI(MessageSPM):
    """The instance of Agrawal et al.: order and price must depend on who is likely to be worth more.

    Args:
        epsilon: how small the first buyer's usual value is, and how likely its large one.
        messages: how many different messages each buyer can send; 1 means none.
        leader: how it says who is next: by a choice among those left, or by the highest of scores.
    """

    def __init__(
        self,
        *,
        epsilon: Annotated[float, Field(gt=0, le=0.5)] = 0.2,
        messages: Count = 2,
        leader: Literal["choice", "scores"] = "choice",
    ):
        super().__init__(
            messages=messages,
            leader=leader,
            values=[[epsilon, 1.0], [0.0, 2 * epsilon]],
            prior=[[1 - epsilon, epsilon], [0.5, 0.5]],
        )


def _values(values: list[list[float]] | None, buyers: int, types: int) -> list[np.ndarray]:
    if values is None:
        return [np.linspace(0, 1, types) if types > 1 else np.ones(1)] * buyers
    if not 2 <= len(values) <= buyer_sets.MOST:
        allowed = f"a list for each of 2 to {buyer_sets.MOST} buyers"
        raise InvalidFieldError("values", f"for {len(values)} buyers", allowed)
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
    return Prior.uniform(*sizes) if prior is None else prior_of("prior", prior, sizes)
