"""How indifferent followers act: which of several equally good actions they take.

One rule has one name everywhere, in solvers, learners' play, certificates and results:

- "lowest": the action of the lowest number (the paper's rule, and the default of learners);
- "leader": the one that is best for the leader (a strong Stackelberg equilibrium, what solvers assume);
- "against": the one that is worst for the leader (a weak one);
- "uniform": each of them with the same probability.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError

Ties = Literal["lowest", "leader", "against", "uniform"]
"""How followers break ties (see the head of this file)."""

RULES: tuple[Ties, ...] = get_args(Ties)

TAKEN: dict[Ties, str] = {
    "lowest": "the lowest",
    "leader": "the best for the leader",
    "against": "the worst for the leader",
    "uniform": "any",
}
"""Which of equally good actions followers take, for people."""


def check_ties(ties: str) -> Ties:
    """The rule of that name.

    Raises:
        InvalidFieldError: there is none.
    """
    for rule in RULES:
        if rule == ties:
            return rule
    raise InvalidFieldError("ties", f"got {ties!r}", ", ".join(RULES))


def broken(tied: NDArray[np.bool_], leader: NDArray[np.float64], ties: Ties) -> NDArray[np.float64]:
    """What followers play among equally good actions: probabilities `[..., actions]`.

    Args:
        tied: which actions are equally good, at least one in every place, `[..., actions]`.
        leader: the leader's payoff of each action, the same shape.
        ties: the rule; among actions that it does not tell apart, the lowest.

    >>> tied, leader = np.array([True, True, False]), np.array([1., 2., 3.])
    >>> [broken(tied, leader, ties).tolist() for ties in ("lowest", "leader", "uniform")]
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]
    """
    if ties == "uniform":
        return tied / tied.sum(axis=-1, keepdims=True)
    if ties == "lowest":
        chosen = np.argmax(tied, axis=-1)
    elif ties == "leader":
        chosen = np.where(tied, leader, -np.inf).argmax(axis=-1)
    else:
        chosen = np.where(tied, leader, np.inf).argmin(axis=-1)
    return np.eye(tied.shape[-1])[chosen]
