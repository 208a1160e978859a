"""Learners of the newsvendor game, alone and against each other."""

from dataclasses import replace
from time import process_time

import numpy as np
import pytest

from rllib_stackelberg import make_game, solve
from rllib_stackelberg.economics.newsvendor import answer
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.online import Arena, Feedback, meet, online_learner
from rllib_stackelberg.online.demand import DemandEstimate
from rllib_stackelberg.online.lnpg import market_of


def play(leader, follower, rounds, seeds, **options):
    parameters = options.pop("game", {})
    learners = online_learner("leader", leader), online_learner("follower", follower)
    return meet(Arena(make_game("newsvendor", **parameters)), *learners, rounds, seeds, **options)


def observed(seeds=3, rounds=50, **options):
    """An estimate after some rounds, and its design `[S, T, 2]`, demands and V."""
    market, rng = make_game("newsvendor").market, np.random.default_rng(2)
    price = 4 + 5 * rng.random((seeds, rounds))
    demand = 10 - price + rng.standard_normal((seeds, rounds))
    estimate = DemandEstimate(market, seeds, **options)
    for t in range(rounds):
        estimate.add(price[:, t], demand[:, t])
    design = np.stack([np.ones_like(price), -price], axis=-1)
    return estimate, design, demand, estimate.ridge * np.eye(2) + design.transpose(0, 2, 1) @ design


def test_the_estimate_is_ridge_regression():
    estimate, design, demand, v = observed(ridge=0.5)
    middle = estimate.largest / 2
    pulled = 0.5 * middle + (design * demand[..., None]).sum(axis=1)
    np.testing.assert_allclose(estimate.theta, np.linalg.solve(v, pulled[..., None])[..., 0], rtol=1e-9)
    np.testing.assert_allclose(estimate.determinant, np.linalg.det(v), rtol=1e-9)
    x = np.array([1.0, -6.0])
    length = np.sqrt([x @ np.linalg.solve(own, x) for own in v])
    np.testing.assert_allclose(estimate.width(np.array([[6.0]]))[:, 0], length, rtol=1e-9)


def test_hypotheses_lie_on_the_ellipsoid_and_its_largest_mean_is_attained():
    estimate, _, _, v = observed(ridge=1.0, confidence=0.2)
    away = estimate.surface(4000) - estimate.theta[:, None]
    length = np.sqrt(np.einsum("shi,sij,shj->sh", away, v, away))
    np.testing.assert_allclose(length, np.broadcast_to(estimate.radius[:, None], length.shape), rtol=1e-9)
    for price in (2.0, 8.0):
        largest = (estimate.surface(4000) @ np.array([1.0, -price])).max(axis=1)
        np.testing.assert_allclose(estimate.largest_mean(np.array([[price]]))[:, 0], largest, atol=1e-3)


def test_the_proven_ellipsoid_holds_the_truth():
    estimate, _, _, v = observed(seeds=400, ridge=1.0, confidence=1.0, delta=0.05)
    away = estimate.theta - np.array([10.0, 1.0])
    assert (np.einsum("si,sij,sj->s", away, v, away) <= estimate.radius**2).mean() >= 0.95


@pytest.mark.parametrize("retailer", ["exact", "riskless"])
def test_whoever_knows_demand_plays_the_equilibrium(retailer):
    """Greedy players after ten thousand noiseless observations."""
    game = make_game("newsvendor", retailer=retailer)
    arena, solution = Arena(game), solve(game)
    leader = online_learner("leader", "greedy:ridge=0.001").begin(arena, 2, 1)
    follower = online_learner("follower", "greedy:ridge=0.001").begin(arena, 2, 1)
    for t, price in enumerate(np.linspace(1, 9, 10_000)):
        seen = np.array([[0.0, price]] * 2)
        for player in (leader, follower):
            player.learn(Feedback(t, seen[:, :1], seen, seen[:, 0], None, 10 - seen[:, 1:]))
    np.testing.assert_allclose(leader.estimate(), [[10, 1]] * 2, atol=1e-4)
    posted = leader.act(1, np.zeros((2, 0)))
    assert posted == pytest.approx(solution.leader_strategy[0][1][0], abs=0.01)
    order, price = answer(game.market, posted)
    np.testing.assert_allclose(follower.act(1, posted, np.zeros((2, 1))), np.hstack([order, price]), atol=2e-3)


