"""# Matrix design: promising payments to two players

Two followers play a 2x2 game with payoffs (3,3)(6,4) / (4,6)(2,2), divided by 6. They move first, neither
seeing the other; the leader sees the joint action and promises each follower a payment.

```python
env = pettingzoo.make("aec", "stackelberg/matrix-design-v0")
```

| | leader_0 | follower_0, follower_1 |
|---|---|---|
| turn | pay, last | move (learned) |
| action | Box [0, 10]^2, a payment per follower | Discrete(2) |
| sees | the joint action | whether it has moved |
| payoff | sum of the followers' matrix payoffs (payments are not subtracted) | matrix payoff + payment |

The leader wants the outcome of largest sum, 10/6, which no equilibrium without payments with lowest-index play
reaches. Exact value by `economics/payments.py`: least payments that make a profile strictly dominant.

Source: Monderer & Tennenholtz 2004 (k-implementation); Brero et al. 2022. Version history: v0, first release.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Discrete

from rllib_stackelberg.economics.payments import payment_solve
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior

PAYOFFS = np.array([[[3, 3], [6, 4]], [[4, 6], [2, 2]]]) / 6
"""`[action of follower 0, action of follower 1, follower]`."""

MOST_PAID = 10.0


@dataclass
class MatrixDesignState(State):
    """`moves`: joint action so far `[B, 2]`; `taken`: turns taken `[B]`."""

    moves: np.ndarray
    taken: np.ndarray


class MatrixDesign(StackelbergGame):
    """Payments that move two players to the outcome the leader wants."""

    source = "Monderer & Tennenholtz 2004; Brero et al. 2022"

    def __init__(self) -> None:
        self.turns = (
            Turn("move", 1, Discrete(2), "learned"),
            Turn("move", 2, Discrete(2), "learned"),
            Turn("pay", 0, Box(0.0, MOST_PAID, (2,), np.float64), "leader", rows=4),
        )
        self.prior = Prior.uniform(1, 1)
        low, high = PAYOFFS.min(), PAYOFFS.max() + MOST_PAID
        totals = PAYOFFS.sum(axis=-1)
        self.payoff_range = np.array([[totals.min(), totals.max()], [low, high], [low, high]])
        self.observation_spaces = (
            Box(0, 1, (4,), np.float32),
            *(Box(0, 1, (2,), np.float32) for _ in range(2)),
        )

    @property
    def utility_scale(self) -> float:
        """The paper's payoffs as they are."""
        return 1.0

    def start(self, types, chance):
        """Nobody has moved."""
        moves = np.zeros((len(types), 2), dtype=np.int64)
        return MatrixDesignState(types, chance, moves, np.zeros(len(types), dtype=np.int64))

    def turn(self, state):
        """The followers in turn, then the leader."""
        return np.where(state.taken < 3, state.taken, OVER)

    def observe(self, state, agent):
        """The leader: the joint action, once both have moved. A follower: whether it has moved."""
        if agent == 0:
            return np.eye(4, dtype=np.float32)[self._joint(state)] * (state.taken >= 2)[:, None]
        moved = (state.taken >= agent).astype(np.float32)
        return np.stack([1 - moved, moved], axis=1)

    def information(self, state):
        """The joint action, to the leader; followers know nothing."""
        return np.where(state.taken == 2, self._joint(state), 0)

    def transition(self, state, actions):
        """Keep the moves; pay at the leader's turn."""
        moves = state.moves.copy()
        for follower in (0, 1):
            mine = state.taken == follower
            moves[mine, follower] = actions[mine, 0].astype(np.int64)
        matrix = PAYOFFS[moves[:, 0], moves[:, 1]]
        paid = np.concatenate([matrix.sum(axis=1, keepdims=True), matrix + actions[:, :2]], axis=1)
        payoffs = np.where(state.taken[:, None] == 2, paid, 0.0)
        return MatrixDesignState(state.types, state.chance, moves, state.taken + 1), payoffs

    def describe_action(self, turn, key, action):
        """Payments; an action of the 2x2 game."""
        if turn.kind == "learned":
            return super().describe_action(turn, key, action)
        return f"{action[0]:.4g} to {self.followers[0]}, {action[1]:.4g} to {self.followers[1]}"

    def describe(self, turn, key):
        """The joint action."""
        return f"joint action ({key // 2}, {key % 2})" if turn.kind == "leader" else turn.name

    def optimum(self):
        """Payments that make the outcome of largest sum strictly dominant."""
        return payment_solve(PAYOFFS, PAYOFFS.sum(axis=-1), MOST_PAID)

    def _joint(self, state) -> np.ndarray:
        return state.moves[:, 0] * 2 + state.moves[:, 1]
