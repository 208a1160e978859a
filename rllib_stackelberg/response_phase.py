"""The response phase of whole episodes: its draws, and learning from a table of outcomes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.outcomes import OutcomeTable
from rllib_stackelberg.response import NOTHING, Response
from rllib_stackelberg.settings import LeaderSettings
from rllib_stackelberg.streams import Stream, Streams

Index = NDArray[np.int64]


def draws(
    game: StackelbergGame, streams: Streams, stream: Stream, plays: int, episodes: list[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nature's cells `[E, plays, blocks]` and followers' uniforms `[E, plays, moves]` of episodes.

    A fixed number of uniforms per play, whatever is played: the nature blocks first, then the followers.
    """
    blocks, moves = len(game.nature.blocks), game.moves
    table = [streams.uniforms(env, episode, stream, (plays, blocks + moves)) for env, episode in episodes]
    uniforms = np.stack(table)
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
    cells, uniforms = draws(table.game, streams, Stream.RESPONSE, settings.response_updates, episodes)
    response.learn_from_table(table, rows, table.game.nature.index(cells), uniforms, total)
