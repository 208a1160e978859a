"""Compiled loops over plays of a game that offers compiled rules; arrays as those of `CompiledPlays`, by slot."""

from __future__ import annotations

import numpy as np

from rllib_stackelberg.compilation import kept
from rllib_stackelberg.plays.hash_tables import place_of


@kept(error_model="numpy")
def open_slots(functions, facts, slots, nature, moves, states, natures, payoffs, question, waiting):
    """Begin slots `[N]` after moves `[N, learned turns]`."""
    for n in range(len(slots)):
        slot = slots[n]
        natures[slot] = nature[n]
        payoffs[slot] = 0.0
        functions.open(facts, natures[slot], moves[n], states[slot])
        question[slot] = functions.question(facts, states[slot])
        waiting[slot] = question[slot] >= 0


@kept(error_model="numpy")
def answer_slots(functions, facts, slots, actions, states, natures, payoffs, question, waiting):
    """Give waiting slots `[N]` the leader's actions."""
    for n in range(len(slots)):
        slot = slots[n]
        functions.answer(facts, natures[slot], states[slot], actions[n], payoffs[slot])
        question[slot] = functions.question(facts, states[slot])
        waiting[slot] = question[slot] >= 0


@kept(error_model="numpy")
def go_on(functions, facts, slots, owners, store, states, natures, payoffs, depth, question, waiting):
    """Play slots on as far as the answers of their owners are known."""
    for n in range(len(slots)):
        slot, owner = slots[n], owners[n]
        while waiting[slot]:
            place = place_of(store, owner, question[slot])
            if store.questions[owner, place] != question[slot]:
                break
            action = store.actions[owner, store.numbers[owner, place]]
            functions.answer(facts, natures[slot], states[slot], action, payoffs[slot])
            depth[slot] += 1
            question[slot] = functions.question(facts, states[slot])
            waiting[slot] = question[slot] >= 0


@kept(error_model="numpy")
def replay_slots(functions, facts, slots, owners, store, moves, natures, state, payoffs, depth, by, numbers, before):
    """Play slots over again, whose answers are all known: `depth [N]` of each. State and payoffs: room for one play.

    What is written (`CompiledPlays.replay`) is in the order of answers: all first ones, then all second ones ...
    """
    most = 0
    for n in range(len(slots)):
        most = max(most, depth[n])
    place = np.zeros(most + 1, dtype=np.int64)  # where the next first, second ... answer is written
    for n in range(len(slots)):
        for step in range(depth[n]):
            place[step + 1] += 1
    for step in range(most):
        place[step + 1] += place[step]
    for n in range(len(slots)):
        owner, nature = owners[n], natures[slots[n]]
        payoffs[:] = 0.0
        functions.open(facts, nature, moves[n], state)
        for step in range(depth[n]):
            number = store.numbers[owner, place_of(store, owner, functions.question(facts, state))]
            at = place[step]
            by[at], numbers[at], before[at] = n, number, payoffs[0]
            place[step] += 1
            functions.answer(facts, nature, state, store.actions[owner, number], payoffs)
