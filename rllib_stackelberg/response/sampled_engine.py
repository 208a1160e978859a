"""Compiled loops of sampled updates: from plays, and by look-up in a table of outcomes.

The second is where training spends its followers' time. What an update costs there is arithmetic of which each step
waits for the one before it, so a few episodes run in step (`LANES`): all their strategies, several of them at once,
then all their draws, then all their updates. An episode's numbers do not depend on what else is in the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import has_kept, kept, kernel, njit
from rllib_stackelberg.followers.learner import draw_action
from rllib_stackelberg.plays.table_loops import Outcomes, add
from rllib_stackelberg.response.engine import learn_row, profile_play, strategies

LANES = 16
"""Episodes that run in step: twice the numbers in the widest registers, a loop that the compiler does not unroll."""

FEW = 3
"""Lanes up to which each is played for itself: going through all of them at once takes as long as four do."""

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

    cells, joints: of the table, and what is played `[LANES]`; entry, base: where cells `[LANES]` and rows `[M, LANES]`
    of an episode begin; by follower rows: where it is, uniforms: that it draws with, drawn: what it plays `[M, LANES]`,
    and its strategies there, policy `[M LANES, K]`: in memory those of all lanes are side by side, and what is done to
    each is done to several at once; utilities, scaled: of one row `[K]`.
    """

    cells: NDArray[np.int64]
    joints: NDArray[np.int64]
    entry: NDArray[np.int64]
    base: NDArray[np.int64]
    rows: NDArray[np.int64]
    uniforms: NDArray[np.float64]
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
        np.zeros(LANES, dtype=np.int64),
        np.zeros((turns, LANES), dtype=np.int64),
        np.zeros((turns, LANES), dtype=np.int64),
        np.zeros((turns, LANES)),
        np.zeros((turns, LANES), dtype=np.int64),
        np.zeros((widest, turns * LANES)).T,
        np.zeros(widest),
        np.zeros(widest),
    )


@kernel
def _enter(who, look, batch, begin, count, lanes):
    """Let episodes run in the lanes."""
    for lane in range(count):
        lanes.entry[lane] = batch.entry[begin + lane] * look.natures
        for m in range(len(who.first)):
            lanes.base[m, lane] = batch.base[begin + lane] + who.first[m]


@kernel(error_model="numpy", inline="always")
def _begin_lanes(kernels, who, look, numbers, batch, begin, count, u, lanes, turns, alike):
    """Find where the lanes are in update u, and begin to play there."""
    steps, information, uniforms, policy = kernels.steps, look.information, lanes.uniforms, lanes.policy
    nature, drawn_with, parameters, kinds, choices = batch.nature, batch.uniforms, who.parameters, who.kind, who.actions
    entry, base, cells, rows = lanes.entry, lanes.base, lanes.cells, lanes.rows
    for lane in range(count):
        n = np.uint64(begin + lane)
        cell = np.uint64(entry[lane] + nature[n, u])
        cells[lane] = cell
        for m in range(turns):
            row, place = np.uint64(base[m, lane] + information[cell, m]), np.uint64(m * LANES + lane)
            rows[m, lane] = row
            uniforms[m, lane] = drawn_with[n, u, m]
            steps.begin(kinds[m], numbers, row, parameters, m, policy, place, alike or choices[m])


@kernel(error_model="numpy", inline="always")
def _draw_lanes(kernels, who, begin, count, lanes, turns, alike):
    """Make strategies of what was begun in so many lanes from one on, and draw everybody's action."""
    choices, strides, policy, uniforms = who.actions, who.strides, lanes.policy, lanes.uniforms
    joints, drawn, kinds, parameters, finish = lanes.joints, lanes.drawn, who.kind, who.parameters, kernels.steps.finish
    for lane in range(begin, begin + count):
        joints[lane] = 0
    for m in range(turns):
        actions, stride, first = alike or choices[m], strides[m], m * LANES
        finish(kinds[m], policy, first + begin, count, parameters, m, actions)
        for lane in range(begin, begin + count):
            action = draw_action(policy, np.uint64(first + lane), actions, uniforms[m, lane])
            drawn[m, lane] = action
            joints[lane] += action * stride


