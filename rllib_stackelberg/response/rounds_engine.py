"""The compiled loop of learners from experience that all move once in a play, none knowing what the others do in it.

What is learned and drawn is that of trajectory_engine.py. It takes a tenth of the time: a play is two look-ups, an
action is chosen without its probabilities (`explored_action`), and the best action of a row is found when it changes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.compilation import kept, njit
from rllib_stackelberg.errors import RulesError
from rllib_stackelberg.followers.simplex import best_action
from rllib_stackelberg.followers.trajectory import explored_action
from rllib_stackelberg.plays.paths import PathTable
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame


class Rounds(NamedTuple):
    """Plays of one round against one leader strategy: C states left by the play before, T values of nature, A joints.

    mover: follower of each move, `[L]`; row: of that follower, `[L, C, T]`; begun: what it had been paid before its
    move, `[L, C, T, A]`, or of size 0 where nobody is paid before all have moved; paid: in all, `[C, T, A, agents]`;
    after: state left to the next play, `[C, T, A]`; strides `[L]`: of the joint action; probabilities `[T]`.
    """

    mover: Index
    row: Index
    begun: Numbers
    paid: Numbers
    after: Index
    strides: Index
    probabilities: Numbers


class Sessions(NamedTuple):
    """What E episodes go on from; M followers, R rows of all of them together.

    numbers `[E, R, width]`; sums `[E, R, K + 1]`: of strategies; of this response even `[E, R]`: of strategies, the
    share that all actions have alike, and visits `[E, R]`: moves; best `[E, R]`; last, action `[E, M]`: row and action
    of a follower's last move, -1 if there is nothing to learn from; owed `[E, M]`: paid since; carried, plays,
    unchanged `[E]`: state left, plays played, and plays since a best action changed last.
    """

    numbers: Numbers
    sums: Numbers
    even: Numbers
    visits: Numbers
    best: Index
    last: Index
    action: Index
    owed: Numbers
    carried: Index
    plays: Index
    unchanged: Index


def rounds_of(game: StackelbergGame, table: PathTable, entry: int) -> Rounds:
    """The rounds of one entry of a table of paths.

    Raises:
        RulesError: what a follower knows depends on others' moves, though the game says that `moves_apart`.
    """
    mover, row = table.mover[entry], table.row[entry]
    if (mover != mover[0, 0, 0]).any() or (row != row[:, :, :1]).any():
        raise RulesError(f"game {name_of(game)} declares moves_apart, but followers know others' moves, or do not move")
    order = mover[0, 0, 0]
    agents = np.array([turn.agent for turn in game.learned_turns])[order]
    paid = table.paid[entry]
    begun = np.stack([paid[:, :, :, j, agent] for j, agent in enumerate(agents)])
    return Rounds(
        np.ascontiguousarray(order),
        np.ascontiguousarray(np.moveaxis(row[:, :, 0], 2, 0)),
        begun if begun.any() else np.zeros((0, 0, 0, 0)),
        np.ascontiguousarray(paid[:, :, :, -1]),
        table.after[entry],
        table.strides,
        table.probabilities,
    )


@kept(error_model="numpy")
def find_best(who, numbers, best):
    """The best action of every row of one episode: numbers `[R, width]`, best `[R]` is written."""
    for m in range(len(who.kind)):
        for row in range(who.first[m], who.first[m] + who.rows[m]):
            best[row] = best_action(numbers, row, who.actions[m])


@kept(error_model="numpy")
def play_rounds(learn, explore, who, rounds, sessions, e, nature, uniforms, settled):
    """Consecutive plays of episode `e`, until no best action has changed for `settled` plays (0: to the end).

    nature `[plays]`; uniforms `[plays, L]`. Returns how many plays were played.
    """
    numbers, best, last, owed = sessions.numbers[e], sessions.best[e], sessions.last[e], sessions.owed[e]
    sums, even, visits, action = sessions.sums[e], sessions.even[e], sessions.visits[e], sessions.action[e]
    carried, plays, unchanged = sessions.carried[e], sessions.plays[e], sessions.unchanged[e]
    memory, moves = rounds.paid.shape[0] > 1, len(rounds.mover)
    ended, played, random = np.int64(-1), 0, 0.0
    alike = True  # what all followers explore is then the same: once is enough
    for m in range(1, len(who.kind)):
        for k in range(who.parameters.shape[1]):
            alike = alike and who.parameters[m, k] == who.parameters[0, k]
    while played < len(nature) and not (settled > 0 and unchanged >= settled):
        t, a = nature[played], np.int64(0)
        unchanged += 1
        for j in range(moves):
            m = rounds.mover[j]
            row = who.first[m] + rounds.row[j, carried, t]
            if rounds.begun.size:
                owed[m] += rounds.begun[j, carried, t, a]
            if last[m] >= 0 and _changed(learn, who, numbers, best, m, last[m], action[m], owed[m], row):
                unchanged = 0
            if j == 0 or not alike:
                random = explore(who.parameters, m, plays)
            action[m] = explored_action(best[row], who.actions[m], random, uniforms[played, j])
            even[row] += random / who.actions[m]
            sums[row, best[row]] += 1.0 - random
            visits[row] += 1
            last[m] = row
            owed[m] = -rounds.begun[j, carried, t, a] if rounds.begun.size else 0.0
            a += action[m] * rounds.strides[j]
        for j in range(moves):
            m = rounds.mover[j]
            owed[m] += rounds.paid[carried, t, a, who.agents[m]]
            if not memory:
                if _changed(learn, who, numbers, best, m, last[m], action[m], owed[m], ended):
                    unchanged = 0
                last[m], owed[m] = -1, 0.0
        carried = rounds.after[carried, t, a]
        plays, played = plays + 1, played + 1
    sessions.carried[e], sessions.plays[e], sessions.unchanged[e] = carried, plays, unchanged
    return played


@njit(error_model="numpy", inline="always", _nrt=False)
def _changed(learn, who, numbers, best, m, row, action, owed, following):
    """Learn from a move; whether the best action of its row has changed."""
    learn(numbers, row, who.parameters, m, who.actions[m], action, owed * who.unit, following)
    found = best_action(numbers, row, who.actions[m])
    changed = found != best[row]
    best[row] = found
    return changed
