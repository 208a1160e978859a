"""The newsvendor game: published equilibria, closed forms, and the rules played."""

import numpy as np
import pytest

from rllib_stackelberg import make_game, solve
from rllib_stackelberg.economics.newsvendor import Answer, answer, newsvendor_solve, retailer_value, supplier_value
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.online import Arena
from rllib_stackelberg.rules.game import OVER

# sigma, retailer: wholesale price, retail price, order, supplier, retailer (theta0 10, theta1 1).
EQUILIBRIA = {
    (0.5, "exact"): (4.56078, 7.12964, 2.69154, 12.27553, 6.03949),
    (1.0, "exact"): (4.16476, 6.80365, 2.91146, 12.12554, 5.82849),
    (1.0, "riskless"): (3.84512, 6.92256, 2.93801, 11.29697, 6.73567),
}


def found(solution):
    order, price = solution.details["order"], solution.details["price"]
    return (solution.leader_strategy[0][1][0], price, order, solution.leader_value, *solution.follower_values)


@pytest.mark.parametrize(("sigma", "retailer"), EQUILIBRIA)
def test_known_equilibria(sigma, retailer):
    solution = solve(make_game("newsvendor", sigma=sigma, retailer=retailer))
    np.testing.assert_allclose(found(solution), EQUILIBRIA[sigma, retailer], atol=1e-4 / 2)


@pytest.mark.parametrize("retailer", ["exact", "riskless"])
@pytest.mark.parametrize(("theta0", "theta1"), [(10, 1), (3, 0.5), (100, 7)])
def test_closed_form_without_noise(theta0, theta1, retailer):
    solution = solve(make_game("newsvendor", theta0=theta0, theta1=theta1, sigma=0, retailer=retailer))
    worth = theta0**2 / theta1
    closed = (theta0 / (2 * theta1), 3 * theta0 / (4 * theta1), theta0 / 4, worth / 8, worth / 16)
    np.testing.assert_allclose(found(solution), closed, rtol=0, atol=1e-9)


@pytest.mark.parametrize("sigma", [0, 0.5, 1, 2])
def test_no_other_answer_is_better_for_the_retailer(sigma):
    market = make_game("newsvendor", sigma=sigma).market
    rng = np.random.default_rng(0)
    wholesale = np.linspace(0.1, 9, 40)[:, None]
    own = retailer_value(market, wholesale, answer(market, wholesale))
    others = Answer(rng.random((40, 4000)) * market.order_cap, rng.random((40, 4000)) * market.price_cap)
    assert (retailer_value(market, wholesale, others) <= own + 1e-9).all()
    assert (own >= 0).all()


@pytest.mark.parametrize("parameters", [{}, {"sigma": 3}, {"price_cap": 5}, {"sigma": 3.5, "retailer": "riskless"}])
def test_no_other_wholesale_price_is_better_for_the_supplier(parameters):
    market = make_game("newsvendor", **parameters).market
    values = supplier_value(market, np.linspace(0, market.price_cap, 20_001))
    assert values.max() == pytest.approx(newsvendor_solve(market).leader_value, abs=1e-5)
    assert values.max() <= newsvendor_solve(market).leader_value + 1e-12


def test_a_retailer_stays_out_where_it_would_lose():
    game = make_game("newsvendor")
    assert answer(game.market, 7.5).order > 0
    assert answer(game.market, 7.6).order == 0
    state = game.begin(np.zeros((1, 2), dtype=np.int64))
    state, _ = game.step(state, np.array([[8.0, 0]]))
    state, payoffs = game.step(state, game.reply(state))
    assert (payoffs == 0).all()
    assert (game.turn(state) == OVER).all()


@pytest.mark.parametrize(("sigma", "retailer"), EQUILIBRIA)
@pytest.mark.parametrize("shift", [0, 0.7])
def test_plays_pay_what_the_solver_expects(sigma, retailer, shift):
    """Monte Carlo within four standard errors, at the equilibrium and off it; exact expectation within 1e-4."""
    game = make_game("newsvendor", sigma=sigma, retailer=retailer)
    wholesale, price, order, *_ = found(solve(game))
    chosen = np.array([[order + shift, price - shift]])
    expected = retailer_value(game.market, wholesale, Answer(chosen[:, 0], chosen[:, 1]))[0]
    plays, arena = 200_000, Arena(game)
    uniforms = np.random.default_rng(1).random((plays, 2))
    actions = np.full((plays, 1), wholesale), np.repeat(chosen, plays, axis=0)
    rewards, demand = arena.play(*actions, uniforms, np.zeros((plays, 0)))
    error = rewards[:, 1].std() / np.sqrt(plays)
    assert rewards[:, 1].mean() == pytest.approx(expected, abs=4 * error)
    assert (rewards[:, 0] == wholesale * chosen[0, 0]).all()
    assert demand.mean() == pytest.approx(10 - chosen[0, 1], abs=4 * sigma / np.sqrt(plays))
    assert arena.expected(actions[0][:1], chosen)[0, 1] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("field", "value"),
    [("theta0", 0), ("theta1", -1), ("sigma", -0.1), ("price_cap", 10.5), ("theta0", np.nan), ("retailer", "kind")],
)
def test_bad_parameters_are_refused_by_name(field, value):
    with pytest.raises(InvalidFieldError) as error:
        make_game("newsvendor", **{field: value})
    assert error.value.field == field
    assert field != "price_cap" or "choke price" in str(error.value)
