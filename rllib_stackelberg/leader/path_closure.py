"""Asking everything first where followers move several times in a play, or learn from experience."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.leader.elicitation import Elicitation, Index
from rllib_stackelberg.plays.paths import PathRecorder, Paths, PathTable
from rllib_stackelberg.response.counterfactual import CounterfactualResponse
from rllib_stackelberg.response.path_ties import reported_paths
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.trajectories import TrajectoryResponse, learn_paths, paid
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Streams


class PathClosure(Elicitation):
    """Asks every question that any path can meet, then lets followers respond along the table of paths."""

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        self.paths = Paths.of(game)
        super().__init__(game, settings, streams, envs, width=len(self.paths))
        self.recorder = PathRecorder(self.plays, self.paths)

    @abstractmethod
    def _respond(self, table: PathTable, envs: Index) -> NDArray[np.float64]:
        """Payoffs `[N, agents]` after the response of the given environments, an entry of the table each."""

    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        return self.recorder.choose(slots, turn, information)

    def _draw(self, envs: Index) -> None:
        """Draws are made when the response runs."""

    def _open(self, envs: Index) -> None:
        if len(envs):
            self.recorder.begin(self._slots_of(envs).ravel())

    def _close(self, envs: Index) -> Index:
        self.value[envs] = self._respond(self.recorder.table(envs), envs)[:, 0]
        self._finish(envs)
        return np.zeros(0, dtype=np.int64)


class ExperienceClosure(PathClosure):
    """Followers that learn from experience."""

    response: TrajectoryResponse

    def _followers(self, envs: int) -> TrajectoryResponse:
        return TrajectoryResponse(self.game, self.settings.learners_from_experience, envs)

    def _respond(self, table: PathTable, envs: Index) -> NDArray[np.float64]:
        learn_paths(self.response, table, envs, self.settings, self.streams, self.episode[envs])
        play = self.settings.reward_play
        return paid(self.response, table, envs, self.settings, self.streams, self.episode[envs], play)


class CounterfactualClosure(PathClosure):
    """Followers with a learner at each of their rows."""

    response: CounterfactualResponse

    def _followers(self, envs: int) -> CounterfactualResponse:
        return CounterfactualResponse(self.game, self.settings.utility_learners, envs, self.settings.split_ties)

    def _respond(self, table: PathTable, envs: Index) -> NDArray[np.float64]:
        self.response.learn(table, envs, self.settings.response_updates)
        policies = reported_paths(self.response, table, envs, self.settings.reward_play, self.settings.ties)
        return self.response.worth(table, policies)
