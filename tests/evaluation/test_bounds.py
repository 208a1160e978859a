"""What stands beside a value: checked, as plain data, and readable where it is missing."""

import math

import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import RulesError
from rllib_stackelberg.evaluation.bounds import beside
from rllib_stackelberg.rules.solution import Bound
from rllib_stackelberg.testing import game_test
from tests.games_for_tests import BayesianGame


def test_a_bound_and_baselines_stand_beside_a_value():
    game = make_game("message-spm", buyers=5, types=5, objective="revenue")
    found = beside(game, 0.5)
    assert found["bound_gap"] == found["bound"] - 0.5 > 0
    assert found["bound_method"].endswith("(Myerson 1981)")
    assert found["baselines"]["without messages"] < found["bound"]


def test_first_best_stands_in_for_a_bound_where_there_is_no_optimum():
    none = {"bound": None, "bound_method": None, "bound_gap": None, "baselines": {}}
    assert beside(make_game("escape"), 0.5, solved=True) == none
    assert beside(make_game("maintain", mixed=True), 0.5) == none
    assert beside(make_game("escape"), 0.5)["bound_gap"] == 0.5


@pytest.mark.parametrize(
    ("bound", "baselines", "problem"),
    [
        (Bound(math.inf, "none"), {}, r"bound\(\): is inf; it should be: a number, or None"),
        (Bound(1.0, "low"), {"less": 1.0, "more": 1.5}, r"'more' is 1.5, above the bound of 1.0"),
        (None, {"nothing": math.nan}, "'nothing' is nan"),
    ],
)
def test_game_test_finds_numbers_that_cannot_be(bound, baselines, problem, monkeypatch):
    monkeypatch.setattr(BayesianGame, "bound", lambda game: bound)
    monkeypatch.setattr(BayesianGame, "baselines", lambda game: baselines)
    with pytest.raises(AssertionError, match=problem) as found:
        game_test(BayesianGame())
    assert "'less'" not in str(found.value)


@pytest.mark.parametrize(
    ("method", "answer", "problem"),
    [
        ("bound", Bound(math.nan, "unknown"), r"bound\(\) is nan"),
        ("baselines", {"nothing": math.inf}, r"baselines\(\) has nothing: inf"),
    ],
)
def test_numbers_that_are_none_are_refused_by_name(method, answer, problem, monkeypatch):
    monkeypatch.setattr(BayesianGame, method, lambda game: answer)
    with pytest.raises(RulesError, match=f"BayesianGame: {problem}"):
        beside(BayesianGame(), 0.0)
