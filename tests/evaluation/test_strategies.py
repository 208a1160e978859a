"""Values and certificates against plain computations."""

import json

import numpy as np
import pytest

from rllib_stackelberg import Exp3, LeaderSettings, MultiplicativeWeights, evaluate_strategy, make_game, respond, solve
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.results import result_data
from rllib_stackelberg.evaluation.strategies import pure_equilibria
from rllib_stackelberg.followers import BestResponse
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.streams import Purpose
from tests.games_for_tests import BayesianGame, NoisyAllocation


def constant(game, action):
    turn = game.leader_turn
    return LeaderStrategy.from_pairs(game, [(key, action) for key in range(turn.rows)])


def test_escape_is_worth_what_the_row_pays():
    game = make_game("escape")
    for row, value in ((0, 0.5), (1, 1 / 3), (2, 1.0)):
        found = evaluate_strategy(constant(game, row), LeaderSettings())
        assert found.leader_value == pytest.approx(value)
        assert found.standard_error == 0
        assert found.certificate.equilibrium
        assert found.certificate.response_samples == 64


def test_random_responses_have_a_standard_error_of_the_right_size():
    game = BayesianGame(seed=8)
    settings = LeaderSettings.checked(response_updates=20, reward_play="last")
    many = [evaluate_strategy(constant(game, 0), settings, seed=s, samples=64) for s in range(30)]
    spread = np.std([found.leader_value for found in many], ddof=1)
    assert spread == pytest.approx(np.mean([found.standard_error for found in many]), rel=0.4)


def test_reported_and_selection_streams_differ():
    game = BayesianGame(seed=8)
    settings = LeaderSettings.checked(response_updates=20, reward_play="last")
    values = {
        purpose: evaluate_strategy(constant(game, 0), settings, 0, purpose).leader_value
        for purpose in (Purpose.SELECTION, Purpose.REPORT)
    }
    assert values[Purpose.SELECTION] != values[Purpose.REPORT]


def test_expected_responses_are_one_sample_without_error():
    found = evaluate_strategy(constant(BayesianGame(), 0), LeaderSettings.checked(update_mode="expected"))
    assert found.certificate.response_samples == 1
    assert found.standard_error == 0


def test_average_play_is_the_average_over_updates():
    """The time-average of joint play, against a plain loop over responses of growing length."""
    game, updates = make_game("escape"), 12
    strategy = constant(game, 0)
    policies = [np.full(3, 1 / 3)]
    for n in range(1, updates):
        found = respond(game, strategy, MultiplicativeWeights(0.3), n, reward_play="last")
        policies.append(np.array(found.weights["follower_0"][0]))
    expected = np.mean([policy @ game.leader_matrix[0] for policy in policies])
    found = respond(game, strategy, MultiplicativeWeights(0.3), updates)
    assert found.by_play["average"] == pytest.approx(expected)


def test_deviation_gain_of_a_known_non_equilibrium():
    game = make_game("escape")
    found = respond(game, constant(game, 0), updates=1, reward_play="last")
    policy = np.array(found.weights["follower_0"][0])
    gain = game.follower_matrix[0].max() - policy @ game.follower_matrix[0]
    assert found.certificate.deviation_gain == pytest.approx(gain)
    assert not found.certificate.equilibrium


def test_bcce_gap_at_the_start_is_that_of_uniform_play():
    game = make_game("escape")
    settings = LeaderSettings.checked(response_updates=1)
    gaps = [evaluate_strategy(constant(game, 0), settings, seed=s, samples=1).certificate.bcce_gap for s in range(40)]
    # One update: the gap is best payoff minus the payoff of the one drawn action.
    assert {round(gap, 9) for gap in gaps} <= {round(0.5 - x, 9) for x in (0.5, 1 / 3, 0.0)}
    assert len({round(gap, 9) for gap in gaps}) == 3


def test_vacuous_bounds_are_called_so():
    game = make_game("escape")
    few = respond(game, constant(game, 0), MultiplicativeWeights(0.01), 33).certificate
    many = respond(game, constant(game, 0), MultiplicativeWeights(0.1), 2_000).certificate
    assert few.regret_bound_vacuous
    assert "vacuous" in few.words()
    assert not many.regret_bound_vacuous
    assert many.regret <= many.regret_bound
    assert respond(game, constant(game, 0), BestResponse(), 2).certificate.regret_bound is None


def test_the_regret_of_bandit_learners_is_certified_on_average():
    """Their bound is on expected regret, and their regret in one response varies with their draws."""
    found = evaluate_strategy(
        constant(BayesianGame(), 0), LeaderSettings.checked(followers=Exp3(), response_updates=2_000)
    )
    assert 0 < found.certificate.regret < found.certificate.regret_bound
    assert not found.certificate.regret_bound_vacuous
    assert "gives no regret bound" not in found.certificate.words()
    narrow = LeaderSettings.checked(followers=Exp3(spread=0.1), response_updates=20)
    assert evaluate_strategy(constant(BayesianGame(), 0), narrow).certificate.regret_bound is None


def test_followers_that_see_each_other_are_played():
    game = BayesianGame(sequential=True)
    found = evaluate_strategy(constant(game, 0), LeaderSettings.checked(response_updates=400), samples=4)
    # The second follower knows the first's move: its last strategy must be close to a best reply.
    assert found.certificate.deviation_gain < 0.2
    assert sum(len(row) for row in found.weights["follower_1"]) == 8


def test_noise_is_exact():
    game = NoisyAllocation(noise=0.25)
    strategy = LeaderStrategy.from_pairs(game, [(0, 0), (1, 1)])
    assert evaluate_strategy(strategy, LeaderSettings()).leader_value == pytest.approx(0.75)


