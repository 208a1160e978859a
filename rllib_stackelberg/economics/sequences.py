"""Exact optima where one follower moves several times in a play.

Against a fixed leader table a follower without a type, in a game without chance, chooses a course of its own: a path of
its actions in which it does the same whenever it knows the same. Every leader table is tried against every such
course; of the follower's best courses the best for the leader is taken (or the worst).
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import EPSILON, ROUNDING, SURE, exceeds, tied, typical_spread
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.paths import PathRecorder, Paths, PathTable
from rllib_stackelberg.plays.plays import Plays, play_out
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.solution import StackelbergSolution, doubt
from rllib_stackelberg.rules.ties import Ties, broken

LEADER_TABLES = 100_000
COURSES = 4_096
SLOTS = 262_144
"""Most plays side by side."""


def sequence_solve(game: StackelbergGame, ties: Ties = "leader") -> StackelbergSolution | None:
    """Best leader table against a follower that knows it; None if there are more than `LEADER_TABLES`, or
    more than `COURSES` paths.

    Raises:
        InvalidFieldError: several followers, types, chance, memory, or continuous leader actions.

    >>> from rllib_stackelberg import make_game
    >>> solution = sequence_solve(make_game("iterated-bimatrix", rounds=5, follower_sees="round"))
    >>> solution.leader_value, solution.follower_values, [action for _, action in solution.leader_strategy]
    (-6.0, (-6.0,), [1, 0, 1, 0, 1])
    """
    turn = game.leader_turn
    if len(game.learned_turns) != 1 or game.nature.size > 1 or game.memory > 1 or not turn.enumerable:
        problem = "has several followers, types, chance, a memory or continuous leader actions"
        raise InvalidFieldError("game", problem, "one follower who moves, discrete leader actions")
    if turn.choices**turn.keys > LEADER_TABLES or Paths.count(game) > COURSES:
        return None
    tables = np.array(list(product(range(turn.choices), repeat=turn.keys)), dtype=float)
    paths = Paths.of(game)
    batches = np.array_split(tables, -(-len(tables) * len(paths) // SLOTS))
    values = np.concatenate([_values(_tabulate(game, paths, batch), paths, ties) for batch in batches], axis=1)
    less, values, more = values
    # Of equally good tables the first one, in lexicographic order.
    best = int(np.argmax(~exceeds(values[:, 0].max(), values[:, 0])))
    return StackelbergSolution(
        leader_value=float(values[best, 0]),
        follower_values=(float(values[best, 1]),),
        leader_strategy=tuple((key, int(action)) for key, action in enumerate(tables[best])),
        method="leader tables and courses of the follower enumerated",
        tie_break=ties,
        doubt=doubt(float(values[best, 0]), [float(less[:, 0].max()), float(more[:, 0].max())]),
    )


def _tabulate(game: StackelbergGame, paths: Paths, tables: NDArray[np.float64]) -> PathTable:
    """All paths against leader tables `[B, questions]`."""
    recorder = PathRecorder(Plays(game, len(tables) * len(paths)), paths)
    recorder.begin(np.arange(len(tables) * len(paths)))

    def leader(plays: Plays, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the table of a slot answers."""
        return tables[slots // len(paths), plays.question[slots]][:, None]

    play_out(recorder.plays, leader, recorder.choose)
    return recorder.table(np.arange(len(tables)))


def consistent(table: PathTable, paths: Paths) -> NDArray[np.bool_]:
    """Which paths do the same whenever their mover knows the same: `[B, A]`, of one follower without a type."""
    row = table.row[:, 0, 0]
    action = np.arange(row.shape[1])[:, None] // paths.strides % paths.choices
    same = (row[..., :, None] == row[..., None, :]) & (row >= 0)[..., :, None]
    differs = action[:, :, None] != action[:, None, :]
    return ~(same & differs).any(axis=(-2, -1))


def _values(table: PathTable, paths: Paths, ties: Ties) -> NDArray[np.float64]:
    """Payoffs `[3, B, agents]` of the course that the follower takes, if little, some or much is taken for rounding."""
    steps = table.paid[:, 0, 0]
    paid, sizes = steps[:, :, -1], np.abs(np.diff(steps[..., 1], axis=-1, prepend=0.0)).sum(axis=-1)
    spread = typical_spread(paid[..., 1])
    follower = np.where(consistent(table, paths), paid[..., 1], -np.inf)
    slacks = SURE * spread, ROUNDING * spread, ROUNDING * spread + 4 * EPSILON * sizes
    best = [tied(follower, sizes, slack) for slack in slacks]
    return np.stack([np.einsum("ba,bai->bi", broken(mask, paid[..., 0], ties), paid) for mask in best])
