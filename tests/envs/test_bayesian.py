"""Random and given Bayesian games."""

import json

import numpy as np
import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.outcomes import tabulate
from tests.games_for_tests import CORRELATED, BayesianGame


def test_the_fixed_game_of_the_reference_figures_is_an_instance():
    """Its measured BCCE gaps are tested in test_response.py, on the same outcomes."""
    game, reference = make_game("bayesian", tables=1, seed=7, prior=CORRELATED.tolist()), BayesianGame(seed=7)
    nothing = np.zeros((1, 1, 1))
    np.testing.assert_array_equal(tabulate(game, nothing).payoffs, tabulate(reference, nothing).payoffs)
    np.testing.assert_array_equal(tabulate(game, nothing).information, tabulate(reference, nothing).information)
    np.testing.assert_array_equal(game.prior.blocks[0], reference.prior.blocks[0])
    assert game.utility_scale == reference.utility_scale == 1


def test_what_else_is_asked_for_changes_no_payoff():
    small = make_game("bayesian", tables=2, seed=3)
    for more in ({"tables": 5}, {"objective": "own"}, {"correlated": True}):
        other = make_game("bayesian", **({"tables": 2, "seed": 3} | more))
        np.testing.assert_array_equal(other.payoffs[:2, 1:], small.payoffs[:, 1:])
    assert not np.array_equal(make_game("bayesian", tables=2, seed=4).payoffs, small.payoffs)
    own = make_game("bayesian", tables=2, seed=3, objective="own").payoffs
    assert not np.allclose(own[:, 0], own[:, 1:].sum(axis=1))


def test_priors_are_independent_unless_asked_for():
    joints = []
    for correlated in (False, True):
        game = make_game("bayesian", types=3, correlated=correlated, seed=2)
        values, probabilities = game.prior.support()
        joint = np.zeros((3, 3))
        joint[tuple(values.T)] = probabilities
        joints.append(joint)
    independent, correlated = joints
    assert np.linalg.matrix_rank(independent, tol=1e-9) == 1
    assert np.linalg.matrix_rank(correlated, tol=1e-3) > 1
    assert correlated.sum() == pytest.approx(1)


def test_a_file_gives_payoffs_of_any_shape(tmp_path):
    payoffs = np.random.default_rng(0).normal(size=(2, 3, 2, 1, 3, 2))  # 2 and 1 types, 3 and 2 actions
    file = tmp_path / "game.json"
    file.write_text(json.dumps({"payoffs": payoffs.tolist(), "prior": [[0.3], [0.7]]}))
    game = make_game("bayesian", file=file)
    table = tabulate(game, np.ones((1, 1, 1)))
    assert [(turn.keys, turn.choices) for turn in game.learned_turns] == [(2, 3), (1, 2)]
    np.testing.assert_array_equal(table.payoffs[0], np.moveaxis(payoffs[1].reshape(3, 2, 6), 0, -1))
    np.testing.assert_array_equal(table.profiles.probabilities, [0.3, 0.7])


@pytest.mark.parametrize(
    ("payoffs", "prior", "problem"),
    [
        ([[[1, 2], [3]]], [1], "ragged"),
        (np.zeros((1, 3, 2, 2, 2)).tolist(), [[1]], "shape"),
        (np.zeros((1, 1)).tolist(), [1], "shape"),
        ([], [1], "shape"),
        (np.full((1, 2, 1, 1), np.inf).tolist(), [1], "Infinity is no number"),
        (np.zeros((1, 2, 2, 2)).tolist(), [0.2, 0.3, 0.5], "prior"),
        (np.zeros((1, 2, 2, 2)).tolist(), [0.2, 0.9], "sums to"),
    ],
)
def test_bad_files_are_refused(tmp_path, payoffs, prior, problem):
    file = tmp_path / "game.json"
    file.write_text(json.dumps({"payoffs": payoffs, "prior": prior}))
    with pytest.raises(InvalidFieldError, match=problem):
        make_game("bayesian", file=file)


def test_too_many_payoffs_are_refused():
    with pytest.raises(InvalidFieldError, match="4,194,304"):
        make_game("bayesian", followers=8, types=4, actions=4)
