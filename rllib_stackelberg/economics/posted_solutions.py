"""Exact and best known answers to sales at posted prices, as solutions that name what to post at which question."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import exceeds
from rllib_stackelberg.economics.posted_beliefs import DIGITS, BeliefProgram, Node, kinds_apart
from rllib_stackelberg.economics.posted_menus import MenuSearch
from rllib_stackelberg.economics.posted_references import Static, first_best, static_plan
from rllib_stackelberg.economics.posted_sales import PostedSale
from rllib_stackelberg.economics.posted_views import PostedView
from rllib_stackelberg.economics.purchases import FEE, ITEMS, SIZES
from rllib_stackelberg.rules.solution import Action, Method, StackelbergSolution

MOST_SEARCHED = 20_000
"""Sets of buyers and stocks together that a programme goes through."""

MOST_LISTED = 20_000
"""Questions that a solution names."""

Step = tuple[int, NDArray[np.float64], Iterable[tuple[int, Node]]]
"""Whom to visit, the prices, and what may be taken, with the node after that."""

ONLY_VALUES = "prices are values that a kind may have; others, with several kinds of items, were not tried"


def methods_of_sale(sale: PostedSale, view: PostedView) -> dict[str, Method]:
    """Ways to the best prices by name, those that do not fit the sale left out."""
    found: dict[str, Method] = {}
    if sale.form in (SIZES, FEE) and sale.kinds_alike and sale.kinds > 1 and len(sale.worlds) == 1 and sale.alike:
        found["search"] = Method(lambda: _menus(sale, view))
    if sale.form != ITEMS or sale.bundled:
        return found
    by_kind = sale.additive and len(sale.worlds) == 1 and (sale.alike or not sale.chosen)
    if by_kind:
        found["kinds-apart"] = Method(lambda: _apart(sale, view))
    elif sale.parts == 1:
        states = sale.visited_sets * int(np.prod(sale.stock + 1, dtype=object))
        if states > MOST_SEARCHED:
            if (plan := static_plan(sale)) is not None and not exceeds(first_best(sale).value, plan.value):
                found["static-prices"] = Method(lambda: _static(sale, view, plan))
            return found
        found["beliefs"] = Method(lambda: _beliefs(sale, view))
    return found


def _solution(
    sale: PostedSale,
    view: PostedView,
    value: float,
    method: str,
    step: Callable[[Node], Step | None],
    doubt: str = "",
) -> StackelbergSolution:
    """With the questions that come about, from nobody visited on."""
    start = 0, tuple(sale.stock.tolist()), tuple(np.round(sale.worlds, DIGITS).tolist())
    pairs: dict[int, Action] = {}
    waiting, seen = [(0, start)], {(0, start)}
    while waiting and len(pairs) < MOST_LISTED:
        question, node = waiting.pop()
        found = step(node)
        if found is None:
            continue
        buyer, prices, outcomes = found
        posted = tuple(float(price) for price in prices)
        pairs[question] = (buyer, *posted) if sale.chosen else posted
        for bundle, after in outcomes:
            kinds = [kind for kind in range(sale.kinds) if bundle >> kind & 1]
            key = question + int(view.visit_places[buyer]) + bundle * int(view.digit_places[buyer])
            following = key + int(view.kind_places[kinds].sum()), after
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    unknown = (float("nan"),) * sale.buyers
    return StackelbergSolution(value, unknown, tuple(sorted(pairs.items())), method, "leader", doubt=doubt)


def _beliefs(sale: PostedSale, view: PostedView) -> StackelbergSolution:
    program = BeliefProgram(sale)
    plan = program.solve()

    def step(node: Node) -> Step | None:
        """What the plan does at a node."""
        if node not in plan.choices:
            return None
        buyer, prices = plan.choices[node]
        offers, offer = program.offers(buyer, node[1]), program.best[node][2]
        likely = offers.chance[offer] @ np.array(node[2])
        taken = [b for b in range(len(offers.bundles)) if likely[b] > 0]
        outcomes = [
            (offers.bundles[b], program.after(node, buyer, offers.bundles[b], offers.chance[offer, b])) for b in taken
        ]
        return buyer, prices, outcomes

    reached = sale.kinds == 1 or not exceeds(first_best(sale).value, plan.value)
    method = "dynamic programming over who and what is left" + (" and beliefs" if len(sale.worlds) > 1 else "")
    return _solution(sale, view, plan.value, method, step, "" if reached else ONLY_VALUES)


def _apart(sale: PostedSale, view: PostedView) -> StackelbergSolution:
    plans = kinds_apart(sale)

    def step(node: Node) -> Step | None:
        """Each item's own plan, side by side."""
        visited, stock, belief = node
        if visited == sale.buyers or not any(stock):
            return None
        prices = [
            plan.choices[visited, (units,), belief][1][0] if units else sale.top
            for plan, units in zip(plans, stock, strict=True)
        ]
        available = sum(1 << kind for kind, units in enumerate(stock) if units)
        outcomes = [(bundle, (visited + 1, _without(stock, bundle), belief)) for bundle in _parts_of(available)]
        return visited, np.array(prices), outcomes

    value = float(sum(plan.value for plan in plans))
    return _solution(sale, view, value, "dynamic programming, item by item", step)


def _static(sale: PostedSale, view: PostedView, plan: Static) -> StackelbergSolution:
    """Of buyers who want one item. That nothing is better is known: it reaches first best."""

    def step(node: Node) -> Step | None:
        """The next buyer of the order, who may take one item."""
        visited, stock, belief = node
        if visited == sale.buyers or not any(stock):
            return None
        buyer = plan.order[visited]
        singles = [1 << kind for kind, units in enumerate(stock) if units]
        outcomes = [(bundle, (visited + 1, _without(stock, bundle), belief)) for bundle in [0, *singles]]
        return buyer, np.array(plan.prices), outcomes

    return _solution(sale, view, plan.value, "the same prices for everybody, which reach first best", step)


def _parts_of(available: int) -> Iterable[int]:
    """All bundles of kinds that are left.

    >>> list(_parts_of(5))
    [5, 4, 1, 0]
    """
    bundle = available
    while bundle:
        yield bundle
        bundle = (bundle - 1) & available
    yield 0


def _menus(sale: PostedSale, view: PostedView) -> StackelbergSolution:
    """Of items that are alike, of which the seller posts prices by number, or a fee."""
    found = MenuSearch(sale).menus()

    def step(node: Node) -> Step | None:
        """The next buyer, who may take any items that are left."""
        visited, stock, belief = node
        left = sum(stock)
        if visited == sale.buyers or not left:
            return None
        available = sum(1 << kind for kind, units in enumerate(stock) if units)
        bundles: Iterable[int] = _parts_of(available)
        if view.counted:  # which items are left is not seen: the first ones of so many go
            bundles = [sum(1 << kind for kind in _first(stock, size)) for size in range(min(left, sale.wants) + 1)]
        outcomes = [(bundle, (visited + 1, _without(stock, bundle), belief)) for bundle in bundles]
        return visited, found.prices[visited, left], outcomes

    doubt = f"prices were found by search; they are worth {found.value:.5g} ± {found.error:.1g} in plays"
    return _solution(sale, view, found.value, "dynamic programming over items left, prices by search", step, doubt)


def _without(stock: tuple[int, ...], bundle: int) -> tuple[int, ...]:
    """What is left of it."""
    return tuple(units - (bundle >> kind & 1) for kind, units in enumerate(stock))


def _first(stock: tuple[int, ...], size: int) -> list[int]:
    """So many kinds that are left."""
    return [kind for kind, units in enumerate(stock) if units][:size]
