"""Asking about sampled updates ahead of time: many of them are played before it is their turn.

Types, chance and the numbers that followers draw with are known before a response begins; only their strategies are
not. So a stage plays the updates ahead as followers would play them now, all side by side, and asks the questions of
all of them at once. Followers then learn from those that have come to pass as foreseen, the first of them in any case,
and the next stage goes on from there. An answer that is asked for an update that comes otherwise is asked in vain, and
kept; what followers learn, and what the leader is paid, is as if every update had been played at its time.

Strategies change little from one update to the next, so most of what is foreseen comes true. How far to look ahead
follows from how far that went last time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.leader.elicitation import Credit
from rllib_stackelberg.leader.in_play import InPlay
from rllib_stackelberg.plays.compiled_plays import make_plays
from rllib_stackelberg.plays.plays import Leader, Plays
from rllib_stackelberg.response.foreseen_engine import lines_of, moves_along
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Streams

FORESEEN_PLAYS = 2048
"""Plays side by side in an episode: the first stage looks as many updates ahead as fit."""

LEAST_AHEAD = 8
"""Updates that later stages look ahead at least."""


class Foreseen(InPlay):
    """Sampled updates, a stage for as many as can be foreseen; distinct questions are asked once.

    Attributes:
        lines: the plays of one update.
        ahead: `[B]`, how many updates the next stage looks ahead.
    """

    response: Response

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        self.lines = lines_of(np.array([turn.choices for turn in game.learned_turns], dtype=np.int64))
        super().__init__(game, settings, streams, envs)
        self._taken = np.zeros((envs * self.width, self.turns), dtype=np.int64)
        self.ahead = np.full(envs, self._most_ahead, dtype=np.int64)

    def _make_plays(self, slots: int) -> Plays:
        return make_plays(self.game, slots)

    def _sampled_width(self, settings: LeaderSettings) -> int:
        width = len(self.lines.deviator)
        self._most_ahead = min(max(FORESEEN_PLAYS // width, LEAST_AHEAD), settings.response_updates)
        return self._most_ahead * width

    def _draw(self, envs: Index) -> None:
        super()._draw(envs)
        self.ahead[envs] = self._most_ahead

    def _open_update(self, envs: Index, slots: Index) -> None:
        """Begin the plays of the updates ahead."""
        stage, most = self.stage[envs], self._most_ahead
        self.ahead[envs] = np.minimum(self.ahead[envs], self.settings.response_updates - stage)
        row, ahead = np.nonzero(np.arange(most) < self.ahead[envs, None])
        update = stage[row] + ahead
        width = len(self.lines.deviator)
        begun = slots[:, : most * width].reshape(len(envs), most, width)[row, ahead]
        self._open_ahead(envs[row], update, begun)

    def _open_ahead(self, envs: Index, updates: Index, begun: Index) -> None:
        """Begin updates of environments, `[N]` each, in slots `[N, lines]`."""
        nature, width = self.game.nature.values(self._cells[envs, updates]), begun.shape[1]
        rows = self.game.opening_rows(nature)
        if rows is None:
            self._uniforms[begun] = self._draws[envs, updates][:, None]
            self.plays.begin(begun.ravel(), np.repeat(nature, width, axis=0), self._choose)
        else:
            self._open_moved(envs, updates, begun, nature, rows)

    def _open_moved(self, envs: Index, updates: Index, begun: Index, nature: Index, rows: Index) -> None:
        """Begin updates after the followers' moves: every follower draws once for all lines."""
        moves = moves_along(self.lines, self.response.draw_all(envs, rows, self._draws[envs, updates]))
        self._taken[begun.ravel()] = moves
        width = begun.shape[1]
        self.plays.open(begun.ravel(), np.repeat(nature, width, axis=0), np.repeat(rows, width, axis=0), moves)

    def _begin_rewards(self, envs: Index, slots: Index, nature: Index, uniforms: NDArray[np.float64]) -> None:
        rows = self.game.opening_rows(nature)
        if rows is None:
            super()._begin_rewards(envs, slots, nature, uniforms)
            return
        owners, drawn_with = np.repeat(envs, slots.shape[1]), uniforms.reshape(len(nature), -1)
        moves = self.response.draw_all(owners, rows, drawn_with, self.settings.reward_play)
        self._taken[slots.ravel()] = moves
        self.plays.open(slots.ravel(), nature, rows, moves)

    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        actions = super()._choose(slots, turn, information)
        line = slots % self.width % len(self.lines.deviator)
        other = np.flatnonzero((self.lines.deviator[line] == turn) & ~self.rewarding[slots // self.width])
        rank = self.lines.rank[line[other]]
        actions[other] = rank + (rank >= actions[other])
        self._taken[slots, turn] = actions
        return actions

    def _close_update(self, envs: Index) -> None:
        """Let followers learn from what has come to pass as foreseen."""
        updates = self.ahead[envs]
        later = np.minimum(self.stage[envs, None] + np.arange(updates.max()), self.settings.response_updates - 1)
        uniforms: NDArray[np.float64] = self._draws[envs[:, None], later]
        learned = self.response.learn_foreseen(self.lines, self.plays, self._taken, envs, self.width, updates, uniforms)
        self.stage[envs] += learned
        self.ahead[envs] = np.clip(2 * learned, LEAST_AHEAD, self._most_ahead)

    def credit(self, envs: Index, questions: Index) -> Credit | None:
        """See `Episodes`: the reward's plays are played once more, with the answers that are known."""
        if self._whole_reward:
            return None
        owners = np.unique(envs)
        slots, weights = self._slots_of(owners)[:, : self.reward_width].ravel(), self._reward_weights(owners).ravel()
        by, place, before = self._replayed(slots, envs, questions)
        often, paid = weights[by], weights[by] * (self.plays.payoffs[slots[by], 0] - before)
        sums = (np.bincount(place, each, len(envs)).astype(np.float64) for each in (often, paid))
        return Credit(*sums)

    def _replayed(self, slots: Index, envs: Index, questions: Index) -> tuple[Index, Index, NDArray[np.float64]]:
        """Questions that finished plays `[N]` came to, the first ones of all plays first.

        Returns:
            by which play, which of the questions `[Q]` of environments `[Q]`, and what the leader had been paid before.
        """
        owners, known = np.unique(envs), np.unique(questions)

        def numbered(of: Index, asked: Index) -> Index:
            """Pairs of an episode and a question, as one number each."""
            return of * len(known) + np.searchsorted(known, asked)

        plays = make_plays(self.game, len(slots))
        every, met = np.arange(len(slots)), [np.zeros((2, 0), dtype=np.int64)]  # followers may not come to a question
        before = [np.zeros(0)]
        plays.begin(every, self._reward_nature(owners), lambda own, turn, _: self._taken[slots[own], turn])
        while len(waiting := every[plays.waiting]):
            asked = slots[waiting] // self.width, plays.question[waiting]
            met.append(np.stack([waiting, numbered(*asked)]))
            before.append(plays.payoffs[waiting, 0])
            plays.answer(waiting, self.answers.take(*asked), self._choose)
        by, of = np.concatenate(met, axis=1)
        rows = numbered(envs, questions)
        order = np.argsort(rows)
        return by, order[np.searchsorted(rows, of, sorter=order)], np.concatenate(before)


class Consulted(Foreseen):
    """Never pauses: a leader that is already there answers every play the moment it waits."""

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int, leader: Leader):
        self.leader = leader
        super().__init__(game, settings, streams, envs)

    def _pose(self, envs: Index) -> Index:
        slots = self._slots_of(envs).ravel()
        while len(asked := slots[self.plays.waiting[slots]]):
            self.plays.answer(asked, self.leader(self.plays, asked), self._choose)
        return envs
