"""The economy: its accounts close, its formulas are right, and its ends have names."""

import warnings
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rllib_stackelberg.envs.taxation_v0 import (
    CAPS,
    HOURS,
    INTEREST,
    LEAST,
    MOST,
    START_CAPITAL,
    START_DEBT,
    START_GDP,
    START_WORK,
    Taxation,
)

from rllib_stackelberg.economics.abilities import next_abilities
from rllib_stackelberg.economics.inequality import gini
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
        taxes = after.taxes
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
        kept_of_income = after.kept.sum(axis=1)
        np.testing.assert_allclose(after.income_tax, after.income.sum(axis=1) - kept_of_income, **EXACT)
        np.testing.assert_allclose(taxes, after.income_tax + after.wealth_tax + 0.065 * after.consumption, **EXACT)
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


@pytest.mark.parametrize("constants", ["smfrl", "taxai"])
def test_corners_of_the_box_stay_numbers_for_300_years(constants):
    corners = np.array(list(product([LEAST, MOST], repeat=7)))
    game, plays = Taxation(households=5, constants=constants), len(corners)
    state, rng = begin(game, plays)
    members = np.repeat(corners[:, None, 5:], game.members, axis=1)
    for _ in range(300):
        state, paid, members_paid = game.step(state, corners[:, :5], members, rng.random((plays, 5, 2)))
        assert np.isfinite(paid).all()
        assert np.isfinite(members_paid).all()
    ended = {game.endings[k] for k in game.ended(state)}
    assert {"horizon"} < ended <= {"horizon", "no-capital", "overspending"}
    assert np.isfinite(game.observe_leader(state)).all()
    assert np.isfinite(game.observe_members(state)).all()


def abilities(game, state, shock, chance):
    """Next year's abilities, from uniforms of the shock and of the chance `[N]` of one economy."""
    uniforms = np.stack([np.broadcast_to(shock, game.members), chance], axis=1)[None]
    after, *_ = game.step(state, [LASTING], np.tile(THRIFTY, (1, game.members, 1)), uniforms)
    return after


def test_ability_follows_its_process():
    game = Taxation(households=4)
    state, _ = begin(game)
    shock = np.array([0.5, 0.841344746, 0.158655254, 0.5])  # 0, 1, -1, 0 standard deviations
    after = abilities(game, state, shock, np.full(4, 0.5))
    wanted = 0.982 * np.log(state.ability[0]) + 0.2 * np.array([0, 1, -1, 0])
    np.testing.assert_allclose(np.log(after.ability[0]), wanted, atol=1e-7)


def test_ability_is_stationary_where_it_says():
    game = Taxation(households=20_000, years=400)
    state, rng = begin(game)
    for _ in range(400):
        uniforms = np.stack([rng.random((1, game.members)), np.full((1, game.members), 0.5)], axis=2)
        state.log_ability, state.ability, state.star = next_abilities(state.log_ability, state.star, uniforms)
    assert state.log_ability.mean() == pytest.approx(0, abs=0.05)
    assert state.log_ability.var() == pytest.approx(1.1212, rel=0.05)


def test_super_stars_rise_last_and_fall():
    game = Taxation(households=5)
    state, _ = begin(game)
    ordinary, normal_year = 0.5, np.full(5, 0.5)
    risen = abilities(game, state, ordinary, np.array([2.1e-6, 0.5, 0.5, 0.5, 2.3e-6]))
    assert risen.star[0].tolist() == [True, False, False, False, False]
    assert risen.ability[0, 0] == pytest.approx(504.3 * risen.ability[0, 1:].mean(), rel=1e-12)
    lasting = abilities(game, risen, ordinary, normal_year)
    assert lasting.ability[0, 0] == pytest.approx(504.3 * lasting.ability[0, 1:].mean(), rel=1e-12)
    for place in (0.0, 0.25, 0.999):
        chance = np.array([0.99 + 0.01 * place, 0.5, 0.5, 0.5, 0.5])
        fallen = abilities(game, lasting, ordinary, chance)
        low, high = fallen.ability[0, 1:].min(), fallen.ability[0, 1:].max()
        assert not fallen.star.any()
        assert fallen.ability[0, 0] == pytest.approx(low + place * (high - low), rel=1e-6)
        assert fallen.log_ability[0, 0] == pytest.approx(np.log(fallen.ability[0, 0]), rel=1e-9)
    assert not abilities(game, lasting, ordinary, normal_year).star[0, 1:].any()


