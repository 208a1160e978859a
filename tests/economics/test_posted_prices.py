"""Posted prices: what buyers take, the best prices by independent ways, and the published settings."""

import itertools
from dataclasses import replace
from fractions import Fraction
from math import comb

import numpy as np
import pytest

from rllib_stackelberg import make_game, solve
from rllib_stackelberg.compilation import kept
from rllib_stackelberg.economics.posted_beliefs import BeliefProgram, kinds_apart
from rllib_stackelberg.economics.posted_menus import MenuSearch
from rllib_stackelberg.economics.posted_references import first_best, static_plan
from rllib_stackelberg.economics.posted_sales import uniform_sale
from rllib_stackelberg.economics.posted_settings import SETTINGS, Tables, table_sale
from rllib_stackelberg.economics.purchases import BUNDLES, FEE, ITEMS, SIZES, best_bundle, numbers_of
from rllib_stackelberg.economics.sequential_prices import Market, no_message_solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.outcomes import outcomes_against
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.testing.conformance import inspect

SLACK = 1e-12


@kept
def bundle_taken(form, worth, bundled, wants, prices, available):
    """As compiled loops have it; kept between processes, as what Python calls is if it is called so."""
    return best_bundle(form, worth, bundled, wants, prices, available, SLACK)


def price_by_hand(form, prices, bundle):
    kinds = [k for k in range(12) if bundle >> k & 1]
    if not kinds:
        return 0.0
    if form == BUNDLES:
        return prices[bundle - 1]
    if form == SIZES:
        return sum(prices[: len(kinds)])
    return sum(prices[k] for k in kinds) + (prices[-1] if form == FEE else 0.0)


def worth_by_hand(worth, bundled, wants, bundle):
    if bundled:
        return worth[bundle - 1] if bundle else 0.0
    return sum(sorted((worth[k] for k in range(len(worth)) if bundle >> k & 1), reverse=True)[:wants])


@pytest.mark.parametrize("form", [ITEMS, FEE, SIZES, BUNDLES])
@pytest.mark.parametrize("bundled", [False, True])
def test_buyers_take_the_best_of_all_bundles(form, bundled):
    if bundled and form != BUNDLES:
        return
    rng = np.random.default_rng(form)
    for _ in range(300):
        kinds = int(rng.integers(1, 5))
        worth = rng.random(2**kinds - 1 if bundled else kinds)
        wants, available = int(rng.integers(1, kinds + 1)), int(rng.integers(0, 2**kinds))
        prices = rng.random(numbers_of(form, kinds)) * rng.choice([0.3, 1.0])
        taken = bundle_taken(form, worth, bundled, wants, prices, available)
        assert not taken & ~available

        def left(bundle, worth=worth, wants=wants, prices=prices):
            return worth_by_hand(worth, bundled, wants, bundle) - price_by_hand(form, prices, bundle)

        best = max(left(bundle) for bundle in range(2**kinds) if not bundle & ~available)
        assert left(taken) == pytest.approx(best, abs=1e-9)


def test_who_is_indifferent_buys():
    assert bundle_taken(ITEMS, np.array([0.3]), False, 1, np.array([0.1 + 0.2]), 1) == 1
    assert bundle_taken(SIZES, np.array([0.5, 0.25]), False, 2, np.array([0.5, 0.25]), 3) == 3
    assert bundle_taken(FEE, np.array([1.0, 1.0]), False, 2, np.array([0.5, 0.5, 1.0]), 3) == 3


def one_item(buyers, values, revenue):
    """Best prices of one item, exactly: V_n = max over prices of p P(v >= p) + P(v < p) V_{n-1}."""
    worth, likely = Fraction(0), Fraction(1, len(values))
    for _ in range(buyers):
        worth = max(
            sum((price if revenue else own) * likely if own >= price else likely * worth for own in values)
            for price in values
        )
    return worth


@pytest.mark.parametrize("revenue", [True, False])
def test_item_by_item_in_fractions(revenue):
    values = [Fraction(2 * k + 1, 14) for k in range(7)]
    for buyers in (1, 2, 5):
        sale = uniform_sale(buyers, [1.0] * 3, 7, 3, revenue=revenue)
        assert sum(plan.value for plan in kinds_apart(sale)) == pytest.approx(
            float(3 * one_item(buyers, values, revenue)), rel=1e-12
        )


