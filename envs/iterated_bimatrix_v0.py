"""# Iterated bimatrix games: a leader who answers the last round

Leader and follower play a bimatrix game for some rounds. The leader commits to an action for every joint action of the
round before (and for the start); the follower plays against that.

```python
env = pettingzoo.make("aec", "stackelberg/iterated-bimatrix-v0", rounds=5)
```

| | leader_0 | follower_0 |
|---|---|---|
| turn | act, first in a round, unseen until the round ends | move (learned), `rounds` times |
| action | Discrete(rows) | Discrete(columns) |
| sees | the last joint action, or that it is the first round | the same; the round too with `follower_sees=round` |
| payoff of a round | leader matrix | follower matrix |

`payoffs=prisoners-dilemma`: action 0 cooperates, 1 defects; -1 each if both cooperate, 0 and -3 if one defects, -2 each
if both do; or `file=` with `leader` and `follower` matrices. Exact value: economics/sequences.py. In the five-round
dilemma the best leader table is defect first, then do what the follower did: per round -1.2 for both against a follower
that knows the round (it defects in the last one), -.8 and -1.4 against one that does not.

Source: Brero et al. 2022 (follow-up experiments with Q-learning followers); Axelrod 1984. Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field
from rllib_stackelberg.envs.bimatrix_v0 import payoff_matrices

from rllib_stackelberg.economics.sequences import sequence_solve
from rllib_stackelberg.files.folder import read_fields
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior

NAMED = {"prisoners-dilemma": ([[-1, -3], [0, -2]], [[-1, 0], [-3, -2]])}


@dataclass
class IteratedState(State):
    """`last`: joint action of the last round, -1 before; `pending`: the leader's, -1 before it; `rounds` over."""

    last: np.ndarray
    pending: np.ndarray
    rounds: np.ndarray


class IteratedBimatrix(StackelbergGame):
    """A bimatrix game played for some rounds.

    Args:
        payoffs: which game is played.
        file: JSON file with `leader` and `follower` matrices, in place of `payoffs`.
        rounds: how often it is played.
        follower_sees: whether the follower knows the round beside the last joint action (round), or not (joint).
    """

    source = "Brero et al. 2022; Axelrod 1984"
    simultaneous = True

    def __init__(
        self,
        *,
        payoffs: Literal["prisoners-dilemma"] = "prisoners-dilemma",
        file: Path | None = None,
        rounds: Annotated[int, Field(ge=1, le=50)] = 5,
        follower_sees: Literal["round", "joint"] = "joint",
    ):
        leader, follower = NAMED[payoffs] if file is None else read_fields("file", file, "leader", "follower")
        self.matrices = payoff_matrices(leader, follower)
        self.shape = self.matrices[0].shape
        self.rounds = rounds
        self.sees_round = follower_sees == "round"
        self.joint_actions = self.shape[0] * self.shape[1]
        known = 1 + self.joint_actions * (max(rounds - 1, 1) if self.sees_round else 1)
        self.turns = (
            Turn("act", 0, Discrete(self.shape[0]), "leader", rows=1 + self.joint_actions),
            Turn("move", 1, Discrete(self.shape[1]), "learned", rows=known, times=rounds),
        )
        self.prior = Prior.uniform(1)
        self.payoff_range = rounds * np.array([[m.min(), m.max()] for m in self.matrices])
        last = 1 + self.joint_actions
        self.observation_spaces = (
            Box(0, 1, (last,), np.float32),
            Box(0, 1, (last + (rounds + 1 if self.sees_round else 0),), np.float32),
        )

    def start(self, types, chance):
        """The first round."""
        empty = np.full(len(types), -1)
        return IteratedState(types, chance, empty, empty.copy(), np.zeros(len(types), dtype=np.int64))

    def turn(self, state):
        """Leader, then follower, every round."""
        return np.where(state.rounds == self.rounds, OVER, (state.pending >= 0).astype(np.int64))

    def observe(self, state, agent):
        """The last joint action (entry 0: none yet); to a follower that knows it, the round."""
        seen = np.eye(1 + self.joint_actions, dtype=np.float32)[state.last + 1]
        if agent == 1 and self.sees_round:
            seen = np.concatenate([seen, np.eye(self.rounds + 1, dtype=np.float32)[state.rounds]], axis=1)
        return seen

    def information(self, state):
        """Last joint action plus one; for a follower that knows the round, one block of them per later round."""
        key = state.last + 1
        if not self.sees_round:
            return key
        later = key + self.joint_actions * np.clip(state.rounds - 1, 0, None)
        return np.where((state.pending >= 0) & (state.rounds < self.rounds), later, key)

    def transition(self, state, actions):
        """Keep the leader's action until the follower has moved; then pay both."""
        action = actions[:, 0].astype(np.int64)
        ends = (state.pending >= 0) & (state.rounds < self.rounds)
        row = np.where(ends, state.pending, 0)
        column = np.where(ends, action, 0)
        payoffs = np.where(ends[:, None], np.stack([m[row, column] for m in self.matrices], axis=1), 0.0)
        after = IteratedState(
            state.types,
            state.chance,
            np.where(ends, row * self.shape[1] + column, state.last),
            np.where(ends | (state.rounds == self.rounds), -1, action),
            state.rounds + ends,
        )
        return after, payoffs

    def describe(self, turn, key):
        """Start, or the last joint action as two letters (C and D in a 2x2 game), and the round if it is known."""
        if key == 0:
            return "start"
        later, joint = divmod(key - 1, self.joint_actions)
        text = "".join(self._action(k) for k in divmod(joint, self.shape[1]))
        return f"{text} in round {later + 2}" if turn.kind == "learned" and self.sees_round else f"after {text}"

    def describe_action(self, turn, key, action):
        """A letter."""
        return self._action(int(action[0]))

    def _action(self, k):
        return "CD"[k] if self.shape == (2, 2) else str(k)

    def optimum(self):
        """Every leader table against every course of the follower."""
        return sequence_solve(self)
