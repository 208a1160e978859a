"""Compiled rules are those in arrays, to the bit: in every registered game that offers them, and in many instances."""

import numpy as np
import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.answers import SparseAnswers
from rllib_stackelberg.plays.compiled_plays import CompiledPlays, make_plays
from rllib_stackelberg.plays.plays import Plays
from rllib_stackelberg.plays.sample_plays import draw_nature, random_actions
from tests.conftest import GAMES, game_called

COMPILED = [label for label in GAMES if game_called(label).compiled is not None]
HIDDEN = ({}, {"anonymous": True})
FORMS = ({"leader": "scores"}, {"leader": "choice"}, {"price_grid": 5})
MARKETS = (
    {"buyers": 5, "types": 4},
    {"buyers": 9, "types": 3, "items": 3},
    {"buyers": 4, "types": 3, "messages": 3, "items": 2, "objective": "revenue"},
    {"buyers": 4, "types": 3, "noise": 0.3},
    {"buyers": 4, "types": 3, "noise": 0.3, "channel": "erasure", "items": 2},
    {"values": [[0, 0.3, 1], [0.2, 0.5], [0.1, 0.9]], "prior": [[0.2, 0.3, 0.5], [0.5, 0.5], [0.1, 0.9]]},
    {"buyers": 64, "types": 5, "anonymous": True},
)
INSTANCES = [("message-spm", market | form | hidden) for market in MARKETS for form in FORMS for hidden in HIDDEN]


def played(plays, game, nature, moves, seed):
    """All that plays show on their way, under one sequence of random answers."""
    rng, slots, seen = np.random.default_rng(seed), np.arange(len(nature)), []
    plays.begin(slots, nature, lambda own, turn, _: moves[own, turn])
    while len(waiting := slots[plays.waiting[slots]]):
        seen += [waiting, plays.question[waiting], plays.observe_leader(waiting)]
        mask = plays.open_choices(waiting) if game.leader_turn.masked else None
        actions = random_actions(game, np.full(len(waiting), game.leader_index), rng, open_choices=mask)
        seen += [] if mask is None else [mask]
        plays.answer(waiting, actions[:, : game.leader_turn.width], lambda *_: None)
    return [*seen, plays.payoffs, plays.information, plays.depth]


def same_plays(game, count=200):
    rng = np.random.default_rng(1)
    nature = draw_nature(game, count, rng)
    turns = game.learned_turns
    moves = np.array([rng.integers(turn.choices, size=count) for turn in turns], np.int64).reshape(len(turns), count).T
    plays = make_plays(game, count), Plays(game, count)
    assert isinstance(plays[0], CompiledPlays)
    compiled, arrays = (played(each, game, nature, moves, seed=2) for each in plays)
    assert len(compiled) == len(arrays) > 5
    for one, other in zip(compiled, arrays, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("label", COMPILED)
def test_compiled_plays_are_those_in_arrays(label):
    same_plays(game_called(label))


@pytest.mark.parametrize(("name", "parameters"), INSTANCES)
def test_every_form_of_a_sale(name, parameters):
    hidden = parameters.get("anonymous", False)
    if parameters.get("buyers", 3) == 64 and not hidden:
        pytest.skip("too many to number")
    same_plays(make_game(name, **parameters))


def test_known_answers_are_played_on_as_one_by_one():
    game = make_game("message-spm", buyers=5, types=3)
    rng, count = np.random.default_rng(4), 300
    nature, owners = draw_nature(game, count, rng), np.sort(rng.integers(3, size=count))
    moves = rng.integers(2, size=(count, game.buyers))
    answers = SparseAnswers(3, game.leader_turn.width)
    found = []
    for plays in (make_plays(game, count), Plays(game, count)):
        rng = np.random.default_rng(5)
        answers.forget(np.arange(3))
        plays.begin(np.arange(count), nature, lambda own, turn, _: moves[own, turn])
        while plays.waiting.any():
            slots = np.flatnonzero(plays.waiting)
            pairs, first = np.unique(np.stack([owners[slots], plays.question[slots]]), axis=1, return_index=True)
            turns = np.full(len(first), game.leader_index)
            mask = plays.open_choices(slots[first]) if game.leader_turn.masked else None
            actions = random_actions(game, turns, rng, open_choices=mask)[:, : game.leader_turn.width]
            answers.record(*pairs, actions)
            plays.go_on(np.arange(count), owners, answers, lambda *_: None)
        found.append((plays.payoffs, plays.depth))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_a_choice_that_is_not_open_is_refused_before_it_is_played():
    game = make_game("message-spm", buyers=3, leader="choice")
    plays, nothing = make_plays(game, 1), np.zeros((1, 3), dtype=np.int64)
    plays.begin(np.zeros(1, dtype=np.int64), nothing, lambda own, turn, _: np.zeros(len(own), dtype=np.int64))
    slot, offer = np.zeros(1, dtype=np.int64), np.array([[1, 1.0]])
    plays.answer(slot, offer, lambda *_: None)
    with pytest.raises(InvalidFieldError, match="not open"):
        plays.answer(slot, offer, lambda *_: None)
