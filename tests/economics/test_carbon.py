"""The optimal carbon tax: against published numbers, and the planner's problem solved by a climber."""

import numpy as np
import pytest
from scipy.optimize import minimize

from rllib_stackelberg.economics.carbon import (
    CarbonCycle,
    CarbonEconomy,
    carbon_tax_solve,
    finite_taxes,
    finite_weights,
    log_outputs,
    mean_log_consumption,
)
from rllib_stackelberg.economics.fiscal import Growth

DECADE = 0.985**10
WORLD_OUTPUT = 10 * 70e12
"""Dollars a decade."""

TONNES = 1e12
"""In a unit of carbon, 1,000 GtC."""


def economy(periods=1, damage=0.02379, discount=DECADE, energy=0.04, **others):
    return CarbonEconomy(Growth(0.3, discount, periods), energy, damage, 1.75, **others)


@pytest.mark.parametrize(("yearly", "dollars"), [(0.985, 57), (0.999, 500)])
def test_the_best_tax_is_the_published_one(yearly, dollars):
    """With the paper's numbers, in dollars a tonne of carbon; it rounds output."""
    assert economy(discount=yearly**10).tax * WORLD_OUTPUT / TONNES == pytest.approx(dollars, rel=0.015)


def test_half_of_the_carbon_is_gone_after_thirty_years():
    """What the paper's cycle is calibrated to, with a fifth that stays for ever."""
    assert CarbonCycle().left(2) == pytest.approx(0.5, abs=1e-3)  # of the three decades the first is that of emission
    assert CarbonCycle().left(1e4) == pytest.approx(0.2)
    state, left = np.array([0.0, 0.0]), []
    for emitted in (1.0, *np.zeros(5)):
        state = economy().emitted(state, np.float64(emitted))
        left.append(state.sum())
    np.testing.assert_allclose(left, CarbonCycle().left(np.arange(6)), rtol=1e-14)
    discounted = sum(0.8**j * CarbonCycle().left(j) for j in range(400))
    assert CarbonCycle().discounted(0.8) == pytest.approx(discounted, rel=1e-12)


def planned(world, periods):
    """Labour for energy and shares saved `[T - 1]` that are best for all: equations in levels, and a climber."""
    alpha, discount, cycle = world.growth.alpha, world.growth.discount, world.cycle

    def welfare(logits):
        labour, saved = np.split(1 / (1 + np.exp(-logits)), [periods])
        emitted, capital, total = 1.75 * labour, 0.2, 0.0
        for t in range(periods):
            carbon = sum(
                emitted[t - j] * (cycle.staying + (1 - cycle.staying) * cycle.lasting * (1 - cycle.decay) ** j)
                for j in range(t + 1)
            )
            rest = (1 - labour[t]) ** (1 - alpha - world.energy)
            output = np.exp(-world.damage * carbon) * capital**alpha * rest * emitted[t] ** world.energy
            kept = saved[t] if t < periods - 1 else 0.0
            total += discount**t * np.log((1 - kept) * output)
            capital = kept * output
        return -total

    found = minimize(welfare, np.full(2 * periods - 1, -1.0), method="BFGS", options={"gtol": 1e-9})
    return np.split(1 / (1 + np.exp(-found.x)), [periods])


@pytest.mark.parametrize(("damage", "energy"), [(0.2, 0.04), (0.5, 0.3), (0.0, 0.2)])
def test_price_takers_under_the_best_tax_do_what_a_planner_does(damage, energy):
    """Pigou, and the closed form of a play that ends."""
    world = economy(periods=5, damage=damage, energy=energy)
    labour, saved = planned(world, 5)
    np.testing.assert_allclose(world.labour(finite_taxes(world)), labour, rtol=1e-5)
    np.testing.assert_allclose((1 - 1 / finite_weights(world))[:-1], saved, rtol=1e-5)


def test_the_best_tax_of_a_play_that_ends_falls_from_that_of_one_without_end():
    taxes = finite_taxes(economy(periods=400))
    assert taxes[0] == pytest.approx(economy().tax, rel=1e-12)
    assert (np.diff(taxes) <= 1e-15).all()
    assert taxes[-1] == pytest.approx(0.02379 * (0.2 + 0.8 * 0.393), rel=1e-12)
    assert taxes[400 - 30] / economy().tax == pytest.approx(0.99, abs=0.01)


@pytest.mark.parametrize("levy", [0.0, 0.1, 3.0])
def test_labour_equates_what_its_two_uses_bring(levy):
    world = economy(energy=0.2)
    share = world.labour(levy)
    assert 0.2 / share - 0.5 / (1 - share) == pytest.approx(1.75 * levy, abs=1e-12)


def test_means_over_households_are_those_of_draws():
    world = economy(spread=1.0)
    capital = np.exp(np.random.default_rng(0).normal(-0.5, 1.0, 2_000_000))
    logs = np.log(0.7 + 0.3 * (1 - DECADE) * capital)
    assert abs(mean_log_consumption(world) - logs.mean()) < 4 * logs.std() / np.sqrt(len(logs))


@pytest.mark.parametrize("cap", [0.05, 0.4])
def test_no_other_constant_tax_is_better(cap):
    world = economy(periods=120)
    taxes, weights = np.linspace(0, cap, 21), DECADE ** np.arange(120)
    worth = [weights @ log_outputs(world, tax) for tax in taxes]
    found = carbon_tax_solve(world, cap)
    assert found.leader_action[0] == pytest.approx(taxes[np.argmax(worth)], abs=cap / 20)
    assert found.method.startswith("the cap" if cap < world.tax else "closed form")
