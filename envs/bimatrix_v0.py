"""# Bimatrix games with commitment

The leader (rows) commits, the follower (columns) responds. This is the file to copy for a new game.

```python
import pettingzoo, rllib_stackelberg
env = pettingzoo.make("aec", "stackelberg/escape-v0")
env = pettingzoo.make("aec", "stackelberg/bimatrix-v0", leader=[[2, 4], [1, 3]], follower=[[1, 0], [0, 1]])
```

| | leader_0 | follower_0 |
|---|---|---|
| turn | commit | respond (learned) |
| action, pure | row | column |
| action, `mixed=True` | a point of the unit box: entries over their sum, uniform if that is 0 | column |
| sees | whether it has committed | the same; the row too if `sees_leader=True` (pure only) |
| payoff | leader matrix at the entry (expected, if mixed) | follower matrix at the entry |

Named instances, payoffs divided by the largest entry of the bimatrix: `escape`, `maintain` (Brero et al. 2022)
and `conitzer` (Conitzer & Sandholm 2006). `bimatrix` takes payoffs as they are: `leader=` and `follower=`, or a JSON
`file=` with those two keys, or a game of two players in Gambit's format (`file=game.nfg`), or one of pygambit's
catalogue (`catalogue=journals/ijgt/nau2004/sec3`; of a tree its reduced normal form). `leads=` says which of the two
players of a file or a catalogue leads, by number from 1 or by name. `random-bimatrix` draws uniform payoffs of
`actions=` rows and columns from a `seed=`. Exact values: best row, or the linear program of Conitzer & Sandholm (2006).

Version history: v0, first release.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.commitment.bimatrix import mixed_commitment_solve, pure_commitment_solve
from rllib_stackelberg.commitment.mixtures import mixtures
from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import read_fields
from rllib_stackelberg.formats.nfg import nfg_text
from rllib_stackelberg.formats.normal_form import NormalForm, unique_names
from rllib_stackelberg.formats.sources import normal_form_from
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import Method

NAMED = {
    "escape": (
        [[15, 10, 0], [10, 10, 0], [0, 0, 30]],
        [[15, 10, 0], [10, 10, 0], [0, 0, 30]],
    ),
    "maintain": (
        [[20, 0, 0], [30, 10, 0], [0, 0, 5]],
        [[15, 0, 0], [0, 5, 0], [0, 0, 10]],
    ),
    "conitzer": ([[1, 3], [0, 2]], [[1, 0], [0, 1]]),
}


@dataclass
class BimatrixState(State):
    """`weights`: the leader's commitment `[B, rows]`; `moves`: turns taken `[B]`."""

    weights: np.ndarray
    moves: np.ndarray


class Bimatrix(StackelbergGame):
    """A bimatrix game whose row player commits first.

    Args:
        leader: the leader's payoffs, a list of numbers for each row.
        follower: the follower's payoffs, in the same shape.
        file: JSON file with both matrices, or a game of two players in Gambit's format (.nfg), in their place.
        catalogue: name of a game of two players in pygambit's catalogue, in their place.
        leads: which player of such a game leads, by number from 1 or by name.
        mixed: whether the leader commits to probabilities of rows instead of one row.
        sees_leader: whether the follower sees the row before it answers; not with `mixed`.
    """

    source = "Conitzer & Sandholm 2006; Brero et al. 2022"
    named: NormalForm | None = None

    def __init__(
        self,
        *,
        leader: list[list[float]] | None = None,
        follower: list[list[float]] | None = None,
        file: Path | None = None,
        catalogue: str | None = None,
        leads: int | str = 1,
        mixed: bool = False,
        sees_leader: bool = False,
    ):
        named = normal_form_from(file, catalogue)
        if named is not None:
            self.named = _of_two(named, "catalogue" if file is None else "file").led_by(leads)
            leader, follower = np.moveaxis(self.named.numbers, -1, 0).tolist()
        elif file is not None:
            leader, follower = read_fields("file", file, "leader", "follower")
        if named is None and str(leads) != "1":
            raise InvalidFieldError("leads", "needs a game with players", "file=game.nfg or catalogue=")
        if leader is None or follower is None:
            raise InvalidFieldError("leader", "no matrices given", "leader= and follower=, file= or catalogue=")
        if mixed and sees_leader:
            raise InvalidFieldError("sees_leader", "a mixed commitment has no row to see", "false with mixed")
        self.leader_matrix, self.follower_matrix = payoff_matrices(leader, follower)
        self.mixed, self.simultaneous = mixed, not sees_leader
        rows, columns = self.leader_matrix.shape
        commit = Box(0.0, 1.0, (rows,), np.float64) if mixed else Discrete(rows)
        self.turns = (
            Turn("commit", 0, commit, "leader"),
            Turn("respond", 1, Discrete(columns), "learned", rows if sees_leader else 1, sees_leader),
        )
        self.prior = Prior.uniform(1)
        matrices = (self.leader_matrix, self.follower_matrix)
        self.payoff_range = np.array([[m.min(), m.max()] for m in matrices])
        seen = 2 + (rows if sees_leader else 0)
        self.observation_spaces = (Box(0, 1, (2,), np.float32), Box(0, 1, (seen,), np.float32))

    def start(self, types, chance):
        """Nobody has moved."""
        return BimatrixState(
            types,
            chance,
            np.zeros((len(types), len(self.leader_matrix))),
            np.zeros(len(types), dtype=np.int64),
        )

    def turn(self, state):
        """Leader, then follower."""
        return np.where(state.moves < 2, state.moves, OVER)

    def observe(self, state, agent):
        """Whether the leader has committed; the row, to a follower that sees it."""
        committed = (state.moves > 0).astype(np.float32)[:, None]
        parts = [1 - committed, committed]
        if agent == 1 and self.turns[1].sees_leader:
            parts.append(state.weights)
        return np.concatenate(parts, axis=1).astype(np.float32)

    def information(self, state):
        """The row seen by a follower that sees it."""
        if not self.turns[1].sees_leader:
            return np.zeros(len(state), dtype=np.int64)
        return np.where(state.moves == 1, state.weights.argmax(axis=1), 0)

    def transition(self, state, actions):
        """Keep the commitment; pay when the follower has moved."""
        rows, columns = self.leader_matrix.shape
        if self.mixed:
            commitment = mixtures(actions[:, :rows])
        else:
            commitment = np.eye(rows)[np.clip(actions[:, 0].astype(np.int64), 0, rows - 1)]
        weights = np.where(state.moves[:, None] == 0, commitment, state.weights)
        column = np.clip(actions[:, 0].astype(np.int64), 0, columns - 1)
        leader = (weights * self.leader_matrix.T[column]).sum(axis=1)
        follower = (weights * self.follower_matrix.T[column]).sum(axis=1)
        payoffs = np.where(state.moves[:, None] == 1, np.stack([leader, follower], axis=1), 0.0)
        return BimatrixState(state.types, state.chance, weights, state.moves + 1), payoffs

    def describe_action(self, turn, key, action):
        """A row or column; of a mixed commitment the rows with their probabilities."""
        if turn.kind == "leader" and self.mixed:
            return super().describe_action(turn, key, action)
        return self._names(turn)[int(action[0])]

    def probabilities(self, turn, key, action):
        """Of a mixed commitment those of rows."""
        if turn.kind == "learned" or not self.mixed:
            return None
        return dict(zip(self._names(turn), mixtures(action[None])[0].tolist(), strict=True))

    def _names(self, turn):
        """Of rows or columns."""
        what, count = ("row", "column")[turn.agent], self.leader_matrix.shape[turn.agent]
        names = range(count) if self.named is None else unique_names(self.named.strategies[turn.agent])
        return [f"{what} {name}" for name in names]

    def exports(self):
        """Gambit's format; the leader is the first player."""
        matrices = np.stack([self.leader_matrix, self.follower_matrix], axis=-1)
        return {".nfg": lambda: nfg_text(self.named or NormalForm.of(matrices))}

    def methods(self):
        """Best row, or the linear programs of a mixed commitment."""
        if self.mixed:
            return {"linear-programs": Method(self._mixed_commitment)}
        return {"rows": Method(lambda: pure_commitment_solve(self.leader_matrix, self.follower_matrix))}

    def _mixed_commitment(self):
        """The optimum; fractions are no floats: of payoffs of 1/3 a follower is indifferent where they are integers."""
        if self.named is None:
            return mixed_commitment_solve(self.leader_matrix, self.follower_matrix)
        whole, factor = self.named.in_integers(1)
        found = mixed_commitment_solve(self.leader_matrix, whole)
        return replace(found, follower_values=tuple(value / factor for value in found.follower_values))


