"""Many plays of one game side by side, each advanced until it is over or waits for the leader.

This is the one loop that moves a game: the response phase, both ways of asking the leader, and the table of
all outcomes are built on it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.game import OVER, StackelbergGame, State

Choose = Callable[[NDArray[np.int64], int, NDArray[np.int64]], NDArray[np.int64]]
"""(slots `[N]`, learned turn, information `[N]`) -> actions `[N]` of that turn's follower in those plays."""


class Plays:
    """A fixed number of slots, each holding one play.

    Attributes:
        payoffs: `[slots, agents]`, summed over the play so far.
        information: `[slots, learned turns]`, row at which each learned turn was taken, -1 if it was not.
        depth: `[slots]`, answers the leader has given in the play so far.
        waiting: `[slots]`, whether the play waits for the leader.
        question: `[slots]`, key of the leader observation a waiting play waits at.
    """

    def __init__(self, game: StackelbergGame, slots: int):
        self.game = game
        # One-based by position in game.turns: which learned turn (or none) a kind of turn is.
        learned = list(game.learned_turns)
        self._learned = [learned.index(turn) if turn.kind == "learned" else -1 for turn in game.turns]
        self._replies = [k for k, turn in enumerate(game.turns) if turn.kind == "reply"]
        self.payoffs = np.zeros((slots, len(game.agents)))
        self.information = np.full((slots, len(learned)), -1, dtype=np.int64)
        self.depth = np.zeros(slots, dtype=np.int64)
        self.question = np.full(slots, -1, dtype=np.int64)
        self.waiting = np.zeros(slots, dtype=bool)
        self._state = game.begin(np.zeros((slots, game.nature.width), dtype=np.int64))

    def begin(self, slots: NDArray[np.int64], nature: NDArray[np.int64], choose: Choose) -> None:
        """Start the given slots anew with types and chance moves `[N, width]`, up to the leader's turn."""
        self._state.put(slots, self.game.begin(nature))
        self.payoffs[slots] = 0.0
        self.depth[slots] = 0
        self.information[slots] = -1
        self._advance(slots, choose)

    def answer(self, slots: NDArray[np.int64], actions: NDArray[np.float64], choose: Choose) -> None:
        """Give waiting slots the leader's actions `[N, leader width]` and play on."""
        padded = np.zeros((len(slots), self.game.width))
        padded[:, : actions.shape[1]] = actions
        self.depth[slots] += 1
        self._step(slots, self._state.take(slots), padded)
        self._advance(slots, choose)

    def fork(self, slots: NDArray[np.int64]) -> Plays:
        """New plays, one slot a copy of each given slot; a slot given twice becomes two plays."""
        copy = Plays(self.game, 0)
        for name in ("payoffs", "information", "depth", "waiting", "question"):
            setattr(copy, name, getattr(self, name)[slots])
        copy._state = self._state.take(slots)
        return copy

    def observe_leader(self, slots: NDArray[np.int64]) -> NDArray[np.float32]:
        """What the leader sees in the given slots, `[N, d]`."""
        return self.game.observe(self._state.take(slots), 0)

    def _advance(self, slots: NDArray[np.int64], choose: Choose) -> None:
        """Play followers' turns until every slot is over or waits for the leader."""
        while len(slots):
            state = self._state.take(slots)
            turn = self.game.turn(state)
            asking = turn == self.game.leader_turn
            self.waiting[slots] = asking
            if asking.any():
                self.question[slots[asking]] = self.game.information(state)[asking]
            moving = (turn != OVER) & ~asking
            if not moving.all():
                slots, turn, state = slots[moving], turn[moving], state.take(moving)
            if len(slots):
                self._step(slots, state, self._follower_actions(slots, state, turn, choose))

    def _follower_actions(
        self, slots: NDArray[np.int64], state: State, turn: NDArray[np.int64], choose: Choose
    ) -> NDArray[np.float64]:
        actions = np.zeros((len(slots), self.game.width))
        information = self.game.information(state)
        for k, learned in enumerate(self._learned):
            rows = np.flatnonzero(turn == k) if learned >= 0 else ()
            if len(rows):
                self.information[slots[rows], learned] = information[rows]
                actions[rows, 0] = choose(slots[rows], learned, information[rows])
        for k in self._replies:
            rows = turn == k
            if rows.any():
                actions[rows] = self.game.reply(state)[rows]
        return actions

    def _step(self, slots: NDArray[np.int64], state: State, actions: NDArray[np.float64]) -> None:
        state, payoffs = self.game.step(state, actions)
        self._state.put(slots, state)
        self.payoffs[slots] += payoffs
