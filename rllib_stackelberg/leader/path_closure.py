"""Asking everything first where followers move several times in a play, or learn from experience."""

from __future__ import annotations

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.leader.elicitation import AskedFirst
from rllib_stackelberg.plays.paths import PathRecorder, Paths, PathTable
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Streams


class PathClosure(AskedFirst):
    """Asks along all paths."""

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        self.paths = Paths.of(game)
        super().__init__(game, settings, streams, envs, width=len(self.paths))
        self.recorder = PathRecorder(self.plays, self.paths)

    def table(self, envs: Index) -> PathTable:
        """See `AskedFirst`."""
        return self.recorder.table(envs)

    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        return self.recorder.choose(slots, turn, information)

    def _open(self, envs: Index) -> None:
        if len(envs):
            self.recorder.begin(self._slots_of(envs).ravel())
