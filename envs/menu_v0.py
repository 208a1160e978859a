"""# Menu: a seller posts lotteries over its items with a price each, a buyer takes the best one, or nothing

Whatever a seller does with one buyer comes to such a menu. It is truthful by construction: the buyer sees it, takes
what is best for itself, and learns nothing. What is best for the seller is known in few cases if there is more than one
item, and lotteries may belong to it.

```python
env = pettingzoo.make("aec", "stackelberg/menu-v0", items=2, entries=6)
env = pettingzoo.make("aec", "stackelberg/menu-v0", ranges=[[4, 16], [4, 7]], grid=20)
```

| | leader_0 | follower_0 |
|---|---|---|
| turn | post | take (the rules reply: the entry that pays most; of equally good ones the dearest) |
| action | for each entry the probability of each item, and its price | an entry, or 0: nothing |
| sees | whether it has posted | the menu; its values; how far the play is |
| payoff | the price | what the lottery is worth to it, less the price |

All numbers are in [0, 1]; a price is a share of what the lottery would be worth if values were the highest there are.
A buyer with `demand=additive` values items one by one, one of `demand=unit` wants one of them: probabilities of its
lottery that sum to more than 1 are scaled down. Values are independent and even over the items' `ranges=`,
`[[lowest, highest], ...]` ([0, 1] each). The types that play stand for them: `types` points spread so that no two are
in line, or the middles of a `grid` of so many an item. Or types are `values=` `[type][item]` with a `prior=`, or a
`file=` with `values`. What a menu is worth is also said for all values in the ranges: exact with one item or two, else
estimated.

Known of evenly spread values (Manelli & Vincent 2007; Daskalakis, Deckelbaum & Tzamos 2017):

| items | buyer | best revenue | menu |
|---|---|---|---|
| one, [0, 1] | | .25 | the item for 1/2 (Myerson 1981) |
| two, [0, 1] | additive | (12 + 2 sqrt 2) / 27 = .5492 | one for 2/3, both for (4 - sqrt 2) / 3 |
| two, [0, 1] | unit demand | 2 / (3 sqrt 3) = .3849 | one for 1 / sqrt 3 |
| [4, 16] and [4, 7] | additive | 88 / 9 | with lotteries |

Exact value: a linear programme with an entry for each type (rllib_stackelberg/economics/optimal_menus.py), where it
needs no more entries than there are; it is the bound otherwise. Baselines: a price for each item, all items for one
price.

Source: Myerson 1981; Manelli & Vincent 2007; Rochet 1985. Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.economics.menu_engine import MENU, MenuFacts
from rllib_stackelberg.economics.menus import (
    Buyer,
    Demand,
    chosen,
    evenly_spread_revenue,
    grid_points,
    menu_of,
    spread_points,
    worth_of,
)
from rllib_stackelberg.economics.optimal_menus import BOUNDED_TYPES, SOLVED_TYPES, MenuProgramme, menu_solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import read_fields
from rllib_stackelberg.rules.compiled_rules import CompiledRules
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.pictures import Bars
from rllib_stackelberg.rules.priors import prior_from
from rllib_stackelberg.rules.solution import Bound, Method

MOST_TYPES = 65_536

CERTAIN, NEVER = 0.9995, 0.0005
"""Probabilities from which on, and up to which, an item is said to come for certain, or not at all."""

POST, TAKE = 0, 1
"""Turns."""


@dataclass
class MenuState(State):
    """`numbers`: the menu `[B, entries * (items + 1)]`; `taken`: an entry from 1, or 0 `[B]`; `moves`: turns `[B]`."""

    numbers: np.ndarray
    taken: np.ndarray
    moves: np.ndarray


class MenuGame(StackelbergGame):
    """A menu of lotteries and prices for one buyer.

    Args:
        items: how many there are.
        entries: how many the menu has, beside nothing.
        demand: what a set of items is worth to the buyer: the sum of their values, or the largest.
        ranges: lowest and highest value of each item; [0, 1] if not given.
        types: how many values of the buyer stand for all in the ranges.
        grid: points of a grid, an item, in place of `types`.
        values: of items [type][item], in place of ranges.
        prior: probabilities of those types; equal if it is not given.
        file: JSON file with `values`, in their place.
    """

    source = "Manelli & Vincent 2007"

    def __init__(
        self,
        *,
        items: Annotated[int, Field(ge=1, le=10)] = 2,
        entries: Annotated[int, Field(ge=1, le=64)] = 6,
        demand: Demand = "additive",
        ranges: list[list[float]] | None = None,
        types: Annotated[int, Field(ge=1, le=MOST_TYPES)] = 1000,
        grid: Annotated[int, Field(ge=1, le=MOST_TYPES)] | None = None,
        values: list[list[float]] | None = None,
        prior: list[float] | None = None,
        file: Path | None = None,
    ):
        if file is not None:
            (values,) = read_fields("file", file, "values")
        self.ranges = None if values is not None else _ranges(ranges, items)
        worth = _values(values) if self.ranges is None else _spread(self.ranges, types, grid)
        if prior is not None and values is None:
            raise InvalidFieldError("prior", "is given, but no types are", "values= or file=")
        chances = np.full(len(worth), 1 / len(worth)) if prior is None else np.asarray(prior, dtype=float)
        self.prior = prior_from("prior", chances, (len(worth),))
        self.buyer = Buyer(worth, self.prior.blocks[0], demand)
        most = float(self.buyer.most.max())
        if not most > 0:
            raise InvalidFieldError("values", "are all 0", "something that is worth something")
        self.entries, count = entries, worth.shape[1]
        self.turns = (
            Turn("post", POST, Box(0.0, 1.0, (entries * (count + 1),), np.float64), "leader"),
            Turn("take", TAKE, Discrete(entries + 1), "reply", sees_leader=True),
        )
        self.payoff_range = np.array([[0.0, most], [0.0, most]])
        seen = 2 + count + entries * (count + 1)
        self.observation_spaces = (Box(0, 1, (1,), np.float32), Box(0, 1, (seen,), np.float32))

    def start(self, types, chance):
        """Nothing posted."""
        plays = len(types)
        nothing = np.zeros((plays, self.leader_turn.numbers))
        return MenuState(types, chance, nothing, np.zeros(plays, np.int64), np.zeros(plays, np.int64))

    def turn(self, state):
        """Seller, then buyer."""
        return np.where(state.moves < 2, state.moves, OVER)

    def observe(self, state, agent):
        """Whether it has posted; how far the play is, values as shares of the largest, and the menu."""
        posted = (state.moves > POST).astype(np.float32)[:, None]
        if agent == 0:
            return posted
        over = (state.moves > TAKE).astype(np.float32)[:, None]
        values = self.buyer.values[state.types[:, 0]] / self.buyer.values.max()
        return np.concatenate([posted, over, values, state.numbers], axis=1).astype(np.float32)

    def opening_rows(self, nature):
        """The seller opens the play: nobody has a learned turn."""
        return np.zeros((len(nature), 0), dtype=np.int64)

    def after_opening(self, nature, actions):
        """Nothing posted."""
        return self.start(nature, np.zeros((len(nature), 0), np.int64))

    @property
    def compiled(self):
        """A play at a time (economics/menu_engine.py)."""
        facts = MenuFacts(self.buyer.values, self.buyer.highest, self.buyer.demand == "unit")
        return CompiledRules(facts, 1, MENU, lambda states, nature: self.after_opening(nature, states))

    def menu(self, numbers):
        """Menus of numbers `[..., entries * (items + 1)]`."""
        return menu_of(numbers, self.buyer.highest, self.buyer.demand)

    def reply(self, state):
        """What pays the buyer most."""
        taken = chosen(self.menu(state.numbers), self.buyer.values[state.types[:, 0]])
        return np.concatenate([taken[:, None], np.zeros((len(state), self.width - 1))], axis=1)

    def transition(self, state, actions):
        """Keep the menu; then trade."""
        posting = (state.moves == POST)[:, None]
        numbers = np.where(posting, actions[:, : self.leader_turn.width], state.numbers)
        taken, payoffs = state.taken.copy(), np.zeros((len(state), 2))
        trading = np.flatnonzero((state.moves == TAKE) & (actions[:, 0] > 0))
        if len(trading):
            taken[trading] = actions[trading, 0].astype(np.int64)
            entries = numbers[trading].reshape(len(trading), self.entries, -1)
            menu = self.menu(entries[np.arange(len(trading)), taken[trading] - 1])
            price = menu.prices[:, 0]
            worth = worth_of(menu.lotteries[:, 0], self.buyer.values[state.types[trading, 0]])
            payoffs[trading] = np.stack([price, worth - price], axis=1)
        return MenuState(state.types, state.chance, numbers, taken, np.minimum(state.moves + 1, 2)), payoffs

    def describe_action(self, turn, key, action):
        """The entry that is taken; of a menu the entries that are, with the share of types."""
        if turn.kind == "reply":
            return f"entry {int(action[0])}" if action[0] else "nothing"
        menu = self.menu(action)
        shares = self.buyer.shares(menu)[1:]
        said = [
            f"{entry}: {_lottery(lottery)} for {price:.4g} ({share:.0%})"
            for entry, (lottery, price, share) in enumerate(zip(*menu, shares, strict=True), start=1)
            if share > 0
        ]
        return "; ".join(said) or "nothing that anybody takes"

    def pictured(self, answers):
        """What is for sale at which price, and how many take it; entries that nobody takes are left out."""
        found = []
        for action in answers.values():
            menu = self.menu(action)
            taken = self.buyer.shares(menu)[1:]
            sold = sorted((each for each in zip(*menu, taken, strict=True) if each[2] > 0), key=lambda each: each[1])
            found += [
                Bars("Price of each entry", {_lottery(lottery): float(price) for lottery, price, _ in sold}),
                Bars("Share of buyers who take it", {_lottery(lottery): float(share) for lottery, _, share in sold}),
            ]
        return tuple(found)

    def further_values(self, answers):
        """Revenue over all values in the ranges."""
        if self.ranges is None or 0 not in answers:
            return {}
        found = evenly_spread_revenue(self.menu(answers[0]), self.ranges)
        estimated = {"over all values, standard error": found.error} if found.error else {}
        return {"over all values in the ranges": found.revenue} | estimated

    @cached_property
    def programme(self) -> MenuProgramme:
        """Of the best menu for the types."""
        return MenuProgramme(self.buyer)

    def methods(self):
        """A linear programme."""
        many = len(self.buyer.values) > SOLVED_TYPES
        beyond = f"there are more than {SOLVED_TYPES} types" if many else ""
        return {"linear-programme": Method(partial(menu_solve, self.programme, self.entries), beyond)}

    def bound(self):
        """Of the programme, or what everything is worth."""
        if len(self.buyer.values) <= SOLVED_TYPES:
            return Bound(self.programme.best.bound, "best menu with an entry for each type")
        if len(self.buyer.values) <= BOUNDED_TYPES:
            return Bound(self.programme.bound, "linear programme: no type prefers what a close one is offered")
        return Bound(float(self.prior.blocks[0] @ self.buyer.most), "what everything is worth to the buyer")

    def baselines(self):
        """A price for each item, and one for all."""
        return self.buyer.simple_menus()


def _lottery(lottery: np.ndarray) -> str:
    """Which items there are, and how likely."""
    said = [
        f"item {item}" if chance >= CERTAIN else f"{chance:.0%} of item {item}"
        for item, chance in enumerate(lottery)
        if chance > NEVER
    ]
    return " and ".join(said) or "nothing"


def _ranges(ranges: list | None, items: int) -> np.ndarray:
    """Lowest and highest value of each item, `[items, 2]`."""
    if ranges is None:
        return np.tile([0.0, 1.0], (items, 1))
    allowed = f"[[lowest, highest], ...], one pair for each of {items} items (items=), numbers of at least 0"
    given = _array("ranges", ranges, allowed)
    if (
        given.shape != (items, 2)
        or not np.isfinite(given).all()
        or (given < 0).any()
        or (given[:, 0] >= given[:, 1]).any()
    ):
        raise InvalidFieldError("ranges", f"got {ranges}", allowed)
    return given


def _spread(ranges: np.ndarray, types: int, grid: int | None) -> np.ndarray:
    """Values that stand for all in the ranges, `[types, items]`."""
    items = len(ranges)
    if grid is not None and grid**items > MOST_TYPES:
        problem = f"{grid} with {items} items makes {grid**items:,} types"
        raise InvalidFieldError("grid", problem, f"at most {MOST_TYPES:,} types; or types= for points that are no grid")
    points = spread_points(types, items) if grid is None else grid_points(grid, items)
    return ranges[:, 0] + points * (ranges[:, 1] - ranges[:, 0])


def _values(values: list) -> np.ndarray:
    """Of types."""
    allowed = "[type][item], numbers of at least 0, up to 10 items"
    given = _array("values", values, allowed)
    if given.ndim != 2 or not given.size or not 1 <= given.shape[1] <= 10 or len(given) > MOST_TYPES:
        raise InvalidFieldError("values", f"have shape {given.shape}", allowed)
    check_comparable("values", given)
    if (given < 0).any():
        raise InvalidFieldError("values", "have entries below 0", allowed)
    return given


def _array(field: str, given: list, allowed: str) -> np.ndarray:
    try:
        return np.asarray(given, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError(field, "are ragged or not numeric", allowed) from error
