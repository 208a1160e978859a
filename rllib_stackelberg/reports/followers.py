"""Followers' strategies as tables for people: one row per type, one column per action that anybody plays much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.game import StackelbergGame, Turn

FOLLOWERS_SHOWN = 8
ROWS_SHOWN = 40
ACTIONS_SHOWN = 8


@dataclass(frozen=True)
class FollowerRow:
    """What a follower plays at one type (or whatever else it knows).

    Attributes:
        label: what it knows; probabilities: of the table's columns; others: of all actions left out, together.
    """

    label: str
    probabilities: tuple[float, ...]
    others: float


@dataclass(frozen=True)
class FollowerTable:
    """The strategy of one follower.

    Attributes:
        name: of the follower; index: its number; turn: what it decides there.
        actions: columns, the actions played most; more_actions: number of actions left out.
        rows: the first ones; more_rows: number of rows left out.
    """

    name: str
    index: int
    turn: str
    actions: tuple[int, ...]
    more_actions: int
    rows: tuple[FollowerRow, ...]
    more_rows: int


def follower_tables(game: StackelbergGame, weights: dict[str, Any]) -> list[FollowerTable]:
    """Of the first followers that learn.

    Args:
        game: the game; weights: per follower the strategy `[row][action]`, as in result.json.
    """
    return [
        _table(game, turn, np.asarray(weights[game.agents[turn.agent]], dtype=float))
        for turn in game.learned_turns[:FOLLOWERS_SHOWN]
    ]


def _table(game: StackelbergGame, turn: Turn, policy: NDArray[np.float64]) -> FollowerTable:
    most_played = np.argsort(-policy.max(axis=0), kind="stable")[:ACTIONS_SHOWN]
    actions = np.sort(most_played)
    rows = tuple(
        FollowerRow(game.describe(turn, key), tuple(row.tolist()), float(max(0.0, 1 - row.sum())))
        for key, row in enumerate(policy[:ROWS_SHOWN, actions])
    )
    return FollowerTable(
        name=game.agents[turn.agent],
        index=turn.agent - 1,
        turn=turn.name,
        actions=tuple(actions.tolist()),
        more_actions=policy.shape[1] - len(actions),
        rows=rows,
        more_rows=len(policy) - len(rows),
    )