class NamedBimatrix(Bimatrix):
    """A bimatrix game from the literature, payoffs divided by the largest entry.

    Args:
        named: which game of the literature.
        mixed: whether the leader commits to probabilities of rows instead of one row.
        sees_leader: whether the follower sees the row before it answers; not with `mixed`.
    """

    def __init__(
        self,
        *,
        named: Literal["escape", "maintain", "conitzer"],
        mixed: bool = False,
        sees_leader: bool = False,
    ):
        leader, follower = (np.array(matrix, dtype=float) for matrix in NAMED[named])
        largest = max(leader.max(), follower.max())
        super().__init__(
            leader=(leader / largest).tolist(),
            follower=(follower / largest).tolist(),
            mixed=mixed,
            sees_leader=sees_leader,
        )

    @property
    def utility_scale(self) -> float:
        """The paper's payoffs as they are."""
        return 1.0


class RandomBimatrix(Bimatrix):
    """A square bimatrix game of independent payoffs, uniform in [0, 1].

    Args:
        actions: how many rows, and as many columns.
        seed: of the payoffs.
        mixed: whether the leader commits to probabilities of rows instead of one row.
        sees_leader: whether the follower sees the row before it answers; not with `mixed`.
    """

    def __init__(
        self,
        *,
        actions: Annotated[int, Field(ge=1, le=100)] = 3,
        seed: Annotated[int, Field(ge=0)] = 0,
        mixed: bool = False,
        sees_leader: bool = False,
    ):
        leader, follower = np.random.default_rng(seed).random((2, actions, actions))
        super().__init__(leader=leader.tolist(), follower=follower.tolist(), mixed=mixed, sees_leader=sees_leader)


def _of_two(game: NormalForm, field: str) -> NormalForm:
    """The game, refused by name unless it has two players."""
    if len(game.players) != 2:
        raise InvalidFieldError(field, f"has a game of {len(game.players)} players", "two players")
    return game


def payoff_matrices(leader: list[list[float]], follower: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """The two matrices of a bimatrix game, refused by name unless they are finite and of one shape."""
    matrices = _matrix("leader", leader), _matrix("follower", follower)
    if matrices[0].shape != matrices[1].shape:
        raise InvalidFieldError("follower", "differs in shape from leader", f"{matrices[0].shape}")
    return matrices


def _matrix(field: str, entries: list[list[float]]) -> np.ndarray:
    try:
        matrix = np.asarray(entries, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError(field, "is ragged or not numeric", "rows of equally many numbers") from error
    if matrix.ndim != 2 or matrix.size == 0:
        raise InvalidFieldError(field, f"has shape {matrix.shape}", "a matrix with at least one entry")
    check_comparable(field, matrix)
    return matrix
