"""Auctions by sealed bids, whatever their rules: bidders, bids, what they see, and the best rules in theory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from pydantic import Field

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.economics.auctions import OUT, best_reserve, mixture, second_price_of
from rllib_stackelberg.economics.direct_mechanisms import best_mechanism, sale
from rllib_stackelberg.economics.optimal_auctions import best_revenue
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State
from rllib_stackelberg.rules.priors import Prior, prior_of
from rllib_stackelberg.rules.solution import Bound
from rllib_stackelberg.rules.turns import Turn

MOST_BIDS = 512

Values = Annotated[int, Field(ge=1, le=1000)] | list[float] | list[list[float]]
Bids = Annotated[int, Field(ge=1, le=MOST_BIDS)] | list[float] | None
Share = Annotated[float, Field(ge=0, le=1)]


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
        bid: Discrete = Discrete(len(self.levels))
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

    def start(self, types: Index, chance: Index) -> BidState:
        """Nobody has bid."""
        return BidState(types, chance, np.zeros(types.shape, np.int64), np.zeros(len(types), np.int64))

    def turn(self, state: Any) -> Index:
        """The bidders, none of whom sees another's bid; then the leader."""
        return np.where(state.moves < len(self.turns), state.moves, OVER)

    def observe(self, state: Any, agent: int) -> NDArray[np.float32]:
        """A bidder: its value, as a share of the largest there is, and whether it has bid; the leader: its move."""
        place = agent - 1 if agent else len(self.turns) - 1
        moved = (state.moves > place).astype(np.float32)[:, None]
        if agent == 0:
            return moved
        worth = self.values[agent - 1][state.types[:, agent - 1]] / self.top
        return np.concatenate([worth[:, None].astype(np.float32), moved], axis=1)

    def information(self, state: Any) -> Index:
        """A bidder's value, by number; the leader's question."""
        bidders = state.types.shape[1]
        own = state.types[np.arange(len(state)), np.minimum(state.moves, bidders - 1)]
        return np.where(state.moves < bidders, own, self.question(state.bids))

    def question(self, bids: Index) -> Index:
        """What the leader is asked after those bids, `[B]`."""
        return np.zeros(len(bids), dtype=np.int64)

    def opening_rows(self, nature: Index) -> Index | None:
        """Bidders know their values, and bid at once."""
        return nature

    def after_opening(self, nature: Index, actions: Index) -> BidState:
        """All have bid."""
        plays, bidders = nature.shape
        return BidState(nature, np.zeros((plays, 0), np.int64), actions.astype(np.int64), np.full(plays, bidders))

    def transition(self, state: Any, actions: Numbers) -> tuple[BidState, Numbers]:
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
        """Payoffs `[B, agents]`; sums are in order, bit for bit."""
        shares, payments = self.pay(bids, actions)
        worth = shares * np.stack([own[types[:, i]] for i, own in enumerate(self.values)], axis=1)
        of_leader = mixture(payments, worth, self.welfare)
        return np.concatenate([np.add.accumulate(of_leader, axis=1)[:, -1:], worth - payments], axis=1)

    def describe(self, turn: Turn, key: int) -> str:
        """The bidder's value."""
        return f"value {self.values[turn.agent - 1][key]:.4g}" if turn.kind == "learned" else turn.name

    def describe_action(self, turn: Turn, key: int, action: Numbers) -> str:
        """The bid."""
        return f"bids {self.levels[int(action[0])]:.4g}" if action[0] else "stays out"

    @property
    def independent(self) -> bool:
        """Whether no bidder's value says anything of another's."""
        return all(block.ndim == 1 for block in self.prior.blocks)

    def bound(self) -> Bound | None:
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

    def baselines(self) -> dict[str, float]:
        """The second price, without a reserve and with the best one."""
        plain = mixture(*second_price_of(self.values, self.prior), self.welfare)
        return {
            "second price, no reserve": plain,
            "second price, best reserve": best_reserve(self.values, self.prior, self.welfare)[1],
        }


def values_of(values: Values, bidders: int) -> list[np.ndarray]:
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


def value_prior(prior: list | None, values: list[np.ndarray]) -> Prior:
    """Of the bidders' values: as it is given, one distribution for all, or equally likely."""
    sizes = [len(own) for own in values]
    if prior and all(np.isscalar(chance) for chance in prior):
        prior = [prior] * len(values)
    return Prior.uniform(*sizes) if prior is None else prior_of("prior", prior, sizes)


def levels_of(bids: Bids, values: list[np.ndarray]) -> np.ndarray:
    """That of who stays out, then bids, increasing."""
    if bids is None:
        found = np.unique(np.concatenate(values))
        if len(found) > MOST_BIDS:
            problem = f"are {len(found):,}, as many as values"
            raise InvalidFieldError("bids", problem, f"up to {MOST_BIDS}, by bids=: a number or a list")
    elif isinstance(bids, int):
        found = max(own.max() for own in values) * np.arange(1, bids + 1) / bids
    else:
        found = np.asarray(bids, dtype=float)
    increasing = np.isfinite(found).all() and (found >= 0).all() and (np.diff(found) > 0).all()
    if not 1 <= len(found) <= MOST_BIDS or not increasing:
        raise InvalidFieldError("bids", f"got {bids}", f"1 to {MOST_BIDS} increasing numbers of at least 0")
    return np.append(OUT, found)
