"""Compiled loop of sampled updates that were played before it was known that they would come to pass.

A play that is foreseen rests on what followers draw. As long as they would still draw the same, their updates are
learned from; the first that has turned out otherwise ends the stretch, and has to be played again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept, njit
from rllib_stackelberg.followers.learner import draw_action
from rllib_stackelberg.response.engine import learn_row


class Lines(NamedTuple):
    """The plays of one sampled update, side by side: as everybody draws, and with every other action of each follower.

    deviator: per line the learned turn whose action is another, -1 in the first line; rank: which of its other
    actions, in ascending order; first: per learned turn the line of its first other action.
    """

    deviator: NDArray[np.int64]
    rank: NDArray[np.int64]
    first: NDArray[np.int64]


class ForeseenPlays(NamedTuple):
    """What was played, by slot: payoffs `[slots, agents]`; rows and actions of learned turns `[slots, M]`."""

    payoffs: NDArray[np.float64]
    information: NDArray[np.int64]
    taken: NDArray[np.int64]


class Stretch(NamedTuple):
    """Updates ahead of episodes `[N]`: the slot where each begins, how many there are, the draws `[N, updates, M]`."""

    episodes: NDArray[np.int64]
    slots: NDArray[np.int64]
    updates: NDArray[np.int64]
    uniforms: NDArray[np.float64]


def lines_of(actions: NDArray[np.int64]) -> Lines:
    """The lines of followers with so many actions.

    >>> lines = lines_of(np.array([2, 3]))
    >>> lines.deviator, lines.rank, lines.first
    (array([-1,  0,  1,  1]), array([0, 0, 0, 1]), array([1, 2]))
    """
    others = np.asarray(actions, dtype=np.int64) - 1
    deviator = np.concatenate([[-1], np.repeat(np.arange(len(others)), others)]).astype(np.int64)
    first = 1 + np.cumsum(others) - others
    rank = np.concatenate([np.zeros(1, dtype=np.int64), *map(np.arange, others)]).astype(np.int64)
    return Lines(deviator, rank, first)


def moves_along(lines: Lines, drawn: NDArray[np.int64]) -> NDArray[np.int64]:
    """Actions in every line of updates, from those drawn `[N, M]`: `[N lines, M]`.

    >>> moves_along(lines_of(np.array([2, 3])), np.array([[0, 1]])).tolist()
    [[0, 1], [1, 1], [0, 0], [0, 2]]
    """
    moves = np.repeat(drawn, len(lines.deviator), axis=0)
    others = np.flatnonzero(lines.deviator >= 0)
    at = (np.arange(len(drawn))[:, None] * len(lines.deviator) + others).ravel()
    who, rank = np.tile(lines.deviator[others], len(drawn)), np.tile(lines.rank[others], len(drawn))
    moves[at, who] = rank + (rank >= moves[at, who])
    return moves


@kept(error_model="numpy")
def draw_moves(policies, who, first, information, uniforms, drawn):
    """What every follower draws at rows `[N, M]` of plays, whose episodes' strategies begin at `first [N]`."""
    for n in range(len(first)):
        for m in range(len(who.first)):
            row = first[n] + who.first[m] + information[n, m]
            drawn[n, m] = draw_action(policies, row, who.actions[m], uniforms[n, m])


@njit(error_model="numpy")
def _would_draw(kernels, who, own, m, information, uniform, policy):
    """What a follower draws now at its row."""
    row, actions = who.first[m] + information, who.actions[m]
    kernels.play(who.kind[m], own, row, who.parameters, m, policy, np.int64(0), actions)
    return draw_action(policy, np.int64(0), actions, uniform)


@njit(error_model="numpy")
def _still_so(kernels, who, own, lines, plays, slot, uniforms, policy):
    """Whether followers, as they are now, would act as they did in the plays of one update."""
    information, taken = plays.information, plays.taken
    for m in range(len(who.kind)):
        if information[slot, m] >= 0:
            drawn = _would_draw(kernels, who, own, m, information[slot, m], uniforms[m], policy)
            if drawn != taken[slot, m]:
                return False
    for line in range(1, len(lines.deviator)):
        other = slot + line
        for m in range(len(who.kind)):
            same = information[other, m] == information[slot, m] and taken[other, m] == taken[slot, m]
            # Who deviates knows what it knew in the first line, and has been compared there.
            if same or m == lines.deviator[line] or information[other, m] < 0:
                continue
            drawn = _would_draw(kernels, who, own, m, information[other, m], uniforms[m], policy)
            if drawn != taken[other, m]:
                return False
    return True


@kept(error_model="numpy")
def learn_foreseen(kernels, who, numbers, sums, lines, plays, stretch, learned):
    """Sampled updates of each episode as long as they are as foreseen, at least one; how many: `learned [N]`."""
    widest = (sums.shape[2] - 3) // 2
    policy, utilities, scaled = np.zeros((1, widest)), np.zeros(widest), np.zeros(widest)
    place, width = np.int64(0), len(lines.deviator)
    for n in range(len(stretch.episodes)):
        own, record = numbers[stretch.episodes[n]], sums[stretch.episodes[n]]
        for u in range(stretch.updates[n]):
            slot, uniforms = stretch.slots[n] + u * width, stretch.uniforms[n, u]
            if u and not _still_so(kernels, who, own, lines, plays, slot, uniforms, policy):
                break
            for m in range(len(who.kind)):
                if plays.information[slot, m] < 0:
                    continue
                row, actions, drawn = who.first[m] + plays.information[slot, m], who.actions[m], plays.taken[slot, m]
                for k in range(actions):
                    line = 0 if k == drawn else lines.first[m] + k - (k > drawn)
                    utilities[k] = plays.payoffs[slot + line, who.agents[m]]
                kernels.play(who.kind[m], own, row, who.parameters, m, policy, place, actions)
                learn_row(
                    kernels.learn,
                    who.kind[m],
                    own,
                    row,
                    who.parameters,
                    m,
                    policy,
                    place,
                    actions,
                    utilities,
                    scaled,
                    who.unit,
                    drawn,
                    record,
                    widest,
                )
            learned[n] = u + 1
