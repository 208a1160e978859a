"""Plays to try a game with: types and chance as they come, actions at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.rules.game import OVER, StackelbergGame, State

EXTREME = 0.25
"""Share of actions that are the lowest or the highest, where faults are likeliest."""


def random_actions(
    game: StackelbergGame, turns: NDArray[np.int64], rng: np.random.Generator, extreme: float = 0.0
) -> NDArray[np.float64]:
    """In-range actions `[B, width]` for plays at the given turns, a share of them extreme ones."""
    actions = np.zeros((len(turns), game.width))
    for k, turn in enumerate(game.turns):
        rows = np.flatnonzero(turns == k)
        if turn.discrete:
            actions[rows, 0] = rng.integers(turn.choices, size=len(rows))
            low, high = np.zeros(1), np.full(1, turn.choices - 1.0)
        else:
            low, high = turn.box.low.astype(float), turn.box.high.astype(float)
            actions[rows, : turn.width] = low + rng.random((len(rows), turn.width)) * (high - low)
        if extreme:
            edge = rows[rng.random(len(rows)) < extreme]
            upper = rng.random((len(edge), turn.width)) < 0.5
            actions[edge, : turn.width] = np.where(upper, high, low)
    return actions


def draw_nature(game: StackelbergGame, plays: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Types and chance of a number of plays, `[plays, width]`."""
    return game.nature.values(game.nature.draw(rng.random((plays, len(game.nature.blocks)))))


def scripted_actions(
    game: StackelbergGame, state: State, turns: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """As `random_actions`, but replies are the rules' own."""
    actions = random_actions(game, turns, rng, EXTREME)
    replying = np.array([t != OVER and game.turns[t].kind == "reply" for t in turns])
    if replying.any():
        actions[replying] = game.reply(state)[replying]
    return actions
