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
They are equally likely, or have a `prior=`: a distribution for all, one for each bidder, or a joint one. Bids: the
values that there are, unless `bids=` says otherwise.

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

from functools import partial
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box
from pydantic import Field

from rllib_stackelberg.economics.auction_engine import AuctionFacts, JointFacts, expect, expect_jointly
from rllib_stackelberg.economics.auction_tables import direct_solve
from rllib_stackelberg.economics.auctions import TERMS, settle
from rllib_stackelberg.economics.sealed_bids import Bids, SealedBids, Share, Values, levels_of, value_prior, values_of
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.rules.game import USUAL_UPDATES
from rllib_stackelberg.rules.interim import InterimRules
from rllib_stackelberg.rules.pictures import Bars
from rllib_stackelberg.rules.solution import Method
from rllib_stackelberg.rules.turns import Seats, Turn

FEWER_UPDATES, MORE_UPDATES = 100, 500

MOST_CELLS = 10_000
"""Joint values of correlated bidders up to which expected payoffs are exact."""

MOST_QUESTIONS = 4096
"""Combinations of bids that a table has."""

Term = Literal["reserve", "second_price", "fee", "all_pay"]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Auction(SealedBids):
    """Rules of a family, from first price to second price, for bidders who learn to bid.

    Args:
        bidders: how many there are; as many as `values` has lists, if it has one for each.
        values: how many quantiles of U[0, 1], or a list for all bidders, or one for each.
        prior: of values: a distribution for all, or for each bidder, or a joint one; equally likely, if not given.
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
        self.values = values_of(values, bidders)
        self.prior = value_prior(prior, self.values)
        self.levels = levels_of(bids, self.values)
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

    def pictured(self, answers):
        """The terms."""
        return tuple(
            Bars(
                "Terms of the auction",
                {TERMS[k].replace("_", " "): term for k, term in zip(self.chosen, own, strict=True)},
            )
            for own in (action.tolist() for action in answers.values())
        )


class AuctionTable(SealedBids):
    """Any rules: for all combinations of bids, everybody's share of the item and payment.

    Args:
        bidders: how many there are; as many as `values` has lists, if it has one for each.
        values: how many quantiles of U[0, 1], or a list for all bidders, or one for each.
        prior: of values: a distribution for all, or for each bidder, or a joint one; equally likely, if not given.
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
        self.values = values_of(values, bidders)
        self.prior = value_prior(prior, self.values)
        self.levels = levels_of(bids, self.values)
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
