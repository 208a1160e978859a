"""Plays of a population game side by side, each with streams of its own: what training and evaluation both step.

Every play draws from generators keyed by (run, purpose, worker, play, episode): nothing that is done in one play
shifts the numbers of another, and the same policies on the same streams play the same, in any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.population import RUNNING, PopulationGame
from rllib_stackelberg.streams import Stream, Streams

ALL = slice(None)
"""Plays."""


class PopulationPlays:
    """B plays of a game.

    Attributes:
        game: the rules; state: of all plays; episodes: how often each play has begun anew `[B]`.
    """

    def __init__(self, game: PopulationGame, streams: Streams, numbers: Sequence[int]):
        """Plays by the numbers under which the streams know them."""
        self.game = game
        self.numbers = list(numbers)
        self.episodes = np.zeros(len(self.numbers), dtype=np.int64)
        self._streams = streams
        self._nature = [self.generator(play, Stream.NATURE) for play in range(len(self))]
        self.state: Any = game.start(self._uniforms(range(len(self)), game.start_draws))

    def __len__(self) -> int:
        return len(self.numbers)

    def generator(self, play: int, stream: Stream) -> np.random.Generator:
        """Numbers of one episode of one play."""
        return self._streams.generator(self.numbers[play], int(self.episodes[play]), stream)

    @property
    def running(self) -> NDArray[np.int64]:
        """Plays that have not ended."""
        return np.flatnonzero(self.state.ending == RUNNING)

    def blocks(self, members: int) -> list[slice]:
        """All plays in order, as many in each part as have about so many members together, at least one."""
        each = max(1, members // self.game.members)
        return [slice(first, min(first + each, len(self))) for first in range(0, len(self), each)]

    def step(self, leader: Numbers, members: Numbers, rows: NDArray[np.int64] | slice = ALL) -> tuple[Numbers, Numbers]:
        """A period of all plays, or of the given ones.

        Args:
            leader, members: actions in the game's units, `[R, w]` and `[R, N, v]`.
            rows: which plays.

        Returns:
            payoffs of the leader `[R]` and of the members `[R, N]`.
        """
        all_of_them = np.arange(len(self))
        numbers = all_of_them[rows]
        drawn = self._uniforms(numbers, self.game.draws)
        if np.array_equal(numbers, all_of_them):
            self.state, *payoffs = self.game.step(self.state, leader, members, drawn)
        else:
            moved, *payoffs = self.game.step(self.state.take(rows), leader, members, drawn)
            self.state.put(rows, moved)
        return payoffs[0], payoffs[1]

    def restart(self, rows: NDArray[np.int64]) -> None:
        """Begin the given plays anew, each with numbers it has not had."""
        if not len(rows):
            return
        self.episodes[rows] += 1
        for play in rows:
            self._nature[play] = self.generator(play, Stream.NATURE)
        self.state.put(rows, self.game.start(self._uniforms(rows, self.game.start_draws)))

    def restart_after(self, episodes: NDArray[np.int64]) -> None:
        """Begin all plays anew, each with numbers that none of its first so many beginnings had `[B]`."""
        self.episodes[:] = episodes
        self.restart(np.arange(len(self)))

    def _uniforms(self, plays: Sequence[int] | NDArray[np.int64] | range, draws: int) -> Numbers:
        shape = (self.game.members, draws)
        return np.stack([self._nature[play].random(shape) for play in plays])


def logged(space: Box) -> NDArray[np.bool_]:
    """Which numbers of an observation are told as sign(x) log(1 + |x|): those that the space does not bound.

    What has no bound may grow by many orders of magnitude; a running mean and variance cannot follow that.
    """
    return ~(np.isfinite(space.low) & np.isfinite(space.high))


def told(observations: NDArray, which: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Observations `[..., d]` with some of the numbers as signed logarithms."""
    wide = np.asarray(observations, dtype=np.float64)
    return np.where(which, np.sign(wide) * np.log1p(np.abs(wide)), wide)


def narrowed(space: Box, low: Sequence[float] | None, high: Sequence[float] | None, name: str) -> Box:
    """A box of actions within that of the game.

    Args:
        space: the game's; low, high: bounds in its place; name: what the bounds are called, before _low and _high.

    Raises:
        InvalidFieldError: another number of bounds, bounds out of the game's, or none between them.
    """
    bounds = {"low": space.low.copy(), "high": space.high.copy()}
    for side, given in (("low", low), ("high", high)):
        if given is None:
            continue
        bounds[side] = np.asarray(given, dtype=np.float64)
        allowed = f"{len(space.low)} numbers in the game's bounds, {space.low.tolist()} to {space.high.tolist()}"
        fits = bounds[side].shape == space.shape
        if not fits or (bounds[side] < space.low).any() or (bounds[side] > space.high).any():
            raise InvalidFieldError(f"{name}_{side}", f"got {list(given)}", allowed)
    if (bounds["low"] >= bounds["high"]).any():
        raise InvalidFieldError(f"{name}_low", f"got {bounds['low'].tolist()}", f"less than {name}_high")
    return Box(bounds["low"], bounds["high"], dtype=np.float64)
