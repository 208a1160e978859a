"""Sampled updates of a game that offers compiled rules: played and learned from in one loop, while answers are known.

A response asks most of its questions early. Where compiled rules can look the answers up, followers learn on without a
stop until an update comes to a question that nobody has answered; only then are updates played ahead
(foreseen.py), to ask for all that the next ones are likely to need at once. What followers learn is the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.leader.foreseen import LEAST_AHEAD, Foreseen
from rllib_stackelberg.plays.answers import SparseAnswers
from rllib_stackelberg.plays.compiled_plays import CompiledPlays
from rllib_stackelberg.plays.plays import Leader
from rllib_stackelberg.response.answered_engine import Drawn
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.compiled_rules import CompiledRules
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Streams


class Answered(Foreseen):
    """A stage ends where an answer is missing.

    Attributes:
        rules: compiled.
    """

    answers: SparseAnswers
    plays: CompiledPlays

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        assert game.compiled is not None, "another class is for games without compiled rules"
        self.rules: CompiledRules = game.compiled
        super().__init__(game, settings, streams, envs)
        shape = self._draws.shape[:2]
        self._nature = np.zeros((*shape, game.nature.width), dtype=np.int64)
        self._rows = np.zeros((*shape, self.turns), dtype=np.int64)

    def _make_answers(self, envs: int) -> SparseAnswers:
        return SparseAnswers(envs, self.game.leader_turn.width)

    def _draw(self, envs: Index) -> None:
        super()._draw(envs)
        nature = self.game.nature.values(self._cells[envs])
        rows = self.game.opening_rows(nature.reshape(-1, nature.shape[-1]))
        assert rows is not None, "compiled rules begin where all followers have moved"
        self._nature[envs], self._rows[envs] = nature, rows.reshape(*nature.shape[:2], -1)

    def _open_ahead(self, envs: Index, updates: Index, begun: Index) -> None:
        self._open_moved(envs, updates, begun, self._nature[envs, updates], self._rows[envs, updates])

    def _close_update(self, envs: Index) -> None:
        """Let followers learn on as far as answers are known: what was played ahead has them now."""
        before = self.stage[envs]
        stage = before.copy()
        drawn = Drawn(self._nature, self._rows, self._draws)
        self.response.learn_answered(self.lines, self.rules, self.answers.store, envs, drawn, stage)
        self.stage[envs] = stage
        self.ahead[envs] = np.clip(2 * (stage - before), LEAST_AHEAD, self._most_ahead)

    def _replayed(self, slots: Index, envs: Index, questions: Index) -> tuple[Index, Index, NDArray[np.float64]]:
        owners = slots // self.width
        by, numbers, before = self.plays.replay(slots, owners, self.answers, self._taken[slots])
        places = np.zeros(self.answers.store.actions.shape[:2], dtype=np.int64)
        places[envs, self.answers.numbers(envs, questions)] = np.arange(len(envs))
        return by, places[owners[by], numbers], before


class ConsultedOnce(Answered):
    """Never pauses: a leader that is already there is asked every distinct question once."""

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int, leader: Leader):
        self.leader = leader
        super().__init__(game, settings, streams, envs)

    def _pose(self, envs: Index) -> Index:
        while True:
            slots = self._slots_of(envs).ravel()
            self.plays.go_on(slots, np.repeat(envs, self.width), self.answers, self._choose)
            if not self.plays.waiting[slots].any():
                return envs
            front = self.front(envs)
            asked = self.leader(self.plays, front.envs * self.width + front.slots)
            self.answers.record(front.envs, front.questions, asked)
