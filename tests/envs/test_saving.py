"""Saving: the rules against the closed forms that they are there for."""

import numpy as np
import pytest

from rllib_stackelberg import make_population
from rllib_stackelberg.rules.population import PopulationGame


def played(game: PopulationGame, tax, plays=1, share=None, periods=None, seed=0):
    """The last state, and payoffs summed over a play, under constant actions."""
    rng = np.random.default_rng(seed)
    state = game.start(rng.random((plays, game.members, 1)))
    leader = np.full((plays, 1), float(tax))
    members = game.best_response(state, leader) if share is None else np.full((plays, game.members, 1), share)
    paid, members_paid = np.zeros(plays), np.zeros((plays, game.members))
    for _ in range(periods or game.periods):
        state, one, many = game.step(state, leader, members, np.zeros((plays, game.members, 0)))
        paid, members_paid = paid + one, members_paid + many
    return state, paid, members_paid


@pytest.mark.parametrize("name", ["public-investment", "output-tax"])
def test_plays_are_worth_what_the_solver_says(name):
    game = make_population(name)
    best = game.optimum()
    _, paid, members = played(game, best.leader_action[0], plays=200)
    for found, wanted in ((paid, best.leader_value), (members.mean(axis=1), best.members_value)):
        error = found.std(ddof=1) / np.sqrt(200)
        assert abs(found.mean() - wanted) < 4 * error + 1e-9
    alike = make_population(name, households=3, spread=0)
    _, paid, members = played(alike, best.leader_action[0])
    assert paid[0] == pytest.approx(best.leader_value, rel=1e-12)
    assert members.mean() == pytest.approx(best.members_value, rel=1e-12)


def test_one_period_is_the_equations():
    game = make_population("public-investment", households=3, factor=2.0, alpha=0.6)
    state = game.start(np.random.default_rng(0).random((1, 3, 1)))
    k, t, s = np.exp(state.capital[0]), 0.3, np.array([0.2, 0.5, 0.9])
    after, paid, members = game.step(state, [[t]], s[None, :, None], np.zeros((1, 3, 0)))
    y = (2 * t**0.4) ** (1 / 0.6) * k
    np.testing.assert_allclose(y, 2 * k**0.6 * (t * y) ** 0.4, rtol=1e-12)  # with public capital t y
    np.testing.assert_allclose(np.exp(after.capital[0]), s * (1 - t) * y, rtol=1e-12)
    np.testing.assert_allclose(members[0], np.log((1 - s) * (1 - t) * y), rtol=1e-12)
    assert paid[0] == pytest.approx(np.log(s * (1 - t) * y / k).mean())
    game = make_population("output-tax", households=3, alpha=0.6, public=0.7)
    after, paid, members = game.step(state, [[t]], s[None, :, None], np.zeros((1, 3, 0)))
    y = k**0.6
    np.testing.assert_allclose(np.exp(after.capital[0]), s * (1 - t) * y, rtol=1e-12)
    assert paid[0] == pytest.approx((np.log((1 - s) * (1 - t) * y) + 0.7 * np.log(t * y)).mean())


@pytest.mark.parametrize(("tax", "capital"), [(0.01, None), (0.2, 0.11917)])
def test_capital_tends_to_its_steady_state(tax, capital):
    game = make_population("output-tax", households=4, periods=400)
    state, *_ = played(game, tax)
    steady = (game.economy.saved * (1 - tax)) ** (1 / (1 - 0.7445))
    np.testing.assert_allclose(np.exp(state.capital), steady, rtol=1e-9)
    if capital:
        assert steady == pytest.approx(capital, abs=5e-6)


def test_growth_is_fastest_at_one_minus_alpha_whatever_is_saved():
    game = make_population("public-investment", households=5)
    for share in (0.3, None):
        growth = {tax: played(game, tax, share=share)[1][0] for tax in np.linspace(0.23, 0.28, 101)}
        assert max(growth, key=growth.get) == pytest.approx(1 - 0.7445, abs=3e-4)


@pytest.mark.parametrize("name", ["public-investment", "output-tax"])
@pytest.mark.parametrize("tax", [0.05, 0.5])
def test_no_household_gains_by_saving_another_share(name, tax):
    """For good, or in one period; the first household deviates in each play of a batch, the last play has none."""
    game = make_population(name, households=2, periods=1000)
    grid = np.append(np.linspace(0.01, 0.99, 99), game.saved)
    leader = np.full((100, 1), tax)
    for once in (None, 0, 5):
        state = game.start(np.full((100, 2, 1), 0.3))
        worth = np.zeros(100)
        for period in range(1000):
            members = game.best_response(state, leader)
            if once in (None, period):
                members[:, 0, 0] = grid
            state, _, paid = game.step(state, leader, members, np.zeros((100, 2, 0)))
            worth += game.economy.discount**period * paid[:, 0]
        assert (worth <= worth[-1] + 1e-6).all(), (name, once)
