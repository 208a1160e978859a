"""Expected payoffs without a list of outcomes, for games whose rules know a short way to them.

Three bidders with a hundred values and a hundred bids have 10^12 outcomes, but what a bid is worth on average depends
on the others' bids through the probability that all of them are lower: a hundred numbers. A game that knows such a way
offers it as a compiled function. Followers then learn from exact expected payoffs, however many outcomes there are, and
what they play is valued and certified exactly.

That takes followers who all move once, none knowing what others do, and a leader who is asked a single question.
The rules in arrays are the reference here, too: a test of the platform compares both in small instances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class InterimRules(NamedTuple):
    """A compiled function, and what it is about.

    M are the learned turns, K the most actions of any. Rows of all learned turns lie in one array; those of followers
    who do the same lie in one place.

    Attributes:
        facts: of the instance, a `NamedTuple` of arrays and numbers, handed to the function.
        expect: `(facts, leads [M], first [M], action [leader width], policy [R, K], utilities [R, K], payoffs
            [agents])`: writes what each action is worth to a follower on average, given its row and the others' policy,
            and what play is worth to every agent. `first`: where a follower's rows begin; `leads`: the first follower
            that does what each does, whose rows alone are looked at.
        alike: `[M]`, for each learned turn the first one that could change places with it without a difference to any
            payoff; followers that are alike and learn alike do the same.
        reach: for each learned turn the probability of each of its rows.
    """

    facts: Any
    expect: Callable[..., None]
    alike: NDArray[np.int64]
    reach: Sequence[NDArray[np.float64]]
