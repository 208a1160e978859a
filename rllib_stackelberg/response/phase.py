"""The phases of whole leader episodes, and the draws they are played with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.response.fields import ResponseFields
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Stream, Streams


class Phase(NamedTuple):
    """Which followers respond, or are rewarded, under which settings, on which streams.

    Attributes:
        rows: `[N]`, of the followers; each has its own entry of a table, or all have the only one.
        settings: fitted to the game.
        streams: of the run.
        episodes: per row the environment and the number of the episode whose streams it plays on.
    """

    rows: NDArray[np.int64]
    settings: ResponseFields
    streams: Streams
    episodes: list[tuple[int, int]]


def draws(
    game: StackelbergGame, streams: Streams, stream: Stream, plays: int, episodes: list[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nature's cells `[E, plays, blocks]` and followers' uniforms `[E, plays, moves]` of episodes.

    A fixed number of uniforms per play, whatever is played: the nature blocks first, then the followers.
    """
    width = len(game.nature.blocks) + game.moves
    return _parted(game, streams.uniforms_of(episodes, stream, (plays, width)))


def next_draws(
    game: StackelbergGame, generators: list[np.random.Generator], plays: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """As `draws`, from where generators stand."""
    uniforms = np.empty((len(generators), plays, len(game.nature.blocks) + game.moves))
    for own, generator in zip(uniforms, generators, strict=True):
        generator.random(out=own)
    return _parted(game, uniforms)


def _parted(game: StackelbergGame, uniforms: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Cells that are drawn with the first uniforms of each play, and the others."""
    blocks = len(game.nature.blocks)
    drawn = uniforms[..., :blocks]
    certain = game.nature.size == 1  # nothing to find out, in a response of millions of plays
    cells = np.zeros(drawn.shape, dtype=np.int64) if certain else game.nature.draw(drawn)
    return cells, uniforms[..., blocks:]
