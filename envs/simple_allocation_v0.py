"""# Simple allocation: one message, one item

One follower with a private type (uniform) sends a message; the leader sees it and gives one of as many items
as there are types. Both get 1 if the item is the follower's type, else 0.

```python
env = pettingzoo.make("aec", "stackelberg/simple-allocation-v0", types=3, messages=2)
```

| | leader_0 | follower_0 |
|---|---|---|
| turn | allocate, second | message (learned) |
| action | Discrete(types), the item | Discrete(messages) |
| sees | the message | its type |
| payoff | 1 if item == type | 1 if item == type |

The channel carries log2(messages) bits per play. Exact value: min(types, messages) / types, since a leader
table gives out at most as many different items as there are messages, and a follower whose item is among them
asks for it.

Source: Brero et al. 2022. Version history: v0, first release.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import StackelbergSolution

Size = Annotated[int, Field(ge=1, le=1024)]


@dataclass
class SimpleAllocationState(State):
    """`message`: sent, -1 before `[B]`; `done`: item given `[B]`."""

    message: np.ndarray
    done: np.ndarray


class SimpleAllocation(StackelbergGame):
    """Allocation of one item to one follower who can send a message.

    Args:
        types: how many types, and items: each type wants its own item.
        messages: how many different messages the follower can choose from.
    """

    source = "Brero et al. 2022"

    def __init__(self, *, types: Size = 3, messages: Size = 3):
        self.types, self.messages = types, messages
        self.turns = (
            Turn("message", 1, Discrete(messages), "learned", rows=types),
            Turn("allocate", 0, Discrete(types), "leader", rows=messages),
        )
        self.prior = Prior.uniform(types)
        self.payoff_range = np.array([[0.0, 1.0], [0.0, 1.0]])
        self.observation_spaces = (
            Box(0, 1, (messages + 1,), np.float32),
            Box(0, 1, (types + 1,), np.float32),
        )

    def start(self, types, chance):
        """No message yet."""
        return SimpleAllocationState(types, chance, np.full(len(types), -1), np.zeros(len(types), dtype=bool))

    def opening_rows(self, nature):
        """The type."""
        return nature[:, :1]

    def after_opening(self, nature, actions):
        """The message has been sent."""
        return replace(self.begin(nature), message=actions[:, 0])

    def turn(self, state):
        """Message, then item."""
        return np.where(state.done, OVER, (state.message >= 0).astype(np.int64))

    def observe(self, state, agent):
        """The leader: the message (last entry: none yet). The follower: its type, and whether it has sent."""
        if agent == 0:
            return np.eye(self.messages + 1, dtype=np.float32)[state.message]
        sent = (state.message >= 0).astype(np.float32)[:, None]
        return np.concatenate([np.eye(self.types, dtype=np.float32)[state.types[:, 0]], sent], axis=1)

    def information(self, state):
        """Message to the leader, type to the follower."""
        return np.where(state.message >= 0, state.message, state.types[:, 0])

    def transition(self, state, actions):
        """Send, then give."""
        action = actions[:, 0].astype(np.int64)
        sent = state.message >= 0
        given = sent & ~state.done
        payoff = (given & (action == state.types[:, 0])).astype(float)
        after = SimpleAllocationState(
            state.types, state.chance, np.where(sent, state.message, action), state.done | sent
        )
        return after, np.stack([payoff, payoff], axis=1)

    def describe_action(self, turn, key, action):
        """An item; a message's number."""
        return f"item {int(action[0])}" if turn.kind == "leader" else super().describe_action(turn, key, action)

    def describe(self, turn, key):
        """The message, or the type."""
        return f"message {key}" if turn.kind == "leader" else f"type {key}"

    def optimum(self):
        """Message k asks for item k; types beyond the messages go without."""
        value = min(self.types, self.messages) / self.types
        table = tuple((k, min(k, self.types - 1)) for k in range(self.messages))
        return StackelbergSolution(
            leader_value=value,
            follower_values=(value,),
            leader_strategy=table,
            method="closed form",
            tie_break="lowest",
        )
