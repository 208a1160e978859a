"""Plays by a game's compiled rules (rules/compiled_rules.py), one after the other instead of side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.plays.answers import Answers, SparseAnswers
from rllib_stackelberg.plays.compiled_loops import answer_slots, go_on, open_slots, replay_slots
from rllib_stackelberg.plays.plays import Choose, Plays
from rllib_stackelberg.rules.compiled_rules import CompiledRules
from rllib_stackelberg.rules.game import StackelbergGame, State


class CompiledPlays(Plays):
    """As `Plays`, of a game that offers compiled rules, which believe what they are handed: it is checked before."""

    def __init__(self, game: StackelbergGame, slots: int, rules: CompiledRules):
        super().__init__(game, 0)
        self.rules = rules
        self.payoffs = np.zeros((slots, len(game.agents)))
        self.information = np.full((slots, len(game.learned_turns)), -1, dtype=np.int64)
        self.depth = np.zeros(slots, dtype=np.int64)
        self.question = np.full(slots, -1, dtype=np.int64)
        self.waiting = np.zeros(slots, dtype=bool)
        self.carried = np.zeros(slots, dtype=np.int64)
        self._states = np.zeros((slots, rules.size), dtype=np.int64)
        self._natures = np.zeros((slots, game.nature.width), dtype=np.int64)

    def open(self, slots: Index, nature: Index, rows: Index, moves: Index) -> None:
        """See `Plays`."""
        self.information[slots] = rows
        self.depth[slots] = 0
        functions, facts = self.rules.functions, self.rules.facts
        arrays = self._states, self._natures, self.payoffs, self.question, self.waiting
        open_slots(functions, facts, slots, nature.astype(np.int64, copy=False), moves, *arrays)

    def answer(self, slots: Index, actions: NDArray[np.float64], choose: Choose) -> None:
        """See `Plays`.

        Raises:
            InvalidFieldError: an action is out of range, or not open.
        """
        given = np.ascontiguousarray(actions, dtype=np.float64)
        self.game.check_leader(self.leader_states(slots), given)
        self.depth[slots] += 1
        functions, facts = self.rules.functions, self.rules.facts
        arrays = self._states, self._natures, self.payoffs, self.question, self.waiting
        answer_slots(functions, facts, slots, given, *arrays)

    def go_on(self, slots: Index, owners: Index, answers: Answers, choose: Choose) -> None:
        """See `Plays`."""
        assert isinstance(answers, SparseAnswers), "compiled rules look answers up in hash tables"
        functions, facts = self.rules.functions, self.rules.facts
        arrays = self._states, self._natures, self.payoffs, self.depth, self.question, self.waiting
        go_on(functions, facts, slots, owners, answers.store, *arrays)

    def replay(
        self, slots: Index, owners: Index, answers: SparseAnswers, moves: Index
    ) -> tuple[Index, Index, NDArray[np.float64]]:
        """Play finished slots `[N]` over again, with the same moves `[N, learned turns]`; they stay as they are.

        Returns:
            `[answers given in all]`, the first ones of all plays first: by which play, which of its owner's answers,
            and what the leader had been paid before.
        """
        depth = self.depth[slots]
        by, numbers = np.zeros((2, depth.sum()), dtype=np.int64)
        before = np.zeros(len(by))
        replay_slots(
            self.rules.functions, self.rules.facts, slots, owners, answers.store, moves, self._natures,
            np.zeros(self.rules.size, dtype=np.int64), np.zeros(self.payoffs.shape[1]), depth, by, numbers, before,
        )  # fmt: skip
        return by, numbers, before

    def leader_states(self, slots: Index) -> State:
        """See `Plays`."""
        return self.rules.state(self._states[slots], self._natures[slots])


def make_plays(game: StackelbergGame, slots: int) -> Plays:
    """Plays in the fastest way that a game offers."""
    rules = game.compiled
    return Plays(game, slots) if rules is None else CompiledPlays(game, slots, rules)
