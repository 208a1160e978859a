"""A leader's choice and numbers, masks of choices, and seats: declared, checked, played, written and read."""

import json
from dataclasses import replace

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Tuple

from rllib_stackelberg import LeaderSettings, random_search, respond
from rllib_stackelberg.aec.environment import make_aec
from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.leader.actions import to_game_actions
from rllib_stackelberg.plays.sample_plays import random_actions
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.rules.declarations import check_game
from rllib_stackelberg.rules.turns import Seats
from rllib_stackelberg.solvers.enumeration import leader_tables
from rllib_stackelberg.testing.games import examine, game_test
from tests.games_for_tests import Offers

FORMS = ("both", "dict", "choice", "numbers")


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_games_with_choices_numbers_masks_and_seats_keep_the_contract(form, masked):
    game_test(Offers(form=form, masked=masked))


def test_a_dict_is_a_choice_and_then_numbers():
    turn = Offers(form="dict").leader_turn
    assert turn.actions == Offers(form="both").leader_turn.actions
    assert (turn.width, turn.choices, turn.numbers, turn.chooses, turn.discrete) == (2, 3, 1, True, False)
    assert turn.box == Box(0.0, 2.0, (1,), np.float64)
    plain = Offers(form="numbers").leader_turn
    assert (plain.width, plain.numbers, plain.chooses) == (3, 3, False)
    with pytest.raises(TypeError):
        plain.choices  # noqa: B018
    listed = Offers(form="choice").leader_turn
    assert (listed.width, listed.numbers, listed.discrete, listed.enumerable) == (1, 0, True, False)


def at_question(game, left=(True, True, True)):
    """A play of the game that waits for the leader."""
    state = game.start(np.zeros((1, 3), dtype=np.int64), np.zeros((1, 0), dtype=np.int64))
    for _ in range(3):
        state, _ = game.step(state, np.zeros((1, game.width)))
    return replace(state, left=np.array([left]))


def test_a_choice_that_is_not_open_is_refused_by_name():
    game = Offers()
    state = at_question(game, left=(False, True, True))
    with pytest.raises(InvalidFieldError) as caught:
        game.step(state, np.array([[0.0, 1.0]]))
    assert caught.value.field == "offer of leader_0"
    assert "choice 0 is not open at question" in caught.value.problem
    assert caught.value.allowed == "an open one: 1, 2"
    game.step(state, np.array([[1.0, 1.0]]))


@pytest.mark.parametrize(("action", "said"), [([3.0, 1.0], "0..2"), ([0.5, 1.0], "0..2"), ([0.0, 2.5], "[0, 2]")])
def test_actions_out_of_range_are_refused_by_name(action, said):
    with pytest.raises(InvalidFieldError) as caught:
        Offers().step(at_question(Offers()), np.array([action]))
    assert said in caught.value.allowed


class NothingOpen(Offers):
    def open_choices(self, state):
        return np.zeros((len(state), 3), dtype=bool)


class WrongShape(Offers):
    def open_choices(self, state):
        return np.ones((len(state), 2), dtype=bool)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (NothingOpen, "no choice is open at 'offer', question 21 (offer 21)"),
        (WrongShape, "bool of shape (1, 2), not booleans of shape (1, 3)"),
    ],
)
def test_masks_that_are_none_are_refused_by_name(kind, said):
    with pytest.raises(RulesError) as caught:
        kind().step(at_question(kind()), np.array([[0.0, 1.0]]))
    assert said in str(caught.value)
    assert kind.__name__ in str(caught.value)
    assert [fault.about for fault in examine(kind()).findings] == ["open_choices"]


class ByTypes(Offers):
    """Opens by what the leader cannot see: the first buyer's value."""

    def open_choices(self, state):
        found = state.left.copy()
        found[:, 1] &= (state.types[:, 0] == 1) | ~(state.left[:, 0])
        return found


