"""Many plays of one game side by side, each advanced until it is over or waits for the leader.

This is the one loop that moves a game: the response phase, both ways of asking the leader, and the table of
all outcomes are built on it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import RulesError
from rllib_stackelberg.plays.answers import Answers
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, different, present

Choose = Callable[[NDArray[np.int64], int, NDArray[np.int64]], NDArray[np.int64]]
"""(slots `[N]`, learned turn, information `[N]`) -> actions `[N]` of that turn's follower in those plays."""

Leader = Callable[["Plays", NDArray[np.int64]], NDArray[np.float64]]
"""(plays, waiting slots `[N]`) -> the leader's actions there, `[N, leader width]` in the game's units."""


class Plays:
    """A fixed number of slots, each holding one play.

    Attributes:
        payoffs: `[slots, agents]`, summed over the play so far.
        information: `[slots, learned turns]`, row at which each learned turn was taken, -1 if it was not.
        depth: `[slots]`, answers the leader has given in the play so far.
        waiting: `[slots]`, whether the play waits for the leader.
        question: `[slots]`, key of the leader observation a waiting play waits at.
        carried: `[slots]`, state in which a finished play leaves the next one.
    """

    def __init__(self, game: StackelbergGame, slots: int):
        self.game = game
        # One-based by position in game.turns: which learned turn (or none) a kind of turn is.
        learned = list(game.learned_turns)
        self._learned = [learned.index(turn) if turn.kind == "learned" else -1 for turn in game.turns]
        self._is_reply = np.array([turn.kind == "reply" for turn in game.turns])
        self.payoffs = np.zeros((slots, len(game.agents)))
        self.information = np.full((slots, len(learned)), -1, dtype=np.int64)
        self.depth = np.zeros(slots, dtype=np.int64)
        self.question = np.full(slots, -1, dtype=np.int64)
        self.waiting = np.zeros(slots, dtype=bool)
        self.carried = np.zeros(slots, dtype=np.int64)
        # Taken, since it is written into: a game may begin with one array in two fields.
        self._state = game.begin(np.zeros((slots, game.nature.width), dtype=np.int64)).take(np.arange(slots))

    def begin(
        self,
        slots: NDArray[np.int64],
        nature: NDArray[np.int64],
        choose: Choose,
        carried: NDArray[np.int64] | None = None,
    ) -> None:
        """Start the given slots anew with types and chance moves `[N, width]`, up to the leader's turn.

        `carried [N]`: states left by the plays before.
        """
        rows = self.game.opening_rows(nature)
        if rows is not None:
            moves = [choose(slots, m, rows[:, m]) for m in range(rows.shape[1])]
            self.open(slots, nature, rows, np.stack(moves, axis=1) if moves else rows)
            return
        self._forget(slots)
        self._advance(slots, self.game.begin(nature, carried), choose)

    def open(
        self,
        slots: NDArray[np.int64],
        nature: NDArray[np.int64],
        rows: NDArray[np.int64],
        moves: NDArray[np.int64],
    ) -> None:
        """As `begin`, of a game in which followers all move first: their rows and actions, `[N, learned turns]`."""
        self._forget(slots)
        self.information[slots] = rows
        self._advance(slots, self.game.after_opening(nature, moves), _nobody)

    def _forget(self, slots: NDArray[np.int64]) -> None:
        self.payoffs[slots] = 0.0
        self.depth[slots] = 0
        self.information[slots] = -1

    def answer(self, slots: NDArray[np.int64], actions: NDArray[np.float64], choose: Choose) -> None:
        """Give waiting slots the leader's actions `[N, leader width]` and play on."""
        missing = self.game.width - actions.shape[1]
        padded = np.pad(actions, ((0, 0), (0, missing))) if missing else actions
        self.depth[slots] += 1
        self._advance(slots, self._step(slots, self._state.take(slots), padded), choose)

    def go_on(self, slots: NDArray[np.int64], owners: NDArray[np.int64], answers: Answers, choose: Choose) -> None:
        """Play slots on as far as answers are known, which leaves those waiting whose question is not.

        Args:
            slots: `[N]`; owners: the episode of each, `[N]`.
            answers: of episodes.
            choose: followers' actions.
        """
        while True:
            waiting = self.waiting[slots]
            slots, owners = slots[waiting], owners[waiting]
            known = answers.knows(owners, self.question[slots])
            slots, owners = slots[known], owners[known]
            if not len(slots):
                return
            self.answer(slots, answers.take(owners, self.question[slots]), choose)

    def fork(self, slots: NDArray[np.int64]) -> Plays:
        """New plays, one slot a copy of each given slot; a slot given twice becomes two plays."""
        copy = Plays(self.game, 0)
        for name in ("payoffs", "information", "depth", "waiting", "question", "carried"):
            setattr(copy, name, getattr(self, name)[slots])
        copy._state = self._state.take(slots)
        return copy

    def leader_states(self, slots: NDArray[np.int64]) -> State:
        """The given slots, which wait for the leader, as plays in arrays."""
        return self._state.take(slots)

    def observe_leader(self, slots: NDArray[np.int64]) -> NDArray[np.float32]:
        """What the leader sees in the given slots, `[N, d]`."""
        return np.asarray(self.game.observe(self.leader_states(slots), 0), dtype=np.float32)

    def open_choices(self, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which choices are open to the leader in the given slots, which wait for it, `[N, choices]`."""
        return self.game.opened(self.leader_states(slots))

    def check(self, slots: NDArray[np.int64], actions: NDArray[np.float64]) -> None:
        """Refuse the leader's actions `[N, leader width]` in the given slots, which wait for it.

        Raises:
            InvalidFieldError: one is out of range, or a choice that is not open.
        """
        self.game.check_leader(self.leader_states(slots), actions)

    def seen_by_leader(self, slots: NDArray[np.int64]) -> tuple[NDArray, ...]:
        """All that it may act on in the given slots: what it sees, and, where its turn is masked, what is open."""
        seen = self.observe_leader(slots)
        return (seen, self.open_choices(slots)) if self.game.leader_turn.masked else (seen,)

    def _advance(self, slots: NDArray[np.int64], state: State, choose: Choose) -> None:
        """Play followers' turns until every slot is over or waits for the leader.

        The state is written back only where a play waits: copying it at every turn would make a play of n followers
        cost n^2.
        """
        while len(slots):
            turn = self.game.turn(state)
            asking = turn == self.game.leader_index
            self.waiting[slots] = asking
            if asking.any():
                waiting = state if asking.all() else state.take(asking)
                self.question[slots[asking]] = self.game.information(waiting)
                self._state.put(slots[asking], waiting)
            moving = (turn != OVER) & ~asking
            if not moving.all():
                over = turn == OVER
                if self.game.memory > 1 and over.any():
                    self.carried[slots[over]] = self.game.carried(state.take(over))
                slots, turn, state = slots[moving], turn[moving], state.take(moving)
            if len(slots):
                state = self._step(slots, state, self._follower_actions(slots, state, turn, choose))

    def _follower_actions(
        self, slots: NDArray[np.int64], state: State, turn: NDArray[np.int64], choose: Choose
    ) -> NDArray[np.float64]:
        replying = self._is_reply[turn]
        if replying.all():
            return self.game.reply(state)
        actions = np.zeros((len(slots), self.game.width))
        information = self.game.information(state)
        for k in present(turn):
            learned = self._learned[k]
            if learned >= 0:
                rows = np.flatnonzero(turn == k)
                self.information[slots[rows], learned] = information[rows]
                actions[rows, 0] = choose(slots[rows], learned, information[rows])
        if replying.any():
            actions[replying] = self.game.reply(state)[replying]
        return actions

    def _step(self, slots: NDArray[np.int64], state: State, actions: NDArray[np.float64]) -> State:
        state, payoffs = self.game.step(state, actions)
        if different(payoffs).any():  # most turns pay nobody
            self.payoffs[slots] += payoffs
        return state


def _nobody(slots: NDArray[np.int64], turn: int, information: NDArray[np.int64]) -> NDArray[np.int64]:
    raise RulesError(f"learned turn {turn} is taken after all followers have moved, as `opening_rows` says")


def play_out(plays: Plays, leader: Leader, choose: Choose) -> None:
    """Play every slot that waits for the leader to its end."""
    while plays.waiting.any():
        slots = np.flatnonzero(plays.waiting)
        plays.answer(slots, leader(plays, slots), choose)
