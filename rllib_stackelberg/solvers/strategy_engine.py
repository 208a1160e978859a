"""The compiled loop that tries joint pure strategies of followers, one after the other (pure_equilibria.py)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import EPSILON, ROUNDING
from rllib_stackelberg.compilation import kept, njit
from rllib_stackelberg.plays.outcomes import OutcomeTable


class Followers(NamedTuple):
    """What the compiled loop needs of a table, arrays by learned turn."""

    agents: NDArray[np.int64]
    first: NDArray[np.int64]
    choices: NDArray[np.int64]
    strides: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    payoffs: NDArray[np.float64]
    information: NDArray[np.int64]

    @classmethod
    def of(cls, table: OutcomeTable) -> Followers:
        """Of a table of one entry."""
        turns = table.game.learned_turns
        rows = np.array([turn.keys for turn in turns], dtype=np.int64)
        return cls(
            np.array([turn.agent for turn in turns], dtype=np.int64),
            np.cumsum(rows) - rows,
            np.array([turn.choices for turn in turns], dtype=np.int64),
            np.asarray(table.profiles.strides, dtype=np.int64),
            np.ascontiguousarray(table.profiles.probabilities),
            np.ascontiguousarray(table.payoffs[0]),
            np.ascontiguousarray(table.information[0]),
        )


@njit
def _played(who, strategy, nature):
    """Index of the joint action under a joint strategy: whoever moves after others sees what they do."""
    action = 0
    for _ in range(len(who.agents)):
        before, action = action, 0
        for m in range(len(who.agents)):
            row = who.information[nature, before, m]
            if row >= 0:
                action += strategy[who.first[m] + row] * who.strides[m]
        if action == before:
            break
    return action


@kept
def try_strategies(strategies, who, slacks, values, stable):
    """Values of joint strategies, and whether each is stable under three notions of what rounding is."""
    rows, most = strategies.shape[1], 0
    for choices in who.choices:
        most = max(most, choices)
    gain, size, scale = np.zeros((rows, most)), np.zeros((rows, most)), np.zeros((rows, most))
    reach = np.zeros(rows)
    for s in range(len(strategies)):
        gain[:], size[:], scale[:], reach[:] = 0.0, 0.0, 0.0, 0.0
        for t in range(len(who.probabilities)):
            weight, action = who.probabilities[t], _played(who, strategies[s], t)
            for agent in range(values.shape[1]):
                values[s, agent] += weight * who.payoffs[t, action, agent]
            for m in range(len(who.agents)):
                row = who.information[t, action, m]
                if row < 0:
                    continue
                at = who.first[m] + row
                own, agent = strategies[s, at], who.agents[m]
                reach[at] += weight
                paid = who.payoffs[t, action, agent]
                for k in range(who.choices[m]):
                    other = who.payoffs[t, action + (k - own) * who.strides[m], agent]
                    gain[at, k] += weight * (other - paid)
                    size[at, k] += weight * abs(other - paid)
                    scale[at, k] += weight * (abs(other) + abs(paid))
        stable[s] = True
        for m in range(len(who.agents)):
            last = who.first[m + 1] if m + 1 < len(who.first) else rows
            for at in range(who.first[m], last):
                for k in range(who.choices[m]):
                    beyond = gain[at, k] - ROUNDING * size[at, k]
                    stable[s, 0] &= beyond <= slacks[0, m] * reach[at]
                    stable[s, 1] &= beyond <= slacks[1, m] * reach[at]
                    stable[s, 2] &= beyond <= slacks[2, m] * reach[at] + 4 * EPSILON * scale[at, k]