def test_a_strategy_survives_json():
    game = make_game("maintain", mixed=True)
    strategy = LeaderStrategy.from_pairs(game, [(0, [1 / 3, 2 / 3, 0.1])])
    again = LeaderStrategy.from_data(game, json.loads(json.dumps(strategy.data())))
    np.testing.assert_array_equal(again.table(), strategy.table())


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"question": 0}, "leader"),
        ([{"question": 9, "action": 0}], "question"),
        ([{"question": 0, "action": 7}], "commit"),
        ([{"question": 0, "action": "x"}], "action"),
        ([{"question": 0, "action": None}], "action"),
        ([{"question": 0, "action": True}], "action"),
        ([{"question": True, "action": 0}], "question"),
        ([{"question": 0, "action": 0}, {"question": 0, "action": 1}], "question"),
    ],
)
def test_bad_strategies_are_refused_by_name(data, field):
    with pytest.raises(InvalidFieldError) as caught:
        LeaderStrategy.from_data(make_game("escape"), data)
    assert field in caught.value.field


def test_a_missing_answer_is_refused_when_it_is_needed():
    game = make_game("simple-allocation", messages=2)
    with pytest.raises(InvalidFieldError, match="allocate"):
        respond(game, [{"question": 0, "action": 0}])


def test_gap_and_note():
    game = make_game("matrix-design")
    nothing = constant(game, [0, 0])
    data = result_data(game, nothing, evaluate_strategy(nothing, LeaderSettings.checked(update_mode="expected")))
    assert data["gap"] == pytest.approx(10 / 6 - 1)
    assert data["exact_value"] == pytest.approx(solve(game).leader_value)


@pytest.mark.parametrize(
    ("name", "parameters", "value"),
    [
        ("bimatrix", {"leader": [[3, 3]], "follower": [[1, 1]]}, 3),
        ("bimatrix", {"leader": [[3], [4]], "follower": [[0], [0]]}, 4),
        ("bimatrix", {"leader": [[2e12, 4e12], [1e12, 3e12]], "follower": [[1e12, 0], [0, 1e12]]}, 3e12),
        ("bimatrix", {"leader": [[2e-12, 4e-12], [1e-12, 3e-12]], "follower": [[1e-12, 0], [0, 1e-12]]}, 3e-12),
        ("simple-allocation", {"types": 1, "messages": 1}, 1),
    ],
)
def test_extremes_are_solved_and_the_response_agrees(name, parameters, value):
    game = make_game(name, **parameters)
    solution = solve(game)
    assert solution.leader_value == pytest.approx(value, rel=1e-9)
    found = evaluate_strategy(LeaderStrategy.from_pairs(game, solution.leader_strategy), LeaderSettings())
    assert found.leader_value == pytest.approx(value, rel=1e-9)
    assert np.isfinite(found.certificate.bcce_gap)


@pytest.mark.parametrize("play", ["argmax", "average"])
def test_the_value_of_a_strategy_where_nobody_learns(play):
    game = make_game("newsvendor", levels=8)
    solution = solve(game)
    settings = LeaderSettings.checked(response_updates=2, reward_play=play)
    found = evaluate_strategy(LeaderStrategy.from_pairs(game, solution.leader_strategy), settings)
    assert found.leader_value == pytest.approx(solution.leader_value)
    assert found.follower_values[0] == pytest.approx(solution.follower_values[0], abs=0.05)  # of 8 levels
    assert found.certificate.equilibrium


@pytest.mark.parametrize("unit", [1e-200, 1e-10, 1.0, 1e10, 1e200])
def test_matching_pennies_has_no_equilibrium_in_any_unit(unit, tmp_path):
    pennies = np.array([[1.0, -1.0], [-1.0, 1.0]])
    payoffs = np.array([[np.zeros((1, 1, 2, 2)), pennies[None, None], -pennies[None, None]]]) * unit
    file = tmp_path / "pennies.json"
    file.write_text(json.dumps({"payoffs": payoffs.tolist(), "prior": [[1.0]]}))
    found = respond(make_game("bayesian", file=file), [{"question": 0, "action": 0}], updates=50)
    assert not found.certificate.equilibrium
    assert found.certificate.deviation_gain == pytest.approx(2 * unit)


@pytest.mark.parametrize("name", ["escape", "maintain", "simple-allocation", "conitzer"])
def test_a_solution_passes_between_everything_that_takes_a_strategy(name):
    """Pairs, plain data, through JSON, and the object: the same strategy, worth the same."""
    game = make_game(name)
    solution = solve(game)
    strategy = LeaderStrategy.of(game, solution.leader_strategy)
    forms = [
        solution.leader_strategy, strategy, strategy.data(), json.loads(json.dumps(strategy.data())),
        json.loads(json.dumps(solution.leader_strategy)), LeaderStrategy.of(make_game(name), strategy),
    ]  # fmt: skip
    values = {respond(game, form, updates=50).leader_value for form in forms}
    values |= {evaluate_strategy(form, LeaderSettings(response_updates=50), game=game).leader_value for form in forms}
    assert len(values) == 1
    assert pure_equilibria(game, solution.leader_strategy)[0].values[0] == pytest.approx(solution.leader_value)
    with pytest.raises(InvalidFieldError, match="strategy"):
        evaluate_strategy(solution.leader_strategy, LeaderSettings())


@pytest.mark.parametrize("given", [[(0, 0, 0)], "strategy", [{"question": 0}], {"question": 0, "action": 1}, [3]])
def test_what_is_no_strategy_is_refused_by_name(given):
    with pytest.raises(InvalidFieldError, match="leader"):
        respond(make_game("escape"), given)
