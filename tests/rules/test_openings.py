"""Games that take all learned turns at once give what they give turn by turn, to the bit."""

from dataclasses import fields

import numpy as np
import pytest

from rllib_stackelberg.plays.sample_plays import draw_nature
from tests.conftest import EVERY_GAME, game_called

OFFERED = ("message-spm", "message-spm-anonymous-erasure", "message-spm-noisy", "simple-allocation")


@pytest.mark.parametrize("label", EVERY_GAME)
def test_an_opening_at_once_is_the_opening_turn_by_turn(label):
    game, rng = game_called(label), np.random.default_rng(0)
    nature = draw_nature(game, 50, rng)
    rows = game.opening_rows(nature)
    assert rows is not None or label not in OFFERED
    if rows is None:
        return
    turns = game.learned_turns
    assert rows.shape == (50, len(turns))
    sent = np.array([rng.integers(turn.choices, size=50) for turn in turns], np.int64).reshape(len(turns), 50).T
    state, actions = game.begin(nature), np.zeros((50, game.width))
    for k, turn in enumerate(turns):
        assert (game.turn(state) == game.turns.index(turn)).all()
        np.testing.assert_array_equal(game.information(state), rows[:, k])
        actions[:, 0] = sent[:, k]
        state, payoffs = game.step(state, actions)
        assert not payoffs.any()
    at_once = game.after_opening(nature, sent)
    for field in fields(state):
        one, other = getattr(state, field.name), getattr(at_once, field.name)
        assert one.dtype == other.dtype, field.name
        np.testing.assert_array_equal(one, other, err_msg=field.name)
