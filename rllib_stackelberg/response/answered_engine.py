"""Compiled loop of sampled updates that plays them itself, by a game's compiled rules, as far as answers are known.

Followers draw, act and learn, update after update, with nothing but look-ups of the leader's answers in between. The
first update that comes to a question without an answer ends it, and nothing of that update is learned yet.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept, njit
from rllib_stackelberg.followers.learner import draw_action
from rllib_stackelberg.plays.hash_tables import place_of
from rllib_stackelberg.response.engine import learn_row


class Drawn(NamedTuple):
    """What is drawn of a response before it begins, by episode.

    Attributes:
        nature: types and chance `[episodes, updates, width]`; rows: of followers `[episodes, updates, M]`.
        uniforms: that followers draw with `[episodes, updates, M]`.
    """

    nature: NDArray[np.int64]
    rows: NDArray[np.int64]
    uniforms: NDArray[np.float64]


class Room(NamedTuple):
    """One update, written anew in each: policies `[M, K]`, actions `[M]`, payoffs by line `[lines, agents]`, the state
    of a play, and what a row learns from `[K]`."""

    policy: NDArray[np.float64]
    drawn: NDArray[np.int64]
    moves: NDArray[np.int64]
    payoffs: NDArray[np.float64]
    state: NDArray[np.int64]
    utilities: NDArray[np.float64]
    scaled: NDArray[np.float64]


def room(followers: int, widest: int, lines: int, agents: int, size: int) -> Room:
    """Empty."""
    return Room(
        np.zeros((followers, widest)),
        np.zeros(followers, dtype=np.int64),
        np.zeros(followers, dtype=np.int64),
        np.zeros((lines, agents)),
        np.zeros(size, dtype=np.int64),
        np.zeros(widest),
        np.zeros(widest),
    )


@njit(error_model="numpy")
def _play(functions, facts, nature, store, episode, moves, state, payoffs):
    """Play one line to its end; whether all its questions had answers."""
    payoffs[:] = 0.0
    functions.open(facts, nature, moves, state)
    question = functions.question(facts, state)
    while question >= 0:
        place = place_of(store, episode, question)
        if store.questions[episode, place] != question:
            return False
        functions.answer(facts, nature, state, store.actions[episode, store.numbers[episode, place]], payoffs)
        question = functions.question(facts, state)
    return True


@njit(error_model="numpy")
def _play_lines(functions, facts, nature, store, episode, lines, one):
    """Play an update's lines, after what followers drew; whether all questions had answers."""
    for line in range(len(lines.deviator)):
        one.moves[:] = one.drawn
        deviator = lines.deviator[line]
        if deviator >= 0:
            one.moves[deviator] = lines.rank[line] + (lines.rank[line] >= one.drawn[deviator])
        if not _play(functions, facts, nature, store, episode, one.moves, one.state, one.payoffs[line]):
            return False
    return True


@kept(error_model="numpy")
def learn_answered(kernels, who, numbers, sums, lines, functions, facts, store, episodes, drawn, stage, one):
    """Learn on from update `stage [N]` of each episode, to the end or to the first question without an answer."""
    widest, updates = (sums.shape[2] - 3) // 2, drawn.uniforms.shape[1]
    for n in range(len(episodes)):
        episode = episodes[n]
        own, record = numbers[episode], sums[episode]
        while stage[n] < updates:
            u = stage[n]
            for m in range(len(who.kind)):
                row = who.first[m] + drawn.rows[episode, u, m]
                kernels.play(who.kind[m], own, row, who.parameters, m, one.policy, m, who.actions[m])
                one.drawn[m] = draw_action(one.policy, m, who.actions[m], drawn.uniforms[episode, u, m])
            if not _play_lines(functions, facts, drawn.nature[episode, u], store, episode, lines, one):
                break
            for m in range(len(who.kind)):
                own_action = one.drawn[m]
                for k in range(who.actions[m]):
                    line = 0 if k == own_action else lines.first[m] + k - (k > own_action)
                    one.utilities[k] = one.payoffs[line, who.agents[m]]
                learn_row(
                    kernels.learn,
                    who.kind[m],
                    own,
                    who.first[m] + drawn.rows[episode, u, m],
                    who.parameters,
                    m,
                    one.policy,
                    m,
                    who.actions[m],
                    one.utilities,
                    one.scaled,
                    who.unit,
                    own_action,
                    record,
                    widest,
                )
            stage[n] = u + 1
