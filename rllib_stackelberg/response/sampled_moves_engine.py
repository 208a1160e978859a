"""The compiled inner loops of counterfactual regret minimisation from sampled plays (sampled_moves.py).

Names of axes as in engine.py; W are the lines of an update, L the moves of a play.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.compilation import kept, njit
from rllib_stackelberg.followers.learner import draw_action

STEP = 1_000_003


class Lines(NamedTuple):
    """The plays of an update, `[W]` each: whose it is (-1: uniform for all), at which of its moves, what is tried.

    moves `[G, 3]`: follower, which of its moves, and first line, of each move at which all actions are tried.
    """

    follower: Index
    nth: Index
    tried: Index
    moves: Index


class Kept(NamedTuple):
    """What followers keep: numbers, sums `[E, R, width]`; courses, forgets `[E, R]`; updates `[E]`."""

    numbers: Numbers
    sums: Numbers
    courses: Index
    forgets: NDArray[np.bool_]
    updates: Index


class Known(NamedTuple):
    """Updates that N of E episodes are to go through as far as their plays are known.

    roots `[E, updates]`, uniforms `[E, updates, L]`: all that is held; first, stop, done: which of them, and the first
    one that some play of is not known, `[N]`.
    """

    roots: Index
    uniforms: Numbers
    first: Index
    stop: Index
    done: Index


class Room(NamedTuple):
    """Of one update: policy along line 0, and last of others, `[L + 1, K]`; mover, row, action along it `[L]`; place
    and gain of each line `[W]`."""

    policy: Numbers
    mover: Index
    row: Index
    action: Index
    place: Index
    gain: Numbers


@kept(error_model="numpy")
def learn_move(kernels, who, m, episodes, information, utilities, weight, numbers, sums):
    """One move of follower `m` in each episode (`SampledMoves.learn_move`), and the sums of it."""
    policy, scaled = np.zeros((1, utilities.shape[1])), np.zeros(utilities.shape[1])
    for n in range(len(episodes)):
        if information[n] >= 0:
            e = episodes[n]
            _told(kernels, who, m, information[n], utilities[n], weight, numbers[e], sums[e], policy, scaled)


@njit(error_model="numpy")
def _told(kernels, who, m, information, utilities, weight, numbers, sums, policy, scaled):
    actions, kind, widest = who.actions[m], who.kind[m], (sums.shape[1] - 3) // 2
    row, place, undrawn = who.first[m] + information, np.int64(0), np.int64(-1)
    kernels.play(kind, numbers, row, who.parameters, m, policy, place, actions)
    mixed = 0.0
    for k in range(actions):
        sums[row, k] += weight * utilities[k]
        mixed += policy[0, k] * utilities[k]
        scaled[k] = utilities[k] * who.unit
    sums[row, 2 * widest] += weight * mixed
    sums[row, 2 * widest + 1] += weight * mixed
    sums[row, 2 * widest + 2] += 1
    kernels.learn(kind, numbers, row, who.parameters, m, policy, place, actions, scaled, undrawn)


@njit(error_model="numpy")
def _along(kernels, who, nodes, lines, line, e, root, uniforms, numbers, room):
    """Go along one line in what is known; whether all of it is, and for line 0 how many moves it has."""
    at, own, j, before, place = nodes.roots[e, root], 0, 0, 0.0, np.int64(0)
    follower = lines.follower[line]
    room.place[line] = -1
    while at >= 0 and nodes.mover[e, at] >= 0:
        m, row = nodes.mover[e, at], nodes.row[e, at]
        actions, mine = who.actions[m], follower == m
        place = np.int64(j if line == 0 else len(room.policy) - 1)
        kernels.play(who.kind[m], numbers, who.first[m] + row, who.parameters, m, room.policy, place, actions)
        action = draw_action(room.policy, place, actions, uniforms[j])
        if line == 0 or (mine and own < lines.nth[line]):
            action = min(int(uniforms[j] * actions), actions - 1)
        elif mine and own == lines.nth[line]:
            action = lines.tried[line]
            room.place[line], before = row, nodes.paid[e, at, who.agents[m]]
        if line == 0:
            room.mover[j], room.row[j], room.action[j] = m, row, action
        own += int(mine)
        at, j = nodes.children[e, at, action], j + 1
    if at >= 0 and line > 0:
        room.gain[line] = nodes.paid[e, at, who.agents[follower]] - before
    return at >= 0, j


@njit(error_model="numpy")
def _averaged(who, e, moves, kept, room):
    """Add to average strategies along line 0 (`SampledMoves.average`)."""
    widest = (kept.sums.shape[2] - 3) // 2
    share, course = np.ones(len(who.kind)), np.ones(len(who.kind), dtype=np.int64)
    for j in range(moves):
        m, action = room.mover[j], room.action[j]
        row, actions = who.first[m] + room.row[j], who.actions[m]
        for k in range(actions):
            kept.sums[e, row, widest + k] += share[m] * room.policy[j, k]
        known = kept.courses[e, row]
        kept.forgets[e, row] |= known != 0 and known != course[m]
        kept.courses[e, row] = course[m]
        share[m] *= room.policy[j, action]
        course[m] = course[m] * STEP + room.row[j] * actions + action + 1


@kept(error_model="numpy")
def walk_updates(kernels, who, nodes, lines, episodes, known, kept, room):
    """Learn from updates all of whose plays are known (course_trees.py), up to the first that is not."""
    policy, scaled = np.zeros((1, room.policy.shape[1])), np.zeros(room.policy.shape[1])
    for n in range(len(episodes)):
        e, u = episodes[n], known.first[n]
        while u < known.stop[n]:
            all_known, moves = True, 0
            for line in range(len(lines.follower)):
                if all_known:
                    uniforms, root = known.uniforms[e, u], known.roots[e, u]
                    all_known, made = _along(kernels, who, nodes, lines, line, e, root, uniforms, kept.numbers[e], room)
                    moves = made if line == 0 else moves
            if not all_known:
                break
            _averaged(who, e, moves, kept, room)
            for g in range(len(lines.moves)):
                m, nth, first = lines.moves[g]
                if room.place[first] >= 0:
                    gain, weight = room.gain[first : first + who.actions[m]], float(who.actions[m]) ** nth
                    _told(
                        kernels, who, m, room.place[first], gain, weight, kept.numbers[e], kept.sums[e], policy, scaled
                    )
            kept.updates[e] += 1
            u += 1
        known.done[n] = u
