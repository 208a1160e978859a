"""Asking while followers with several moves learn from sampled plays: a stage per update, all its plays side by side.

The plays of an update are lines. Line 0 is uniform for everybody, and averages strategies; every other line belongs to
an action at one of a follower's moves (response/sampled_moves.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.leader.courses_in_play import AtOnce, CoursesInPlay
from rllib_stackelberg.response.course_engine import Courses
from rllib_stackelberg.response.course_trees import CourseTrees
from rllib_stackelberg.response.sampled_moves import SampledMoves
from rllib_stackelberg.response.sampled_moves_engine import STEP, Known, Lines
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Streams

NOBODY = -1


class SampledCourses(CoursesInPlay):
    """Followers with several moves, an update at a time; distinct questions are asked once."""

    response: SampledMoves

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        moves = [(m, nth) for m, turn in enumerate(game.learned_turns) for nth in range(turn.times)]
        choices = [game.learned_turns[m].choices for m, _ in moves]
        lines = [(m, nth, action) for (m, nth), k in zip(moves, choices, strict=True) for action in range(k)]
        # Per line: whose it is, at which of its moves, which action is tried.
        self._follower, self._nth, self._tried = np.array([(NOBODY, 0, 0), *lines], dtype=np.int64).T
        first = 1 + np.cumsum([0, *choices])[:-1]
        groups = np.array([(m, nth, at) for (m, nth), at in zip(moves, first.tolist(), strict=True)], dtype=np.int64)
        self._lines = Lines(self._follower.copy(), self._nth.copy(), self._tried.copy(), groups)
        super().__init__(game, settings, streams, envs)
        slots = envs * self.width
        self._log = np.zeros((3, slots, game.moves), dtype=np.int64)  # mover, row and action of each move
        self._paid_before = np.zeros((slots, game.moves + 1, len(game.agents)))
        self._own = np.zeros(slots, dtype=np.int64)  # moves of the line's follower so far
        self._row = np.full(slots, NOBODY, dtype=np.int64)
        self._before = np.zeros(slots)
        self._share = np.ones((envs, self.turns))
        self._course = np.ones((envs, self.turns), dtype=np.int64)

    def _sampled_width(self, settings: LeaderSettings) -> int:
        return len(self._follower)

    def _open_update(self, envs: Index, slots: Index) -> None:
        nature, uniforms = self._drawn(envs)
        slots = slots[:, : self.update_width]
        self._own[slots], self._row[slots] = 0, NOBODY
        self._share[envs], self._course[envs] = 1.0, 1
        self._uniforms[slots] = uniforms[:, None]
        self.plays.begin(slots.ravel(), np.repeat(nature, self.update_width, axis=0), self._choose)

    def _learning(self, slots: Index, turn: int, information: Index, uniforms: NDArray[np.float64]) -> Index:
        envs, line, choices = slots // self.width, slots % self.width, self.game.learned_turns[turn].choices
        actions = self.response.draw(envs, turn, information, uniforms, "last")
        mine, nth = self._follower[line] == turn, self._own[slots]
        averaging = np.flatnonzero(line == 0)
        uniform = (mine & (nth < self._nth[line])) | (line == 0)
        actions = np.where(uniform, np.minimum((uniforms * choices).astype(np.int64), choices - 1), actions)
        tried = np.flatnonzero(mine & (nth == self._nth[line]))
        actions[tried] = self._tried[line[tried]]
        self._row[slots[tried]] = information[tried]
        self._before[slots[tried]] = self.plays.payoffs[slots[tried], self.game.learned_turns[turn].agent]
        self._own[slots[mine]] += 1
        move = self._made[slots] - 1
        self._log[:, slots, move] = np.stack([np.full(len(slots), turn), information, actions])
        self._paid_before[slots, move] = self.plays.payoffs[slots]
        if len(averaging):
            self._average(envs[averaging], turn, information[averaging], actions[averaging])
        return actions

    def _walk(self, trees: CourseTrees, envs: Index) -> Index:
        first, stop = self._held_ahead(envs)
        known = Known(self._begun, self._draws, first, stop, np.zeros(len(envs), dtype=np.int64))
        self.response.walk(envs, trees.nodes, self._lines, known)
        self.stage[envs] += known.done - first
        trees.root[envs] = self._begun[envs, np.minimum(known.done, self._draws.shape[1] - 1)]
        return envs[(known.done == stop) & ~self.rewarding[envs]]

    def _remember(self, trees: CourseTrees, envs: Index) -> None:
        """Keep the plays of an update that have just ended."""
        slots = self._slots_of(envs)[:, : self.update_width].ravel()
        self._paid_before[slots, self._made[slots]] = self.plays.payoffs[slots]
        mover, row, action = self._log[:, slots]
        trees.add_all(slots // self.width, Courses(self._made[slots], mover, row, action, self._paid_before[slots]))

    def _average(self, envs: Index, turn: int, information: Index, actions: Index) -> None:
        share, course = self._share[envs, turn], self._course[envs, turn]
        policies = self.response.average(envs, turn, information, share, course)
        self._share[envs, turn] = share * policies[np.arange(len(envs)), actions]
        place = information * policies.shape[1] + actions + 1
        self._course[envs, turn] = course * STEP + place  # overflow wraps: a number that tells courses apart

    def _close_sampled(self, envs: Index) -> None:
        if self._trees:
            self._remember(self._trees, envs)
        for m, nth, first in self._lines.moves.tolist():
            turn = self.game.learned_turns[m]
            slots = envs[:, None] * self.width + np.arange(first, first + turn.choices)
            utilities = self.plays.payoffs[slots, turn.agent] - self._before[slots]
            self.response.learn_move(envs, m, float(turn.choices) ** nth, self._row[slots[:, 0]], utilities)
        self.response.updates[envs] += 1


class ConsultedCourses(AtOnce, SampledCourses):
    """Against a leader that is already there."""
