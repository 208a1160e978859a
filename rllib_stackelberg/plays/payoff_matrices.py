"""A game as two matrices: what leader and follower get from every pair of their actions.

For games of one leader question and one follower that moves once and knows no more than what the leader did: payoffs
are read off the game's table of outcomes (outcomes.py), in expectation over chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.outcomes import Profiles, tabulate
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame

MOST_OUTCOMES = 65_536
"""Most outcomes (leader actions, chance, follower actions) that are tabulated."""


@dataclass(frozen=True, eq=False)
class PayoffMatrices:
    """Expected payoffs of both players.

    Attributes:
        leader, follower: `[leader action, follower action]`, in the game's units.
        rows: what the follower knows after each leader action: its information set, `[leader action]`.
    """

    leader: NDArray[np.float64]
    follower: NDArray[np.float64]
    rows: NDArray[np.int64]

    @property
    def observed(self) -> bool:
        """Whether the follower tells every leader action from every other."""
        return len(np.unique(self.rows)) == len(self.rows)


@lru_cache(maxsize=16)
def payoff_matrices(game: StackelbergGame) -> PayoffMatrices:
    """The matrices of a game.

    Raises:
        InvalidFieldError: it is no game of two matrices, and why.

    >>> from rllib_stackelberg import make_game
    >>> payoff_matrices(make_game("bimatrix", leader=[[2, 4], [1, 3]], follower=[[1, 0], [0, 1]])).leader
    array([[2., 4.],
           [1., 3.]])
    """
    _check(game)
    turn = game.leader_turn
    table = tabulate(game, np.arange(turn.choices, dtype=float)[:, None, None])
    rows = table.information[:, 0, 0, 0]
    if (table.information != rows[:, None, None, None]).any() or (rows < 0).any():
        raise _refused(game, "a follower that has a type, or does not always move")
    leader, follower = np.einsum("t,atbi->iab", table.profiles.probabilities, table.payoffs)
    return PayoffMatrices(leader, follower, rows)


def observed_matrices(game: StackelbergGame) -> PayoffMatrices:
    """The matrices of a game whose follower sees what the leader did: it can commit to a response to every action.

    Raises:
        InvalidFieldError: a follower cannot commit in this game, and why.
    """
    try:
        matrices = payoff_matrices(game)
    except InvalidFieldError as error:
        raise InvalidFieldError("followers", f"commit to responses, and {error.problem}", error.allowed) from error
    if not matrices.observed:
        problem = f"commit to responses, and the follower of {name_of(game)} does not see the leader's action"
        raise InvalidFieldError("followers", problem, "a follower that does (as with sees_leader=true)")
    return matrices


def _check(game: StackelbergGame) -> None:
    turn = game.leader_turn
    if len(game.learned_turns) != 1 or len(game.followers) != 1 or not game.one_shot:
        raise _refused(game, "several followers, or moves of one")
    if not turn.enumerable or turn.rows != 1 or turn.times != 1:
        raise _refused(game, "more than one leader question, or continuous leader actions")
    if turn.choices * Profiles.count(game) > MOST_OUTCOMES:
        raise _refused(game, f"more than {MOST_OUTCOMES:,} outcomes")


def _refused(game: StackelbergGame, why: str) -> InvalidFieldError:
    allowed = "one leader question with finitely many answers, one follower that moves once and has no type"
    return InvalidFieldError("game", f"{name_of(game)} has {why}", allowed)