def test_a_mask_must_follow_from_what_the_leader_sees():
    found = examine(ByTypes()).findings
    assert [fault.about for fault in found] == ["open_choices"]
    assert "choice 1 is open at one play of question" in found[0].problem


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"actions": Tuple((Discrete(3), Discrete(2)))}, "turns", "has actions Tuple"),
        ({"actions": Tuple((Box(0, 1, (1,)), Discrete(2)))}, "turns", "has actions Tuple"),
        ({"actions": Tuple((Discrete(3, start=1), Box(0, 1, (1,))))}, "turns", "has actions Tuple"),
        ({"actions": Dict(a=Discrete(3), b=Discrete(2))}, "turns", "has actions"),
        ({"actions": Dict(a=Discrete(3))}, "turns", "has actions Dict"),
        ({"actions": Tuple((Discrete(3), Box(0, np.inf, (1,))))}, "turns", "has actions Tuple"),
        ({"actions": Tuple((Discrete(3),))}, "turns", "has actions Tuple"),
        ({"actions": Box(0, 1, (3,)), "masked": True}, "turns", "is masked"),
        ({"actions": Tuple((Discrete(4), Box(0, 1, (1,))))}, "seats", "has 4 choices"),
        ({"actions": Box(0, 1, (4,)), "masked": False}, "seats", "has 4 numbers"),
    ],
)
def test_bad_leader_turns_are_refused_by_name(changed, field, said):
    game = Offers()
    game.turns = (*game.turns[:-1], replace(game.turns[-1], **changed))
    with pytest.raises(InvalidFieldError) as caught:
        check_game(game)
    assert caught.value.field == field
    assert said in caught.value.problem


def test_followers_make_no_choice_with_numbers_and_have_no_masks():
    for changed in ({"actions": Tuple((Discrete(2), Box(0, 1, (1,))))}, {"masked": True}):
        game = Offers()
        game.turns = (replace(game.turns[0], **changed), *game.turns[1:])
        with pytest.raises(InvalidFieldError, match="turn 'tell'"):
            check_game(game)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([[0], [1]], "shape (2, 1)"),
        ([0, 1, 2], "shape (3,)"),
        ([[0], [1], [1]], "name entry 1 twice"),
        ([[0], [1], [7]], "name entry 7 of what the leader sees"),
        ([[0], [1], [-1]], "name entry -1"),
        ([[0.0], [1.0], [2.0]], "columns of float64"),
        (np.zeros((3, 0), dtype=int), "shape (3, 0)"),
    ],
)
def test_bad_seats_are_refused_by_name(columns, said):
    game = Offers()
    game.seats = Seats(columns)
    with pytest.raises(InvalidFieldError) as caught:
        check_game(game)
    assert caught.value.field == "seats"
    assert said in caught.value.problem


def test_seats_are_seats():
    game = Offers()
    game.seats = [[0], [1], [2]]
    with pytest.raises(InvalidFieldError, match="seats"):
        check_game(game)


