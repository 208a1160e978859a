"""First best: what the leader would get if everybody acted for it, knowing types and chance.

No strategy is worth more, however followers respond: a bound for games that are too large to be solved by enumeration
of leader tables, whose number is exponential in the number of questions. Plays are not: they are all played, if they
are few.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.rules.game import OVER, StackelbergGame, State
from rllib_stackelberg.rules.solution import Bound

PLAYS = 1 << 14
"""Most plays side by side that are tried."""


def first_best(game: StackelbergGame) -> Bound | None:
    """Expected largest payoff of the leader; None where actions are not discrete, or plays many or not independent.

    >>> from rllib_stackelberg import make_game
    >>> round(first_best(make_game("simple-allocation", types=6)).value, 9)
    1.0
    """
    most, chosen = min(PLAYS, game.plays_at_once), [turn for turn in game.turns if turn.kind != "reply"]
    if game.memory > 1 or game.nature.size > most or not all(turn.discrete for turn in chosen):
        return None
    nature, probabilities = game.nature.support()
    state, owner = game.begin(nature), np.arange(len(nature))
    paid, best = np.zeros(len(nature)), np.full(len(nature), -np.inf)
    while True:
        over = game.turn(state) == OVER
        np.maximum.at(best, owner[over], paid[over])
        rows = np.flatnonzero(~over)
        if not len(rows):
            return Bound(float(probabilities @ best), "first best: everybody acts for the leader")
        found = _every_action(game, state.take(rows), most)
        if found is None:
            return None
        copies, actions = found
        state, payoffs = game.step(state.take(rows[copies]), actions)
        owner, paid = owner[rows[copies]], paid[rows[copies]] + payoffs[:, 0]


def _every_action(
    game: StackelbergGame, state: State, most: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Every play with each of its open actions: which play, and the action `[N, width]`; None if more than `most`."""
    turns = game.turn(state)
    replying = np.array([turn.kind == "reply" for turn in game.turns])[turns]
    counts = np.array([1 if turn.kind == "reply" else turn.choices for turn in game.turns])[turns]
    if counts.sum() > most:
        return None
    copies = np.repeat(np.arange(len(state)), counts)
    choice = np.arange(len(copies)) - np.repeat(np.cumsum(counts) - counts, counts)
    actions = np.zeros((len(copies), game.width))
    actions[:, 0] = choice
    if replying.any():
        rows = np.flatnonzero(replying)
        actions[np.isin(copies, rows)] = game.reply(state.take(rows))
    allowed = np.ones(len(copies), dtype=bool)
    if game.leader_turn.masked:
        asked = np.flatnonzero(turns[copies] == game.leader_index)
        allowed[asked] = game.opened(state.take(copies[asked]))[np.arange(len(asked)), choice[asked]]
    return copies[allowed], actions[allowed]
