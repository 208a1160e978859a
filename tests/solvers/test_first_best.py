"""First best: brute force by hand, against optima, and where it is not to be had."""

from itertools import product

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, make_game, random_search, solve
from rllib_stackelberg.solvers import first_best as module
from rllib_stackelberg.solvers.first_best import first_best
from tests.games_for_tests import CORRELATED, BayesianGame, NoisyAllocation


@pytest.mark.parametrize("sequential", [False, True])
def test_every_joint_action_is_tried(sequential):
    game = BayesianGame(tables=3, sequential=sequential)
    actions = list(product(range(3), range(2), range(2)))
    expected = sum(
        CORRELATED[types] * max(game.utilities[table, :, *types, *moves].sum() for table, *moves in actions)
        for types in product(range(2), repeat=2)
    )
    assert first_best(game).value == pytest.approx(expected, abs=1e-12)
    assert solve(game).leader_value <= expected


def test_nature_is_known_and_everybody_acts_for_the_leader():
    assert first_best(NoisyAllocation(0.25)).value == 1.0
    assert solve(NoisyAllocation(0.25)).leader_value < 1.0


@pytest.mark.parametrize("parameters", [{"objective": "revenue"}, {}])
def test_replies_are_the_rules_own(parameters):
    """A buyer does not pay more than its value, whoever it acts for."""
    game = make_game("message-spm", price_grid=3, messages=1, **parameters)
    found = first_best(game).value
    values, joint = np.linspace(0, 1, 3), np.full((3, 3), 1 / 9)
    surplus = float((joint * np.maximum(values[:, None], values)).sum())
    assert found == pytest.approx(surplus if parameters else 0.0, abs=1e-12)
    assert solve(game).leader_value <= found <= (2 if parameters else 0)
    assert random_search(game, LeaderSettings.checked(response_updates=5), 128).best <= found + 1e-12


def test_what_cannot_be_tried_has_none(monkeypatch):
    assert first_best(make_game("message-spm")) is None  # numbers
    assert first_best(make_game("message-spm", price_grid=5, buyers=9)) is None  # many plays
    small = make_game("simple-allocation")
    assert first_best(small) is not None
    monkeypatch.setattr(module, "PLAYS", 8)
    assert first_best(small) is None
