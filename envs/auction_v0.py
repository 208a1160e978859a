"""# Auctions: the rules are the leader's, how to bid is for the bidders to find out

One item, n bidders who know their own values. The auctioneer (leader) announces rules; bidders bid or stay out, none
seeing the others' bids. In `auction` the rules are of a family, in `auction-table` anything: who gets how much of the
item and what everybody pays, for every combination of bids.

```python
env = pettingzoo.make("aec", "stackelberg/auction-v0", bidders=3, values=100)
env = pettingzoo.make("aec", "stackelberg/auction-v0", bidders=64, chooses=["reserve", "second_price", "fee"])
env = pettingzoo.make("aec", "stackelberg/auction-table-v0", values=[[1, 2], [1, 3]])
```

| | leader_0 | follower_i |
|---|---|---|
| turn | settle, the last in a play: bidders learn what the rules come to | bid (learned, a row for each value) |
| action | its terms; `auction-table`: share and payment of each bidder | 0: stay out; k: the k-th bid |
| sees | `auction`: whether it has moved; `auction-table`: all bids | its value; whether it has bid |
| payoff | payments (revenue), what the item is worth to who gets it, or a mixture | value times share, less payment |

Terms, each held fixed or left to the leader (`chooses=`): a bid below the reserve counts as none. The winner pays
(1 - w) of its bid and w of the second highest one (of the reserve, if that is higher): w is `second_price`. Every bid
that counts costs the fee. A loser pays the share `all_pay` of its bid. Equal bids share the item evenly.

Values: `values=100` are a hundred quantiles of U[0, 1], (k + 1/2) / 100; or a list for all; or a list for each bidder.
They are equally likely, or have a `prior=`: one distribution for each bidder, or a joint one. Bids: the values that
there are, unless `bids=` says otherwise.

Bound: Myerson's optimal auction with ironing for independent values, the best direct mechanism for correlated ones
(a linear programme), first best where that is too large. Baselines: the second-price auction in which bidders bid their
values, without a reserve and with the best one. With alike bidders, fine bids and the same reserve the first price is
worth the same (revenue equivalence). Of `auction-table` the best direct mechanism is the exact optimum.

However many outcomes there are, `auction` is learned and valued without sampling: what a bid is worth on average takes
the distribution of each bidder's bids, with correlated values for each of up to 10,000 joint values
(rllib_stackelberg/economics/auction_engine.py).

Source: Vickrey 1961 (J. Finance 16); Myerson 1981 (Mathematics of Operations Research 6). Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.economics.auction_engine import AuctionFacts, JointFacts, expect, expect_jointly
from rllib_stackelberg.economics.auction_tables import direct_solve
from rllib_stackelberg.economics.auctions import OUT, TERMS, best_reserve, mixture, second_price_of, settle
from rllib_stackelberg.economics.direct_mechanisms import best_mechanism, sale
from rllib_stackelberg.economics.optimal_auctions import best_revenue
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.rules.game import OVER, USUAL_UPDATES, StackelbergGame, State
from rllib_stackelberg.rules.interim import InterimRules
from rllib_stackelberg.rules.priors import Prior, prior_of
from rllib_stackelberg.rules.solution import Bound, Method
from rllib_stackelberg.rules.turns import Seats, Turn

MOST_BIDS = 512

FEWER_UPDATES, MORE_UPDATES = 100, 500

MOST_CELLS = 10_000
"""Joint values of correlated bidders up to which expected payoffs are exact."""

MOST_QUESTIONS = 4096
"""Combinations of bids that a table has."""

Term = Literal["reserve", "second_price", "fee", "all_pay"]
Values = Annotated[int, Field(ge=1, le=1000)] | list[float] | list[list[float]]
Bids = Annotated[int, Field(ge=1, le=MOST_BIDS)] | list[float] | None
Share = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass
class BidState(State):
    """`bids`: action of each bidder `[B, bidders]`; `moves`: turns taken `[B]`."""

    bids: np.ndarray
    moves: np.ndarray


class SealedBids(StackelbergGame):
    """What all auctions by sealed bids have in common; a subclass says what the leader does with bids.

    Attributes:
        values: of each bidder; levels: bids, increasing, that of action 0 (stay out) before them.
        welfare: weight of welfare in what the leader is paid.
    """

    source = "Myerson 1981"
    values: list[np.ndarray]
    levels: np.ndarray
    welfare: float

    def declare(self, settle: Turn, seen: Box, most_revenue: float, most_paid: float) -> None:
        """Set turns and ranges: the leader's turn, what it sees, and the most that all and that one can pay."""
        tops = np.array([own.max() for own in self.values])
        bid = Discrete(len(self.levels))
        bids = (Turn("bid", 1 + i, bid, "learned", rows=len(own)) for i, own in enumerate(self.values))
        self.turns = (*bids, settle)
        best = mixture(most_revenue, float(tops.max()), self.welfare)
        self.payoff_range = np.array([[0.0, best], *([-most_paid, top] for top in tops)])
        self.observation_spaces = (seen, *[Box(0, 1, (2,), np.float32)] * len(self.values))

    def pay(self, bids: np.ndarray, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares of the item and payments `[B, bidders]`, by bids `[B, bidders]` and the leader's actions."""
        raise NotImplementedError

    @cached_property
    def top(self) -> float:
        """The largest value."""
        return float(max(own.max() for own in self.values))

    def start(self, types, chance):
        """Nobody has bid."""
        return BidState(types, chance, np.zeros(types.shape, np.int64), np.zeros(len(types), np.int64))

    def turn(self, state):
        """The bidders, none of whom sees another's bid; then the leader."""
        return np.where(state.moves < len(self.turns), state.moves, OVER)

    def observe(self, state, agent):
        """A bidder: its value, as a share of the largest there is, and whether it has bid; the leader: its move."""
        place = agent - 1 if agent else len(self.turns) - 1
        moved = (state.moves > place).astype(np.float32)[:, None]
        if agent == 0:
            return moved
        worth = self.values[agent - 1][state.types[:, agent - 1]] / self.top
        return np.concatenate([worth[:, None].astype(np.float32), moved], axis=1)

    def information(self, state):
        """A bidder's value, by number; the leader's question."""
        bidders = state.types.shape[1]
        own = state.types[np.arange(len(state)), np.minimum(state.moves, bidders - 1)]
        return np.where(state.moves < bidders, own, self.question(state.bids))

    def question(self, bids: np.ndarray) -> np.ndarray:
        """What the leader is asked after those bids, `[B]`."""
        return np.zeros(len(bids), dtype=np.int64)

    def opening_rows(self, nature):
        """Bidders know their values, and bid at once."""
        return nature

    def after_opening(self, nature, actions):
        """All have bid."""
        plays, bidders = nature.shape
        return BidState(nature, np.zeros((plays, 0), np.int64), actions.astype(np.int64), np.full(plays, bidders))

    def transition(self, state, actions):
        """Bid; at the leader's turn, settle."""
        bidders, bids = state.types.shape[1], state.bids.copy()
        bidding = np.flatnonzero(state.moves < bidders)
        bids[bidding, state.moves[bidding]] = actions[bidding, 0].astype(np.int64)
        payoffs = np.zeros((len(state), bidders + 1))
        settling = np.flatnonzero(state.moves == bidders)
        if len(settling):
            payoffs[settling] = self._paid(state.types[settling], bids[settling], actions[settling])
        return BidState(state.types, state.chance, bids, state.moves + 1), payoffs

    def _paid(self, types: np.ndarray, bids: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Payoffs `[B, agents]`; sums are in order, to the bit."""
        shares, payments = self.pay(bids, actions)
        worth = shares * np.stack([own[types[:, i]] for i, own in enumerate(self.values)], axis=1)
        of_leader = mixture(payments, worth, self.welfare)
        return np.concatenate([np.add.accumulate(of_leader, axis=1)[:, -1:], worth - payments], axis=1)

    def describe(self, turn, key):
        """The bidder's value."""
        return f"value {self.values[turn.agent - 1][key]:.4g}" if turn.kind == "learned" else turn.name

    def describe_action(self, turn, key, action):
        """The bid."""
        return f"bids {self.levels[int(action[0])]:.4g}" if action[0] else "stays out"

    @property
    def independent(self) -> bool:
        """Whether no bidder's value says anything of another's."""
        return all(block.ndim == 1 for block in self.prior.blocks)

    def bound(self):
        """Myerson's optimal auction, the best direct mechanism, or first best."""
        if self.independent:
            return Bound(
                best_revenue(self.values, self.prior.blocks, welfare=self.welfare), "optimal auction", "Myerson 1981"
            )
        try:
            found = best_mechanism(sale(self.values, self.prior.blocks[0]), welfare=self.welfare)
            return Bound(found.value, "best direct mechanism, a linear programme")
        except BeyondLimitsError:
            return Bound(second_price_of(self.values, self.prior)[1], "first best: all that the item is worth")

    def baselines(self):
        """The second price, without a reserve and with the best one."""
        plain = mixture(*second_price_of(self.values, self.prior), self.welfare)
        return {
            "second price, no reserve": plain,
            "second price, best reserve": best_reserve(self.values, self.prior, self.welfare)[1],
        }


class Auction(SealedBids):
    """Rules of a family, from first price to second price, for bidders who learn to bid.

    Args:
        bidders: how many there are; as many as `values` has lists, if it has one for each.
        values: how many quantiles of U[0, 1], or a list for all bidders, or one for each.
        prior: of values: a distribution for each bidder, or a joint one; equally likely if it is not given.
        bids: how many, evenly spaced up to the largest value, or a list; the values there are, if it is not given.
        chooses: which terms the leader chooses; the others are held at the following.
        reserve: the lowest bid that counts.
        second_price: share of the second highest bid in what the winner pays; the rest is its own bid.
        fee: for every bid that counts.
        all_pay: share of its bid that a loser pays.
        welfare: weight of welfare in what the leader is paid; the rest is revenue's.
    """

    def __init__(
        self,
        *,
        bidders: Annotated[int, Field(ge=1, le=64)] = 3,
        values: Values = 20,
        prior: list | None = None,
        bids: Bids = None,
        chooses: list[Term] = ["reserve", "second_price"],  # noqa: B006 (never changed)
        reserve: Money = 0.0,
        second_price: Share = 1.0,
        fee: Money = 0.0,
        all_pay: Share = 0.0,
        welfare: Share = 0.0,
    ):
        if not chooses or len(set(chooses)) != len(chooses):
            raise InvalidFieldError("chooses", f"got {chooses}", f"one or more of {', '.join(TERMS)}, each once")
        self.values = _values(values, bidders)
        self.prior = _prior(prior, self.values)
        self.levels = _levels(bids, self.values)
        self.welfare = welfare
        self.chosen = [k for k, term in enumerate(TERMS) if term in chooses]
        self.held = np.array([reserve, second_price, fee, all_pay])
        most = np.array([self.top, 1.0, self.top, 1.0])[self.chosen]
        terms = Turn("settle", 0, Box(np.zeros(len(most)), most, dtype=np.float64), "leader")
        fee_paid = self.top if "fee" in chooses else fee
        all_paying = "all_pay" in chooses or all_pay > 0
        self.losers_pay = all_paying or fee_paid > 0
        highest = float(self.levels[-1])
        revenue = (len(self.values) if all_paying else 1) * highest + len(self.values) * fee_paid
        self.declare(terms, Box(0, 1, (1,), np.float32), revenue, highest + fee_paid)

    def pay(self, bids, actions):
        """By the terms."""
        terms = np.tile(self.held, (len(bids), 1))
        terms[:, self.chosen] = actions[:, : len(self.chosen)]
        return settle(self.levels[bids], terms)

    def interim(self):
        """What bids are worth on average (economics/auction_engine.py), unless there are too many joint values."""
        if self.independent:
            kinds = [
                (own.tobytes(), block.tobytes()) for own, block in zip(self.values, self.prior.blocks, strict=True)
            ]
            alike = np.array([kinds.index(kind) for kind in kinds])
            return InterimRules(self._facts(), expect, alike, self.prior.blocks)
        if self.prior.size > MOST_CELLS:
            return None
        bidders = np.arange(len(self.values))
        facts = JointFacts(self._facts(), *self.prior.support())
        return InterimRules(facts, expect_jointly, bidders, [self.prior.marginal(i) for i in bidders])

    def _facts(self) -> AuctionFacts:
        bidders, most = len(self.values), max(map(len, self.values))
        values, marginals = np.zeros((2, bidders, most))
        for i, own in enumerate(self.values):
            values[i, : len(own)], marginals[i, : len(own)] = own, self.prior.marginal(i)
        nodes, weights = np.polynomial.legendre.leggauss((bidders + 1) // 2)
        chosen = np.full(len(TERMS), -1)
        chosen[self.chosen] = np.arange(len(self.chosen))
        return AuctionFacts(
            values=values,
            marginals=marginals,
            rows=np.array([len(own) for own in self.values]),
            levels=self.levels[1:],
            held=self.held,
            chosen=chosen,
            welfare=self.welfare,
            nodes=(nodes + 1) / 2,
            weights=weights / 2,
        )

    @property
    def response_updates(self):
        """Fewer where every bidder learns at all of its values in every update; more where losers pay."""
        if self.interim() is None:
            return USUAL_UPDATES
        return MORE_UPDATES if self.losers_pay else FEWER_UPDATES

    def describe_action(self, turn, key, action):
        """The bid, or the terms that the leader chooses."""
        if turn.kind == "learned":
            return super().describe_action(turn, key, action)
        names = [TERMS[k].replace("_", " ") for k in self.chosen]
        return ", ".join(f"{name} {term:.4g}" for name, term in zip(names, action, strict=True))


class AuctionTable(SealedBids):
    """Any rules: for all combinations of bids, everybody's share of the item and payment.

    Args:
        bidders: how many there are; as many as `values` has lists, if it has one for each.
        values: how many quantiles of U[0, 1], or a list for all bidders, or one for each.
        prior: of values: a distribution for each bidder, or a joint one; equally likely if it is not given.
        bids: how many, evenly spaced up to the largest value, or a list; the values there are, if it is not given.
        most_paid: the largest payment; the largest value, if it is not given.
        welfare: weight of welfare in what the leader is paid; the rest is revenue's.
    """

    def __init__(
        self,
        *,
        bidders: Annotated[int, Field(ge=1, le=4)] = 2,
        values: Values = 3,
        prior: list | None = None,
        bids: Bids = None,
        most_paid: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None,
        welfare: Share = 0.0,
    ):
        self.values = _values(values, bidders)
        self.prior = _prior(prior, self.values)
        self.levels = _levels(bids, self.values)
        self.welfare = welfare
        self.most_paid = self.top if most_paid is None else most_paid
        count, actions = len(self.values), len(self.levels)
        if count > 4 or actions**count > MOST_QUESTIONS:
            allowed = f"up to {MOST_QUESTIONS:,} combinations: fewer bidders or bids"
            raise BeyondLimitsError("bids", f"have {actions**count:,} combinations", allowed)
        high = np.tile([1.0, self.most_paid], count)
        table = Turn("settle", 0, Box(np.zeros(2 * count), high, dtype=np.float64), "leader", rows=actions**count)
        self.declare(table, Box(0, 1, (2 * count,), np.float32), count * self.most_paid, self.most_paid)
        if all(np.array_equal(own, self.values[0]) for own in self.values):
            self.seats = Seats(np.arange(2 * count).reshape(count, 2))

    def pay(self, bids, actions):
        """As the leader says; shares of more than the item are cut in proportion, who stays out has no part."""
        bidders = bids.shape[1]
        said = actions[:, : 2 * bidders].reshape(len(bids), bidders, 2) * (bids > 0)[:, :, None]
        total = np.add.accumulate(said[:, :, 0], axis=1)[:, -1:]
        return said[:, :, 0] / np.maximum(total, 1.0), said[:, :, 1]

    def observe(self, state, agent):
        """The leader sees of each bidder whether it bids, and what, once all have."""
        if agent:
            return super().observe(state, agent)
        asked = (state.moves >= state.types.shape[1])[:, None]
        bid = np.where(state.bids > 0, self.levels[state.bids], 0.0) / max(float(self.levels[-1]), np.finfo(float).tiny)
        shown = np.stack([(state.bids > 0) & asked, bid * asked], axis=2)
        return shown.reshape(len(bid), -1).astype(np.float32)

    def question(self, bids):
        """The combination of bids."""
        return bids @ len(self.levels) ** np.arange(bids.shape[1])[::-1]

    def methods(self):
        """The best direct mechanism, posted as a table."""
        actions = len(self.levels)
        solve = partial(direct_solve, self.values, self.prior, self.most_paid, self.welfare, actions)
        few = actions <= max(map(len, self.values))
        return {"direct-mechanism": Method(solve, "has fewer bids than values" if few else "")}

    def describe(self, turn, key):
        """The bidder's value, or the bids."""
        if turn.kind == "learned":
            return super().describe(turn, key)
        bids = np.unravel_index(key, (len(self.levels),) * len(self.values))
        return "bids " + ", ".join(f"{self.levels[bid]:.4g}" if bid else "-" for bid in bids)

    def describe_action(self, turn, key, action):
        """The bid, or everybody's share and payment."""
        if turn.kind == "learned":
            return super().describe_action(turn, key, action)
        bids = np.array(np.unravel_index(key, (len(self.levels),) * len(self.values)))
        shares, payments = self.pay(bids[None], action[None])
        each = zip(self.followers, shares[0], payments[0], strict=True)
        return "; ".join(f"{name}: {share:.3g} for {paid:.4g}" for name, share, paid in each)


def _values(values: Values, bidders: int) -> list[np.ndarray]:
    """Of each bidder, increasing."""
    if isinstance(values, int):
        return [(np.arange(values) + 0.5) / values] * bidders
    listed = values if values and isinstance(values[0], list) else [values] * bidders
    if not 1 <= len(listed) <= 64:
        raise InvalidFieldError("values", f"are for {len(listed)} bidders", "a list for each of 1 to 64 bidders")
    found = [np.asarray(own, dtype=float) for own in listed]
    for own in found:
        if not own.size or not np.isfinite(own).all() or (own < 0).any() or (np.diff(own) <= 0).any():
            raise InvalidFieldError("values", f"got {own.tolist()}", "increasing numbers of at least 0")
        check_comparable("values", own)
    if not max(own.max() for own in found) > 0:
        raise InvalidFieldError("values", "are all 0", "a value above 0")
    return found


def _prior(prior: list | None, values: list[np.ndarray]) -> Prior:
    sizes = [len(own) for own in values]
    return Prior.uniform(*sizes) if prior is None else prior_of("prior", prior, sizes)


def _levels(bids: Bids, values: list[np.ndarray]) -> np.ndarray:
    """That of who stays out, then bids, increasing."""
    if bids is None:
        bids = np.unique(np.concatenate(values)).tolist()
        if len(bids) > MOST_BIDS:
            raise InvalidFieldError(
                "bids", f"are {len(bids)}, as many as values", f"up to {MOST_BIDS}: a number or a list"
            )
    if isinstance(bids, int):
        bids = (max(own.max() for own in values) * np.arange(1, bids + 1) / bids).tolist()
    found = np.asarray(bids, dtype=float)
    if (
        not 1 <= len(found) <= MOST_BIDS
        or not np.isfinite(found).all()
        or (found < 0).any()
        or (np.diff(found) <= 0).any()
    ):
        raise InvalidFieldError("bids", f"got {bids}", f"1 to {MOST_BIDS} increasing numbers of at least 0")
    return np.append(OUT, found)
