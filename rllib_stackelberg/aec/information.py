"""What an agent of an arbitrary environment can know when it moves, as an integer key.

A key is a function of the observation alone, never of what was seen before: it is the same in every process, so a
saved strategy means the same when it is read, and followers keep their rows wherever they learn.

- `counted`: a space of finitely many values, numbered in mixed radix.
- `fingerprint`: any space. 62 bits of a hash of the observation; two of n observations share a key with probability
  below n^2 / 2^63 (one in ten million for a million of them). Only for keys that need not be dense: the leader's.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Tuple, flatten
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError

KEYS = 2**62
"""Most things a 64-bit key can number."""


@dataclass(frozen=True)
class Information:
    """Things an agent can know when it moves.

    Attributes:
        rows: how many there are.
        of: which of them, 0..rows-1, an observation (without its action mask) is.

    >>> board = Information.counted(Box(0, 2, (2, 2), np.int8))
    >>> board.rows, board.of(np.array([[0, 0], [2, 1]]))
    (81, 7)
    """

    rows: int
    of: Callable[[Any], int]

    def __post_init__(self) -> None:
        if not isinstance(self.rows, int) or not 1 <= self.rows <= KEYS:
            raise InvalidFieldError("rows", f"got {self.rows!r}", "an integer in 1..2^62")

    @classmethod
    def counted(cls, space: Space) -> Information | None:
        """All values of a space; None if there are infinitely many, or too many to number."""
        ranges = _ranges(space)
        if ranges is None or math.prod(size for _, size in ranges) > KEYS:
            return None
        lowest = np.array([low for low, _ in ranges], dtype=np.int64)
        sizes = [size for _, size in ranges]
        strides = np.array([math.prod(sizes[k + 1 :]) for k in range(len(sizes))], dtype=np.int64)

        def number(observation: Any) -> int:
            """Which of all values an observation is."""
            digits = _digits(space, observation) - lowest
            if (digits < 0).any() or (digits >= sizes).any():
                raise ValueError(f"an observation is not in {space}")
            return int(digits @ strides)

        return cls(math.prod(sizes), number)

    @classmethod
    def fingerprint(cls, space: Space) -> Information:
        """Any space, by a hash of what is seen."""

        def digest(observation: Any) -> int:
            """A hash of an observation."""
            seen = np.ascontiguousarray(flatten(space, observation)) + 0  # -0 and 0 are the same thing seen
            return int.from_bytes(hashlib.blake2b(seen.tobytes(), digest_size=8).digest(), "big") >> 2

        return cls(KEYS, digest)


def _ranges(space: Space) -> list[tuple[int, int]] | None:
    """(lowest value, number of values) of every entry; None if there are infinitely many."""
    if isinstance(space, Discrete):
        return [(int(space.start), int(space.n))]
    if isinstance(space, MultiDiscrete):
        return [(int(low), int(n)) for low, n in zip(space.start.ravel(), space.nvec.ravel(), strict=True)]
    if isinstance(space, MultiBinary):
        return [(0, 2)] * math.prod(space.shape)
    if isinstance(space, Box) and np.issubdtype(space.dtype, np.integer):
        bounds = zip(space.low.ravel(), space.high.ravel(), strict=True)
        return [(int(low), int(high) - int(low) + 1) for low, high in bounds]
    if isinstance(space, Tuple | Dict):
        parts = [_ranges(part) for part in _parts(space)]
        return None if any(part is None for part in parts) else [entry for part in parts for entry in part or ()]
    return None


def _parts(space: Tuple | Dict) -> list[Space]:
    return list(space.spaces.values()) if isinstance(space, Dict) else list(space.spaces)


def _digits(space: Space, observation: Any) -> NDArray[np.int64]:
    """The entries of an observation, in the order of `_ranges`."""
    if isinstance(space, Tuple | Dict):
        values = [observation[k] for k in space.spaces] if isinstance(space, Dict) else observation
        pairs = zip(_parts(space), values, strict=True)
        return np.concatenate([np.zeros(0, np.int64), *(_digits(part, value) for part, value in pairs)])
    return np.asarray(observation, dtype=np.int64).ravel()