@pytest.mark.parametrize(("buyers", "value"), [(5, 3.00376), (10, 7.41490)])
def test_item_by_item_as_published(buyers, value):
    """V_n = (1 + V_{n-1})^2 / 4: 3.00 and 7.41 in table 1 of Ravindranath et al. 2024, values from an interval."""
    worth = 0.0
    for _ in range(buyers):
        worth = (1 + worth) ** 2 / 4
    assert buyers * worth == pytest.approx(value, abs=1e-5)
    plans = kinds_apart(uniform_sale(buyers, [1.0] * buyers, 4000, buyers))
    assert sum(plan.value for plan in plans) == pytest.approx(buyers * worth, rel=3e-4)


def test_item_by_item_plans_are_worth_what_they_say():
    game = make_game("posted-prices", buyers=2, items=2, prices="items", quantiles=8)
    solution = solve(game)
    assert solution.certain
    assert worth_of_plan(game, solution) == pytest.approx(solution.leader_value, rel=1e-12)


def worth_of_plan(game, solution):
    """Played against everything that can happen."""
    table = outcomes_against(game, LeaderStrategy.from_pairs(game, solution.leader_strategy))
    return float(table.values(table.distribution([]))[0, 0])


# Table 1 of Ravindranath et al. 2024, their dynamic programme, over 10,000 plays: settings A and D.
PUBLISHED = [(5, 5, 3.13), (5, 3, 3.11)]
PUBLISHED_LARGE = [(10, 10, 7.60), (10, 3, 7.54)]


def hold_against_published(buyers, wants, value):
    sale = uniform_sale(buyers, [1.0] * buyers, 1000, wants, form=SIZES)
    found = MenuSearch(sale).menus()
    assert found.value == pytest.approx(value, rel=4e-3)
    apart = sum(plan.value for plan in kinds_apart(uniform_sale(buyers, [1.0] * buyers, 1000, buyers)))
    assert found.value > apart + 10 * found.error


@pytest.mark.parametrize(("buyers", "wants", "value"), PUBLISHED)
def test_prices_by_number_as_published(buyers, wants, value):
    hold_against_published(buyers, wants, value)


@pytest.mark.learning
@pytest.mark.parametrize(("buyers", "wants", "value"), PUBLISHED_LARGE)
def test_prices_by_number_of_ten_items_as_published(buyers, wants, value):
    hold_against_published(buyers, wants, value)


def test_one_buyer_of_two_items_as_published():
    """Prices 2/3 and (4 - sqrt 2)/3 for both: (12 + 2 sqrt 2)/27 (Manelli & Vincent 2006)."""
    found = MenuSearch(uniform_sale(1, [1.0, 1.0], 1000, 2, form=SIZES)).menus()
    assert found.value == pytest.approx((12 + 2 * 2**0.5) / 27, abs=4 * found.error)
    np.testing.assert_allclose(found.prices[0, 2].cumsum(), [2 / 3, (4 - 2**0.5) / 3], atol=0.03)


@pytest.mark.parametrize("objective", ["welfare", "revenue"])
def test_units_of_one_kind_as_by_another_programme(objective):
    rng = np.random.default_rng(3)
    for _ in range(20):
        buyers, units, types = (int(n) for n in rng.integers(1, 6, 3))
        units = min(units, buyers)
        values = np.sort(rng.choice(50, types, replace=False) + 1) / 50
        likely = rng.dirichlet(np.ones(types))
        market = Market([values] * buyers, [likely] * buyers, items=units, objective=objective)
        tables = Tables([[values[:, None].tolist()] * buyers], [likely.tolist()] * buyers, units=[units])
        sale = table_sale(tables, revenue=objective == "revenue")
        found = BeliefProgram(sale).solve().value
        assert found == pytest.approx(no_message_solve(market).value + market.best_welfare, abs=1e-12)


