"""Asking everything first, for followers that learn from experience."""

from __future__ import annotations

import numpy as np

from rllib_stackelberg.elicitation import Elicitation, Index
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.paths import PathRecorder, Paths
from rllib_stackelberg.settings import LeaderSettings
from rllib_stackelberg.streams import Streams
from rllib_stackelberg.trajectories import TrajectoryResponse, learn_paths, paid


class PathClosure(Elicitation):
    """Asks every question that any path can meet, then lets followers play along the table of paths."""

    response: TrajectoryResponse

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        self.paths = Paths.of(game)
        super().__init__(game, settings, streams, envs, width=len(self.paths))
        self.recorder = PathRecorder(self.plays, self.paths)

    def _followers(self, envs: int) -> TrajectoryResponse:
        return TrajectoryResponse(self.game, self.settings.learners_from_experience, envs)

    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        return self.recorder.choose(slots, turn, information)

    def _draw(self, envs: Index) -> None:
        """Draws are made when the response runs."""

    def _open(self, envs: Index) -> None:
        if len(envs):
            self.recorder.begin(self._slots_of(envs).ravel())

    def _close(self, envs: Index) -> Index:
        table = self.recorder.table(envs)
        learn_paths(self.response, table, envs, self.settings, self.streams, self.episode[envs])
        play = self.settings.reward_play
        found = paid(self.response, table, envs, self.settings, self.streams, self.episode[envs], play)
        self.value[envs] = found[:, 0]
        self._finish(envs)
        return np.zeros(0, dtype=np.int64)
