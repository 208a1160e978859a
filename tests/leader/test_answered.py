"""Sampled updates in one compiled loop are those that are played as they are foreseen, to the bit."""

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, make_game
from rllib_stackelberg.evaluation.estimates import consult
from rllib_stackelberg.leader.answered import Answered, ConsultedOnce
from rllib_stackelberg.leader.env import choose_elicitation
from rllib_stackelberg.leader.foreseen import Consulted, Foreseen
from rllib_stackelberg.streams import Streams

LARGE = [
    {"buyers": 5, "types": 3},
    {"buyers": 4, "types": 3, "noise": 0.2, "items": 2, "objective": "revenue"},
    {"buyers": 6, "types": 4, "messages": 3, "anonymous": True},
]


def table_of(game):
    """An open choice and a price that depend on the question alone."""
    rows = np.random.default_rng(0).random((997, game.leader_turn.choices + 1))

    def answers(questions, opened):
        row = rows[questions % len(rows)]
        return np.concatenate([(row[:, :-1] * opened).argmax(axis=1)[:, None], row[:, -1:]], axis=1)

    return answers


def played(kind, game, settings, envs=4):
    """Two episodes of each environment under one table of answers: values, credit in any order, what was learned."""
    episodes, answers = kind(game, settings, Streams(3), envs), table_of(game)
    values, credits = [], []
    for _ in range(2):
        episodes.restart(np.arange(envs))
        asked = []
        while len(live := np.flatnonzero(~episodes.over)):
            front = episodes.front(live)
            episodes.give(front, answers(front.questions, episodes.open_choices(front)))
            asked.append(np.stack([front.envs, front.questions]))
        values.append(episodes.value.copy())
        owners, questions = np.concatenate(asked, axis=1)[:, :: 1 - 2 * len(credits)]
        credits.append(np.concatenate(episodes.credit(owners, questions)))
    return np.array(values), credits, episodes.response.arrays()


def without_compiled_rules(monkeypatch, parameters):
    game = make_game("message-spm", **parameters)
    monkeypatch.setattr(type(game), "compiled", None)
    return game


def same(one, other):
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


@pytest.mark.parametrize(
    ("parameters", "followers"), [*((parameters, "mw") for parameters in LARGE), (LARGE[0], "exp3")], ids=str
)
def test_a_compiled_loop_learns_what_plays_side_by_side_teach(parameters, followers, monkeypatch):
    game = make_game("message-spm", **parameters)
    settings = LeaderSettings.checked(
        followers=followers, elicitation="in_play", response_updates=60, reward_plays=16
    ).fitted(game)
    assert choose_elicitation(game, settings) is Answered
    values, credits, learned = played(Answered, game, settings)
    game = without_compiled_rules(monkeypatch, parameters)
    assert choose_elicitation(game, settings) is Foreseen
    expected, expected_credits, taught = played(Foreseen, game, settings)
    np.testing.assert_array_equal(values, expected)
    assert len(np.unique(values)) > 1
    same(learned, taught)
    for credit, other in zip(credits, expected_credits, strict=True):
        np.testing.assert_array_equal(credit, other)
        assert len(np.unique(credit)) > 5


def test_a_leader_that_is_asked_once_is_met_by_the_same_followers(monkeypatch):
    game = make_game("message-spm", **LARGE[0])
    answers = table_of(game)

    def leader(plays, slots):
        return answers(plays.question[slots], plays.open_choices(slots))

    settings = LeaderSettings.checked(response_updates=60).fitted(game)
    once = consult(game, leader, settings, Streams(5), 8)
    assert isinstance(once, ConsultedOnce)
    game = without_compiled_rules(monkeypatch, LARGE[0])
    again = consult(game, leader, settings, Streams(5), 8)
    assert isinstance(again, Consulted)
    same(once.response.arrays(), again.response.arrays())
