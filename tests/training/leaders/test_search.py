"""What a run looks for, and when it has found all there is."""

import json
from threading import Event
from unittest.mock import Mock

import numpy as np
import pytest

from rllib_stackelberg import evaluate_strategy, make_game
from rllib_stackelberg.errors import RulesError
from rllib_stackelberg.evaluation.results import result_data
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.rules.solution import Bound
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.solvers.methods import solution_or_reason
from rllib_stackelberg.solvers.optima import known_or_found, optimum_of
from rllib_stackelberg.streams import Purpose
from rllib_stackelberg.training.leaders.payoff_unit import payoff_unit
from rllib_stackelberg.training.leaders.search import Search, few_tables, table_strategy
from rllib_stackelberg.training.leaders.snapshots import SELECTION_SAMPLES
from rllib_stackelberg.training.running.states import from_bytes, to_bytes


def search(**settings):
    options = TrainOptions.checked(game="escape", max_iterations=9, settings=settings)
    return Search(options, options.rules, options.resolved_settings)


def always(game, action):
    """The network of a leader that gives one answer whatever it sees."""
    width = game.observation_spaces[0].shape[0]
    return LeaderNetwork(((np.zeros((3, width), np.float32), np.eye(3, dtype=np.float32)[action]),), True)


def test_few_strategies_are_all_tried_one_an_iteration_and_the_best_of_them_is_enough():
    """Average play of three updates is no equilibrium, so the exact optimum says nothing of it."""
    looking = search(response_updates=3, reward_play="average")
    game = looking.value.game
    values = [
        evaluate_strategy(
            table_strategy(game, k), looking.value.settings, 0, Purpose.SELECTION, 512, False
        ).leader_value
        for k in range(3)
    ]
    best = int(np.argmax(values))
    for iteration in range(1, 4):
        assert not looking.settled
        looking.look(iteration, always(game, best), values[best])
    assert (looking.tables, looking.tried) == (3, 3)
    assert looking.highest == pytest.approx(max(values))
    assert looking.settled
    assert not looking.optimal
    assert "all 3 leader strategies were tried" in looking.reason()
    assert looking.finished(3, 0.0)


def test_a_run_goes_on_while_exploring_play_earns_less_or_another_strategy_is_worth_more():
    looking = search()
    game = looking.value.game
    for iteration in range(1, 5):
        looking.look(iteration, always(game, 2), 0.5)
        assert not looking.settled  # the mean return is not near
    looking.look(5, always(game, 2), 1.0)
    assert looking.settled
    assert looking.reason().startswith("Nothing is left to learn: the exact optimum is reached")
    worse = search()
    for iteration in range(1, 5):
        found = worse.look(iteration, always(game, 0), 0.0)
    assert worse.tried == 3
    assert worse.highest > found.leader_value
    assert not worse.settled


def test_a_bound_that_is_reached_leaves_nothing_to_learn(monkeypatch):
    """Rules without an exact solver whose bound is the largest value of any row."""
    monkeypatch.setattr("rllib_stackelberg.solvers.optima.solution_or_reason", lambda game: (None, "none"))
    options = TrainOptions.checked(game="escape", max_iterations=9)
    for bound, reached in ((Bound(1.0, "first best"), True), (Bound(1.1, "too much"), False)):
        monkeypatch.setattr(type(options.rules), "bound", lambda game, bound=bound: bound)
        looking = Search(options, options.rules, options.resolved_settings)
        looking.look(1, always(options.rules, 2), 1.0)
        assert (looking.target.exact, looking.target.value, looking.settled) == (None, bound.value, reached)
    looking.target.bound, looking.target.value = Bound(1.0, "first best"), 1.0
    looking.look(2, always(options.rules, 2), 1.0)
    assert looking.reason() == (
        "Nothing is left to learn: no strategy is worth more (first best), and no follower gained by leaving its play "
        f"in the {SELECTION_SAMPLES[-1]} response(s) that it was judged by, and exploring play earns as much. "
        "--no-stop-at-optimum goes on."
    )


def test_training_does_not_wait_for_an_optimum_that_takes_long(monkeypatch):
    """The bound stands until the optimum is found, and nobody looks for that twice."""
    begin, asked = Event(), []

    def slow(game):
        asked.append(game)
        begin.wait()
        return solution_or_reason(game)

    monkeypatch.setattr("rllib_stackelberg.training.leaders.targets.PATIENCE", 0.01)
    monkeypatch.setattr("rllib_stackelberg.solvers.optima.solution_or_reason", slow)
    options = TrainOptions.checked(game="escape", max_seconds=9)
    game = options.rules
    monkeypatch.setattr(type(game), "bound", lambda game: Bound(1.5, "too much"))
    looking = Search(options, game, options.resolved_settings)
    looking.look(1, always(game, 2), 1.0)
    assert (looking.target.exact, looking.target.value, looking.settled) == (None, 1.5, False)
    assert looking.target.meanwhile.endswith("when training ended; 1.5 (too much) stood as a bound.")
    begin.set()
    assert optimum_of(game).wait(30)
    looking.look(2, always(game, 2), 1.0)
    assert (looking.target.exact, looking.target.value, looking.settled) == (1.0, 1.0, True)
    assert "found by iteration 2; until then 1.5 (too much)" in looking.target.meanwhile
    strategy = LeaderStrategy.ask(game, looking.best.network.acting_in(game))
    assert result_data(game, strategy, looking.best.found)["exact_value"] == 1.0
    assert asked == [game]


