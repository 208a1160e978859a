"""# Posted prices: a seller visits buyers one after another and offers each its own prices

Buyers have private values for items. The seller (leader) visits them one by one, each once, and posts prices to the
one it visits, who takes the bundle that leaves it most (a dominant reply, no messages) before the next one is visited.

```python
env = pettingzoo.make("aec", "stackelberg/posted-prices-v0", buyers=5, items=5)
env = pettingzoo.make("aec", "stackelberg/posted-prices-v0", setting="kitchen-sink")
```

| | leader_0 | follower_i |
|---|---|---|
| turn | offer, repeatedly | buy (reply), when it is visited |
| action | prices; whom to visit, if `order=chosen` | a bundle, kinds of items as bits |
| sees | who and what is left; who took what, where that says something of others | its values; its prices |
| payoff | prices paid (revenue), or what items are worth to who has them (welfare) | value less price |

Prices are posted in one of four forms (`prices=`), each number from 0 to the largest value:

- `items`: one for each kind of item, as a sequential price mechanism does (Brero et al. 2021);
- `fee`: the same, and an entry fee from who buys anything (Cai & Zhao 2017);
- `sizes`: of the first item that a buyer takes, whichever it is, what the second one adds, and so on;
- `bundles`: one for each bundle, of up to 6 items (Ravindranath et al. 2024).

Values are additive, of the best item alone (`demand=unit`) or of the best `wants=` items; or each bundle has one of its
own (`demand=subset`, uniform from 0 to the root of its size). They are independent and uniform from 0 to 1 (or to
`tops=`), on `quantiles=` points each, and drawn, not counted through. `values=` `[world][buyer][type][kind]` gives
tables instead, with `prior=` `[buyer][type]`, `units=` of each kind, and `worlds=`: values of buyers depend on each
other where one of several worlds is drawn that nobody sees. `setting=` names an instance of Brero et al. 2021:
`colors`, `inventory`, `kitchen-sink`, `id`, `two-worlds`.

Exact value: a dynamic programme, kind by kind of additive items, else over who and what is left and how likely each
world is. Of items that are alike, with prices by number or a fee, the same over how many are left, whose prices are
found by search: it says so. Bound: first best, or the best auction. Baselines: the best price for each kind that is the
same for everybody; of other forms than `items` what item by item is worth.

Source: Brero et al. 2021, arXiv 2010.01180; Ravindranath et al. 2024, arXiv 2407.08022. Version history: v0.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete, Tuple
from pydantic import Field

from rllib_stackelberg.economics import buyer_sets, posted_engine
from rllib_stackelberg.economics.posted_references import first_best, static_plan
from rllib_stackelberg.economics.posted_sales import PostedSale, subset_sale, uniform_sale
from rllib_stackelberg.economics.posted_settings import SETTINGS, Tables, table_sale
from rllib_stackelberg.economics.posted_solutions import methods_of_sale
from rllib_stackelberg.economics.posted_views import PostedState, PostedView, bundle_name
from rllib_stackelberg.economics.purchases import FORMS, ITEMS, SIZES
from rllib_stackelberg.files.folder import read_fields
from rllib_stackelberg.rules.compiled_rules import CompiledRules
from rllib_stackelberg.rules.game import OVER, StackelbergGame
from rllib_stackelberg.rules.priors import NO_CHANCE, Prior
from rllib_stackelberg.rules.turns import Seats, Turn

Objective = Literal["revenue", "welfare"]


class PostedPrices(StackelbergGame):
    """Prices posted to buyers one after another.

    Args:
        buyers: how many there are.
        items: how many different ones, one of each.
        demand: whether values of items add up, the best one counts, or each bundle has a value of its own.
        wants: how many items a buyer has a use for at most; all if it is not given.
        tops: the largest value of each item, in place of `items`.
        quantiles: how many values an item may have for a buyer, equally likely.
        prices: form in which they are posted; by number where items are alike, else by item or by bundle.
        order: whether buyers are visited as they are numbered, or the leader chooses who is next.
        objective: what the leader is paid; revenue, and welfare in a named setting.
        setting: a named instance of Brero et al. 2021, in place of buyers and their values.
        values: tables of values [world][buyer][type][kind], in their place.
        prior: probabilities of types of such tables, [buyer][type]; equal if it is not given.
        worlds: probabilities of worlds of such tables; equal if they are not given.
        units: how many there are of each kind in such tables; one if it is not given.
        file: JSON file with `values`, `prior`, `worlds` and `units`, null for what is not given.
    """

    source = "Brero et al. 2021; Ravindranath et al. 2024"

    def __init__(
        self,
        *,
        buyers: Annotated[int, Field(ge=1, le=buyer_sets.MOST)] = 5,
        items: Annotated[int, Field(ge=1, le=12)] = 5,
        demand: Literal["additive", "unit", "subset"] = "additive",
        wants: Annotated[int, Field(ge=1, le=12)] | None = None,
        tops: list[float] | None = None,
        quantiles: Annotated[int, Field(ge=2, le=10_000)] = 1000,
        prices: Literal["items", "fee", "sizes", "bundles"] | None = None,
        order: Literal["given", "chosen"] | None = None,
        objective: Objective | None = None,
        setting: Literal["colors", "inventory", "kitchen-sink", "id", "two-worlds"] | None = None,
        values: list | None = None,
        prior: list | None = None,
        worlds: list[float] | None = None,
        units: list[int] | None = None,
        file: Path | None = None,
    ):
        if file is not None:
            values, prior, worlds, units = read_fields("file", file, "values", "prior", "worlds", "units")
        wants = 1 if demand == "unit" else wants
        chosen = order == "chosen"
        if setting is not None:
            named = SETTINGS[setting]
            sale = table_sale(named.tables(), chosen=named.chosen if order is None else chosen)
            objective = objective or "welfare"
        elif values is not None:
            sale = table_sale(Tables(values, prior, worlds, units, wants), chosen=chosen)
        elif demand == "subset":
            sale = subset_sale(buyers, items, quantiles, chosen=chosen)
        else:
            given = [1.0] * items if tops is None else tops
            sale = uniform_sale(buyers, given, quantiles, wants or len(given), chosen=chosen)
        form = sale.form if prices is None and sale.bundled else _form(prices, sale)
        self._play(replace(sale, form=form, revenue=objective != "welfare"))

    def _play(self, sale: PostedSale) -> None:
        """Declare what a sale is as a game."""
        sale.check()
        self.sale, self.view = sale, PostedView(sale)
        self.type_parts = sale.parts
        self.prior = Prior.independent(*(part for own in sale.marginals for part in own))
        self.chance = NO_CHANCE if len(sale.worlds) == 1 else Prior.independent(sale.worlds)
        posted = Box(0.0, sale.highest, dtype=np.float64)
        actions = Tuple((Discrete(sale.buyers), posted)) if sale.chosen else posted
        self.turns = (
            Turn("offer", 0, actions, "leader", self.view.questions, masked=sale.chosen),
            *(Turn("buy", 1 + b, Discrete(2**sale.kinds), "reply") for b in range(sale.buyers)),
        )
        self.seats = Seats(self.view.columns) if sale.chosen else None
        most = sale.most_worth if sale.buyers == 1 else sale.most_welfare
        self.payoff_range = np.array([[0.0, most], *[[0.0, sale.most_worth]] * sale.buyers])
        buyer = Box(0.0, 1.0, (sale.values.shape[2] + 1 + sale.numbers,), np.float32)
        self.observation_spaces = (Box(0, 1, (self.view.width,), np.float32), *[buyer] * sale.buyers)

    @cached_property
    def facts(self) -> posted_engine.PostedFacts:
        """Of the compiled rules."""
        sale, view = self.sale, self.view
        return posted_engine.PostedFacts(
            sale.form,
            sale.wants,
            sale.bundled,
            sale.slack,
            sale.revenue,
            sale.chosen,
            np.ascontiguousarray(sale.values),
            sale.part_of.astype(np.int64),
            sale.parts,
            sale.stock,
            view.visit_places,
            view.digit_places,
            view.kind_places,
        )

    def start(self, types, chance):
        """Nobody has been visited."""
        plays, sale = len(types), self.sale
        return PostedState(
            types,
            chance,
            at=np.zeros(plays, dtype=np.int64),
            left=np.full(plays, buyer_sets.everybody(sale.buyers)),
            stock=np.tile(sale.stock, (plays, 1)),
            question=np.zeros(plays, dtype=np.int64),
            prices=np.zeros((plays, sale.numbers)),
        )

    def opening_rows(self, nature):
        """No buyer has anything to learn."""
        return np.zeros((len(nature), 0), dtype=np.int64)

    def after_opening(self, nature, actions):
        """Nothing has happened."""
        return self.begin(nature)

    def turn(self, state):
        """The leader, then who is visited."""
        return state.at

    def observe(self, state, agent):
        """Leader: what its view shows. Buyer: its values, whether it is visited, and the prices then."""
        if agent == 0:
            return self.view.seen(state)
        sale, mine = self.sale, (state.at == agent)[:, None]
        world = state.chance[:, :1] if state.chance.shape[1] else np.zeros((len(state), 1), np.int64)
        entries = np.arange(sale.values.shape[2])
        own = state.types[:, (agent - 1) * sale.parts + sale.part_of]
        worth = sale.values[world, (agent - 1) % sale.values.shape[1], entries, own] / (sale.top or 1.0)
        posted = state.prices / np.where(sale.highest > 0, sale.highest, 1.0)
        return np.concatenate([worth, mine, posted * mine], axis=1, dtype=np.float32)

    def information(self, state):
        """The leader's key."""
        return np.where(state.at == 0, state.question, 0)

    def open_choices(self, state):
        """Who is left; of buyers that are alike, the one with the lowest number."""
        left = buyer_sets.members(state.left, self.sale.buyers)
        return left & ~(left @ self.sale.earlier)

    def _nature(self, state):
        return np.concatenate([state.types, state.chance], axis=1, dtype=np.int64)

    def reply(self, state):
        """The best bundle."""
        actions, found = np.zeros((len(state), self.width)), np.zeros(len(state), dtype=np.int64)
        buyer = np.maximum(state.at - 1, 0)
        posted_engine.wishes(self.facts, self._nature(state), buyer, state.stock, state.prices, found)
        actions[:, 0] = found
        return actions

    def transition(self, state, actions):
        """Post prices, or buy."""
        after, payoffs = state.take(np.arange(len(state))), np.zeros((len(state), self.sale.buyers + 1))
        for rows, move in ((state.at == 0, self._offer), (state.at > 0, self._buy)):
            if rows.any():
                moved, payoffs[rows] = move(state.take(rows), actions[rows])
                after.put(rows, moved)
        return after, payoffs

    def _offer(self, state, actions):
        chosen = self.sale.chosen
        buyer = actions[:, 0].astype(np.int64) if chosen else buyer_sets.lowest(state.left)
        prices = actions[:, int(chosen) : int(chosen) + self.sale.numbers].copy()
        return replace(state, at=buyer + 1, prices=prices), np.zeros((len(state), self.sale.buyers + 1))

    def _buy(self, state, actions):
        buyer, bundle = state.at - 1, actions[:, 0].astype(np.int64)
        stock, added = state.stock.copy(), np.zeros(len(state), dtype=np.int64)
        payoffs = np.zeros((len(state), self.sale.buyers + 1))
        posted_engine.trades(self.facts, self._nature(state), buyer, bundle, stock, state.prices, payoffs, added)
        left = state.left & ~buyer_sets.only(buyer)
        ending = (left == 0) | (stock == 0).all(axis=1)
        at = np.where(ending, OVER, 0)
        return replace(state, at=at, left=left, stock=stock, question=state.question + added), payoffs

    @property
    def compiled(self):
        """See economics/posted_engine.py."""
        size = posted_engine.STOCK + self.sale.kinds
        return CompiledRules(self.facts, size, posted_engine.POSTED, self._from_compiled)

    def _from_compiled(self, states, nature):
        """Plays that wait for the leader, from the numbers of compiled ones."""
        return replace(
            self.begin(nature),
            left=states.view(np.uint64)[:, posted_engine.LEFT].copy(),
            stock=states[:, posted_engine.STOCK :].copy(),
            question=states[:, posted_engine.QUESTION].copy(),
        )

    @property
    def response_updates(self):
        """There is nothing to learn."""
        return 1

    def methods(self):
        """Dynamic programmes."""
        return self._methods

    @cached_property
    def _methods(self):
        found = methods_of_sale(self.sale, self.view)
        return {name: replace(method, solve=cache(method.solve)) for name, method in found.items()}

    def bound(self):
        """First best, or the best auction."""
        return self._first_best

    @cached_property
    def _first_best(self):
        return first_best(self.sale)

    @cached_property
    def _static(self):
        return static_plan(self.sale)

    def baselines(self):
        """The same price for everybody; item by item, where prices are posted in another form."""
        found = {} if self._static is None else {"the same prices for everybody": self._static.value}
        if self.sale.form != ITEMS:
            apart = replace(self.sale, form=ITEMS)
            for method in methods_of_sale(apart, PostedView(apart)).values():
                found["item by item"] = method.solve().leader_value
        return found

    def describe(self, turn, key):
        """What the leader sees."""
        return self.view.described(key) if turn.kind == "leader" else turn.name

    def describe_action(self, turn, key, action):
        """Prices, and to whom; a bundle."""
        if turn.kind == "reply":
            return bundle_name(int(action[0]))
        first = int(self.sale.chosen)
        prices = ", ".join(f"{price:.4g}" for price in action[first : first + self.sale.numbers])
        return f"buyer {int(action[0])} at {prices}" if first else f"prices {prices}"


def _form(prices: str | None, sale: PostedSale) -> int:
    """Form of prices by name; where none is given, by number of items that are alike, else by item."""
    if prices is not None:
        return FORMS[prices]
    return SIZES if sale.kinds_alike and sale.wants > 1 else ITEMS
