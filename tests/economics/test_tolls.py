"""Traffic and tolls: textbook networks by hand, all assignments, and the game's own equilibria."""

from itertools import product

import numpy as np
import pytest

from rllib_stackelberg import make_game, pure_equilibria, solve
from rllib_stackelberg.economics.tolls import Network, best_tolls, marginal_tolls, settled, toll_solve
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.plays.compiled_plays import CompiledPlays
from rllib_stackelberg.plays.plays import Plays
from rllib_stackelberg.plays.strategy import LeaderStrategy


def drawn(rng, drivers, paths=3, links=4):
    """Rising times, paths that share links, values of time that differ."""
    on = rng.random((paths, links)) < 0.5
    on[np.arange(paths), rng.integers(links, size=paths)] = True
    times = np.cumsum(rng.random((links, drivers + 1)), axis=1)
    return Network(times, on, rng.random(drivers) + 0.1)


def losses(network, tolls, choices):
    """Independent of `Network`: link by link, driver by driver."""
    found = []
    for driver, path in enumerate(choices):
        time = toll = 0.0
        for link in np.flatnonzero(network.paths[path]):
            load = sum(network.paths[other, link] for other in choices)
            time, toll = time + network.times[link, load], toll + tolls[link]
        found.append((network.values[driver] * time, toll))
    return np.array(found)


def gain(network, tolls, choices):
    """The most that a driver gains by another path."""
    most, now = -np.inf, losses(network, tolls, choices).sum(axis=1)
    for driver, path in product(range(network.drivers), range(len(network.paths))):
        if path != choices[driver]:
            other = np.array(choices)
            other[driver] = path
            most = max(most, now[driver] - losses(network, tolls, other).sum(axis=1)[driver])
    return most


@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_is_the_best_of_all_assignments(seed):
    network = drawn(np.random.default_rng(seed), 6)
    nothing = np.zeros(network.paths.shape[1])
    best = min(losses(network, nothing, each)[:, 0].sum() for each in product(range(3), repeat=6))
    assert network.cost(network.optimum) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.learning) for seed in range(2, 6))])
def test_tolls_hold_the_optimum_by_the_margin_they_say(seed):
    network = drawn(np.random.default_rng(seed), 8)
    tolls, margin = best_tolls(network, 50.0)
    assert gain(network, tolls, network.optimum) == pytest.approx(-margin, abs=1e-9)
    # No other tolls do better.
    rng = np.random.default_rng(seed)
    for _ in range(200):
        other = np.clip(tolls + rng.normal(scale=0.1, size=len(tolls)), 0, 50)
        assert gain(network, other, network.optimum) >= -margin - 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_drivers_settle_in_an_equilibrium(seed):
    rng = np.random.default_rng(seed)
    network = drawn(rng, 10)
    for tolls in (np.zeros(4), rng.random(4) * 5):
        assert gain(network, tolls, settled(network, tolls)) <= 1e-12


@pytest.mark.parametrize("drivers", [2, 8, 64])
def test_pigou_by_hand(drivers):
    """n drivers alike: with k on the first road all lose k^2 / n + n - k, and the toll is 1 - (k + 1/2) / n."""
    game = make_game("congestion", drivers=drivers, spread=0)
    found = solve(game)
    assert found.leader_value == pytest.approx(-0.75 * drivers)
    tolls = np.array(found.leader_strategy[0][1])
    assert tolls[0] - tolls[1] == pytest.approx(0.5 - 0.5 / drivers, abs=1e-9)
    assert game.baselines()["no tolls"] == pytest.approx(-drivers)


@pytest.mark.parametrize("drivers", [2, 8, 64])
def test_braess_by_hand(drivers):
    """Without tolls all take the bridge and lose 2 each; without the bridge 3/2, which is the optimum."""
    game = make_game("congestion", network="braess", drivers=drivers, spread=0)
    found = solve(game)
    assert found.leader_value == pytest.approx(-1.5 * drivers)
    assert game.baselines()["no tolls"] == pytest.approx(-2 * drivers)
    assert np.bincount(found.details["paths"], minlength=3).tolist() == [drivers / 2, drivers / 2, 0]


