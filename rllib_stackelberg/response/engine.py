"""The compiled inner loops of the response phase.

A follower update costs tens of nanoseconds here; the same update in array code costs microseconds unless thousands of
episodes run in step, which they do not: episodes reach their response at different times. Loops run over episodes,
then updates, then followers, so an episode's numbers do not depend on what else is in the batch.

`R` counts the rows of all followers of an episode, `K` is their largest number of actions, `T` and `A` are the axes
nature and joint action of an outcome table, `M` the learned turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept, kernel
from rllib_stackelberg.followers.kernels import Kernels, Steps, steps_of
from rllib_stackelberg.followers.learner import Learner
from rllib_stackelberg.plays.table_loops import add, gather, joint_strides, weigh
from rllib_stackelberg.rules.game import Turn


class FollowerArrays(NamedTuple):
    """The followers as arrays, one entry per learned turn.

    kind: which kernels; parameters `[M, parameters]`; actions; widths: numbers kept per row; first: where a
    follower's rows begin among the `R`; rows; agents: column of the payoffs; strides: of the joint action; unit:
    utilities are multiplied by it.
    """

    kind: NDArray[np.int64]
    parameters: NDArray[np.float64]
    actions: NDArray[np.int64]
    widths: NDArray[np.int64]
    first: NDArray[np.int64]
    rows: NDArray[np.int64]
    agents: NDArray[np.int64]
    strides: NDArray[np.int64]
    unit: float


def follower_arrays(
    learners: Sequence[Learner], turns: Sequence[Turn], scale: float, named: Sequence[Learner] = ()
) -> tuple[Kernels, FollowerArrays]:
    """The followers of a game, and the kernels that play them all.

    Where nobody learns they are those of the learners `named` in vain: there is nothing to compile for it.
    """
    kinds = list(dict.fromkeys(learner.kernels for learner in (learners or named)))
    given = [learner.kernel_parameters() for learner in learners]
    parameters = np.zeros((len(learners), max(map(len, given), default=0)))
    for m, values in enumerate(given):
        parameters[m, : len(values)] = values
    rows = np.array([turn.keys for turn in turns], dtype=np.int64)
    actions = [turn.choices for turn in turns]
    found = FollowerArrays(
        kind=np.array([kinds.index(learner.kernels) for learner in learners], dtype=np.int64),
        parameters=parameters,
        actions=np.array(actions, dtype=np.int64),
        widths=np.array([len(learner.start(k)) for learner, k in zip(learners, actions, strict=True)], dtype=np.int64),
        first=np.cumsum(rows) - rows,
        rows=rows,
        agents=np.array([turn.agent for turn in turns], dtype=np.int64),
        strides=joint_strides(np.array(actions)),
        unit=1 / scale,
    )
    return mixed_kernels(tuple(kinds)), found


def fresh_rows(learners: Sequence[Learner], turns: Sequence[Turn], who: FollowerArrays) -> NDArray[np.float64]:
    """Numbers of all followers who have learned nothing yet, `[R, width]`."""
    fresh = np.zeros((int((who.first + who.rows).max(initial=0)), int(who.widths.max(initial=0))))
    for m, learner in enumerate(learners):
        fresh[who.first[m] : who.first[m] + who.rows[m], : who.widths[m]] = learner.start(turns[m].choices)
    return fresh


@cache
def mixed_kernels(kinds: tuple[Kernels, ...]) -> Kernels:
    """One pair of kernels that takes a leading `kind` and hands over to that learner's."""
    if not kinds:
        return Kernels(_nobody, _nobody)
    return Kernels(_by_kind([kernels.play for kernels in kinds]), _by_kind([kernels.learn for kernels in kinds]))


@cache
def mixed_steps(kinds: tuple[Kernels, ...]) -> Steps:
    """As `mixed_kernels`: steps that take a leading `kind`, of utility learners."""
    if not kinds:
        return Steps(_nobody, _nobody)
    return Steps(*map(_by_kind, zip(*map(steps_of, kinds), strict=True)))


def _by_kind(functions):
    """One function for those of several kinds."""
    first, *others = functions
    return _either(first, _by_kind(others)) if others else _only(first)


def _only(function):
    @kernel
    def only(kind, *arguments):
        """The one kernel there is."""
        function(*arguments)

    return only


def _either(function, others):
    @kernel
    def either(kind, *arguments):
        """The first kernel, or one of the others."""
        if kind == 0:
            function(*arguments)
        else:
            others(kind - 1, *arguments)

    return either


@kernel
def _nobody(*_):
    """Nobody learns."""


@kernel
def _clear(values):
    for k in range(values.size):
        values.flat[k] = 0.0


@kernel(error_model="numpy")
def strategies(kernels, who, numbers, policy):
    """Mixed strategies of every row of one episode: `[R, K]`."""
    for m in range(len(who.kind)):
        strategies_of(kernels, who, m, numbers, policy)


