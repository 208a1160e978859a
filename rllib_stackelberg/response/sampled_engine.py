"""Compiled loops of sampled updates: from plays, and by look-up in a table of outcomes.

The second is where training spends its followers' time. What an update costs there, with three actions, is three
exponentials and the wait for them, so a few episodes run in step (`LANES`): all their strategies, then all their
draws, then all their updates, none of which has to wait for the one before it. An episode's numbers do not depend on
what else is in the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import has_kept, kept, njit
from rllib_stackelberg.followers.learner import draw_action
from rllib_stackelberg.plays.table_loops import Outcomes, add
from rllib_stackelberg.response.engine import learn_row, profile_play, strategies

LANES = 8
"""Episodes that run in step. Measured with 1 to 32: two do most of it, more than eight nothing."""


MANY_UPDATES = 2_000_000
"""Updates in a process for which a loop compiled for the number of actions is worth its compilation (1 s)."""

_learned: Counter[Hashable] = Counter()
"""Updates by kernels, followers and actions; as many as matter where the loop compiled for these is there already."""

_planned: list[float] = []


@contextmanager
def planned(updates: float) -> Iterator[None]:
    """Compile, in here, what so many updates are worth that this process is about to do: none of it in their midst."""
    _planned.append(updates)
    try:
        yield
    finally:
        _planned.pop()


class LookUp(NamedTuple):
    """An outcome table by cell (entry and nature): payoffs `[B T, A, agents]`, information `[B T, M]`; `T`."""

    payoffs: NDArray[np.float64]
    information: NDArray[np.int64]
    natures: int


def look_up(table: Outcomes) -> LookUp:
    """Of a table in which no follower's information depends on followers' moves."""
    cells = len(table.payoffs) * len(table.probabilities)
    information = np.ascontiguousarray(table.information[:, :, 0])
    return LookUp(
        table.payoffs.reshape(cells, *table.payoffs.shape[2:]), information.reshape(cells, -1), len(table.probabilities)
    )


@kept(error_model="numpy")
def sampled_update(kernels, who, numbers, sums, episodes, information, uniforms, utilities):
    """One update per episode from played payoffs: information `[N, M]` (-1: did not move), utilities `[N, M, K]`."""
    widest = utilities.shape[2]
    policy, scaled, place = np.zeros((1, widest)), np.zeros(widest), np.int64(0)
    for n in range(len(episodes)):
        own, record = numbers[episodes[n]], sums[episodes[n]]
        for m in range(len(who.kind)):
            if information[n, m] < 0:
                continue
            row, kind, actions = who.first[m] + information[n, m], who.kind[m], who.actions[m]
            kernels.play(kind, own, row, who.parameters, m, policy, place, actions)
            learn_row(
                kernels.learn,
                kind,
                own,
                row,
                who.parameters,
                m,
                policy,
                place,
                actions,
                utilities[n, m],
                scaled,
                who.unit,
                draw_action(policy, place, actions, uniforms[n, m]),
                record,
                widest,
            )


class Batch(NamedTuple):
    """Episodes `[N]` and their draws: first row of each, its entry in the table, nature `[N, updates]`, uniforms
    `[N, updates, M]`."""

    base: NDArray[np.int64]
    entry: NDArray[np.int64]
    nature: NDArray[np.int64]
    uniforms: NDArray[np.float64]


class Lanes(NamedTuple):
    """One update of the episodes that run in step, written anew in each.

    cells: of the table `[LANES]`; rows: of who moves, drawn: what is played `[LANES, M]`; policy: strategies there
    `[LANES M, K]`; utilities, scaled: of one row `[K]`.
    """

    cells: NDArray[np.int64]
    joints: NDArray[np.int64]
    rows: NDArray[np.int64]
    drawn: NDArray[np.int64]
    policy: NDArray[np.float64]
    utilities: NDArray[np.float64]
    scaled: NDArray[np.float64]


@njit
def _lanes(turns, widest):
    """Room for as many episodes as run in step."""
    return Lanes(
        np.zeros(LANES, dtype=np.int64),
        np.zeros(LANES, dtype=np.int64),
        np.zeros((LANES, turns), dtype=np.int64),
        np.zeros((LANES, turns), dtype=np.int64),
        np.zeros((LANES * turns, widest)),
        np.zeros(widest),
        np.zeros(widest),
    )


@njit(error_model="numpy", inline="always")
def _play_lanes(kernels, who, look, numbers, batch, begin, count, u, lanes, turns, alike):
    """Find where the lanes are in update u, and write the strategies there."""
    natures = look.natures
    base, entry, nature, information = batch.base, batch.entry, batch.nature, look.information
    kinds, first, choices, parameters = who.kind, who.first, who.actions, who.parameters
    cells, rows, policy = lanes.cells, lanes.rows, lanes.policy
    for lane in range(count):
        n = begin + lane
        cell = entry[n] * natures + nature[n, u]
        cells[lane] = cell
        for m in range(turns):
            row = base[n] + first[m] + information[cell, m]
            rows[lane, m] = row
            if cell >= 0 and row >= 0:
                kernels.play(kinds[m], numbers, row, parameters, m, policy, lane * turns + m, alike or choices[m])


@njit(error_model="numpy", inline="always")
def _draw_lanes(who, uniforms, begin, count, u, lanes, turns, alike):
    """Draw everybody's action in update u."""
    policy, drawn, joints, choices, strides = lanes.policy, lanes.drawn, lanes.joints, who.actions, who.strides
    for lane in range(count):
        joints[lane] = 0
        for m in range(turns):
            drawn[lane, m] = draw_action(policy, lane * turns + m, alike or choices[m], uniforms[begin + lane, u, m])
            joints[lane] += drawn[lane, m] * strides[m]