def by_histories(profiles, left, units, order, revenue):
    """Best plan by the list of what may be true, without beliefs: profiles are values of all buyers, and chances."""
    if not left or not units:
        return Fraction(0)
    best = Fraction(0)
    for buyer in left if order == "chosen" else left[:1]:
        rest = tuple(b for b in left if b != buyer)
        for price in {values[buyer] for values, _ in profiles} | {Fraction(10)}:
            sold = [(values, chance) for values, chance in profiles if values[buyer] >= price]
            kept = [(values, chance) for values, chance in profiles if values[buyer] < price]
            gain = sum(((price if revenue else values[buyer]) * chance for values, chance in sold), Fraction(0))
            worth = gain + by_histories(sold, rest, units - 1, order, revenue)
            best = max(best, worth + by_histories(kept, rest, units, order, revenue))
    return best


def correlated(rng):
    """A random sale of one kind of item to buyers whose values depend on a world."""
    worlds, buyers, types = int(rng.integers(1, 4)), int(rng.integers(1, 4)), 2
    values = rng.integers(1, 10, (worlds, buyers, types))
    chances = rng.integers(1, 4, worlds)
    units, order = int(rng.integers(1, buyers + 1)), str(rng.choice(["given", "chosen"]))
    return values, chances, units, order


def hold_against_histories(count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        values, chances, units, order = correlated(rng)
        revenue = bool(rng.integers(2))
        total, (worlds, buyers, types) = int(chances.sum()), values.shape
        profiles = [
            (tuple(Fraction(int(values[w, b, t])) for b, t in enumerate(drawn)),
             Fraction(int(chances[w]), total * types**buyers))
            for w in range(worlds)
            for drawn in itertools.product(range(types), repeat=buyers)
        ]  # fmt: skip
        exact = by_histories(profiles, tuple(range(buyers)), units, order, revenue)
        tables = Tables(values[..., None].tolist(), worlds=(chances / total).tolist(), units=[units])
        sale = table_sale(tables, chosen=order == "chosen", revenue=revenue)
        # Prices end at the largest value: who has it cannot be passed over, which never pays.
        assert BeliefProgram(sale).solve().value == pytest.approx(float(exact), abs=1e-9)


def test_beliefs_as_by_histories_in_fractions():
    hold_against_histories(40, seed=0)


@pytest.mark.learning
def test_beliefs_as_by_histories_in_many_sales():
    hold_against_histories(1000, seed=1)


INVENTORY = 10 - sum(Fraction(comb(20, n), 2**20) * Fraction(10 - n, 2) for n in range(10))
"""Ten items to values of 1 if there are so many of them, the others to values of .5."""

OPTIMA = {
    "colors": (30.0, 30.0, 30.0),
    "inventory": (float(INVENTORY), float(INVENTORY), 9.119),
    "kitchen-sink": (1.3096, 1.3096, 1.11),
    "id": (92.953125, 92.953125, 91.46875),
    # Half of the time .4 (1 - 2^-4) + .25 / 2^4, else 1 - .2 / 2^5: prices .6 to five, .4 to four, and any to the last.
    "two-worlds": ((0.390625 + 0.99375) / 2, (0.4 - 0.3 / 2**10 + 1 - 0.4 / 2**10) / 2, (0.8 + 0.4 * (1 - 2**-10)) / 2),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_the_paper(name):
    optimum, bound, static = OPTIMA[name]
    game = make_game("posted-prices", setting=name)
    solution = solve(game)
    assert solution.certain
    assert solution.leader_value == pytest.approx(optimum, rel=1e-9)
    assert first_best(game.sale).value == pytest.approx(bound, rel=1e-9)
    assert static_plan(game.sale).value == pytest.approx(static, rel=1e-4)


@pytest.mark.parametrize("name", ["colors", "kitchen-sink", "id", "two-worlds"])
def test_plans_are_worth_what_they_say(name):
    game = make_game("posted-prices", setting=name)
    solution = solve(game)
    assert worth_of_plan(game, solution) == pytest.approx(solution.leader_value, rel=1e-9)


def test_of_buyers_that_are_alike_so_many_are_left():
    """Ten of each color: 11^3 sets of visited buyers times 11^2 stocks, not 2^30; the lowest of each color is open."""
    game = make_game("posted-prices", setting="colors")
    assert game.turns[0].rows == 11**5
    state = game.begin(np.zeros((1, 30), dtype=np.int64))
    asked = []
    for _ in range(12):
        opened = np.flatnonzero(game.open_choices(state)[0])
        asked.append(opened.tolist())
        assert np.flatnonzero(game.view.left_at(int(state.question[0])))[[0]] == opened[0]
        state, _ = game.transition(state, np.array([[opened[-1], 0.0, 0.0]]))
        state, _ = game.transition(state, game.reply(state))
    assert asked[:3] == [[0, 10, 20], [0, 10, 21], [0, 10, 22]]
    assert asked[10:] == [[0, 10], [0, 11]]


def test_alike_buyers_in_the_order_of_their_numbers_lose_nothing():
    """Against a programme over all orders, where values depend on a world that buyers have in common."""
    rng = np.random.default_rng(7)
    for _ in range(20):
        values = rng.integers(1, 10, (2, 2, 2))[:, [0, 0, 1]]
        sale = table_sale(Tables(values[..., None].tolist(), units=[int(rng.integers(1, 4))]), chosen=True)
        assert sale.groups.tolist() == [0, 0, 1]
        free = replace(sale)
        free.__dict__["earlier"] = np.zeros((3, 3), dtype=bool)
        assert BeliefProgram(sale).solve().value == pytest.approx(BeliefProgram(free).solve().value, rel=1e-12)


def test_static_prices_and_fees_are_no_better():
    """The same price for everybody, then item by item, then first best."""
    for objective, demand in itertools.product(("revenue", "welfare"), ("additive", "unit")):
        game = make_game("posted-prices", buyers=3, items=1, quantiles=50, objective=objective, demand=demand)
        static, best, bound = game.baselines(), solve(game).leader_value, game.bound().value
        assert 0 < static["the same prices for everybody"] <= best + 1e-12 <= bound + 2e-12


def test_bounds_of_sales_that_compete():
    """A buyer who wants one item is worth its best one, and no item goes twice."""
    sale = uniform_sale(2, [1.0, 1.0], 3, 1, revenue=False)
    points = [Fraction(2 * k + 1, 6) for k in range(3)]
    exact = sum(
        max(a + d, b + c) for a, b, c, d in itertools.product(points, repeat=4)
    ) * Fraction(1, 81)  # fmt: skip
    assert first_best(sale).value == pytest.approx(float(exact), rel=1e-12)
    loose = first_best(replace(uniform_sale(2, [1.0, 1.0], 50, 1), revenue=False)).value
    assert loose >= float(exact)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"buyers": 65}, "buyers"),
        ({"items": 13}, "items"),
        ({"quantiles": 1}, "quantiles"),
        ({"tops": [1.0, 0.0]}, "tops"),
        ({"demand": "subset", "items": 7}, "items"),
        ({"demand": "subset", "items": 2, "prices": "items"}, "prices"),
        ({"prices": "bundles", "items": 8}, "prices"),
        ({"setting": "inventory", "prices": "sizes"}, "prices"),
        ({"setting": "nowhere"}, "setting"),
        ({"values": [[[[b + 1] * 12] for b in range(60)]], "order": "chosen"}, "buyers"),
        ({"values": [[1, 2]]}, "values"),
        ({"values": [[[[1.0]], [[1.0, 2.0]]]]}, "values"),
        ({"values": [[[[-1.0]]]]}, "values"),
        ({"values": [[[[1.0]]]], "prior": [[0.5]]}, "prior"),
        ({"values": [[[[1.0]]]], "worlds": [0.5, 0.5]}, "worlds"),
        ({"values": [[[[1.0]]]], "units": [0]}, "units"),
        ({"values": [[[[1.0]]], [[[1.0]], [[2.0]]]]}, "values"),
    ],
)
def test_nonsense_is_refused_by_name(parameters, field):
    with pytest.raises(InvalidFieldError) as refused:
        make_game("posted-prices", **parameters)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "parameters",
    [
        {"buyers": 64, "items": 4, "prices": "fee"},
        {"buyers": 40, "items": 3, "order": "chosen", "demand": "unit"},
        *({"setting": name} for name in SETTINGS),
        {"buyers": 2, "items": 3, "prices": "bundles", "wants": 2},
    ],
)
def test_games_keep_the_contract(parameters):
    assert not inspect(make_game("posted-prices", **parameters)).findings