@kernel(error_model="numpy", inline="always")
def _learn_lanes(kernels, who, look, numbers, sums, count, lanes, turns, alike, widest):
    """Everybody learns what each of its actions would have paid against the others' drawn ones."""
    unit, parameters, payoffs = who.unit, who.parameters, look.payoffs
    kinds, choices, agents, strides = who.kind, who.actions, who.agents, who.strides
    cells, rows, drawn, policy = lanes.cells, lanes.rows, lanes.drawn, lanes.policy
    joints, utilities, scaled = lanes.joints, lanes.utilities, lanes.scaled
    for lane in range(count):
        cell = np.uint64(cells[lane])
        for m in range(turns):
            actions, action, stride, agent = alike or choices[m], drawn[m, lane], strides[m], np.uint64(agents[m])
            row, place = np.uint64(rows[m, lane]), np.uint64(m * LANES + lane)
            # The profile in which this follower plays action 0 instead of its drawn one.
            profile = joints[lane] - action * stride
            for k in range(actions):
                utilities[k] = payoffs[cell, np.uint64(profile + k * stride), agent]
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
    knows take half the time or less, and it has to compile once more. Places in arrays are unsigned here: numba counts
    negative ones from an array's end, and the compiler does not know that there is none.
    """

    @kept(error_model="numpy")
    def phase(kernels, who, table, look, numbers, sums, batch, total):
        """Rows `numbers, sums [episodes x R, ...]`. Each update's play is added to `total [N, T, A]` unless empty."""
        widest, rows = alike or sums.shape[1] // 2 - 1, 0
        for m in range(len(who.rows)):
            rows += who.rows[m]
        lanes = _lanes(followers or len(who.kind), widest)
        room = Whole(np.zeros((rows, widest)), np.zeros(total.shape[1:]))
        updates(kernels, who, table, look, numbers, sums, batch, lanes, room, total)

    @kernel(error_model="numpy")
    def updates(kernels, who, table, look, numbers, sums, batch, lanes, room, total):
        """All updates of all episodes, some episodes at a time."""
        for begin in range(0, len(batch.base), LANES):
            count = min(LANES, len(batch.base) - begin)
            _enter(who, look, batch, begin, count, lanes)
            for u in range(batch.nature.shape[1]):
                if total.size:
                    for n in range(begin, begin + count):
                        _add_play(kernels, who, table, numbers, batch.base[n], batch.entry[n], room, total[n])
                update(kernels, who, look, numbers, sums, batch, begin, count, u, lanes)

    @kernel(error_model="numpy", inline="always")
    def update(kernels, who, look, numbers, sums, batch, begin, count, u, lanes):
        """One update of some episodes side by side."""
        turns, widest = followers or len(who.kind), alike or sums.shape[1] // 2 - 1
        _begin_lanes(kernels, who, look, numbers, batch, begin, count, u, lanes, turns, alike)
        if alike and count > FEW:  # those without an episode, too: the compiler then knows how many there are
            _draw_lanes(kernels, who, 0, LANES, lanes, turns, alike)
        else:
            for lane in range(count):
                _draw_lanes(kernels, who, lane, 1, lanes, turns, alike)
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


class Whole(NamedTuple):
    """Room for one episode's strategies `[R, K]`, and for play `[T, A]`."""

    policy: NDArray[np.float64]
    play: NDArray[np.float64]


@kernel
def _add_play(kernels, who, table, numbers, base, entry, room, total):
    """Add the play under one episode's present strategies to `total [T, A]`."""
    strategies(kernels, who, numbers[base : base + len(room.policy)], room.policy)
    profile_play(who, table, entry, room.policy, room.play)
    add(total, room.play)
