"""Asking while plays of several moves are played, or plays that go on from each other: no table of their courses.

Stages are those of in_play.py: one per update, and one or more for the reward. A follower's k-th draw in a play goes
with the k-th move that anybody makes in it, so what is drawn does not depend on how plays are asked about.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.leader.elicitation import Elicitation
from rllib_stackelberg.leader.in_play import InPlay
from rllib_stackelberg.plays.plays import Leader
from rllib_stackelberg.response.course_trees import UNKNOWN, CourseTrees
from rllib_stackelberg.response.phase import draws, next_draws
from rllib_stackelberg.response.played_trajectories import PlayedTrajectories
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.trajectory_engine import Ahead
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Stream, Streams

HELD = 1024
"""Updates whose draws an episode holds at a time: a response may be long."""


class CoursesInPlay(InPlay):
    """What both kinds of followers share whose plays are played: draws by the stretch, and by move."""

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        super().__init__(game, settings, streams, envs)
        self._made = np.zeros(envs * self.width, dtype=np.int64)
        self._generators: dict[int, np.random.Generator] = {}
        self._filled = np.zeros(envs, dtype=np.int64)
        self._trees = CourseTrees(game, envs, self._sampled_width(settings)) if CourseTrees.fit(game) else None
        self._begun = np.zeros(self._draws.shape[:2], dtype=np.int64)  # numbers of the natures that are held

    def _held(self, updates: int) -> int:
        return min(updates, HELD)

    @property
    def _whole_reward(self) -> bool:
        return False

    def _draw(self, envs: Index) -> None:
        for env in envs.tolist():
            self._generators[env] = self.streams.generator(env, int(self.episode[env]), Stream.RESPONSE)
        self.stage[envs] = 0
        self._filled[envs] = 0
        if self._trees:
            self._trees.forget(envs)

    def _open(self, envs: Index) -> None:
        self._made[self._slots_of(envs)] = 0
        walking = envs[~self.rewarding[envs]]
        while self._trees and len(walking):
            self._trees.make_room(walking)
            fresh = self._fill(walking)
            self._begun[fresh] = self.game.nature.index(self._cells[fresh])
            walking = self._walk(self._trees, walking)
        super()._open(envs)

    @abstractmethod
    def _walk(self, trees: CourseTrees, envs: Index) -> Index:
        """Learn from plays that are known already; returns who may go on doing so, with other draws."""

    def _held_ahead(self, envs: Index) -> tuple[Index, Index]:
        """Which of the draws that are held are of updates to come: first and stop, `[N]`."""
        first = self.stage[envs] % self._draws.shape[1]
        return first, np.minimum(self._draws.shape[1], first + self.settings.response_updates - self.stage[envs])

    def _drawn(self, envs: Index) -> tuple[Index, NDArray[np.float64]]:
        """Nature `[N, width]` and uniforms `[N, moves]` of the update that the given environments are at."""
        self._fill(envs)
        place = self.stage[envs] % self._draws.shape[1]
        return self.game.nature.values(self._cells[envs, place]), self._draws[envs, place]

    def _fill(self, envs: Index) -> Index:
        """Hold draws of the updates that the given environments are at, and of those to come; returns whose are new."""
        held = self._draws.shape[1]
        fresh = envs[self.stage[envs] >= self._filled[envs]]
        if len(fresh):
            generators = [self._generators[env] for env in fresh.tolist()]
            self._cells[fresh], self._draws[fresh] = next_draws(self.game, generators, held)
            self._filled[fresh] = self.stage[fresh] + held
        return fresh

    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        envs = slots // self.width
        uniforms = self._uniforms[slots, self._made[slots]]
        self._made[slots] += 1
        actions = np.zeros(len(slots), dtype=np.int64)
        rewarding = self.rewarding[envs]
        if not rewarding.all():
            own = np.flatnonzero(~rewarding)
            actions[own] = self._learning(slots[own], turn, information[own], uniforms[own])
        if rewarding.any():
            own = np.flatnonzero(rewarding)
            given = (envs[own], turn, information[own], uniforms[own])
            actions[own] = self.response.draw(*given, self.settings.reward_play)
        return actions

    @abstractmethod
    def _learning(self, slots: Index, turn: int, information: Index, uniforms: NDArray[np.float64]) -> Index:
        """Followers' actions in the given slots of the response phase."""