def test_marginal_cost_tolls_are_what_one_more_costs_the_others():
    network = drawn(np.random.default_rng(3), 7)
    choices, tolls = network.optimum, marginal_tolls(network, np.inf)
    loads = network.loads(choices)
    for link in np.flatnonzero(loads):
        on = [driver for driver in range(7) if network.paths[choices[driver], link]]
        delay = network.times[link, loads[link]] - network.times[link, loads[link] - 1]
        cost = np.mean([network.values[[d for d in on if d != one]].sum() * delay for one in on])
        assert tolls[link] == pytest.approx(cost, abs=1e-12)


def test_no_equilibrium_of_affine_times_costs_more_than_five_halves_of_the_optimum():
    """Awerbuch, Azar & Epstein 2005; Christodoulou & Koutsoupias 2005."""
    for seed in range(10):
        network = make_game("congestion", network="parallel", roads=4, drivers=9, spread=0, seed=seed).network
        cost = network.cost(settled(network, np.zeros(4)))
        assert network.cost(network.optimum) - 1e-12 <= cost <= 2.5 * network.cost(network.optimum)


def test_the_rules_agree_with_the_network_and_its_equilibria():
    game = make_game("congestion", network="braess", drivers=4)
    found = solve(game)
    tolls = np.array(found.leader_strategy[0][1])
    stable = pure_equilibria(game, LeaderStrategy.from_pairs(game, list(found.leader_strategy)))
    values = [equilibrium.values for equilibrium in stable]
    assert max(own[0] for own in values) == pytest.approx(found.leader_value, abs=1e-12)
    assert found.by_ties["leader"] == pytest.approx(found.leader_value, abs=1e-12)
    expected = {
        tuple(np.round(losses(game.network, tolls, each).sum(axis=1), 9))
        for each in product(range(3), repeat=4)
        if gain(game.network, tolls, each) <= 1e-12
    }
    assert {tuple(np.round(-np.array(own[1:]), 9)) for own in values} == expected


def test_sixty_four_drivers_are_played_by_compiled_rules_to_the_bit():
    game = make_game("congestion", network="parallel", roads=5, drivers=64, seed=2)
    rng = np.random.default_rng(0)
    moves, tolls = rng.integers(5, size=(50, 64)), rng.random((50, 5)) * game.most_toll
    nature, slots = np.zeros((50, 64), np.int64), np.arange(50)
    both = Plays(game, 50), CompiledPlays(game, 50, game.compiled)
    for plays in both:
        plays.open(slots, nature, np.zeros((50, 64), np.int64), moves)
        plays.answer(slots, tolls, lambda *_: None)
    assert np.array_equal(both[0].payoffs, both[1].payoffs)
    assert not both[1].waiting.any()


def test_tolls_that_are_too_small_are_said_to_be():
    game = make_game("congestion", most_toll=0.1, spread=0)
    with pytest.raises(BeyondLimitsError, match=r"no tolls up to 0\.1"):
        toll_solve(game.network, game.most_toll)
    assert solve(game) is None
    assert game.bound().value == pytest.approx(-6)


def test_nonsense_is_refused_by_name():
    bad = [
        ({"links": [[0, 1, 1]]}, "paths"),
        ({"links": [[0, 1]], "paths": [[0]]}, "links"),
        ({"links": [[0, -1, 1]], "paths": [[0]]}, "links"),
        ({"links": [[0, 1, 1]], "paths": [[1]]}, "paths"),
        ({"links": [[0, 1, 1]], "paths": [[]]}, "paths"),
        ({"drivers": 2, "values": [1]}, "values"),
        ({"drivers": 2, "values": [1, -1]}, "values"),
        ({"drivers": 65}, "drivers"),
        ({"spread": 1}, "spread"),
    ]
    for parameters, field in bad:
        with pytest.raises(InvalidFieldError) as refused:
            make_game("congestion", **parameters)
        assert refused.value.field == field, parameters
