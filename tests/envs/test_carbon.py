"""Carbon: the rules against the equations that they are there for, and against the closed forms."""

import numpy as np
import pytest

from rllib_stackelberg import make_population
from rllib_stackelberg.errors import InvalidFieldError

SHARP = {"energy": 0.3, "damage": 0.5, "cap": 4.0}
"""Where it matters much what is done."""


def nothing(plays, game):
    return np.zeros((plays, game.members, 0))


def played(game, taxes, plays=1, seed=0):
    """Payoffs of a play's periods, `[T, B]` and `[T, B, N]`, under given taxes `[T]` and best answers."""
    state = game.start(np.random.default_rng(seed).random((plays, game.members, 1)))
    paid, members = [], []
    for tax in taxes:
        leader = np.full((plays, 1), tax)
        state, one, many = game.step(state, leader, game.best_response(state, leader), nothing(plays, game))
        paid.append(one)
        members.append(many)
    return np.array(paid), np.array(members)


def test_plays_are_worth_what_the_solver_says():
    alike = make_population("carbon", households=3, spread=0, periods=12)
    best = alike.optimum()
    paid, members = played(alike, np.full(12, best.leader_action[0]))
    assert paid.sum() == pytest.approx(best.leader_value, rel=1e-12)
    assert members.sum(axis=0).mean() == pytest.approx(best.members_value, rel=1e-12)
    game = make_population("carbon", periods=12)
    worth = played(game, np.full(12, best.leader_action[0]), plays=200)[0].sum(axis=0)
    # Draws from equal parts of a distribution, over their mean: the error of a mean over 100 is of order 1 / 100.
    assert worth.mean() == pytest.approx(game.optimum().leader_value, abs=1e-3)


@pytest.mark.parametrize("tax", [0.0, 0.6, 4.0])
def test_one_period_is_the_equations(tax):
    """In levels: markets for capital clear, accounts close, and who would pay more than it has pays .99 of it."""
    game, rng = make_population("carbon", households=6, **SHARP), np.random.default_rng(1)
    state = game.start(rng.random((1, 6, 1)))
    low, high = game.member_actions.low, game.member_actions.high
    s, n = (low + rng.random((6, 2)) * (high - low)).T
    after, paid, members = game.step(state, [[tax]], np.stack([s, n], axis=1)[None], nothing(1, game))
    e, k = 1.75 * n, np.exp(state.capital[0]) * state.owned[0]
    staying, decaying = 0.103 + 0.2 * e.mean(), 0.118 * (1 - 0.0228) + 0.8 * 0.393 * e.mean()
    made = (1 - n) ** 0.4 * e**0.3
    rented = k.sum() * made ** (1 / 0.7) / (made ** (1 / 0.7)).sum()
    y = np.exp(-0.5 * (staying + decaying)) * rented**0.3 * made
    rent = 0.3 * y / rented
    np.testing.assert_allclose(rent, rent[0], rtol=1e-12)  # nobody would rent more or less
    earned = rent * k + y - rent * rented
    due = np.minimum(tax * y.mean() * e, 0.99 * earned)
    assert (due < tax * y.mean() * e).any() == (tax == 4)
    had = earned - due + due.mean()
    np.testing.assert_allclose(members[0], np.log((1 - s) * had), rtol=1e-12)
    assert paid[0] == pytest.approx(np.log((1 - s) * had).mean())
    np.testing.assert_allclose(np.exp(after.capital[0]) * after.owned[0], s * had, rtol=1e-12)
    np.testing.assert_allclose(after.carbon[0], [staying, decaying], rtol=1e-12)
    assert np.exp(members[0]).sum() + (s * had).sum() == pytest.approx(y.sum(), rel=1e-12)


def test_households_answer_by_their_first_order_conditions():
    """Sufficient, as their problem is concave: consumption grows by the discount factor times interest (Euler)."""
    game = make_population("carbon", households=50, spread=1.0, **SHARP)
    state = game.start(np.random.default_rng(2).random((1, 50, 1)))
    before = None
    for tax in (0.3, 1.2, 0.0, 3.0):
        leader = np.full((1, 1), tax)
        owned = state.owned
        saver = state.capital[0]
        state, _, logs = game.step(state, leader, game.best_response(state, leader), nothing(1, game))
        np.testing.assert_allclose(state.owned, owned, rtol=1e-12)
        if before is not None:
            interest = np.log(0.3) + state.output[0] - saver
            np.testing.assert_allclose(logs - before, np.log(game.economy.growth.discount) + interest, atol=1e-10)
        before = logs


@pytest.mark.parametrize("tax", [0.05, 1.2])
def test_a_household_gains_from_deviating_only_by_moving_what_it_takes_as_given(tax):
    """In a play long enough to forget its end; one of N moves prices and carbon by order 1 / N."""
    gains = []
    for households in (10, 100):
        game = make_population("carbon", households=households, spread=0.5, periods=40, **SHARP)
        low, high = game.member_actions.low, game.member_actions.high
        saved, labour = (a.ravel() for a in np.meshgrid(np.linspace(0.5, 1.5, 11), np.linspace(0.4, 2.2, 19)))
        plays = len(saved) + 1
        leader, state = np.full((plays, 1), tax), game.start(np.full((plays, households, 1), 0.5))
        worth, deviator = np.zeros(plays), households // 2
        for period in range(40):
            members = game.best_response(state, leader)
            members[:-1, deviator] *= np.stack([saved, labour], axis=1)
            state, _, paid = game.step(state, leader, np.clip(members, low, high), nothing(plays, game))
            worth += game.economy.growth.discount**period * paid[:, deviator]
        gains.append(worth[:-1].max() - worth[-1])
    assert gains[1] < max(gains[0], 0) / 5 + 1e-9
    assert gains[1] < 2e-3


@pytest.mark.parametrize("params", [{}, SHARP])
def test_no_other_tax_is_better_for_good_or_for_a_period(params):
    """The discounted sum in the rules, played far beyond where discounting leaves anything, from another state."""
    game = make_population("carbon", households=1, spread=0, periods=120, **params)
    best = game.optimum().leader_action[0]
    others = np.append(np.linspace(0, game.cap, 81), best)[:, None]
    weights = game.economy.growth.discount ** np.arange(120)
    for when in (slice(None), slice(0, 1), slice(4, 5)):
        state = game.start(np.full((82, 1, 1), 0.5))
        state.capital[:], state.carbon[:, 0] = -6.0, 2.0
        worth = np.zeros(82)
        for period in range(120):
            taxes = others if period in range(120)[when] else np.full_like(others, best)
            state, paid, _ = game.step(state, taxes, game.best_response(state, taxes), nothing(82, game))
            worth += weights[period] * paid
        assert (worth <= worth[-1] + 1e-12).all(), when
        assert others[worth[:-1].argmax(), 0] == pytest.approx(best, abs=game.cap / 80)


def test_plays_of_any_length_have_numbers():
    game = make_population("carbon", households=2, periods=5_000, damage=10.0, emissions=100.0)
    state = game.start(np.full((1, 2, 1), 0.5))
    for _ in range(300):
        state, paid, _ = game.step(state, [[0.0]], np.full((1, 2, 2), [0.01, 0.1]), nothing(1, game))
    assert paid[0] < -1e4  # of a logarithm: nothing that could be held in levels


def test_exponents_leave_something_to_labour():
    with pytest.raises(InvalidFieldError, match="energy"):
        make_population("carbon", alpha=0.7, energy=0.3)
