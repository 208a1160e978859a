"""The compiled inner loops of counterfactual regret minimisation, along the table of all paths (paths.py).

Everything is linear in `weights [T, A]`, the probability with which nature and the others steer a play along each path:
of one update, or summed over many. A path that names an action its mover does not have, or one after the end of the
play, is the same play as a lower path, and has weight 0.

Names of axes as in engine.py; L are the moves of a path, R the rows of all followers one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.compilation import kept, njit


class Movers(NamedTuple):
    """The followers as arrays, one entry per learned turn: first of their rows, actions, column of the payoffs."""

    first: Index
    actions: Index
    agents: Index


class Sums(NamedTuple):
    """Running sums over updates, in payoff units.

    fixed `[E, R, K]`: counterfactual payoff of each action; mixed `[E, R]`: of the strategy played.
    policy `[E, R, K]`: strategies, weighted by the follower's own probability of coming there.
    visits `[E, R]`: updates in which nature and the others can bring it there.
    begun `[E, R, 2]`: payoff after, and probability of, a follower's first move at a row.
    weights `[E, M + 1, T, A]`: probability of each path without the follower's own part; the last as all play.
    """

    fixed: Numbers
    mixed: Numbers
    policy: Numbers
    visits: Numbers
    begun: Numbers
    weights: Numbers


def side_by_side(policies: Sequence[Numbers], rows: Sequence[slice]) -> Numbers:
    """Strategies of all followers `[E, R, K]` in one array, from those of each, `[E, its rows, its actions]`."""
    together = np.zeros((len(policies[0]), rows[-1].stop, max(policy.shape[-1] for policy in policies)))
    for own, policy in zip(rows, policies, strict=True):
        together[:, own, : policy.shape[-1]] = policy
    return together


@kept
def weigh_paths(table, entry, who, policy, weights):
    """Write `weights [M + 1, T, A]` (see `Sums`) of strategies `[R, K]`."""
    paths, moves = weights.shape[2], len(table.strides)
    choices = paths // table.strides[0]
    for t in range(weights.shape[1]):
        for a in range(paths):
            for i in range(len(weights)):
                weights[i, t, a] = table.probabilities[t]
            for j in range(moves):
                mover, action = table.mover[entry, 0, t, a, j], a // table.strides[j] % choices
                share = 1.0 if action == 0 else 0.0  # after the end of the play
                if mover >= 0:
                    row = who.first[mover] + table.row[entry, 0, t, a, j]
                    share = policy[row, action] if action < who.actions[mover] else 0.0
                for i in range(len(weights)):
                    if i != mover:
                        weights[i, t, a] *= share
                    elif action >= who.actions[mover]:
                        weights[i, t, a] = 0.0


@kept
def walk_back(table, entry, who, turn, policy, weights, utilities, reach, begun):
    """Add up what one follower gets from each of its rows on, playing a strategy `[R, K]` later, against `weights`.

    utilities `[R, K]`: payoff after each action there, not weighted by its own probability of coming there; reach
    `[R]`: probability of nature and the others of bringing it there; begun `[R, 2]`: see `Sums`.
    """
    paths, agent, first = weights.shape[1], who.agents[turn], who.first[turn]
    choices = paths // table.strides[0]
    value, mass = np.empty(paths), np.empty(paths)
    for t in range(len(weights)):
        for a in range(paths):
            mass[a], value[a] = weights[t, a], weights[t, a] * table.paid[entry, 0, t, a, -1, agent]
        for j in range(len(table.strides) - 1, -1, -1):
            below = choices * table.strides[j]
            for p in range(paths // below):
                a, children = p * below, p * choices
                own = table.mover[entry, 0, t, a, j] == turn
                row, before = first + table.row[entry, 0, t, a, j], table.paid[entry, 0, t, a, j, agent]
                total, weight = 0.0, 0.0
                for k in range(who.actions[turn] if own else choices):
                    share = policy[row, k] if own else 1.0
                    total += share * value[children + k]
                    weight += share * mass[children + k]
                    if own:
                        utilities[row, k] += value[children + k] - mass[children + k] * before
                if own:
                    reach[row] += weight
                if own and _first_move(table.mover[entry, 0, t, a], j, turn):
                    begun[row, 0] += total - weight * before
                    begun[row, 1] += weight
                value[p], mass[p] = total, weight


@njit
def _first_move(movers, move, turn):
    """Whether a follower has not moved before that move of a path, whose movers are `[L]`."""
    first = True
    for i in range(move):
        first &= movers[i] != turn
    return first


@njit
def own_reach(table, entry, who, turn, policy, reach):
    """Add to `reach [R]` a follower's own probability of coming to each of its rows, weighted by nature's.

    Where it could have come there in several ways, or others' moves differ, these are added.
    """
    paths = table.mover.shape[3]
    choices = paths // table.strides[0]
    for t in range(len(table.probabilities)):
        for j in range(len(table.strides)):
            for a in range(0, paths, choices * table.strides[j]):
                if table.mover[entry, 0, t, a, j] != turn:
                    continue
                share = table.probabilities[t]
                for i in range(j):
                    mover, action = table.mover[entry, 0, t, a, i], a // table.strides[i] % choices
                    if action >= who.actions[mover]:
                        share = 0.0
                    elif mover == turn:
                        share *= policy[who.first[turn] + table.row[entry, 0, t, a, i], action]
                reach[who.first[turn] + table.row[entry, 0, t, a, j]] += share


@kept
def count_update(table, entries, episodes, who, policies, sums, utilities, reach):
    """One update of the given episodes: write `utilities [E, R, K]` and `reach [E, R]`, and add to the sums.

    policies `[E, R, K]`: what everybody plays now.
    """
    paths, rows = table.mover.shape[3], policies.shape[1]
    for n in range(len(episodes)):
        e, policy = episodes[n], policies[n]
        weights = np.empty((len(who.first) + 1, len(table.probabilities), paths))
        own = np.zeros(rows)
        utilities[n].fill(0.0)
        reach[n].fill(0.0)
        weigh_paths(table, entries[n], who, policy, weights)
        for i in range(weights.shape[0]):
            for t in range(weights.shape[1]):
                for a in range(paths):
                    sums.weights[e, i, t, a] += weights[i, t, a]
        for turn in range(len(who.first)):
            walk_back(table, entries[n], who, turn, policy, weights[turn], utilities[n], reach[n], sums.begun[e])
            own_reach(table, entries[n], who, turn, policy, own)
        for row in range(rows):
            sums.visits[e, row] += reach[n, row] > 0
            for k in range(policy.shape[1]):
                sums.fixed[e, row, k] += utilities[n, row, k]
                sums.mixed[e, row] += policy[row, k] * utilities[n, row, k]
                sums.policy[e, row, k] += own[row] * policy[row, k]
