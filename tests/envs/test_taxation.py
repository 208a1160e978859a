"""The economy: its accounts close, its formulas are right, and its ends have names."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rllib_stackelberg.envs.taxation_v0 import (
    CAPS,
    CONSUMPTION_TAX,
    HOURS,
    INTEREST,
    LEAST,
    MOST,
    START_CAPITAL,
    START_DEBT,
    START_GDP,
    START_WORK,
    Taxation,
)  # fmt: skip

from rllib_stackelberg.inequality import gini
from rllib_stackelberg.testing import population_game_test

EXACT = {"rtol": 1e-9, "atol": 0}


def begin(game, plays=1, seed=0):
    rng = np.random.default_rng(seed)
    return game.start(rng.random((plays, game.members, game.start_draws))), rng


def play(game, leader, members, years, plays=1, seed=0):
    """States, one before the first year and one after each, and the payoffs, under constant actions."""
    state, rng = begin(game, plays, seed)
    states, paid = [state], []
    leader = np.tile(np.asarray(leader, dtype=float), (plays, 1))
    members = np.broadcast_to(np.asarray(members, dtype=float), (plays, game.members, 2))
    for _ in range(years):
        state, *payoffs = game.step(state, leader, members, rng.random((plays, game.members, game.draws)))
        states.append(state)
        paid.append(payoffs)
    return states, paid


def test_large_populations_meet_the_contract():
    population_game_test(Taxation(households=257, task="gini"), plays=5)


LASTING = [0.2, 0.02, 0.02, 0.01, 0.1]
THRIFTY = [0.9, 0.4]


@pytest.mark.parametrize("constants", ["smfrl", "taxai"])
@pytest.mark.parametrize("households", [1, 10, 1000])
def test_the_year_before_the_first_is_as_given(constants, households):
    game = Taxation(households=households, constants=constants)
    state, _ = begin(game, plays=3)
    np.testing.assert_allclose(state.output, START_GDP * households, **EXACT)
    np.testing.assert_allclose(state.capital, START_CAPITAL * START_GDP * households, **EXACT)
    np.testing.assert_allclose(state.debt, START_DEBT * START_GDP * households, **EXACT)
    np.testing.assert_allclose(state.wealth.sum(axis=1), state.capital + state.debt, **EXACT)
    labour = state.ability.sum(axis=1) * HOURS * START_WORK
    produced = game.factor * state.capital**game.alpha * labour ** (1 - game.alpha)
    np.testing.assert_allclose(produced, state.output, **EXACT)
    earned = state.income.sum(axis=1)
    np.testing.assert_allclose(earned, (1 - game.alpha) * state.output + INTEREST * state.wealth.sum(axis=1), **EXACT)


@pytest.mark.parametrize("constants", ["smfrl", "taxai"])
def test_accounts_close_every_year(constants):
    game = Taxation(households=50, constants=constants, years=300)
    states, _ = play(game, LASTING, THRIFTY, 300, plays=4)
    assert (states[-1].ending == game.horizon).all()
    for before, after in pairwise(states):
        taxes = after.taxes.sum(axis=1)
        owned, owns = before.wealth.sum(axis=1), after.wealth.sum(axis=1)
        debt = (1 + INTEREST) * before.debt + after.spending - taxes
        np.testing.assert_allclose(after.debt, debt, **EXACT)
        scale = np.abs(before.capital) + owned + owns
        capital = (1 + INTEREST) * (before.capital - owned) - after.spending + taxes + owns
        np.testing.assert_array_less(np.abs(after.capital - capital), 1e-9 * scale)
        # Resources: what is left of capital, and of wages, when everybody has consumed.
        wages = (1 - game.alpha) * after.output
        resources = (1 + INTEREST) * before.capital + wages - after.consumption - after.spending
        np.testing.assert_array_less(np.abs(after.capital - resources), 1e-9 * scale)
        # The books of whoever stands between households, firms and the government.
        np.testing.assert_array_less(
            np.abs(after.capital + after.debt - owns), 1e-9 * (scale + np.abs(after.debt)) * 300
        )
        # Households: income is spent, taxed or saved.
        spent = after.income.sum(axis=1) + owned - taxes - after.consumption
        np.testing.assert_allclose(owns, spent, rtol=1e-9)
        np.testing.assert_allclose(after.taxes[:, 2], CONSUMPTION_TAX * after.consumption, **EXACT)
        np.testing.assert_allclose(after.spending, 0.1 * after.output, **EXACT)


def test_one_year_is_the_equations_household_by_household():
    """The rules again, in loops, from the page of equations."""
    game = Taxation(households=7, task="social_welfare")
    state, rng = begin(game)
    leader, members, uniforms = rng.uniform(LEAST, MOST, 5), rng.uniform(0.6, 0.9, (7, 2)), rng.random((1, 7, 2))
    after, paid, members_paid = game.step(state, leader[None], members[None], uniforms)
    tau, xi, tau_a, xi_a, share = (min(given, cap) for given, cap in zip(leader, CAPS, strict=True))

    def tax(x, rate, slope):
        return x - (1 - rate) / (1 - slope) * x ** (1 - slope)

    k, a, e = state.capital[0], state.wealth[0], state.ability[0]
    hours = [365 * 24 * (2 / 3) * (2 / 3) * h for h in members[:, 1]]
    labour = sum(x * y for x, y in zip(e, hours, strict=True))
    output = 10 * k**0.7445 * labour**0.2555
    wage = 10 * 0.2555 * (k / labour) ** 0.7445
    spending, taxes, saved = share * output, 0.0, 0.0
    for i, (s, h) in enumerate(members):
        y = wage * e[i] * hours[i] + 0.04 * a[i]
        c = (1 - s) * (y - tax(y, tau, xi)) / 1.065
        rest = y - tax(y, tau, xi) + a[i] - tax(a[i], tau_a, xi_a) - 1.065 * c
        taxes += tax(y, tau, xi) + tax(a[i], tau_a, xi_a) + 0.065 * c
        saved += rest
        assert after.wealth[0, i] == pytest.approx(rest, rel=1e-9)
        assert members_paid[0, i] == pytest.approx(1 / (1 + np.exp(-(np.log(c / 1000) - 10 * h**3 / 3))), rel=1e-9)
    assert after.output[0] == pytest.approx(output, rel=1e-9)
    assert after.wage[0] == pytest.approx(wage, rel=1e-9)
    assert after.debt[0] == pytest.approx(1.04 * state.debt[0] + spending - taxes, rel=1e-9)
    assert after.capital[0] == pytest.approx(1.04 * (k - a.sum()) - spending + taxes + saved, rel=1e-9)
    assert paid[0] == pytest.approx(members_paid.sum(), rel=1e-12)


def test_tasks_pay_what_they_say():
    for task in ("gdp", "gini", "social_welfare"):
        game = Taxation(households=40, task=task)
        (before, after), [(paid, members_paid)] = play(game, LASTING, THRIFTY, 1)
        income_kept = 0.8 / 0.98 * after.income**0.98
        wealth_kept = 0.98 / 0.99 * before.wealth**0.99
        untaxed = gini(before.wealth) + gini(after.income)
        wanted = {
            "gdp": 100 * (after.capital / before.capital - 1),
            "gini": 100 * (1 - (gini(wealth_kept) + gini(income_kept)) / untaxed),
            "social_welfare": members_paid.sum(axis=1),
        }
        np.testing.assert_allclose(paid, wanted[task], rtol=1e-9)


def test_the_ways_to_end():
    game = Taxation(households=20, years=3)
    for leader, members, name in (
        (LASTING, THRIFTY, "horizon"),
        ([MOST] * 5, [LEAST, 0.5], "no-capital"),
    ):
        states, _ = play(game, leader, members, 3, plays=2)
        assert [game.endings[k] for k in game.ended(states[-1])] == [name] * 2
    state, rng = begin(game)
    state.wealth *= 1000  # interest that output cannot pay for
    after, paid, members_paid = game.step(
        state, [[LEAST] * 5], np.full((1, 20, 2), LEAST), rng.random((1, 20, game.draws))
    )
    assert game.endings[game.ended(after)[0]] == "overspending"
    assert (after.wealth >= 0).all()
    assert after.consumption + after.spending == pytest.approx(after.output, rel=1e-12)
    assert np.isfinite(paid).all()
    assert (members_paid > 0).all()
    state.wealth[:] = 1e308
    with np.errstate(all="ignore"):
        uniforms = rng.random((1, 20, game.draws))
        after, paid, members_paid = game.step(state, [LASTING], np.full((1, 20, 2), 0.5), uniforms)
    assert game.endings[game.ended(after)[0]] == "not-a-number"
    assert paid[0] == members_paid.sum() == 0


ACTIONS = st.sampled_from([LEAST, MOST]) | st.floats(LEAST, MOST)


@settings(max_examples=60, deadline=None)
@given(
    arrays(float, (12, 5), elements=ACTIONS), arrays(float, (12, 6, 2), elements=ACTIONS),
    st.sampled_from(["gdp", "gini", "social_welfare"]), st.sampled_from(["smfrl", "taxai"]), st.integers(0, 10_000),
)  # fmt: skip
def test_every_action_leads_to_numbers_and_a_named_end(leader, members, task, constants, seed):
    game = Taxation(households=6, years=12, task=task, constants=constants)
    state, rng = begin(game, seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for year in range(12):
            state, paid, members_paid = game.step(
                state, leader[year : year + 1], members[None, year], rng.random((1, 6, 2))
            )
            assert np.isfinite(paid).all()
            assert ((members_paid >= 0) & (members_paid <= 1)).all()
            assert all(np.isfinite(figure).all() for figure in game.report(state).values())
            assert np.isfinite(game.observe_leader(state)).all()
            assert (state.wealth >= 0).all()
    assert game.endings[game.ended(state)[0]] in ("overspending", "no-capital", "horizon")
