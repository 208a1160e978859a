"""The response phase of whole episodes: its draws, and learning from a table of outcomes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.outcomes import OutcomeTable
from rllib_stackelberg.response.response import NOTHING, Response
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Stream, Streams

Index = NDArray[np.int64]

STRETCH = 2**21
"""Most uniforms that are held at a time by a response phase that looks its utilities up."""


def draws(
    game: StackelbergGame, streams: Streams, stream: Stream, plays: int, episodes: list[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nature's cells `[E, plays, blocks]` and followers' uniforms `[E, plays, moves]` of episodes.

    A fixed number of uniforms per play, whatever is played: the nature blocks first, then the followers.
    """
    return _drawn(game, [streams.generator(env, episode, stream) for env, episode in episodes], plays)


def _drawn(
    game: StackelbergGame, generators: list[np.random.Generator], plays: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    blocks, moves = len(game.nature.blocks), game.moves
    uniforms = np.stack([generator.random((plays, blocks + moves)) for generator in generators])
    return game.nature.draw(uniforms[..., :blocks]), uniforms[..., blocks:]


def learn(
    response: Response,
    table: OutcomeTable,
    rows: Index,
    settings: LeaderSettings,
    streams: Streams,
    episodes: list[tuple[int, int]],
    total: NDArray[np.float64] = NOTHING,
) -> None:
    """The whole response phase of the given rows of `response`, from a table of outcomes.

    The play of every update is added to `total [rows, nature, joint action]`, unless that is empty.
    """
    if settings.expected:
        response.learn_expected(table, rows, settings.response_updates, total)
        return
    if not table.simultaneous:
        raise InvalidFieldError("elicitation", "followers of this game see each other's moves", "in_play")
    game, left = table.game, settings.response_updates
    generators = [streams.generator(env, episode, Stream.RESPONSE) for env, episode in episodes]
    stretch = max(STRETCH // (len(rows) * (len(game.nature.blocks) + game.moves)), 1)
    while left:
        cells, uniforms = _drawn(game, generators, min(stretch, left))
        response.learn_from_table(table, rows, game.nature.index(cells), uniforms, total)
        left -= uniforms.shape[1]
