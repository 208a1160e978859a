"""What a leader's policy puts out, as actions of the game."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from rllib_stackelberg.rules.game import StackelbergGame


def leader_action_space(game: StackelbergGame) -> Discrete | Box:
    """What a leader algorithm outputs: the game's choices, or the unit box stretched to the game's box."""
    turn = game.leader_turn
    return Discrete(turn.choices) if turn.discrete else Box(0.0, 1.0, (turn.width,), np.float32)


def to_game_actions(game: StackelbergGame, actions: NDArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """From `leader_action_space` to the game's units `[N, width]`, and which rows had to be clipped."""
    actions = np.asarray(actions, dtype=np.float64)
    if game.leader_turn.discrete:
        return actions.reshape(-1, 1), np.zeros(len(actions), dtype=bool)
    stretched, clipped = stretch(game.leader_turn.box, actions)
    return stretched, np.asarray(clipped.any(axis=1))


def stretch(space: Box, points: NDArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """From the unit box to a bounded one, and which numbers had to be clipped; shapes as `points`."""
    unit = np.clip(points, 0.0, 1.0)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    return low + unit * (high - low), unit != points
