"""The outcome table against plain loops over plays."""

from functools import cache

import numpy as np
import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.plays.outcomes import Profiles, tabulate
from rllib_stackelberg.rules.game import OVER
from tests.conftest import game_called, one_shot_games
from tests.games_for_tests import BayesianGame, NoisyAllocation, leader_table


def one_play(game, nature, table, joint):
    """Independent implementation: one play by hand. Returns payoffs and the row of each learned turn."""
    state = game.begin(np.asarray(nature)[None])
    payoffs, rows = np.zeros(len(game.agents)), {}
    learned = list(game.learned_turns)
    while (turn := int(game.turn(state)[0])) != OVER:
        kind, key = game.turns[turn], int(game.information(state)[0])
        actions = np.zeros((1, game.width))
        if kind.kind == "leader":
            actions[0, : kind.width] = table[key]
        elif kind.kind == "reply":
            actions = game.reply(state)
        else:
            actions[0, 0] = joint[learned.index(kind)]
            rows[learned.index(kind)] = key
        state, paid = game.step(state, actions)
        payoffs += paid[0]
    return payoffs, [rows.get(k, -1) for k in range(len(learned))]


def policies(game, seed):
    rng = np.random.default_rng(seed)
    return [rng.dirichlet(np.ones(turn.choices), size=(1, turn.keys)) for turn in game.learned_turns]


SLOW = {"message-spm-anonymous-2-items"}
"""Looped through for seconds, and another of its kind is there."""


@pytest.mark.parametrize("seed", [0])
@pytest.mark.parametrize(
    "label", [pytest.param(label, marks=[pytest.mark.learning] * (label in SLOW)) for label in one_shot_games()]
)
def test_table_values_and_deviations_equal_plain_loops(label, seed):
    game = game_called(label)
    table_of = leader_table(game, seed)
    table = tabulate(game, table_of[None])
    strategy = policies(game, seed)
    play = table.distribution(strategy)
    profiles = Profiles.of(game)
    values = np.zeros(len(game.agents))
    fixed = [np.zeros((turn.keys, turn.choices)) for turn in game.learned_turns]
    realised = [np.zeros(turn.keys) for turn in game.learned_turns]
    played = cache(lambda t, joint: one_play(game, profiles.nature[t], table_of, joint))
    payoffs, chances = np.empty_like(table.payoffs[0]), np.empty_like(play[0])
    for t in range(len(profiles.nature)):
        for a, joint in enumerate(profiles.joint.tolist()):
            paid, rows = played(t, tuple(joint))
            payoffs[t, a] = paid
            chance = profiles.probabilities[t]
            for k, row in enumerate(rows):
                chance *= strategy[k][0, row, joint[k]]
            chances[t, a] = chance
            values += chance * paid
            for k, turn in enumerate(game.learned_turns):
                realised[k][rows[k]] += chance * paid[turn.agent]
                for action in range(turn.choices):
                    other = (*joint[:k], action, *joint[k + 1 :])
                    fixed[k][rows[k], action] += chance * played(t, other)[0][turn.agent]
    np.testing.assert_array_equal(table.payoffs[0], payoffs)
    np.testing.assert_allclose(play[0], chances, rtol=1e-6, atol=1e-12)
    assert play.sum() == pytest.approx(1)
    np.testing.assert_allclose(table.values(play)[0], values, atol=1e-12)
    for k in range(len(game.learned_turns)):
        found = table.deviations(play, k)
        np.testing.assert_allclose(found.realised[0], realised[k], atol=1e-12)
        # A mid-play deviation also moves who reacts to it; only simultaneous followers are compared.
        if table.simultaneous:
            np.testing.assert_allclose(found.fixed[0], fixed[k], atol=1e-12)


def test_simultaneous_is_noticed():
    assert tabulate(BayesianGame(), np.zeros((1, 1, 1))).simultaneous
    assert not tabulate(BayesianGame(sequential=True), np.zeros((1, 1, 1))).simultaneous


def test_noise_is_integrated_exactly():
    """Truthful messages through a channel that flips a quarter of them: right three times out of four."""
    game = NoisyAllocation(noise=0.25)
    table = tabulate(game, np.array([[[0.0], [1.0]]]))
    truthful = [np.eye(2)[None]]
    assert table.values(table.distribution(truthful))[0, 0] == pytest.approx(0.75)


def test_a_batch_of_leader_tables_is_its_parts():
    game = make_game("simple-allocation", types=3, messages=2)
    tables = np.random.default_rng(0).integers(3, size=(5, 2, 1)).astype(float)
    together = tabulate(game, tables)
    for b in range(5):
        np.testing.assert_array_equal(together.entry(b).payoffs, tabulate(game, tables[b : b + 1]).payoffs)
