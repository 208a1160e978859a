"""Which method solves a game: the first that can, or one by name; what cannot be done is refused by name."""

import pytest

from rllib_stackelberg import make_game, solve
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.rules.solution import Method, StackelbergSolution
from rllib_stackelberg.solvers import exact_solve, methods_of
from tests.commands.test_cli import call, last_json
from tests.games_for_tests import BayesianGame


def found(value):
    return lambda: StackelbergSolution(value, (0.0, 0.0), ((0, 0),), "told", "leader")


class ManyWays(BayesianGame):
    """A game that is beyond the first of its methods."""

    def methods(self):
        return {"large": Method(found(1.0), beyond="it has 9 of 8 things"), "second": Method(found(2.0))}


def test_the_first_method_that_can_is_the_default_and_each_is_had_by_name():
    game = ManyWays()
    assert list(methods_of(game)) == ["large", "second", "enumeration"]
    assert exact_solve(game).leader_value == exact_solve(game, method="second").leader_value == 2.0
    enumerated = exact_solve(game, method="enumeration")
    assert enumerated == exact_solve(BayesianGame()), "a game without ways of its own is enumerated"


def test_a_method_that_cannot_is_refused_with_those_that_can():
    game = ManyWays()
    with pytest.raises(BeyondLimitsError, match=r"large cannot: it has 9 of 8 things; allowed: second, enumeration"):
        exact_solve(game, method="large")
    assert solve(game, method="large") is None
    with pytest.raises(InvalidFieldError, match=r"no method 'largest'; allowed: second, enumeration"):
        solve(game, method="largest")
    with pytest.raises(InvalidFieldError, match="lowest, of second"):
        exact_solve(game, "lowest", "second")
    with pytest.raises(BeyondLimitsError, match=r"enumeration cannot: .*continuous.*allowed: linear-programs"):
        exact_solve(make_game("conitzer", mixed=True), method="enumeration")


def test_the_only_way_of_a_game_is_called_its_own():
    game = make_game("message-spm")
    assert list(methods_of(game)) == ["own", "enumeration"]
    assert exact_solve(game, method="own").leader_strategy == exact_solve(game).leader_strategy
    own, enumerated = (solve(make_game("simple-allocation"), method=name) for name in ("own", "enumeration"))
    assert own.leader_value == pytest.approx(enumerated.leader_value)
    assert own.method != enumerated.method
    with pytest.raises(BeyondLimitsError, match="no solver of its own; allowed: enumeration"):
        exact_solve(make_game("message-spm", buyers=3, types=2), method="own")


def test_the_command_names_methods():
    code, output = call("solve", "escape", "--method", "enumeration", "--json")
    told = last_json(output)
    assert (code, told["method"], told["methods"]) == (0, "enumeration of leader tables", ["rows", "enumeration"])
    code, output = call("solve", "escape", "--method", "rules")
    assert code == 2
    assert "'rules'; allowed: rows, enumeration" in output
    code, output = call("solve", "escape", "--method", "rows", "--against-response")
    assert code == 2
    assert "method: rows, against learning followers" in output
