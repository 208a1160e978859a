"""What play is worth by the short way that rules know (rules/interim.py), without a single play."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.compilation import kept


class Rules(NamedTuple):
    """A game's `InterimRules`, but for the function.

    facts; reach `[R]`; leads `[M]`: the first follower that does what each does; first `[M]`: where rows begin.
    """

    facts: Any
    reach: NDArray[np.float64]
    leads: Index
    first: Index


@kept(error_model="numpy")
def interim_worth(expect: Any, rules: Rules, actions: Any, policy: Any, utilities: Any, payoffs: Any) -> None:
    """What play is worth: actions `[N, width]`, policy `[N, R, K]` -> utilities `[N, R, K]`, payoffs `[N, agents]`."""
    for n in range(len(actions)):
        expect(rules.facts, rules.leads, rules.first, actions[n], policy[n], utilities[n], payoffs[n])
