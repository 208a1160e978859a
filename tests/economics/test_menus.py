"""Menus for one buyer: published optima, areas in fractions, independent programmes, and the game's own rules."""

from itertools import combinations

import numpy as np
import pytest

from rllib_stackelberg import evaluate_strategy, make_game, solve
from rllib_stackelberg.economics.direct_mechanisms import Setting, best_mechanism
from rllib_stackelberg.economics.menus import (
    Buyer,
    Menu,
    chosen,
    evenly_spread_revenue,
    grid_points,
    menu_of,
    numbers_of,
    spread_points,
)
from rllib_stackelberg.economics.optimal_auctions import best_revenue
from rllib_stackelberg.economics.optimal_menus import MenuProgramme, menu_solve
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.evaluation.results import result_data
from rllib_stackelberg.plays.compiled_plays import CompiledPlays
from rllib_stackelberg.plays.plays import Plays
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings

UNIT = np.array([[0.0, 1.0]] * 2)
ROOT = 2**0.5


def menu(*entries):
    """Entries as (probabilities, price)."""
    return Menu(np.array([lottery for lottery, _ in entries], dtype=float), np.array([float(p) for _, p in entries]))


PUBLISHED = {
    "Myerson 1981": (menu(([1], 1 / 2)), [[0, 1]], 1 / 4),
    "Manelli & Vincent 2007": (
        menu(([1, 0], 2 / 3), ([0, 1], 2 / 3), ([1, 1], (4 - ROOT) / 3)),
        UNIT,
        (12 + 2 * ROOT) / 27,
    ),
    "one for each, unit demand": (menu(([1, 0], 3**-0.5), ([0, 1], 3**-0.5)), UNIT, 2 / (3 * 3**0.5)),
    "Daskalakis, Deckelbaum & Tzamos 2017": (menu(([1 / 2, 1], 8), ([1, 1], 12)), [[4, 16], [4, 7]], 88 / 9),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_menus_are_worth_what_is_published(name):
    best, ranges, revenue = PUBLISHED[name]
    found = evenly_spread_revenue(best, np.array(ranges, dtype=float))
    assert found.revenue == pytest.approx(revenue, rel=1e-14)
    assert found.error == 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_menu_close_to_a_published_one_is_worth_more(name):
    best, ranges, revenue = PUBLISHED[name]
    rng, ranges = np.random.default_rng(1), np.array(ranges, dtype=float)
    for _ in range(40):
        lotteries = np.clip(best.lotteries + rng.normal(scale=0.02, size=best.lotteries.shape), 0, 1)
        if "unit demand" in name:
            lotteries /= np.maximum(lotteries.sum(axis=1, keepdims=True), 1)
        other = Menu(lotteries, best.prices * (1 + rng.normal(scale=0.02, size=best.prices.shape)))
        assert evenly_spread_revenue(other, ranges).revenue < revenue


@pytest.mark.parametrize("items", [1, 2, 3])
def test_areas_agree_with_counts_of_a_million_buyers(items):
    """Independent: every buyer of a fine grid picks the largest payoff."""
    rng, ranges = np.random.default_rng(items), np.array([[0.0, 1.0], [1.0, 4.0], [0.5, 1.0]])[:items]
    points = grid_points({1: 1_000_000, 2: 1000, 3: 100}[items], items)
    values = ranges[:, 0] + points * (ranges[:, 1] - ranges[:, 0])
    for _ in range(3):
        other = menu_of(rng.random(4 * (items + 1)), ranges[:, 1], "additive")
        pays = values @ other.lotteries.T - other.prices
        counted = np.where(pays.max(axis=1) > 0, other.prices[pays.argmax(axis=1)], 0.0).mean()
        found = evenly_spread_revenue(other, ranges)
        assert found.revenue == pytest.approx(counted, rel=2e-3, abs=4 * found.error)


def test_ties_are_the_sellers():
    """.3 for half is worth nothing to a buyer of .6, nor is .6 for all; a seller gets the .6."""
    one = Menu(np.array([[[0.5], [1.0], [1.0]]]), np.array([[0.3, 0.6, 0.6]]))
    assert chosen(one, np.array([[0.1 + 0.2 + 0.3], [0.59], [0.61]])).tolist() == [2, 0, 2]


def drawn(rng):
    """Few types, some alike, of one item to three."""
    types, items = int(rng.integers(1, 9)), int(rng.integers(1, 4))
    return Buyer(
        rng.integers(0, 8, (types, items)).astype(float),
        rng.dirichlet(np.ones(types)),
        ("additive", "unit")[rng.integers(2)],
    )


def by_direct_mechanism(buyer):
    """Independent: a direct mechanism over sets of items, all conditions in one programme."""
    most = len(buyer.highest) if buyer.demand == "additive" else 1
    sets = [some for count in range(most + 1) for some in combinations(range(len(buyer.highest)), count)]
    worth = np.stack([buyer.values[:, list(some)].sum(axis=1) for some in sets], axis=1)
    return best_mechanism(Setting(buyer.prior, [worth])).value


def campaign(buyers, seed):
    """How far the best menu is from the best direct mechanism at most, and how many were doubted."""
    rng, off, doubted = np.random.default_rng(seed), 0.0, 0
    for _ in range(buyers):
        buyer = drawn(rng)
        programme = MenuProgramme(buyer)
        doubted += bool(programme.best.doubt)
        off = max(off, abs(programme.best.value - by_direct_mechanism(buyer)) / programme.unit)
        posted = menu_of(rng.random(3 * (len(buyer.highest) + 1)), buyer.highest, buyer.demand)
        assert buyer.revenue(posted) <= programme.best.bound + 1e-9 <= programme.bound + 2e-9
        assert max(buyer.simple_menus().values()) <= programme.best.bound + 1e-9
    return off, doubted


def test_the_best_menu_is_the_best_direct_mechanism():
    off, doubted = campaign(20, 21)
    assert off <= 1e-8
    assert doubted == 0


@pytest.mark.learning
def test_the_best_menu_is_the_best_direct_mechanism_of_a_thousand_buyers():
    off, doubted = campaign(1000, 2007)
    print(f"1,000 buyers: off by at most {off:.2g} of the largest value, {doubted} doubted")
    assert off <= 1e-7
    assert doubted <= 5


def test_what_is_worth_nothing_is_not_sold():
    best = MenuProgramme(Buyer(np.zeros((2, 2)), np.full(2, 0.5))).best
    assert (best.value, best.bound, len(best.menu.prices), best.doubt) == (0.0, 0.0, 0, "")


def test_one_item_is_myersons():
    rng = np.random.default_rng(3)
    for _ in range(5):
        values, prior = np.sort(rng.choice(40, 12, replace=False)) / 40, rng.dirichlet(np.ones(12))
        best = MenuProgramme(Buyer(values[:, None], prior)).best
        assert best.value == pytest.approx(best_revenue([values], [prior]), abs=1e-9)
        assert len(best.menu.prices) == 1


def test_the_optimum_of_a_grid_comes_close_to_the_published_one():
    """Prices use the gaps of a grid: it is worth more there than over all values."""
    for demand, name in (("additive", "Manelli & Vincent 2007"), ("unit", "one for each, unit demand")):
        game, published = make_game("menu", grid=20, demand=demand), PUBLISHED[name][2]
        found = solve(game)
        assert found.certain
        assert found.leader_value == pytest.approx(found.details["bound"], abs=1e-9)
        over_all = evenly_spread_revenue(game.menu(np.array(found.leader_strategy[0][1])), UNIT).revenue
        assert 0.99 * published < over_all < published < found.leader_value < 1.05 * published


def test_the_rules_pay_what_the_menu_is_worth():
    rng = np.random.default_rng(4)
    for parameters in ({"types": 60}, {"items": 3, "demand": "unit", "types": 40, "entries": 4}):
        game = make_game("menu", **parameters)
        for _ in range(3):
            numbers = rng.random(game.leader_turn.numbers)
            strategy = LeaderStrategy.from_pairs(game, [(0, tuple(numbers.tolist()))])
            found = evaluate_strategy(strategy, LeaderSettings().fitted(game))
            posted = game.menu(numbers)
            assert found.leader_value == pytest.approx(game.buyer.revenue(posted), abs=1e-12)
            data = result_data(game, strategy, found)
            over_all = evenly_spread_revenue(posted, game.ranges)
            assert data["further_values"]["over all values in the ranges"] == over_all.revenue
            assert data["further_values"].get("over all values, standard error", 0) == over_all.error
            gets = (game.buyer.values @ posted.lotteries.T - posted.prices).max(axis=1, initial=0.0)
            assert found.follower_values[0] == pytest.approx(game.buyer.prior @ gets, abs=1e-12)


@pytest.mark.parametrize(
    "parameters", [{"types": 200}, {"grid": 6, "demand": "unit"}, {"items": 3, "grid": 4}, {"items": 1, "entries": 9}]
)
def test_compiled_rules_pay_the_same_to_the_bit_ties_included(parameters):
    game, rng = make_game("menu", **parameters), np.random.default_rng(6)
    nature = rng.integers(len(game.buyer.values), size=(2000, 1))
    numbers, nobody, slots = (
        rng.random((2000, game.leader_turn.numbers)),
        np.zeros((2000, 0), np.int64),
        np.arange(2000),
    )
    numbers[:1000] = np.round(numbers[:1000] * 6) / 6  # many of equally good entries
    both = Plays(game, 2000), CompiledPlays(game, 2000, game.compiled)
    for plays in both:
        plays.open(slots, nature, nobody, nobody)
        plays.answer(slots, numbers, lambda *_: None)
    assert np.array_equal(both[0].payoffs, both[1].payoffs)
    assert 0.2 < (both[0].payoffs[:, 0] > 0).mean() < 0.9


def test_ten_items_are_better_sold_together():
    """Ten times 1/4 apart; together 3.448 for 3.9292."""
    game = make_game("menu", items=10, types=4096)
    together = evenly_spread_revenue(Menu(np.ones((1, 10)), np.array([3.9292])), np.array([[0.0, 1.0]] * 10))
    assert together.revenue == pytest.approx(3.448, abs=3 * together.error)
    assert together.error < 2e-3
    assert game.baselines() == pytest.approx({"a price for each item": 2.5, "all items for one price": 3.448}, rel=0.01)


@pytest.mark.parametrize("items", [1, 2, 3, 10])
def test_points_are_spread_evenly(items):
    """No half of the cube, whatever its slope, holds many more than its share."""
    points, rng = spread_points(1024, items), np.random.default_rng(0)
    assert points.mean(axis=0) == pytest.approx(0.5, abs=0.01)
    for _ in range(20):
        slope = rng.normal(size=items)
        side = (points - 0.5) @ slope > 0
        assert side.mean() == pytest.approx(0.5, abs=0.02)


def test_menus_and_their_numbers():
    rng = np.random.default_rng(5)
    highest = np.array([16.0, 7.0])
    best = PUBLISHED["Daskalakis, Deckelbaum & Tzamos 2017"][0]
    back = menu_of(numbers_of(best, highest, 4), highest, "additive")
    np.testing.assert_allclose(back.prices, [8, 12, 0, 0], rtol=1e-15)
    np.testing.assert_allclose(back.lotteries[:2], best.lotteries)
    assert (menu_of(rng.random((50, 12)), np.ones(3), "unit").lotteries.sum(axis=-1) <= 1 + 1e-12).all()


def test_what_is_too_large_is_said():
    with pytest.raises(BeyondLimitsError, match="the best menu for these types has"):
        menu_solve(MenuProgramme(Buyer(spread_points(60, 2), np.full(60, 1 / 60))), entries=2)
    assert solve(make_game("menu", types=60, entries=2)) is None
    many = make_game("menu", types=5000)
    assert many.bound().value == pytest.approx(1.0, abs=0.01)
    assert "512 types" in many.methods()["linear-programme"].beyond


def test_nonsense_is_refused_by_name():
    bad = [
        ({"ranges": [[0, 1]]}, "ranges"),
        ({"ranges": [[1, 0], [0, 1]]}, "ranges"),
        ({"ranges": [[-1, 0], [0, 1]]}, "ranges"),
        ({"ranges": [[0], [0, 1]]}, "ranges"),
        ({"grid": 300}, "grid"),
        ({"grid": 0}, "grid"),
        ({"items": 11}, "items"),
        ({"demand": "both"}, "demand"),
        ({"values": [[0, 0]]}, "values"),
        ({"values": [[-1, 0]]}, "values"),
        ({"values": [1, 2]}, "values"),
        ({"values": [[1, 2], [1]]}, "values"),
        ({"values": [[1, 2]], "prior": [0.5, 0.5]}, "prior"),
        ({"prior": [1.0]}, "prior"),
        ({"entries": 0}, "entries"),
    ]
    for parameters, field in bad:
        with pytest.raises(InvalidFieldError) as refused:
            make_game("menu", **parameters)
        assert refused.value.field == field, parameters