class Experience(CoursesInPlay):
    """Learners from experience: play after play, each of which they learn from before the next one begins.

    Where plays go on from each other, those of the reward phase do, too, and come one after the other.
    """

    response: PlayedTrajectories

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        self.chained = game.memory > 1
        super().__init__(game, settings, streams, envs)
        self._carried = np.zeros(envs, dtype=np.int64)
        # Moves of a play that were made along the tree, before it came to what is not known.
        self._known = np.zeros(envs, dtype=np.int64)
        self._taken = np.zeros((envs, game.moves), dtype=np.int64)

    def _sampled_width(self, settings: LeaderSettings) -> int:
        return 1

    def _reward_width(self, plays: int) -> int:
        return 1 if self.chained else plays

    @property
    def rewarding(self) -> NDArray[np.bool_]:
        """See `Episodes`."""
        return self.stage >= self.settings.response_updates

    def _draw(self, envs: Index) -> None:
        super()._draw(envs)
        self.response.start(envs, self.settings.response_updates)

    def _walk(self, trees: CourseTrees, envs: Index) -> Index:
        first, stop = self._held_ahead(envs)
        held, stage = self._draws.shape[1], self.stage[envs]
        none = np.zeros((3, len(envs)), dtype=np.int64)
        ahead = Ahead(self._begun, self._draws, first, stop, stage, none[0], none[1], self._taken[envs], none[2])
        self.response.walk(envs, trees.nodes, ahead)
        self.stage[envs] += ahead.done - first
        self._taken[envs], missed = ahead.actions, ahead.made >= 0
        self._known[envs] = np.maximum(ahead.made, 0)
        trees.at[envs] = np.where(ahead.made > 0, ahead.node, UNKNOWN)
        trees.action[envs] = ahead.actions[np.arange(len(envs)), np.maximum(ahead.made - 1, 0)]
        begun = self._begun[envs, np.minimum(ahead.done, held - 1)]
        trees.root[envs] = self.response.carried[envs] * self.game.nature.size + begun
        return envs[~missed & ~self.rewarding[envs]]

    def _open_update(self, envs: Index, slots: Index) -> None:
        nature, uniforms = self._drawn(envs)
        self._uniforms[slots[:, 0]] = uniforms
        self.plays.begin(slots[:, 0], nature, self._choose, self.response.carried[envs])

    def _learning(self, slots: Index, turn: int, information: Index, uniforms: NDArray[np.float64]) -> Index:
        envs = slots // self.width
        move = self._made[slots] - 1
        actions = self._taken[envs, move]
        new = np.flatnonzero(move >= self._known[envs])
        if len(new):
            envs, rows, paid = envs[new], information[new], self.plays.payoffs[slots[new]]
            actions[new] = self.response.move(envs, turn, rows, paid, self.stage[envs], uniforms[new])
            if self._trees:
                self._trees.add(envs, turn, rows, paid)
                self._trees.action[envs] = actions[new]
        return actions

    def _close_update(self, envs: Index) -> None:
        slots = envs * self.width
        if self._trees:
            self._trees.add(envs, UNKNOWN, UNKNOWN, self.plays.payoffs[slots], self.plays.carried[slots])
        self.response.end(envs, self.plays.payoffs[slots], self.plays.carried[slots])
        self.stage[envs] += 1

    def _open_reward(self, envs: Index, slots: Index) -> None:
        if not self.chained:
            super()._open_reward(envs, slots)
            return
        assert self.sampled is not None
        first = envs[self.stage[envs] == self.settings.response_updates]
        self._carried[first] = self.response.carried[first]
        episodes = [(int(env), int(self.episode[env])) for env in envs]
        cells, uniforms = draws(self.game, self.streams, Stream.REWARD, self.sampled, episodes)
        every, number = np.arange(len(envs)), self.stage[envs] - self.settings.response_updates
        self._uniforms[slots[:, 0]] = uniforms[every, number]
        nature = self.game.nature.values(cells[every, number])
        self.plays.begin(slots[:, 0], nature, self._choose, self._carried[envs])

    def _close(self, envs: Index) -> Index:
        if not self.chained:
            return super()._close(envs)
        assert self.sampled is not None
        rewarding = self.rewarding[envs]
        paid = envs[rewarding]
        slots = paid * self.width
        self.value[paid] += self.plays.payoffs[slots, 0] / self.sampled
        self._carried[paid] = self.plays.carried[slots]
        if not rewarding.all():
            self._close_update(envs[~rewarding])
        self.stage[paid] += 1
        over = self.stage[envs] >= self.settings.response_updates + self.sampled
        self._finish(envs[over])
        return envs[~over]


class AtOnce(Elicitation):
    """Never pauses: a leader that is already there answers every play the moment it waits."""

    leader: Leader

    def _pose(self, envs: Index) -> Index:
        slots = self._slots_of(envs).ravel()
        while len(asked := slots[self.plays.waiting[slots]]):
            self.plays.answer(asked, self.leader(self.plays, asked), self._choose)
        return envs


class ConsultedExperience(AtOnce, Experience):
    """Experience against a leader that is already there."""
