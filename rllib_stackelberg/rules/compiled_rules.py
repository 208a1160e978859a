"""Rules as compiled functions of a single play, for games that offer them beside those in arrays.

The rules of a game are written in arrays (game.py), and nothing more is needed. A game with many followers may offer
the same once more as functions that numba compiles: a play then costs a fraction of a microsecond. They begin where all
followers have made their learned moves at once (`StackelbergGame.opening_rows`), and go on from question to question.
The rules in arrays are the reference: both are the same bit for bit, which a test of the platform checks in every game
that offers both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class CompiledRules(NamedTuple):
    """Compiled functions of one play, and what they are about.

    Attributes:
        facts: of the instance, a `NamedTuple` of arrays and numbers, handed to every function.
        size: whole numbers in the state of a play.
        functions: the compiled ones.
        state: `(states [B, size], nature [B, width])`: the plays in arrays (`State`), waiting for the leader.
    """

    facts: Any
    size: int
    functions: CompiledFunctions
    state: Callable[[NDArray[np.int64], NDArray[np.int64]], Any]


class CompiledFunctions(NamedTuple):
    """What numba compiles.

    Attributes:
        open: `(facts, nature [width], moves [learned turns], state [size])` writes the state in which all followers
            have moved.
        question: `(facts, state)` is the key of what the leader is asked now, `OVER` where the play is over.
        answer: `(facts, nature, state, action [leader width], payoffs [agents])` plays the leader's action, in the
            game's units, and the replies to it; adds to payoffs.
    """

    open: Callable[..., None]
    question: Callable[..., int]
    answer: Callable[..., None]
