"""Plays to try a game with: types and chance as they come, actions at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.rules.game import OVER, StackelbergGame, State

EXTREME = 0.25
"""Share of actions that are the lowest or the highest, where faults are likeliest."""


def uniform_choices(open_choices: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """One of the open choices in each row of `[B, choices]`, all with the same probability: `[B]`."""
    place = (rng.random(len(open_choices)) * open_choices.sum(axis=1)).astype(np.int64)
    return (open_choices.cumsum(axis=1) > place[:, None]).argmax(axis=1)


def opened_at(game: StackelbergGame, state: State, turns: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Choices open to the leader in plays at the given turns, `[B, choices]`; None where all of them always are."""
    if not game.leader_turn.masked:
        return None
    found = np.ones((len(turns), game.leader_turn.choices), dtype=bool)
    asking = np.flatnonzero(turns == game.leader_index)
    if len(asking):
        found[asking] = game.opened(state.take(asking))
    return found


def random_actions(
    game: StackelbergGame,
    turns: NDArray[np.int64],
    rng: np.random.Generator,
    extreme: float = 0.0,
    open_choices: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """In-range actions `[B, width]` for plays at the given turns, a share of them extreme ones.

    `open_choices [B, choices]`: of the leader, where its turn is masked.
    """
    actions = np.zeros((len(turns), game.width))
    for k, turn in enumerate(game.turns):
        rows = np.flatnonzero(turns == k)
        low, high = np.zeros((2, len(rows), turn.width))
        first = int(turn.chooses)
        if turn.masked and open_choices is not None:
            mine = open_choices[rows]
            low[:, 0], high[:, 0] = mine.argmax(axis=1), turn.choices - 1 - mine[:, ::-1].argmax(axis=1)
            actions[rows, 0] = uniform_choices(mine, rng)
        elif turn.chooses:
            high[:, 0] = turn.choices - 1
            actions[rows, 0] = rng.integers(turn.choices, size=len(rows))
        if turn.numbers:
            low[:, first:], high[:, first:] = turn.box.low.astype(float), turn.box.high.astype(float)
            uniforms = rng.random((len(rows), turn.numbers))
            actions[rows, first : turn.width] = low[:, first:] + uniforms * (high - low)[:, first:]
        if extreme:
            edge = np.flatnonzero(rng.random(len(rows)) < extreme)
            upper = rng.random((len(edge), turn.width)) < 0.5
            actions[rows[edge], : turn.width] = np.where(upper, high[edge], low[edge])
    return actions


def draw_nature(game: StackelbergGame, plays: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Types and chance of a number of plays, `[plays, width]`."""
    return game.nature.values(game.nature.draw(rng.random((plays, len(game.nature.blocks)))))


def scripted_actions(
    game: StackelbergGame, state: State, turns: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """As `random_actions`, but replies are the rules' own."""
    actions = random_actions(game, turns, rng, EXTREME, opened_at(game, state, turns))
    replying = np.array([t != OVER and game.turns[t].kind == "reply" for t in turns])
    if replying.any():
        actions[replying] = game.reply(state)[replying]
    return actions