def test_a_super_star_without_company_still_has_an_ability():
    game = Taxation(households=1)
    state, _ = begin(game)
    state = abilities(game, state, 0.5, np.zeros(1))
    ordinary = np.exp(state.log_ability[0, 0])
    assert state.ability[0, 0] == pytest.approx(504.3 * ordinary)
    after = abilities(game, state, 0.5, np.array([0.995]))
    assert after.ability[0, 0] == pytest.approx(ordinary**0.982)


def test_a_productivity_shock_lasts_three_years():
    shocked, plain = (Taxation(households=6, shock=shock, shock_year=4) for shock in ("productivity", "none"))
    states, _ = play(shocked, LASTING, THRIFTY, 8)
    for year, (before, after) in enumerate(pairwise(states), start=1):
        labour = (before.ability * HOURS * THRIFTY[1]).sum(axis=1)
        produced = 10 * before.capital**0.7445 * labour**0.2555
        np.testing.assert_allclose(after.output, produced * (0.8 if 4 <= year <= 6 else 1), rtol=1e-12)
    unshocked, _ = play(plain, LASTING, THRIFTY, 3)
    np.testing.assert_array_equal(unshocked[3].wealth, states[3].wealth)


@pytest.mark.parametrize("year", [1, 3])
def test_a_wealth_shock_halves_wealth_before_the_government_looks(year):
    shocked, plain = (Taxation(households=6, shock=shock, shock_year=year) for shock in ("wealth", "none"))
    (with_shock, _), (without, _) = (play(game, LASTING, THRIFTY, 3) for game in (shocked, plain))
    hit = year - 1
    np.testing.assert_array_equal(with_shock[hit].wealth, without[hit].wealth / 2)
    np.testing.assert_array_equal(with_shock[hit].capital, without[hit].capital)
    seen, unshocked = shocked.observe_leader(with_shock[hit]), plain.observe_leader(without[hit])
    np.testing.assert_allclose(seen[:, [0, 3]], unshocked[:, [0, 3]] / 2)
    np.testing.assert_array_equal(seen[:, [1, 2, 4, 5]], unshocked[:, [1, 2, 4, 5]])


def test_caps_in_the_box_are_the_same_economy():
    cut, box = Taxation(households=6), Taxation(households=6, caps="box")
    first, _ = play(cut, [MOST] * 5, THRIFTY, 2)
    second, _ = play(box, CAPS, THRIFTY, 2)
    np.testing.assert_array_equal(first[-1].wealth, second[-1].wealth)
    assert box.leader_actions.high.tolist() == CAPS.tolist()
    for above in (CAPS, np.full(5, MOST)):  # whatever is above a cap does the same
        third, _ = play(cut, above, THRIFTY, 2)
        np.testing.assert_array_equal(first[-1].wealth, third[-1].wealth)


def test_the_government_sees_its_two_groups():
    game = Taxation(households=20)
    state, _ = begin(game)
    order = np.argsort(state.wealth[0])
    wanted = [
        x[0, group].mean() for group in (order[-2:], order[:10]) for x in (state.wealth, state.income, state.ability)
    ]
    np.testing.assert_allclose(game.observe_leader(state)[0], wanted, rtol=1e-6)
    np.testing.assert_allclose(game.observe_members(state)[0, 3], [state.ability[0, 3], state.wealth[0, 3]], rtol=1e-6)


def test_reports_are_the_accounts_per_head():
    game = Taxation(households=10)
    (_, state), _ = play(game, LASTING, THRIFTY, 1)
    report = {name: figure[0] for name, figure in game.report(state).items()}
    assert report["GDP per head"] == pytest.approx(state.output[0] / 10)
    assert report["taxes / GDP"] == pytest.approx(state.taxes[0] / state.output[0])
    assert report["hours"] == pytest.approx(HOURS * 0.4)
    assert report["income Gini after tax"] < report["income Gini"]
