"""Spaces of an arbitrary environment in the form of the rules contract."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space, flatten_space

from rllib_stackelberg.errors import InvalidFieldError

MASK = "action_mask"
SHOWN = "observation"


def unmasked(space: Space) -> Space:
    """The space of what is seen, where an agent is given that and a mask of its actions."""
    if isinstance(space, Dict) and set(space.spaces) <= {SHOWN, MASK} and SHOWN in space.spaces:
        return space[SHOWN]
    return space


def seen(space: Space, observation: Any) -> Any:
    """The part of an observation that `unmasked` is the space of."""
    return observation if unmasked(space) is space else observation[SHOWN]


def contract_actions(agent: str, space: Space) -> Discrete | Box:
    """The space in the contract's form: from 0, or one-dimensional."""
    if isinstance(space, Discrete):
        return Discrete(int(space.n))
    if isinstance(space, Box) and np.issubdtype(space.dtype, np.floating) and space.is_bounded():
        return Box(space.low.ravel(), space.high.ravel(), dtype=space.dtype)  # type: ignore[arg-type]
    raise InvalidFieldError("make", f"actions of {agent} are {space}", "Discrete, or a bounded float Box")


def flat_box(agent: str, space: Space) -> Box:
    """What is seen without a mask, as one flat box."""
    flat = flatten_space(unmasked(space))
    if not isinstance(flat, Box):
        raise InvalidFieldError("make", f"{agent} sees {space}", "observations of a fixed size")
    low, high = flat.low.astype(np.float32), flat.high.astype(np.float32)
    return Box(low.ravel(), high.ravel(), dtype=np.float32)
