"""Spaces of an arbitrary environment in the form of the rules contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space, Tuple, flatten_space
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError

MASK = "action_mask"
SHOWN = "observation"


class ChoiceAndNumbers(Tuple):
    """A choice and numbers, whose mask is that of the choice: PettingZoo samples with the mask that is observed."""

    def sample(self, mask: Any = None, probability: Any = None) -> tuple[Any, ...]:
        """As gymnasium's; `mask [choices]` of the choice alone will do."""
        return super().sample(mask=(mask, None) if isinstance(mask, np.ndarray) else mask, probability=probability)


def unmasked(space: Space) -> Space:
    """The space of what is seen, where an agent is given that and a mask of its actions."""
    if isinstance(space, Dict) and set(space.spaces) <= {SHOWN, MASK} and SHOWN in space.spaces:
        return space[SHOWN]
    return space


def seen(space: Space, observation: Any) -> Any:
    """The part of an observation that `unmasked` is the space of."""
    return observation if unmasked(space) is space else observation[SHOWN]


def mask_of(space: Space, observation: Any) -> Any:
    """The mask of actions that an observation of that space carries; None without."""
    return observation[MASK] if isinstance(space, Dict) and MASK in space.spaces else None


def with_mask(observation: Any, info: Mapping[str, Any]) -> Any:
    """What `roles.uniform` asks for: the observation, with the mask where the environment keeps it in the info."""
    return {SHOWN: observation, MASK: info[MASK]} if MASK in info else observation


def forbids(observation: Any, info: Mapping[str, Any]) -> bool:
    """Whether a mask, in the observation or in the info, forbids anything."""
    shown = with_mask(observation, info)
    return isinstance(shown, Mapping) and MASK in shown and not np.all(shown[MASK])


def words(space: Space, observation: Any) -> str:
    """What is seen, in short: numbers, the rows of an array apart.

    >>> board = Box(0, 2, (2, 3), np.int8)
    >>> words(board, np.array([[0, 1, 2], [2, 0, 0]])), words(Discrete(4), 3)
    ('012 200', '3')
    """
    if isinstance(space, Dict):
        return ", ".join(f"{name} {words(part, observation[name])}" for name, part in space.spaces.items())
    if isinstance(space, Tuple):
        return ", ".join(words(part, seen) for part, seen in zip(space.spaces, observation, strict=True))
    if isinstance(observation, str):
        return observation
    values = np.asarray(observation, dtype=float)
    digits = values.ndim > 1 and bool(np.isin(values, np.arange(10)).all())
    return _joined(values, "" if digits else " ")


def _joined(values: NDArray, between: str) -> str:
    if values.ndim == 0:
        return f"{values:.4g}"
    apart = between if values.ndim == 1 else " " if values.ndim == 2 else " | "
    return apart.join(_joined(part, between) for part in values)


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
