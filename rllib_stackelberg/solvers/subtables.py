"""A leader table taken apart: what its parts can lead to, each different consequence once.

Two questions belong together if some play meets both, whatever was answered before. Plays of one *component* meet none
of another's questions, so a leader table is a free choice of one *sub-table* per component, and its outcomes are those
of its sub-tables side by side. Sub-tables are grown like an episode is asked (elicitation.py): the first open question
is answered in every way, the plays go on, and so forth; only questions that are reached get an answer, and of
sub-tables with equal outcomes one is kept. Exponential in the depth of a component instead of the number of questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.plays.outcomes import Profiles
from rllib_stackelberg.plays.plays import Choose, Plays
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.solvers.enumeration import OUTCOMES
from rllib_stackelberg.solvers.pure_equilibria import shown

if TYPE_CHECKING:
    from scipy import sparse
    from scipy.sparse import csgraph
else:
    sparse, csgraph = LazyModule("scipy.sparse"), LazyModule("scipy.sparse.csgraph")

SLOTS = 1 << 16
"""Plays advanced side by side; bounds memory."""

PLAYS = 20_000_000
"""Most plays begun or forked while a game is taken apart: about half a minute of one core."""


@dataclass(frozen=True, eq=False)
class Component:
    """Profiles whose plays meet the same questions, and the sub-tables that differ on them.

    Attributes:
        profiles: `[P]`, positions in the flattened (nature, joint action) axes of an outcome table.
        questions: `[Q]`, keys of the leader's questions; none where plays do not ask the leader.
        answers: `[N, Q]`, action at each question, -1 where the sub-table does not reach it.
        payoffs: `[N, P, agents]`; information: `[N, P, learned turns]`, as in an outcome table.
        leader_matters: whether what followers play depends on the leader's payoffs, too.
    """

    profiles: Index
    questions: Index
    answers: Index
    payoffs: NDArray[np.float64]
    information: Index
    leader_matters: bool = False

    @cached_property
    def kinds(self) -> Index:
        """`[N]`: followers play the same against sub-tables of one kind; numbered in order of appearance."""
        numbers: dict[bytes, int] = {}
        rows = zip(self.payoffs[..., 0 if self.leader_matters else 1 :], self.information, strict=True)
        return np.array([numbers.setdefault(own.tobytes() + info.tobytes(), len(numbers)) for own, info in rows])

    @cached_property
    def first(self) -> Index:
        """The first sub-table of every kind."""
        return np.unique(self.kinds, return_index=True)[1]

    def pairs(self, subtable: int) -> list[tuple[int, int]]:
        """(question key, action) of every question that a sub-table reaches."""
        row = self.answers[subtable]
        return [(int(self.questions[q]), int(row[q])) for q in np.flatnonzero(row >= 0)]


def components(game: StackelbergGame) -> list[Component]:
    """Take a game apart.

    Raises:
        InvalidFieldError: leader actions are not discrete, its questions not finite, or the game is too large.

    >>> from rllib_stackelberg import make_game
    >>> [len(part.answers) for part in components(make_game("simple-allocation", types=3, messages=2))]
    [3, 3]
    """
    turn, name = game.leader_turn, name_of(game)
    if not turn.enumerable or turn.rows is None:
        raise InvalidFieldError("game", f"{name} has continuous leader actions or questions", "discrete leader actions")
    if not game.one_shot:
        raise InvalidFieldError(
            "game", f"{name} has followers that move several times, or a memory", "one move per play"
        )
    if (outcomes := Profiles.count(game)) > OUTCOMES:
        allowed = f"up to {OUTCOMES:,}; or train a leader, which needs no table of them"
        raise InvalidFieldError("game", f"{name} has {shown(outcomes)} outcomes against one leader table", allowed)
    return list(_Growth(game).components())


class _Growth:
    """Growing sub-tables, counting the plays that takes."""

    def __init__(self, game: StackelbergGame):
        self.game = game
        self.profiles = Profiles.of(game)
        turn = game.leader_turn
        self.questions, self.actions = turn.keys, np.arange(turn.choices)
        self.plays = 0

    def components(self) -> Iterator[Component]:
        """One component after the other, plays that never ask the leader last."""
        every = np.arange(len(self.profiles))
        start = self._begin(every)
        label = self._labels(start, every)
        entered = np.where(start.waiting, label[start.question], self.questions)
        for component in np.unique(entered):
            profiles = np.flatnonzero(entered == component)
            yield self._grown(profiles, np.flatnonzero(label == component))

    def _choose(self, owner: Index) -> Choose:
        """Followers' actions, slot s playing profile `owner[s]`."""
        return lambda slots, turn, information: self.profiles.choose(owner[slots], turn, information)

    def _count(self, plays: int) -> None:
        self.plays += plays
        if self.plays > PLAYS:
            name = name_of(self.game)
            raise InvalidFieldError("game", f"{name} has too many different leader tables", f"up to {PLAYS} plays")

    def _begin(self, profiles: Index) -> Plays:
        self._count(len(profiles))
        plays = Plays(self.game, len(profiles))
        plays.begin(np.arange(len(profiles)), self.profiles.nature_at(profiles), self._choose(profiles))
        return plays

    def _labels(self, plays: Plays, owner: Index) -> Index:
        """Component of every question `[questions]`, by following plays through all of the leader's actions."""
        edges = np.zeros((0, 2), dtype=np.int64)
        stack = [(plays, owner)]
        while stack:
            plays, owner = stack.pop()
            waiting = np.flatnonzero(plays.waiting)
            for some in _pieces(waiting, SLOTS // len(self.actions)):
                slots = np.repeat(some, len(self.actions))
                self._count(len(slots))
                after, heirs = plays.fork(slots), owner[slots]
                answers = np.tile(self.actions, len(some)).astype(float)[:, None]
                after.answer(np.arange(len(slots)), answers, self._choose(heirs))
                met = np.stack([plays.question[slots], after.question], axis=1)[after.waiting]
                edges = np.unique(np.concatenate([edges, met]), axis=0)
                stack.append((after, heirs))
        graph = sparse.coo_array((np.ones(len(edges)), tuple(edges.T)), shape=(self.questions,) * 2)
        return np.asarray(csgraph.connected_components(graph, directed=False)[1], dtype=np.int64)

    def _grown(self, profiles: Index, questions: Index) -> Component:
        """All sub-tables of the given profiles, whose plays meet only the given questions."""
        width, column = len(profiles), np.full(self.questions, -1)
        column[questions] = np.arange(len(questions))
        found: dict[bytes, tuple[Index, NDArray[np.float64], Index]] = {}
        stack = [(self._begin(profiles), np.full((1, len(questions)), -1))]
        while stack:
            plays, answers = stack.pop()
            self._advance(plays, answers, column, np.tile(profiles, len(answers)))
            waiting = plays.waiting.reshape(-1, width)
            for row in np.flatnonzero(~waiting.any(axis=1)):
                slots = slice(row * width, (row + 1) * width)
                # Adding zero makes -0.0 the same bytes as 0.0.
                payoffs, information = plays.payoffs[slots] + 0.0, plays.information[slots]
                found.setdefault(payoffs.tobytes() + information.tobytes(), (answers[row], payoffs, information))
            pieces = list(_pieces(np.flatnonzero(waiting.any(axis=1)), SLOTS // (width * len(self.actions))))
            stack += [self._branched(plays, answers, column, rows, width) for rows in reversed(pieces)]
        kept, payoffs, information = (np.stack(part) for part in zip(*found.values(), strict=True))
        return Component(profiles, questions, kept, payoffs, information)

    def _advance(self, plays: Plays, answers: Index, column: Index, owner: Index) -> None:
        """Play on wherever the open question has been answered."""
        while True:
            slots = np.flatnonzero(plays.waiting)
            given = answers[slots // (len(owner) // len(answers)), column[plays.question[slots]]]
            slots, given = slots[given >= 0], given[given >= 0]
            if not len(slots):
                return
            plays.answer(slots, given.astype(float)[:, None], self._choose(owner))

    def _branched(self, plays: Plays, answers: Index, column: Index, rows: Index, width: int) -> tuple[Plays, Index]:
        """The given partial sub-tables, each with every answer to its first open question."""
        slots = rows[:, None] * width + np.arange(width)
        depth = np.where(plays.waiting[slots], plays.depth[slots], np.iinfo(np.int64).max)
        opened = column[plays.question[slots[np.arange(len(rows)), depth.argmin(axis=1)]]]
        after = np.repeat(answers[rows], len(self.actions), axis=0)
        after[np.arange(len(after)), np.repeat(opened, len(self.actions))] = np.tile(self.actions, len(rows))
        heirs = np.repeat(slots, len(self.actions), axis=0).ravel()
        self._count(len(heirs))
        return plays.fork(heirs), after


def _pieces(rows: Index, most: int) -> Iterator[Index]:
    """The rows, at most so many (and at least one) at a time."""
    for start in range(0, len(rows), max(1, most)):
        yield rows[start : start + max(1, most)]
