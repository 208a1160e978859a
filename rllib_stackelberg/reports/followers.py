"""Followers' strategies as tables for people: one row per type, one column per action that anybody plays much."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.rules.game import StackelbergGame, Turn

FOLLOWERS_SHOWN = 8
ROWS_SHOWN = 40
ACTIONS_SHOWN = 8


@dataclass(frozen=True)
class FollowerRow:
    """What a follower plays at one type (or whatever else it knows).

    Attributes:
        label: what it knows.
        probabilities: of the table's columns.
        others: of all actions left out, together.
        visited: whether its learner ever had a turn there; else it plays what learners begin with.
    """

    label: str
    probabilities: tuple[float, ...]
    others: float
    visited: bool = True


@dataclass(frozen=True)
class FollowerTable:
    """The strategy of one follower.

    Attributes:
        name: of the follower; index: its number; turn: what it decides there.
        actions: columns, the actions played most; names: what the game calls them, their numbers where that depends on
            what the follower knows; more_actions: number of actions left out.
        rows: the first ones; more_rows: number of rows left out.
    """

    name: str
    index: int
    turn: str
    actions: tuple[int, ...]
    names: tuple[str, ...]
    more_actions: int
    rows: tuple[FollowerRow, ...]
    more_rows: int


def follower_tables(
    game: StackelbergGame, weights: dict[str, Any], unvisited: Mapping[str, list[int]] | None = None
) -> list[FollowerTable]:
    """Of the first followers that learn.

    Args:
        game: the game.
        weights: per follower the strategy `[row][action]`, as in result.json.
        unvisited: per follower the rows without a turn in the response, likewise.
    """
    found = []
    for turn in game.learned_turns[:FOLLOWERS_SHOWN]:
        name = game.agents[turn.agent]
        never = frozenset((unvisited or {}).get(name, ()))
        found.append(_table(game, turn, np.asarray(weights[name], dtype=float), never))
    return found


def _table(game: StackelbergGame, turn: Turn, policy: NDArray[np.float64], never: Container[int]) -> FollowerTable:
    most_played = np.argsort(-policy.max(axis=0), kind="stable")[:ACTIONS_SHOWN]
    actions = np.sort(most_played)
    rows = tuple(
        FollowerRow(game.describe(turn, key), tuple(row.tolist()), float(max(0.0, 1 - row.sum())), key not in never)
        for key, row in enumerate(policy[:ROWS_SHOWN, actions])
    )
    return FollowerTable(
        name=game.agents[turn.agent],
        index=turn.agent - 1,
        turn=turn.name,
        actions=tuple(actions.tolist()),
        names=tuple(_name(game, turn, action, len(rows)) for action in actions.tolist()),
        more_actions=policy.shape[1] - len(actions),
        rows=rows,
        more_rows=len(policy) - len(rows),
    )


def action_name(game: StackelbergGame, turn: Turn, key: int, action: int) -> str:
    """What the game calls an action, given what is known."""
    return game.describe_action(turn, key, np.array([action], dtype=float))


def _name(game: StackelbergGame, turn: Turn, action: int, rows: int) -> str:
    """What the game calls an action at all of the first rows."""
    called = {action_name(game, turn, key, action) for key in range(rows)}
    return called.pop() if len(called) == 1 else str(action)