@pytest.mark.parametrize("form", FORMS)
def test_random_leaders_choose_among_what_is_open(form):
    game = Offers(form=form)
    found = random_search(game, LeaderSettings.checked(update_mode="expected", response_updates=10), episodes=128)
    assert -2 <= found.mean < found.best <= 0
    if form != "numbers":
        for key, action in found.strategy.answers.items():
            assert key >> 2 * (int(action[0]) // (2 if form == "choice" else 1)) & 1


class OneArray(Offers):
    """Begins with one array in two fields, as a game may: nobody has moved, nothing was heard."""

    def start(self, types, chance):
        state = super().start(types, chance)
        return replace(state, sent=state.heard[:, 0])


@pytest.mark.parametrize("elicitation", ["closure", "in_play"])
def test_a_game_may_begin_with_one_array_in_two_fields(elicitation):
    settings = LeaderSettings.checked(response_updates=10, elicitation=elicitation)
    shared, apart = (random_search(kind(), settings, episodes=128) for kind in (OneArray, Offers))
    assert (shared.best, shared.mean) == (apart.best, apart.mean)


def test_random_actions_are_any_of_those_that_are_open():
    game, rng = Offers(form="choice"), np.random.default_rng(0)
    mask = np.tile([False, True, False, False, True, True], (3000, 1))
    turns = np.full(3000, game.leader_index)
    chosen, counts = np.unique(random_actions(game, turns, rng, open_choices=mask)[:, 0], return_counts=True)
    assert chosen.tolist() == [1, 4, 5]
    assert counts.min() > 850
    assert set(random_actions(game, turns, rng, 1.0, mask)[:, 0].tolist()) == {1, 5}


def test_outputs_are_stretched_and_the_choice_is_kept():
    game = Offers()
    for given in (np.array([[2, 0.25], [0, 1.5]]), (np.array([2, 0]), np.array([[0.25], [1.5]]))):
        actions, clipped = to_game_actions(game, given)
        assert actions.tolist() == [[2.0, 0.5], [0.0, 2.0]]
        assert clipped.tolist() == [False, True]


@pytest.mark.parametrize("form", FORMS)
def test_strategies_are_written_as_data_and_read_again(form):
    game = Offers(form=form)
    action = {"numbers": [0.5, 1.0, 1.5], "choice": 3}.get(form, {"choice": 2, "numbers": [0.5]})
    strategy = LeaderStrategy.from_pairs(game, [(63, action)])
    data = json.loads(json.dumps(strategy.data()))
    assert data[0]["action"] == action
    assert LeaderStrategy.from_data(game, data).signature() == strategy.signature()
    if form == "both":
        assert data[0]["shown"] == "2: 0.5"
        assert LeaderStrategy.from_pairs(game, [(63, [2, 0.5])]).signature() == strategy.signature()


@pytest.mark.parametrize(
    "action", [1, [1], {"choice": 1}, {"choice": 1, "numbers": []}, {"choice": 1, "numbers": [[0.5]]}, "1"]
)
def test_what_is_no_choice_with_a_number_is_refused(action):
    with pytest.raises(InvalidFieldError) as caught:
        LeaderStrategy.from_pairs(Offers(), [(63, action)])
    assert caught.value.allowed == '{"choice": c, "numbers": [...]}, 1 of them'


def test_followers_respond_to_a_choice_and_a_price():
    """Whoever tells a high value is asked first, at a price of 1.75, then all at .75: telling pays nobody more."""
    game, answers = Offers(buyers=3), []
    for key in range(64):
        left = [key >> 2 * b & 1 for b in range(3)]
        heard = [key >> 2 * b + 1 & 1 for b in range(3)]
        if any(left):
            told = [b for b in range(3) if left[b] and heard[b]]
            price = 1.75 if told and sum(left) == 3 else 0.75
            answers.append((key, {"choice": told[0] if told else left.index(1), "numbers": [price]}))
    found = respond(game, answers, updates=100, update_mode="expected")
    assert -2 <= found.leader_value <= 0


def test_no_table_of_choices_is_tried_where_they_are_masked():
    assert leader_tables(Offers(form="choice")) == leader_tables(Offers()) == np.inf
    assert np.isfinite(leader_tables(Offers(form="choice", masked=False)))


def test_agents_see_the_mask_of_the_choice():
    env = make_aec(Offers())
    env.reset(seed=0)
    for _ in range(3):
        env.step(0)
    seen = env.observe("leader_0")
    assert seen["action_mask"].tolist() == [1, 1, 1]
    env.step((1, np.array([2.0])))
    if env.agent_selection == "leader_0" and not env.terminations["leader_0"]:
        assert env.observe("leader_0")["action_mask"].tolist() == [1, 0, 1]
    assert env.observation_space("leader_0").contains(env.observe("leader_0"))
