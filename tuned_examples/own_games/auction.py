"""An auctioneer announces a rule; three bidders with private values bid.

The leader picks one of ten rules: first price or second price, with a reserve price of 0, 1/4, 1/2, 3/4 or 1. Each
bidder knows its own value, equally likely to be 0, 1/4, 1/2, 3/4 or 1, hears the rule, and bids one of these numbers.
The highest bid of at least the reserve wins. The winner pays its bid, or the larger of reserve and second highest bid.
Equal bids share the item and the payment (what a lottery among them would give on average).

How to run: `python tuned_examples/own_games/auction.py`, or piece by piece
`rllib-stackelberg check|solve|train tuned_examples/own_games/auction.py:Auction`.

Results to expect: the best rule is the second price with reserve 3/4, worth .614, if bidders whose value is the reserve
bid it though they gain nothing. Learners who take the lowest of equally good bids do not: against them that rule is
worth .392, and the best one, second price with reserve 1/4, .51. With `--ties leader` .614 is learned.
"""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg import Prior, StackelbergGame, State, Turn, solve, train

LEVELS = np.arange(5) / 4
"""Values, bids and reserve prices."""


@dataclass
class Bids(State):
    """`rule`: announced, -1 before `[B]`; `bids`: made so far, an index of LEVELS `[B, bidders]`; `moves` `[B]`."""

    rule: np.ndarray
    bids: np.ndarray
    moves: np.ndarray


class Auction(StackelbergGame):
    """A seller chooses an auction rule, for the largest expected revenue.

    Args:
        bidders: how many there are.
    """

    def __init__(self, *, bidders: Annotated[int, Field(ge=2, le=4)] = 3):
        rules, levels = 2 * len(LEVELS), len(LEVELS)
        self.bidders = bidders
        bid = Turn("bid", 1, Discrete(levels), "learned", rules * levels, sees_leader=True)
        bids = [replace(bid, agent=1 + bidder) for bidder in range(bidders)]
        self.turns = (Turn("announce", 0, Discrete(rules), "leader"), *bids)
        self.prior = Prior.uniform(*[levels] * bidders)
        self.payoff_range = np.array([[0.0, 1.0], *[[-1.0, 1.0]] * bidders])
        self.observation_spaces = (
            Box(0, 1, (1,), np.float32),
            *[Box(-1, 1, (3,), np.float32) for _ in range(bidders)],
        )

    def start(self, types, chance):
        """Nothing announced, no bids."""
        plays = len(types)
        return Bids(types, chance, np.full(plays, -1), np.zeros((plays, self.bidders), int), np.zeros(plays, int))

    def turn(self, state):
        """The seller, then the bidders one by one; nobody sees a bid."""
        return np.where(state.moves <= self.bidders, state.moves, -1)

    def observe(self, state, agent):
        """The seller: whether it has spoken. A bidder: its value, and the rule (-1 before): price and reserve."""
        if agent == 0:
            return (state.rule >= 0)[:, None].astype(np.float32)
        second, reserve = np.divmod(state.rule, len(LEVELS))
        heard = state.rule >= 0
        shown = LEVELS[state.types[:, agent - 1]], np.where(heard, second, -1), np.where(heard, LEVELS[reserve], -1)
        return np.stack(shown, axis=1).astype(np.float32)

    def information(self, state):
        """Rule and own value."""
        bidder = np.clip(state.moves - 1, 0, self.bidders - 1)
        own = state.types[np.arange(len(state)), bidder]
        return np.where(state.moves > 0, state.rule * len(LEVELS) + own, 0)

    def transition(self, state, actions):
        """Note the rule, then the bids; pay at the last one."""
        action, mover, plays = actions[:, 0].astype(int), state.moves - 1, np.arange(len(state))
        rule = np.where(mover < 0, action, state.rule)
        bids = state.bids.copy()
        bidding = (mover >= 0) & (mover < self.bidders)
        bids[plays[bidding], mover[bidding]] = action[bidding]
        last = (mover == self.bidders - 1)[:, None]
        payoffs = np.where(last, self.sell(rule, LEVELS[bids], LEVELS[state.types]), 0.0)
        return Bids(state.types, state.chance, rule, bids, state.moves + 1), payoffs

    def sell(self, rule, bids, values):
        """Payoffs of everybody, `[B, agents]`."""
        second_price, reserve = rule >= len(LEVELS), LEVELS[rule % len(LEVELS)]
        ranked = np.sort(bids, axis=1)
        price = np.where(second_price, np.maximum(ranked[:, -2], reserve), ranked[:, -1])
        sold = ranked[:, -1] >= reserve
        winners = (bids == ranked[:, -1:]) & sold[:, None]
        share = winners / np.maximum(winners.sum(axis=1, keepdims=True), 1)
        return np.concatenate([(sold * price)[:, None], share * (values - price[:, None])], axis=1)

    def describe(self, turn, key):
        """What a bidder knows."""
        if turn.kind == "leader":
            return turn.name
        rule, value = divmod(key, len(LEVELS))
        return f"value {LEVELS[value]:g}, {rule_name(rule)}"

    def describe_action(self, turn, key, action):
        """The rule, or the bid."""
        return rule_name(int(action[0])) if turn.kind == "leader" else f"{LEVELS[int(action[0])]:g}"


def rule_name(rule):
    """A rule in words."""
    second, reserve = divmod(rule, len(LEVELS))
    return f"{('first', 'second')[second]} price, reserve {LEVELS[reserve]:g}"


if __name__ == "__main__":
    best = solve(Auction())
    print(f"exact optimum: {best.leader_value:.4g}" if best else "exact optimum: not known")
    for ties in ("lowest", "leader"):
        result = train(f"{__file__}:Auction", max_seconds=10, ties=ties)
        action, verdict = result.strategy.data()[0]["shown"], result.data["verdict"]["words"]
        print(f"ties {ties}: {action} is worth {result.value:.4g}. {verdict}")
        if result.data["gap_note"]:
            print(f"  why: {result.data['gap_note']}")
