"""What a leader's policy puts out, as actions of the game."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space, Tuple
from numpy.typing import NDArray

from rllib_stackelberg.rules.game import StackelbergGame


def leader_action_space(game: StackelbergGame) -> Discrete | Box | Tuple:
    """What a leader algorithm outputs: the game's choices, the unit box stretched to the game's box, or both."""
    turn = game.leader_turn
    points = Box(0.0, 1.0, (turn.numbers,), np.float32)
    if not turn.chooses:
        return points
    return Tuple((Discrete(turn.choices), points)) if turn.numbers else Discrete(turn.choices)


def as_rows(space: Space, actions: Any) -> NDArray[np.float64]:
    """Actions of a leader algorithm as `[N, width]`: a choice, then a point of the unit box.

    Args:
        space: `leader_action_space(game)`, or the game's own, which is of the same kind.
        actions: `[N]` choices, `[N, m]` points; of both, rows `[1 + m]` of an array or a list, or `(choices, points)`,
            or a list of N such pairs as the space samples them.

    >>> both = Tuple((Discrete(3), Box(0, 1, (1,))))
    >>> as_rows(both, (np.array([2, 0]), np.array([[0.5], [1.0]]))).tolist()
    [[2.0, 0.5], [0.0, 1.0]]
    >>> as_rows(both, [(2, np.array([0.5])), (0, np.array([1.0]))]).tolist()
    [[2.0, 0.5], [0.0, 1.0]]
    """
    if isinstance(actions, list) and actions and isinstance(actions[0], tuple):
        actions = tuple(np.stack(parts) for parts in zip(*actions, strict=True))
    if isinstance(actions, tuple) and isinstance(space, Tuple):
        choices, points = (np.asarray(part, dtype=np.float64) for part in actions)
        return np.concatenate([choices.reshape(-1, 1), points.reshape(len(points), -1)], axis=1)
    rows = np.asarray(actions, dtype=np.float64)
    return rows.reshape(-1, 1) if isinstance(space, Discrete) else rows


def to_game_actions(game: StackelbergGame, actions: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """From `leader_action_space` to the game's units `[N, width]`, and which rows had to be clipped."""
    turn = game.leader_turn
    rows = as_rows(turn.actions, actions)
    if turn.discrete:
        return rows, np.zeros(len(rows), dtype=bool)
    first = int(turn.chooses)
    stretched, clipped = stretch(turn.box, rows[:, first:])
    if first:
        stretched = np.concatenate([rows[:, :first], stretched], axis=1)
    return stretched, np.asarray(clipped.any(axis=1))


def sampled(space: Discrete | Box | Tuple, count: int, masks: NDArray | None = None) -> NDArray[np.float64]:
    """Rows that the space samples, `[count, width]`, of open choices alone; masks `[count, choices]`: 1 where open."""
    if masks is None:
        return as_rows(space, [space.sample() for _ in range(count)])
    allowed: list[Any] = [(mask, None) if isinstance(space, Tuple) else mask for mask in masks.astype(np.int8)]
    return as_rows(space, [space.sample(mask=mask) for mask in allowed])


def stretch(space: Box, points: NDArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """From the unit box to a bounded one, and which numbers had to be clipped; shapes as `points`."""
    unit = np.clip(points, 0.0, 1.0)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    return low + unit * (high - low), unit != points
