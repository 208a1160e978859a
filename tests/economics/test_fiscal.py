"""Optimal taxes in closed form: against published numbers, theorems, and other ways to find them."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from rllib_stackelberg import make_population
from rllib_stackelberg.economics.fiscal import (
    Growth,
    LabourSupply,
    best_work,
    invested_return,
    labour_supply_solve,
    output_tax_solve,
    public_investment_solve,
    steady_capital,
)

AMERICAN = 1.1212


def test_known_values_of_labour_supply():
    economy = LabourSupply(AMERICAN, 0.2, 0.99)
    found = labour_supply_solve(economy)
    assert found.leader_action[0] == pytest.approx(0.58350, abs=5e-6)
    assert found.details["work"] == pytest.approx(0.34663, abs=6e-6)
    assert found.leader_value == pytest.approx(-1.51871, abs=5e-6)
    assert economy.welfare([0, 0.05]) == pytest.approx([-1.88461, -1.83038], abs=6e-6)


@pytest.mark.parametrize("variance", [0.01, 0.5, AMERICAN, 5.0])
def test_the_best_progressivity_solves_the_quadratic(variance):
    found = labour_supply_solve(LabourSupply(variance, 0.2, 0.999))
    x = 1 - found.leader_action[0]
    assert 3 * variance * x**2 + x - 1 == pytest.approx(0, abs=1e-9)
    economy = LabourSupply(variance, 0.2, 0.999)
    climbed = minimize_scalar(lambda xi: -economy.welfare(xi), bounds=(0, 0.999), method="bounded")
    assert found.leader_action[0] == pytest.approx(climbed.x, abs=1e-4)


@pytest.mark.parametrize("cap", [0.05, 0.3, 0.5])
def test_a_cap_below_the_optimum_binds(cap):
    found = labour_supply_solve(LabourSupply(AMERICAN, 0.2, cap))
    assert found.leader_action == (cap,)
    assert found.leader_value == pytest.approx(float(LabourSupply(AMERICAN, 0.2, cap).welfare(cap)))


def test_without_differences_no_progressivity_is_best():
    """A theorem: with nothing to insure, progressivity only distorts; and for output always."""
    assert labour_supply_solve(LabourSupply(0.0, 0.2, 0.99)).leader_action[0] == pytest.approx(0, abs=1e-12)
    output = labour_supply_solve(LabourSupply(AMERICAN, 0.2, 0.99, "output"))
    assert output.leader_action == (0,)
    assert output.leader_value == pytest.approx(0.1 ** (1 / 3))


@pytest.mark.parametrize("xi", [0.0, 0.05, 0.5835, 0.9])
def test_welfare_is_the_integral_over_abilities(xi):
    """From the rules' definitions, by quadrature: nothing of the closed form but the work chosen."""
    x, deviation, work = 1 - xi, np.sqrt(AMERICAN), float(best_work(xi))

    def mean(amount):
        def weighted(z):
            return amount(np.exp(deviation * z - AMERICAN / 2)) * norm.pdf(z)

        return quad(weighted, -12, 12, epsabs=1e-12, limit=200)[0]

    level = 0.8 * mean(lambda e: e * work) / mean(lambda e: (e * work) ** x)
    welfare = mean(lambda e: np.log(level * (e * work) ** x)) - 10 * work**3 / 3
    assert LabourSupply(AMERICAN, 0.2, 0.99).welfare(xi) == pytest.approx(welfare, abs=1e-9)


def test_work_is_the_best_on_a_grid_for_a_price_taker():
    work = np.linspace(0.001, 0.999, 99_901)
    for xi, ability, level in ((0.0, 1.0, 0.8), (0.05, 0.1, 3.0), (0.9, 20.0, 0.5)):
        utility = np.log(level * (ability * work) ** (1 - xi)) - 10 * work**3 / 3
        assert work[utility.argmax()] == pytest.approx(float(best_work(xi)), abs=1e-5)


@pytest.mark.parametrize("alpha", [0.3, 0.7445, 0.9])
def test_growth_is_fastest_where_it_says(alpha):
    found = public_investment_solve(Growth(alpha, 0.96, 1), factor=2.0)
    taxes = np.linspace(0.001, 0.999, 99_801)
    growth = 0.96 * (1 - taxes) * invested_return(2.0, alpha, taxes)
    assert found.leader_action[0] == pytest.approx(1 - alpha) == pytest.approx(taxes[growth.argmax()], abs=1e-5)
    assert found.details["growth factor"] == pytest.approx(growth.max(), rel=1e-8)
    assert found.leader_value == pytest.approx(np.log(growth.max()))


def test_known_values_of_saving():
    economy = Growth(0.7445, 0.975, 1)
    assert economy.saved == pytest.approx(0.72589, abs=5e-6)
    steady = [steady_capital(economy, tax) for tax in (0, 0.2)]
    assert steady == pytest.approx([0.28540, 0.11917], abs=5e-6)
    for tax, capital in zip((0, 0.2), steady, strict=True):
        assert economy.saved * (1 - tax) * capital**0.7445 == pytest.approx(capital)


def test_the_saving_share_is_the_limit_of_dynamic_programming():
    """Backwards from a last period in which nothing is saved: V = b log k + constant, b = alpha (1 + discount b')."""
    alpha, discount, weight, shares = 0.7445, 0.975, 0.0, []
    for _ in range(80):
        shares.append(discount * weight / (1 + discount * weight))
        weight = alpha * (1 + discount * weight)
    q, n = alpha * discount, np.arange(80)
    np.testing.assert_allclose(shares, q * (1 - q**n) / (1 - q ** (n + 1)), atol=1e-12)
    assert shares[-1] == pytest.approx(Growth(alpha, discount, 1).saved, abs=1e-10)


@pytest.mark.parametrize("public", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("start", [-8.0, 0.0])
def test_no_other_constant_output_tax_is_better(public, start):
    """The discounted sum in the rules, played far beyond where discounting leaves anything."""
    game = make_population("output-tax", households=1, public=public, spread=0, periods=1200)
    taxes = np.linspace(0.01, 0.99, 981)[:, None]
    state = game.start(np.full((len(taxes), 1, 1), 0.5))
    state.capital[:] = start
    worth = np.zeros(len(taxes))
    for period in range(1200):
        state, paid, _ = game.step(state, taxes, game.best_response(state, taxes), np.zeros((len(taxes), 1, 0)))
        worth += 0.975**period * paid
    assert taxes[worth.argmax(), 0] == pytest.approx(game.optimum().leader_action[0], abs=1e-3)


def test_no_varying_output_tax_is_better():
    """The best tax of a state is that of every other: one period of another tax, whenever, loses."""
    game = make_population("output-tax", households=1, spread=0, periods=1000)
    best = output_tax_solve(game.economy, game.public).leader_action[0]
    others = np.append(np.linspace(0.01, 0.6, 60), best)[:, None]
    for when in (0, 3):
        state = game.start(np.full((61, 1, 1), 0.5))
        worth = np.zeros(61)
        for period in range(900):
            taxes = others if period == when else np.full_like(others, best)
            state, paid, _ = game.step(state, taxes, game.best_response(state, taxes), np.zeros((61, 1, 0)))
            worth += 0.975**period * paid
        assert worth.argmax() == 60
