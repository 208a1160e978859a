"""Bayesian Stackelberg games: what the rules pay is what the solvers say, by plays and by hand."""

import json

import numpy as np
import pytest

from rllib_stackelberg import make_game, respond, solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.solvers import methods_of, polymatrix_commitment_solve

SHAPES = [{}, {"types": 3, "rows": 4}, {"followers": 2, "columns": 2}, {"followers": 3, "types": 1, "rows": 2}]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_rules_pay_what_the_programmes_say(shape):
    """All plays of the game against followers that break ties for the leader come to the solution's value."""
    for seed in range(3):
        game = make_game("bayesian-bimatrix", **shape, seed=seed)
        found = {name: solve(game, method=name) for name in methods_of(game) if name != "enumeration"}
        for one in found.values():
            assert one.certain
            assert one.leader_value == pytest.approx(found["dobss"].leader_value, abs=1e-9)
            assert one.by_ties["leader"] == pytest.approx(one.leader_value, abs=1e-12)
        pure = make_game("bayesian-bimatrix", **shape, seed=seed, mixed=False)
        assert list(methods_of(pure)) == ["rows", "enumeration"]
        rows, enumerated = (solve(pure, method=name) for name in methods_of(pure))
        assert rows.leader_value == pytest.approx(enumerated.leader_value)
        assert {rule: rows.by_ties[rule] for rule in enumerated.by_ties} == pytest.approx(dict(enumerated.by_ties))
        assert rows.leader_value <= found["dobss"].leader_value + 1e-12


def test_followers_that_learn_come_to_the_best_response():
    game = make_game("bayesian-bimatrix", types=2)
    mixture = np.array([0.5, 0.25, 0.25])
    ((own,), (theirs,)) = (game.payoffs.by_follower(side) for side in (game.payoffs.leader, game.payoffs.follower))
    value = np.mean([mixture @ mine[:, (mixture @ his).argmax()] for mine, his in zip(own, theirs, strict=True)])
    found = respond(game, [{"question": 0, "action": mixture.tolist()}], updates=400)
    assert found.leader_value == pytest.approx(value)


def test_one_type_is_a_bimatrix_game(tmp_path):
    leader, follower = [[2, 4], [1, 3]], [[1, 0], [0, 1]]
    file = tmp_path / "game.json"
    file.write_text(json.dumps({"leader": [[leader]], "follower": [[follower]], "prior": [[1]]}))
    game = make_game("bayesian-bimatrix", file=file)
    found = solve(game)
    assert found.leader_value == solve(make_game("bimatrix", leader=leader, follower=follower, mixed=True)).leader_value
    assert game.describe_action(game.leader_turn, 0, np.array(found.leader_strategy[0][1])) == "row 0: 1/2, row 1: 1/2"


def test_types_of_several_followers_have_priors_of_their_own():
    rng = np.random.default_rng(1)
    leader = [rng.random((types, 2, columns)).tolist() for types, columns in ((2, 2), (1, 3))]
    follower = [rng.random((types, 2, columns)).tolist() for types, columns in ((2, 2), (1, 3))]
    prior = [[0.25, 0.75], [1.0]]
    game = make_game("bayesian-bimatrix", leader=leader, follower=follower, prior=prior)
    assert [turn.choices for turn in game.learned_turns] == [2, 3]
    found = solve(game)
    assert found.leader_value == polymatrix_commitment_solve(leader, follower, prior).leader_value
    assert found.by_ties["leader"] == pytest.approx(found.leader_value)
    assert len(found.follower_values) == 2


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"leader": [[[[1]]]]}, "follower"),
        ({"follower": [[[[1]]]]}, "leader"),
        ({"leader": [1], "follower": [1]}, "leader"),
        ({"leader": [[[[1, 2]], [[1]]]], "follower": [[[[1, 2]], [[1]]]]}, "follower"),
        ({"leader": [[[[1, 2]]]], "follower": [[[[1]]]]}, "follower"),
        ({"leader": [[[["x"]]]], "follower": [[[[1]]]]}, "leader"),
        ({"prior": [[0.5, 0.6]]}, "prior"),
        ({"prior": [[1.0]]}, "prior"),
        ({"prior": [["a", "b"]]}, "prior"),
        ({"types": 0}, "types"),
    ],
)
def test_nonsense_is_refused_by_name(parameters, field):
    with pytest.raises(InvalidFieldError) as refused:
        make_game("bayesian-bimatrix", **parameters)
    assert refused.value.field == field
