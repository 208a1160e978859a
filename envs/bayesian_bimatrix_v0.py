"""# Bayesian Stackelberg games: followers of private types respond to a mixed commitment

The leader commits to a row, or to probabilities of rows. Each follower knows its type and answers with a column. What
it gets depends on the leader's row, its column and its type; the leader gets a payoff from each follower.

```python
env = pettingzoo.make("aec", "stackelberg/bayesian-bimatrix-v0", types=3, rows=4, columns=3, seed=1)
env = pettingzoo.make("aec", "stackelberg/bayesian-bimatrix-v0", followers=2, mixed=False)
```

| | leader_0 | follower_i |
|---|---|---|
| turn | commit | respond (learned, a row for each of its types) |
| action | a point of the unit box: entries over their sum; `mixed=False`: row | column |
| sees | whether it has committed | its type; whether it has responded |
| payoff | sum over followers of its payoff from each | its payoff at row, column and type (expected, if mixed) |

Payoffs: `leader=` and `follower=`, `[follower][type][row][column]`, or a JSON `file=` with those two keys
and `prior`; or random ones from `seed=`, uniform on [0, 1). `prior=` has a list of probabilities for each follower,
equal ones if it is not given; types of different followers are independent. With several followers this is a
polymatrix game:
none of them is paid by what another one does.

Exact value: linear programmes for tuples of columns, in fractions, where they are few; else branch and bound over
types' answers, or DOBSS's mixed-integer programme. Of pure commitment the best row.

Source: Conitzer & Sandholm 2006 (EC); Paruchuri, Pearce, Marecki, Tambe, Ordonez & Kraus 2008 (AAMAS). Version history:
v0, first release.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.commitment.bayesian import ordered_methods, typed_pure_solve
from rllib_stackelberg.commitment.mixtures import mixtures
from rllib_stackelberg.commitment.typed_payoffs import TypedPayoffs
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import read_fields
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import Method

Size = Annotated[int, Field(ge=1, le=64)]


@dataclass
class BayesianBimatrixState(State):
    """`weights`: the leader's commitment `[B, rows]`; `columns`: `[B, followers]`; `moves`: turns taken `[B]`."""

    weights: np.ndarray
    columns: np.ndarray
    moves: np.ndarray