def test_a_run_of_so_many_iterations_waits_since_it_repeats_exactly(monkeypatch):
    monkeypatch.setattr("rllib_stackelberg.training.leaders.targets.PATIENCE", 0.0)
    looking = search()
    assert (looking.target.exact, looking.target.meanwhile) == (1.0, None)


def test_a_search_that_fails_is_told_and_begun_anew(monkeypatch):
    game = make_game("escape")
    with monkeypatch.context() as patch:
        patch.setattr("rllib_stackelberg.solvers.optima.solution_or_reason", Mock(side_effect=RulesError("once")))
        assert optimum_of(game, beside=True).wait(30)
        with pytest.raises(RulesError, match="once"):
            known_or_found(game)
    assert known_or_found(game)[0].leader_value == 1.0


def test_what_was_tried_is_part_of_a_generation():
    first, second = search(), search()
    game = first.value.game
    for iteration in (1, 2):
        first.look(iteration, always(game, 0), 0.0)
    second.set_state(first.get_state())
    assert (second.tried, second.highest) == (first.tried, first.highest) == (2, first.highest)


def test_a_generation_of_before_strategies_were_tried_is_gone_on_from():
    first, second = search(), search()
    first.look(1, always(first.value.game, 0), 0.0)
    state = first.get_state()
    highest = state.pop("highest")
    assert state.pop("tried") == 1
    second.set_state(state)
    second.look(2, always(second.value.game, 0), 0.0)
    assert (second.tried, second.highest) == (1, highest)
    del state["optimal"]
    with pytest.raises(KeyError, match="optimal"):
        second.set_state(state)


def test_what_a_snapshot_is_worth_under_each_of_several_models_survives_a_generation():
    first, second = (search(models=[{"name": "mw"}, {"name": "logit"}]) for _ in range(2))
    first.look(1, always(first.value.game, 0), 0.0)
    found = first.best.found
    second.set_state(from_bytes(*to_bytes(first.get_state())))
    kept = second.best.found
    assert [model.name for model in kept.by_model] == ["mw", "logit"]
    assert kept.worst_value == found.worst_value
    assert kept.data() == found.data()


def test_strategies_are_counted_by_their_answers_and_all_differ():
    game = TrainOptions.checked(game="simple-allocation", params={"types": 2, "messages": 2}).rules
    tables = [table_strategy(game, number).signature() for number in range(few_tables(game))]
    assert len(tables) == len(set(tables)) == game.leader_turn.choices**game.leader_turn.keys
    assert few_tables(TrainOptions.checked(game="message-spm").rules) == 0


@pytest.mark.parametrize("penalty", [10.0, 1e6, 1e12])
def test_beside_a_penalty_other_values_still_differ(tmp_path, penalty):
    """Row 0 is worth 2, row 1 the optimum of 3: beside the penalty of the last row that is no difference at all."""
    leader, follower = [[2, 4, 0], [1, 3, 0], [0, 0, -penalty]], [[1, 0, 0], [0, 1, 0], [0, 0, -penalty]]
    file = tmp_path / "game.json"
    payoffs = np.stack([leader, follower], axis=1)[:, :, None]
    file.write_text(json.dumps({"payoffs": payoffs.tolist(), "prior": [1.0]}))
    options = TrainOptions.checked(game="bayesian", params={"file": file}, max_iterations=9)
    looking = Search(options, options.rules, options.resolved_settings)
    game = looking.value.game
    found = looking.look(1, always(game, 0), 2.0)
    assert (found.leader_value, looking.target.value, looking.optimal) == (2.0, 3.0, False)
    looking.look(2, always(game, 1), 2.5)
    assert looking.best.found.leader_value == 3.0
    assert (looking.optimal, looking.settled) == (True, False)
    looking.look(3, always(game, 1), 3.0)
    assert looking.settled


def test_a_range_without_penalties_is_the_unit():
    for game in map(make_game, ("escape", "maintain", "simple-allocation", "matrix-design", "newsvendor")):
        assert payoff_unit(game) == np.ptp(game.payoff_range[0])