@kernel(error_model="numpy")
def strategies_of(kernels, who, m, numbers, policy):
    """Mixed strategies of every row of one follower, step by step."""
    steps, kind, first, actions = kernels.steps, who.kind[m], who.first[m], who.actions[m]
    last = first + who.rows[m]
    for row in range(first, last):
        steps.begin(kind, numbers, row, who.parameters, m, policy, row, actions)
    steps.finish(kind, policy, first, last - first, who.parameters, m, actions)


@kernel
def profile_play(who, table, entry, policy, play):
    """Probability of every profile `[T, A]` under one episode's strategies."""
    for t in range(play.shape[0]):
        for a in range(play.shape[1]):
            play[t, a] = table.probabilities[t]
    for m in range(len(who.kind)):
        weigh(play, policy[who.first[m] :], table.information[entry], table.joint, m)


@kernel(error_model="numpy", inline="always")
def learn_row(
    learn, kind, numbers, row, parameters, m, policy, place, actions, utilities, scaled, unit, drawn, sums, widest
):
    """Update one row and add to its running sums (`Record`), which have room for `widest` actions; scaled: room."""
    mixed = 0.0
    for k in range(actions):
        utility, share = utilities[k], policy[place, k]
        sums[row, k] += utility
        sums[row, widest + k] += share
        mixed += share * utility
        scaled[k] = utility * unit
    sums[row, 2 * widest] += mixed
    sums[row, 2 * widest + 1] += mixed if drawn < 0 else utilities[drawn]
    sums[row, 2 * widest + 2] += 1
    learn(kind, numbers, row, parameters, m, policy, place, actions, scaled, drawn)


@kernel(error_model="numpy")
def learn_reached(kernels, who, m, numbers, reach, policy, utilities, scaled, sums, widest):
    """Update the rows of one follower that play can reach, without a draw: reach `[R]`, utilities `[R, K]`."""
    kind, parameters, unit, undrawn = who.kind[m], who.parameters, who.unit, np.int64(-1)
    for row in range(who.first[m], who.first[m] + who.rows[m]):
        if reach[row] > 0:
            learn_row(
                kernels.learn,
                kind,
                numbers,
                row,
                parameters,
                m,
                policy,
                row,
                who.actions[m],
                utilities[row],
                scaled,
                unit,
                undrawn,
                sums,
                widest,
            )


class Expected(NamedTuple):
    """Room for an expected update: policy, utilities `[R, K]`; reach, realised `[R]`; play `[T, A]`; scaled `[K]`."""

    policy: NDArray[np.float64]
    utilities: NDArray[np.float64]
    reach: NDArray[np.float64]
    realised: NDArray[np.float64]
    play: NDArray[np.float64]
    scaled: NDArray[np.float64]


@kept(error_model="numpy")
def expected_phase(kernels, who, table, numbers, sums, episodes, entry, updates, total):
    """All expected updates of every episode: each row that play can reach learns its exact expected payoffs."""
    rows, widest = numbers.shape[1], sums.shape[2] // 2 - 1
    room = Expected(
        np.zeros((rows, widest)),
        np.zeros((rows, widest)),
        np.zeros(rows),
        np.zeros(rows),
        np.zeros(table.payoffs.shape[1:3]),
        np.zeros(widest),
    )
    _expected_updates(kernels, who, table, numbers, sums, episodes, entry, updates, total, room)


@kernel(error_model="numpy")
def _expected_updates(kernels, who, table, numbers, sums, episodes, entry, updates, total, room):
    policy, utilities, reach, play = room.policy, room.utilities, room.reach, room.play
    widest, first, rows, choices = policy.shape[1], who.first, who.rows, who.actions
    for n in range(len(episodes)):
        own, record, b = numbers[episodes[n]], sums[episodes[n]], entry[n]
        payoffs, information = table.payoffs[b], table.information[b]
        for _ in range(updates):
            strategies(kernels, who, own, policy)
            profile_play(who, table, b, policy, play)
            if total.size:
                add(total[n], play)
            _clear(utilities)
            _clear(reach)
            for m in range(len(first)):
                begin, end = first[m], first[m] + rows[m]
                gather(
                    play,
                    payoffs,
                    information,
                    table.joint,
                    m,
                    who.agents[m],
                    who.strides[m],
                    reach[begin:end],
                    room.realised[begin:end],
                    utilities[begin:end, : choices[m]],
                )
            for m in range(len(first)):
                for row in range(first[m], first[m] + rows[m]):
                    if reach[row] > 0:
                        for k in range(choices[m]):
                            utilities[row, k] /= reach[row]
                learn_reached(kernels, who, m, own, reach, policy, utilities, room.scaled, record, widest)
