"""# Interview: two messages, and a guess in between

One follower with a private type (uniform) sends a message; the leader names an item, as a guess that the follower
hears; the follower sends a second message; the leader, who has both, gives an item. Both get `early` if the guess is
the follower's type, and `1 - early` if the item given is.

```python
env = pettingzoo.make("aec", "stackelberg/interview-v0", types=4, messages=2)
```

| | leader_0 | follower_0 |
|---|---|---|
| turn | answer: guess after the first message, give after the second | message (learned), twice |
| action | Discrete(types), the item | Discrete(messages) |
| sees | the message, or both | its type; then also its first message and the guess |
| payoff | early [guess == type] + (1 - early) [item == type] | the same |

Two rounds of one bit do what one round of two bits does: the first message says which part of the types, and what
the second one means depends on it. The channel carries 2 log2(messages) bits per play. Exact value, with k types and m
messages: (early min(m, k) + (1 - early) min(m^2, k)) / k, since there are at most m different guesses and m^2 items to
give, and a leader that spreads them, each guess being an item that may follow it, attains both. With four types, one
bit twice and early=.25: .875; with early=0: 1, where one round of one bit is worth .5.

Source: the smallest case of talk in rounds (Aumann & Hart 2003; Forges 1990), for a leader that commits.
Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import StackelbergSolution

MESSAGE, ANSWER = 0, 1


@dataclass
class InterviewState(State):
    """`sent`: messages `[B, 2]`; `guess` `[B]`; both -1 before; `stage`: turns that are over `[B]`."""

    sent: np.ndarray
    guess: np.ndarray
    stage: np.ndarray


class Interview(StackelbergGame):
    """Allocation of one item to one follower who can send two messages.

    Args:
        types: how many types, and items: each type wants its own item.
        messages: how many different messages the follower can choose from, each time.
        early: share of the payoff that depends on the guess; the rest depends on the item given.
    """

    source = "Aumann & Hart 2003; Forges 1990"

    def __init__(
        self,
        *,
        types: Annotated[int, Field(ge=1, le=16)] = 4,
        messages: Annotated[int, Field(ge=1, le=16)] = 2,
        early: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.25,
    ):
        self.types, self.messages, self.early = types, messages, early
        self.turns = (
            Turn("message", 1, Discrete(messages), "learned", rows=types * (1 + messages * types), times=2),
            Turn("answer", 0, Discrete(types), "leader", rows=messages * (1 + messages)),
        )
        self.prior = Prior.uniform(types)
        self.payoff_range = np.array([[0.0, 1.0], [0.0, 1.0]])
        self.observation_spaces = (
            Box(0, 1, (2 * (messages + 1),), np.float32),
            Box(0, 1, (2 * types + 1 + 2 * (messages + 1),), np.float32),
        )

    def start(self, types, chance):
        """Nothing said yet."""
        plays = len(types)
        return InterviewState(
            types, chance, np.full((plays, 2), -1), np.full(plays, -1), np.zeros(plays, dtype=np.int64)
        )

    def turn(self, state):
        """Message, guess, message, item."""
        return np.where(state.stage == 4, OVER, state.stage % 2)

    def observe(self, state, agent):
        """One-hot messages (last entry: none yet); to the follower also its type and the guess."""
        sent = np.eye(self.messages + 1, dtype=np.float32)[state.sent].reshape(len(state), -1)
        if agent == 0:
            return sent
        known = np.eye(self.types, dtype=np.float32)[state.types[:, 0]]
        return np.concatenate([known, np.eye(self.types + 1, dtype=np.float32)[state.guess], sent], axis=1)

    def information(self, state):
        """Messages to the leader; to the follower its type, and then its first message and the guess."""
        kind, (first, second) = state.types[:, 0], state.sent.T
        heard = np.where(second < 0, first, self.messages * (1 + first) + second)
        told = np.where(first < 0, kind, self.types * (1 + first * self.types + state.guess) + kind)
        return np.where(state.stage % 2 == ANSWER, heard, np.where(state.stage < 4, told, kind))

    def transition(self, state, actions):
        """Send, guess, send, give."""
        action = actions[:, 0].astype(np.int64)
        sending, round_ = state.stage % 2 == MESSAGE, np.arange(2) == state.stage[:, None] // 2
        right = (action == state.types[:, 0]) & ~sending & (state.stage < 4)
        payoff = np.where(right, np.where(state.stage == 1, self.early, 1 - self.early), 0.0)
        after = InterviewState(
            state.types,
            state.chance,
            np.where(round_ & sending[:, None], action[:, None], state.sent),
            np.where(state.stage == 1, action, state.guess),
            np.minimum(state.stage + 1, 4),
        )
        return after, np.stack([payoff, payoff], axis=1)

    def describe_action(self, turn, key, action):
        """An item; a message's number."""
        return f"item {int(action[0])}" if turn.kind == "leader" else super().describe_action(turn, key, action)

    def describe(self, turn, key):
        """The messages, or the type and what has been said."""
        if turn.kind == "leader":
            first, second = divmod(key - self.messages, self.messages)
            return f"message {key}" if key < self.messages else f"messages {first}, {second}"
        said, kind = divmod(key, self.types)
        if not said:
            return f"type {kind}"
        first, guess = divmod(said - 1, self.types)
        return f"type {kind}, sent {first}, heard {guess}"

    def optimum(self):
        """Item l m + k is given after message k, then l; the guess after k is item k."""
        k, m = self.types, self.messages
        value = (self.early * min(m, k) + (1 - self.early) * min(m * m, k)) / k
        guesses = [min(first, k - 1) for first in range(m)]
        items = [second * m + first for first in range(m) for second in range(m)]
        given = [item if item < k else guesses[n // m] for n, item in enumerate(items)]
        return StackelbergSolution(
            leader_value=value,
            follower_values=(value,),
            leader_strategy=tuple(enumerate([*guesses, *given])),
            method="closed form",
            tie_break="lowest",
        )
