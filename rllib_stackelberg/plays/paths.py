"""Every course that plays can take against fixed leader answers, for games in which followers move several times.

A path is a sequence of followers' actions, in the order in which they are made, whoever makes them. The table of all
paths from all states that an earlier play can have left (`[entry, carried, nature, path]`) is what learners from
experience walk along: where a play stands after some actions is any path that begins with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.plays.grid import Grid
from rllib_stackelberg.plays.outcomes import Profiles
from rllib_stackelberg.plays.plays import Leader, Plays, play_out
from rllib_stackelberg.rules.game import StackelbergGame


@dataclass(frozen=True, eq=False)
class Paths:
    """All (carried state, nature, path) triples of a game, in this order.

    Attributes:
        game: the game; nature: `[T, width]`; probabilities: `[T]`.
        moves: followers' moves in a path, L; choices: actions of each, K. A path that names an action its mover does
            not have stands for the mover's last one.
    """

    game: StackelbergGame
    nature: Index
    probabilities: NDArray[np.float64]
    moves: int
    choices: int

    @staticmethod
    def count(game: StackelbergGame) -> int:
        """Number of triples, without building them."""
        choices = max((turn.choices for turn in game.learned_turns), default=1)
        return game.memory * game.nature.size * choices**game.moves

    @classmethod
    def of(cls, game: StackelbergGame) -> Paths:
        """Enumerate nature."""
        choices = max((turn.choices for turn in game.learned_turns), default=1)
        return cls(game, *game.nature.support(), moves=game.moves, choices=choices)

    def __len__(self) -> int:
        return self.count(self.game)

    @cached_property
    def strides(self) -> Index:
        """Steps in the path's index per step of each action; the last one's is 1."""
        return self.choices ** np.arange(self.moves - 1, -1, -1)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Carried states, values of nature, paths."""
        return self.game.memory, len(self.nature), self.choices**self.moves

    def starts(self) -> tuple[Index, Index]:
        """Nature `[len, width]` and carried state `[len]` of every triple."""
        grid = Grid(*self.shape)
        return self.nature[grid.nature_of(grid.slots())], grid.entry_of(grid.slots())


class PathTable(NamedTuple):
    """What happens along every path against the answers of B leader episodes.

    mover: learned turn of each move, -1 where there is none any more, `[B, C, T, A, L]`; row: of the mover, likewise.
    paid: payoffs up to each move, and to the end of the play, `[B, C, T, A, L + 1, agents]`.
    after: state left to the next play, `[B, C, T, A]`. strides `[L]`, probabilities `[T]`: of `Paths`.
    """

    mover: Index
    row: Index
    paid: NDArray[np.float64]
    after: Index
    strides: Index
    probabilities: NDArray[np.float64]


class PathRecorder:
    """Steers plays along their paths and writes down what happens; slots run over (entry, triple)."""

    def __init__(self, plays: Plays, paths: Paths):
        self.plays = plays
        self.paths = paths
        slots, moves = len(plays.payoffs), paths.moves
        self._choices = np.array([turn.choices for turn in paths.game.learned_turns], dtype=np.int64)
        self._made = np.zeros(slots, dtype=np.int64)
        self._mover = np.full((slots, moves), -1, dtype=np.int64)
        self._row = np.full((slots, moves), -1, dtype=np.int64)
        self._paid = np.zeros((slots, moves, plays.payoffs.shape[1]))

    def begin(self, slots: Index) -> None:
        """Start the given slots anew, up to the leader's first turn."""
        self._made[slots] = 0
        self._mover[slots] = self._row[slots] = -1
        self._paid[slots] = 0.0
        nature, carried = self.paths.starts()
        triples = slots % len(self.paths)
        self.plays.begin(slots, nature[triples], self.choose, carried[triples])

    def choose(self, slots: Index, turn: int, information: Index) -> Index:
        """The next action of each slot's path (`plays.Choose`)."""
        made = self._made[slots]
        self._mover[slots, made], self._row[slots, made] = turn, information
        self._paid[slots, made] = self.plays.payoffs[slots]
        self._made[slots] += 1
        digit = slots // self.paths.strides[made] % self.paths.choices
        return np.minimum(digit, self._choices[turn] - 1)

    def table(self, entries: Index) -> PathTable:
        """What the plays of the given entries have shown; all of them are over."""
        shape = (-1, *self.paths.shape)
        paid = np.concatenate([self._paid, self.plays.payoffs[:, None]], axis=1)
        # Moves that were not made: nothing is paid between the last one and the end.
        unmade = np.concatenate([self._mover < 0, np.zeros((len(paid), 1), dtype=bool)], axis=1)
        paid = np.where(unmade[..., None], self.plays.payoffs[:, None], paid)
        parts = (self._mover, self._row, paid, self.plays.carried)
        tables = [np.ascontiguousarray(part.reshape(*shape, *part.shape[1:])[entries]) for part in parts]
        mover, row, paid, after = tables
        return PathTable(mover, row, paid, after, self.paths.strides, self.paths.probabilities)


def paths_against(game: StackelbergGame, leader: Leader) -> PathTable:
    """All paths against a leader, one entry."""
    paths = Paths.of(game)
    recorder = PathRecorder(Plays(game, len(paths)), paths)
    recorder.begin(np.arange(len(paths)))
    play_out(recorder.plays, leader, recorder.choose)
    return recorder.table(np.zeros(1, dtype=np.int64))


def courses(game: StackelbergGame) -> int:
    """Number of different plays of a game against fixed leader answers: its profiles, or its paths."""
    return Profiles.count(game) if game.one_shot else Paths.count(game)