def test_learners_are_not_told_the_truth():
    market = market_of(Arena(make_game("newsvendor")))
    assert np.isnan([market.theta0, market.theta1]).all()
    assert replace(market, theta0=10.0, theta1=1.0) == make_game("newsvendor").market


@pytest.mark.parametrize("pair", [("LNPG", "LNPG:dispersion=1"), ("UCB-grid", "greedy"), ("greedy", "best-response")])
def test_a_batch_of_seeds_equals_the_seeds_one_by_one(pair):
    together = play(*pair, 40, 3, seed=5)
    for s in range(3):
        alone = play(*pair, 40, 1, seed=5, first=s)
        for name in ("leader_actions", "follower_actions", "payoffs", "rewards", "leader_regret", "follower_regret"):
            assert (getattr(alone, name)[0] == getattr(together, name)[s]).all(), name


def test_regret_and_error_are_what_they_are_called():
    record = play("LNPG", "LNPG:dispersion=1", 60, 2)
    market = make_game("newsvendor").market
    wholesale = record.leader_actions[..., 0]
    np.testing.assert_allclose(record.rewards[..., 0], wholesale * record.follower_actions[..., 0])
    value = solve(make_game("newsvendor")).leader_value
    np.testing.assert_allclose(record.leader_regret, np.cumsum(value - record.payoffs[..., 0], axis=1))
    assert (np.diff(record.follower_regret, axis=1) >= -1e-4).all()  # the noise of the rules has 256 values
    assert (record.follower_actions[..., 1] <= market.price_cap).all()
    assert record.leader_error.shape == record.follower_error.shape == (2, 60)
    np.testing.assert_array_equal(record.leader_error, record.follower_error)  # both see prices and demand
    assert play("UCB-grid", "best-response", 3, 1).leader_error is None


def test_prices_settle_without_dispersion_and_the_error_falls_with_it():
    """FACTS of the two learners, small: the retailer's regret grows on and the estimate stays, or neither."""
    settled, dispersed = (play("LNPG:ridge=0.01", f"LNPG:ridge=0.01,dispersion={size}", 300, 6) for size in (0, 1))
    error = dispersed.follower_error.mean(axis=0)
    assert error[299] < error[29]
    assert error[299] < 0.6 * settled.follower_error.mean(axis=0)[299]
    late = [(r.follower_regret[:, 299] - r.follower_regret[:, 149]).mean() for r in (settled, dispersed)]
    assert late[1] < 0.6 * late[0]


@pytest.mark.learning
@pytest.mark.timeout(600)
def test_shapes_over_three_thousand_rounds():
    times = [99, 299, 999, 2999]
    settled = play("LNPG", "LNPG", 3000, 20)
    started = process_time()
    dispersed = play("LNPG", "LNPG:dispersion=1", 3000, 20)
    assert process_time() - started < 60
    errors = dispersed.follower_error.mean(axis=0)[times]
    assert (np.diff(errors) < 0).all()
    assert errors[-1] < 0.6 * settled.follower_error.mean(axis=0)[2999]
    assert settled.follower_error.mean(axis=0)[2999] > 2
    regrets = [r.follower_regret.mean(axis=0)[times] for r in (settled, dispersed)]
    assert regrets[0][3] > 2.2 * regrets[0][2]  # linear: three times the rounds
    assert regrets[1][3] < 1.9 * regrets[1][2]


@pytest.mark.parametrize(
    ("seat", "text", "field"),
    [
        ("leader", "LNPG:ridge=0", "leader.ridge"),
        ("leader", "LNPG:delta=1", "leader.delta"),
        ("follower", "LNPG:dispersion=-1", "follower.dispersion"),
        ("follower", "LNPG:confidence=x", "follower.confidence"),
        ("leader", "UCB-grid:prices=2.5", "leader.prices"),
        ("leader", "LNPGG", "leader"),
    ],
)
def test_bad_learners_are_refused_by_name(seat, text, field):
    with pytest.raises(InvalidFieldError) as error:
        online_learner(seat, text)
    assert error.value.field == field


def test_lnpg_needs_linear_demand():
    arena = Arena(make_game("escape"))
    with pytest.raises(InvalidFieldError, match=r"^leader: LNPG needs a game with linear demand"):
        meet(arena, online_learner("leader", "LNPG"), online_learner("follower", "best-response"), 3, 1)