class BayesianBimatrix(StackelbergGame):
    """A row player commits, column players of private types respond.

    Args:
        followers: how many there are in a random game; none is paid by what another one does.
        types: how many types each follower has in a random game.
        rows: how many rows the leader has in a random game.
        columns: how many columns each follower has in a random game.
        seed: of the random payoffs.
        leader: the leader's payoffs [follower][type][row][column], in place of random ones.
        follower: the followers' payoffs, in the same shape.
        prior: probabilities of types [follower][type]; equal if they are not given.
        file: JSON file with `leader`, `follower` and `prior`, in their place.
        mixed: whether the leader commits to probabilities of rows instead of one row.
    """

    source = "Conitzer & Sandholm 2006; Paruchuri et al. 2008"
    simultaneous = True

    def __init__(
        self,
        *,
        followers: Annotated[int, Field(ge=1, le=16)] = 1,
        types: Size = 2,
        rows: Size = 3,
        columns: Size = 3,
        seed: Annotated[int, Field(ge=0)] = 0,
        leader: list | None = None,
        follower: list | None = None,
        prior: list | None = None,
        file: Path | None = None,
        mixed: bool = True,
    ):
        if file is not None:
            leader, follower, prior = read_fields("file", file, "leader", "follower", "prior")
        if (leader is None) != (follower is None):
            missing = "leader" if leader is None else "follower"
            raise InvalidFieldError(missing, "is not given, but the other side's payoffs are", "payoffs of both sides")
        if leader is None:
            leader, follower = np.random.default_rng(seed).random((2, followers, types, rows, columns))
        self.payoffs = TypedPayoffs.of(leader, follower, prior)
        self.mixed = mixed
        self._own = [np.stack(own) for own in _same_columns(self.payoffs, self.payoffs.leader)]
        self._theirs = [np.stack(own) for own in _same_columns(self.payoffs, self.payoffs.follower)]
        self.prior = Prior.independent(*map(np.array, self.payoffs.by_follower(self.payoffs.weights.tolist())))
        rows = self.payoffs.rows
        commit = Box(0.0, 1.0, (rows,), np.float64) if mixed else Discrete(rows)
        self.turns = (
            Turn("commit", 0, commit, "leader"),
            *(
                Turn("respond", i + 1, Discrete(own.shape[2]), "learned", rows=len(own))
                for i, own in enumerate(self._own)
            ),
        )
        won = sum(np.array([own.min(), own.max()]) for own in self._own)
        self.payoff_range = np.array([won, *([theirs.min(), theirs.max()] for theirs in self._theirs)])
        widths = (1, *(size + 1 for size in self.payoffs.sizes))
        self.observation_spaces = tuple(Box(0, 1, (width,), np.float32) for width in widths)

    def start(self, types, chance):
        """Nobody has moved."""
        plays = len(types)
        return BayesianBimatrixState(
            types,
            chance,
            np.zeros((plays, self.payoffs.rows)),
            np.zeros((plays, len(self._own)), dtype=np.int64),
            np.zeros(plays, dtype=np.int64),
        )

    def turn(self, state):
        """The leader, then the followers in turn, none seeing what was done."""
        return np.where(state.moves < len(self.turns), state.moves, OVER)

    def observe(self, state, agent):
        """Whether it has moved; a follower's type."""
        moved = (state.moves > agent).astype(np.float32)[:, None]
        if agent == 0:
            return moved
        known = np.eye(self.payoffs.sizes[agent - 1], dtype=np.float32)[state.types[:, agent - 1]]
        return np.concatenate([known, moved], axis=1)

    def information(self, state):
        """The follower's type."""
        follower = np.clip(state.moves - 1, 0, len(self._own) - 1)
        return np.where(state.moves > 0, state.types[np.arange(len(state)), follower], 0)

    def transition(self, state, actions):
        """Keep commitment and columns; pay when all have moved."""
        rows, first = self.payoffs.rows, state.moves == 0
        if self.mixed:
            commitment = mixtures(np.where(first[:, None], actions[:, :rows], 1.0))
        else:
            commitment = np.eye(rows)[np.clip(actions[:, 0].astype(np.int64), 0, rows - 1)]
        columns = state.columns.copy()
        answers = np.flatnonzero((state.moves > 0) & (state.moves < len(self.turns)))
        columns[answers, state.moves[answers] - 1] = actions[answers, 0].astype(np.int64)
        weights = np.where(first[:, None], commitment, state.weights)
        last = (state.moves == len(self.turns) - 1)[:, None]
        payoffs = np.where(last, self._paid(state.types, weights, columns), 0.0)
        return BayesianBimatrixState(state.types, state.chance, weights, columns, state.moves + 1), payoffs

    def _paid(self, types, weights, columns):
        """Expected payoffs `[B, agents]`."""
        paid = np.zeros((len(types), len(self.turns)))
        for f, (own, theirs) in enumerate(zip(self._own, self._theirs, strict=True)):
            at = types[:, f], slice(None), columns[:, f]
            paid[:, 0] += (weights * own[at]).sum(axis=1)
            paid[:, f + 1] = (weights * theirs[at]).sum(axis=1)
        return paid

    def describe(self, turn, key):
        """A follower's type."""
        return f"type {key}" if turn.kind == "learned" else turn.name

    def describe_action(self, turn, key, action):
        """A row or column; of a mixed commitment the rows with their probabilities."""
        if turn.kind == "learned":
            return f"column {int(action[0])}"
        return super().describe_action(turn, key, action) if self.mixed else f"row {int(action[0])}"

    def probabilities(self, turn, key, action):
        """Of a mixed commitment those of rows."""
        if turn.kind == "learned" or not self.mixed:
            return None
        return {f"row {row}": share for row, share in enumerate(mixtures(action[None])[0].tolist())}

    def methods(self):
        """Ways to the best mixture; of pure commitment all rows."""
        if not self.mixed:
            return {"rows": Method(partial(typed_pure_solve, self.payoffs))}
        return ordered_methods(self.payoffs)


def _same_columns(payoffs, matrices):
    """Matrices by follower, refused by name unless a follower has equally many columns whatever its type is."""
    found = payoffs.by_follower(matrices)
    for f, own in enumerate(found):
        counts = sorted({matrix.shape[1] for matrix in own})
        if len(counts) > 1:
            problem = f"gives types of follower {f} {counts[0]} and {counts[-1]} columns"
            raise InvalidFieldError("follower", problem, "equally many for all types of a follower")
    return found
