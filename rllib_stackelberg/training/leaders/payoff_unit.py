"""The unit in which a leader's payoffs are compared while it trains: what those that are met in play span.

The declared range of payoffs is that unit in most games. It is far too large beside a penalty that is never to be paid:
in shares of its size everything else is equal. What payoffs typically differ by does not know of a few penalties.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import typical_spread
from rllib_stackelberg.plays.plays import Plays, play_out
from rllib_stackelberg.plays.sample_plays import draw_nature, random_actions
from rllib_stackelberg.rules.game import StackelbergGame

PLAYS = 64
"""At random, in which payoffs are looked at."""

OUTLYING = 50.0
"""Times what payoffs typically differ by: a range that is wider is one of penalties. Of evenly spread ones it is 4."""


def payoff_unit(game: StackelbergGame) -> float:
    """What the leader's payoffs span, but for a few penalties that are far from all others; in its payoffs' unit.

    >>> from rllib_stackelberg import make_game
    >>> payoff_unit(make_game("escape"))
    1.0
    """
    low, high = (float(x) for x in game.payoff_range[0])
    typical = typical_spread(random_payoffs(game, PLAYS, np.random.default_rng(0))[:, 0])
    return min(high - low, OUTLYING * typical) if typical else high - low


def random_payoffs(game: StackelbergGame, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Payoffs of all agents in a number of plays in which everybody acts at random, `[count, agents]`."""
    plays, turns = Plays(game, count), list(game.learned_turns)

    def choose(slots: NDArray[np.int64], turn: int, _: NDArray[np.int64]) -> NDArray[np.int64]:
        """Any action of a follower."""
        return rng.integers(turns[turn].choices, size=len(slots))

    def lead(waiting: Plays, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Any open action of the leader."""
        open_choices = waiting.open_choices(slots) if game.leader_turn.masked else None
        return random_actions(game, np.full(len(slots), game.leader_index), rng, open_choices=open_choices)

    plays.begin(np.arange(count), draw_nature(game, count, rng), choose)
    play_out(plays, lead, choose)
    return plays.payoffs
