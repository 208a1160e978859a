"""The response phase of whole episodes: its draws, and learning from a table of outcomes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.outcomes import OutcomeTable
from rllib_stackelberg.response import Response
from rllib_stackelberg.settings import LeaderSettings
from rllib_stackelberg.streams import Stream, Streams

Index = NDArray[np.int64]


def draws(
    game: StackelbergGame, streams: Streams, stream: Stream, plays: int, episodes: list[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nature's cells `[E, plays, blocks]` and followers' uniforms `[E, plays, learned turns]` of episodes.

    A fixed number of uniforms per play, whatever is played: the nature blocks first, then the followers.
    """
    blocks, turns = len(game.nature.blocks), len(game.learned_turns)
    table = [streams.uniforms(env, episode, stream, (plays, blocks + turns)) for env, episode in episodes]
    uniforms = np.stack(table)
    return game.nature.draw(uniforms[..., :blocks]), uniforms[..., blocks:]


def learn(
    response: Response,
    table: OutcomeTable,
    rows: Index,
    settings: LeaderSettings,
    streams: Streams,
    episodes: list[tuple[int, int]],
    trace: Callable[[], None] | None = None,
) -> None:
    """The whole response phase of the given rows of `response`, from a table of outcomes.

    `trace` is called before every update.
    """
    if settings.expected:
        for _ in range(settings.response_updates):
            if trace:
                trace()
            response.learn_expected(table, rows)
        return
    if not table.simultaneous:
        raise InvalidFieldError("elicitation", "followers of this game see each other's moves", "in_play")
    cells, uniforms = draws(table.game, streams, Stream.RESPONSE, settings.response_updates, episodes)
    response.learn_from_table(table, rows, table.game.nature.index(cells), uniforms, trace)
