"""Best manipulation: against brute force over all response functions, on random games, and in the response phase."""

from itertools import product

import numpy as np
import pytest

from rllib_stackelberg import evaluate_strategy, make_game, solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers import BestManipulation
from rllib_stackelberg.followers.best_manipulation import best_manipulation, led_to
from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.plays.payoff_matrices import payoff_matrices
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.solvers import response_solve
from tests.games_for_tests import NoisyAllocation

G1 = {"leader": [[0.7, 0.1], [0.5, 0.2]], "follower": [[0.3, 0.2], [0.9, 0.1]]}
SETTINGS = LeaderSettings.checked(followers="best-manipulation", response_updates=3)


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 4), (3, 3)])
def test_no_response_function_is_better(shape):
    rng = np.random.default_rng(sum(shape))
    for leader, follower in rng.random((50, 2, 1, *shape)):
        found = led_to(leader, follower, best_manipulation(leader, leader, follower).response)[1][0]
        every = product(range(shape[1]), repeat=shape[0])
        best = max(led_to(leader, follower, np.array([response]))[1][0] for response in every)
        assert found == best


@pytest.mark.parametrize(("actions", "share"), [(2, 0.21), (3, 0.46), (5, 0.70), (10, 0.87)])
def test_it_never_loses_to_best_responses_and_often_gains(actions, share):
    leader, follower = np.random.default_rng(actions).random((2, 20_000, actions, actions))
    found = best_manipulation(leader, leader, follower)
    manipulated = led_to(leader, follower, found.response)[1]
    responded = led_to(leader, follower, follower.argmax(-1))[1]
    assert found.feasible.all()
    assert (manipulated >= responded).all()
    assert abs((manipulated > responded).mean() - share) < 0.03


def test_what_a_response_leads_to():
    leader, follower = (np.array(G1[player]) for player in ("leader", "follower"))
    for response, values in (([0, 0], (0.7, 0.3)), ([1, 0], (0.5, 0.9)), ([1, 1], (0.2, 0.1))):
        assert led_to(leader, follower, np.array(response)) == values


def test_it_best_responds_where_the_leader_cannot_be_moved():
    tied = np.ones((3, 2))
    follower = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    found = best_manipulation(tied, tied, follower)
    assert not found.feasible
    assert found.response.tolist() == [1, 0, 1]


def test_bounds_that_leave_doubt_do_not_qualify():
    """The leader may get as little as .05 at the pair that pays the follower most, and surely .1 elsewhere."""
    leader, follower = (np.array(G1[player]) for player in ("leader", "follower"))
    low = leader - np.array([[0.0, 0.0], [0.45, 0.0]])
    assert best_manipulation(low, leader, follower).response.tolist() == [0, 1]


def test_a_leader_is_paid_what_the_commitment_brings():
    game = make_game("bimatrix", **G1, sees_leader=True)
    for row, values in ((0, (0.1, 0.2)), (1, (0.5, 0.9))):
        found = evaluate_strategy(LeaderStrategy.from_pairs(game, [(0, row)]), SETTINGS)
        assert (found.leader_value, *found.follower_values) == values
        # At row 0 it plays its threat, and a certificate says what that costs it.
        assert found.certificate.deviation_gain == pytest.approx(0.1 if row == 0 else 0)
    best = response_solve(game, SETTINGS)
    assert best.leader_value == 0.5
    assert solve(game).leader_value == 0.7


@pytest.mark.parametrize("queries", ["once", "every_turn"])
def test_episodes_of_a_leader_pay_the_same(queries):
    game = make_game("random-bimatrix", actions=3, seed=4, sees_leader=True)
    matrices = payoff_matrices(game)
    response = best_manipulation(matrices.leader, matrices.leader, matrices.follower).response
    env = StackelbergPOMDP(game, SETTINGS.model_copy(update={"leader_queries": queries}), num_envs=3)
    env.begin(np.arange(3))
    while len(live := env.live):
        env.answer(env.posed(live), live)
    np.testing.assert_allclose(env.elicitation.value, matrices.leader[np.arange(3), response])


def test_matrices_are_what_the_game_pays():
    game = make_game("random-bimatrix", actions=4, seed=1)
    matrices = payoff_matrices(game)
    np.testing.assert_array_equal(matrices.leader, game.leader_matrix)
    np.testing.assert_array_equal(matrices.follower, game.follower_matrix)
    assert not matrices.observed
    assert payoff_matrices(make_game("escape", sees_leader=True)).observed


@pytest.mark.parametrize(
    ("game", "said"),
    [
        (make_game("bimatrix", **G1), "does not see the leader's action"),
        (make_game("escape", mixed=True), "continuous"),
        (make_game("matrix-design"), "several followers"),
        (make_game("simple-allocation"), "more than one leader question"),
        (NoisyAllocation(), "more than one leader question"),
    ],
    ids=["unseen", "mixed", "followers", "questions", "types"],
)
def test_where_it_cannot_commit_it_is_refused_by_name(game, said):
    with pytest.raises(InvalidFieldError, match=f"^followers: .*{said}.*allowed"):
        SETTINGS.fitted(game)


def test_a_row_without_a_commitment_best_responds():
    learner = BestManipulation()
    state = learner.update(learner.begin((), 3), np.array([0.1, 0.7, 0.2]))
    assert learner.policy(state).tolist() == [0, 1, 0]
