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

from rllib_stackelberg.compilation import kept, njit
from rllib_stackelberg.followers.learner import Kernels, Learner
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
    if len(kinds) == 1:
        return Kernels(*map(_only, kinds[0]))
    return Kernels(*map(_either, kinds[0], mixed_kernels(kinds[1:])))


def _only(kernel):
    @njit
    def only(kind, *arguments):
        kernel(*arguments)

    return only


def _either(kernel, others):
    @njit
    def either(kind, *arguments):
        if kind == 0:
            kernel(*arguments)
        else:
            others(kind - 1, *arguments)

    return either


@njit
def _nobody(*_):
    """Nobody learns."""


@njit
def _clear(values):
    for k in range(values.size):
        values.flat[k] = 0.0


@njit
def strategies(kernels, who, numbers, policy):
    """Mixed strategies of every row of one episode: `[R, K]`."""
    for m in range(len(who.kind)):
        for row in range(who.first[m], who.first[m] + who.rows[m]):
            kernels.play(who.kind[m], numbers, row, who.parameters, m, policy, row, who.actions[m])


@njit
def profile_play(who, table, entry, policy, play):
    """Probability of every profile `[T, A]` under one episode's strategies."""
    for t in range(play.shape[0]):
        for a in range(play.shape[1]):
            play[t, a] = table.probabilities[t]
    for m in range(len(who.kind)):
        weigh(play, policy[who.first[m] :], table.information[entry], table.joint, m)


@njit(error_model="numpy", inline="always")
def learn_row(
    learn, kind, numbers, row, parameters, m, policy, place, actions, utilities, scaled, unit, drawn, sums, widest
):
    """Update one row and add to its running sums (`Record`), which have room for `widest` actions."""
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


@kept
def expected_phase(kernels, who, table, numbers, sums, episodes, entry, updates, total):
    """All expected updates of every episode: each row that play can reach learns its exact expected payoffs."""
    widest = sums.shape[2] // 2 - 1
    policy, fixed = np.zeros((numbers.shape[1], widest)), np.zeros((numbers.shape[1], widest))
    reach, realised = np.zeros(numbers.shape[1]), np.zeros(numbers.shape[1])
    scaled, no_draw = np.zeros(widest), np.int64(-1)
    play = np.zeros(table.payoffs.shape[1:3])
    for n in range(len(episodes)):
        own, record, b = numbers[episodes[n]], sums[episodes[n]], entry[n]
        for _ in range(updates):
            strategies(kernels, who, own, policy)
            profile_play(who, table, b, policy, play)
            if total.size:
                add(total[n], play)
            _clear(fixed)
            _clear(reach)
            for m in range(len(who.kind)):
                first, last = who.first[m], who.first[m] + who.rows[m]
                gather(
                    play,
                    table.payoffs[b],
                    table.information[b],
                    table.joint,
                    m,
                    who.agents[m],
                    who.strides[m],
                    reach[first:last],
                    realised[first:last],
                    fixed[first:last, : who.actions[m]],
                )
            for m in range(len(who.kind)):
                for row in range(who.first[m], who.first[m] + who.rows[m]):
                    if reach[row] <= 0:
                        continue
                    for k in range(who.actions[m]):
                        fixed[row, k] /= reach[row]
                    learn_row(
                        kernels.learn,
                        who.kind[m],
                        own,
                        row,
                        who.parameters,
                        m,
                        policy,
                        row,
                        who.actions[m],
                        fixed[row],
                        scaled,
                        who.unit,
                        no_draw,
                        record,
                        widest,
                    )