@njit(error_model="numpy", inline="always")
def _learn_lanes(kernels, who, look, numbers, sums, count, lanes, turns, alike, widest):
    """Everybody learns what each of its actions would have paid against the others' drawn ones."""
    unit, parameters, payoffs = who.unit, who.parameters, look.payoffs
    kinds, choices, agents, strides = who.kind, who.actions, who.agents, who.strides
    cells, rows, drawn, policy = lanes.cells, lanes.rows, lanes.drawn, lanes.policy
    joints, utilities, scaled = lanes.joints, lanes.utilities, lanes.scaled
    for lane in range(count):
        cell = cells[lane]
        for m in range(turns):
            row, action, stride, agent = rows[lane, m], drawn[lane, m], strides[m], agents[m]
            actions, place = alike or choices[m], lane * turns + m
            # The profile in which this follower plays action 0 instead of its drawn one.
            profile = joints[lane] - action * stride
            if cell < 0 or row < 0 or action < 0 or stride < 0 or agent < 0 or profile < 0:
                continue
            for k in range(actions):
                utilities[k] = payoffs[cell, profile + k * stride, agent]
            learn_row(
                kernels.learn,
                kinds[m],
                numbers,
                row,
                parameters,
                m,
                policy,
                place,
                actions,
                utilities,
                scaled,
                unit,
                action,
                sums,
                widest,
            )


@cache
def sampled_phase(followers: int = 0, alike: int = 0) -> Any:
    """All sampled updates of every episode by look-up, followers' information not depending on followers' moves.

    Compiled for so many followers that all have so many actions, or (0) for any: loops of a length that the compiler
    knows take half the time, and it has to compile once more. No place in an array is ever negative here; the lines
    that seem to doubt it save it from counting every negative one from the array's end, a fifth of the time.
    """

    @kept(error_model="numpy")
    def phase(kernels, who, table, look, numbers, sums, batch, total):
        """Rows `numbers, sums [episodes x R, ...]`. Each update's play is added to `total [N, T, A]` unless empty."""
        turns, widest = followers or len(who.kind), alike or sums.shape[1] // 2 - 1
        lanes = _lanes(turns, widest)
        for begin in range(0, len(batch.base), LANES):
            count = min(LANES, len(batch.base) - begin)
            for u in range(batch.nature.shape[1]):
                if total.size:
                    for n in range(begin, begin + count):
                        _add_play(kernels, who, table, numbers, batch.base[n], batch.entry[n], widest, total[n])
                _play_lanes(kernels, who, look, numbers, batch, begin, count, u, lanes, turns, alike)
                _draw_lanes(who, batch.uniforms, begin, count, u, lanes, turns, alike)
                _learn_lanes(kernels, who, look, numbers, sums, count, lanes, turns, alike, widest)

    return phase


def chosen_phase(updates: int, kernels: Any, who: Any, *rest: Any) -> Any:
    """The loop for so many updates, given all its arguments.

    It is the one compiled for these followers if that is kept already, or if so many updates are planned or done that
    it is worth its compilation.
    """
    followers, actions = len(who.actions), set(who.actions.tolist())
    if len(actions) != 1:
        return sampled_phase()
    key, special = (kernels, followers, *actions), sampled_phase(followers, *actions)
    if key not in _learned and has_kept(special, kernels, who, *rest):
        _learned[key] += MANY_UPDATES
    _learned[key] += int(min(max(updates, *_planned, 0), MANY_UPDATES))
    return special if _learned[key] >= MANY_UPDATES else sampled_phase()


@njit
def _add_play(kernels, who, table, numbers, base, entry, widest, total):
    """Add the play under one episode's present strategies to `total [T, A]`."""
    rows = 0
    for m in range(len(who.rows)):
        rows += who.rows[m]
    own = numbers[base : base + rows]
    policy, play = np.zeros((len(own), widest)), np.zeros(total.shape)
    strategies(kernels, who, own, policy)
    profile_play(who, table, entry, policy, play)
    add(total, play)
