"""What of a utility learner is compiled: functions over one row, or the same in steps, for loops over many rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rllib_stackelberg.compilation import kernel


class Steps(NamedTuple):
    """A learner's `play` in two steps, the second of which many rows can take side by side.

    begin(numbers, row, parameters, who, policy, place, actions): write what the strategy of `numbers[row]` is made from
    into `policy[place, :actions]`.
    finish(policy, first, count, parameters, who, actions): make strategies of so many of them, in place.
    """

    begin: Callable
    finish: Callable


class Kernels(NamedTuple):
    """A learner's compiled functions over one information set.

    play(numbers, row, parameters, who, policy, place, actions): write the mixed strategy of `numbers[row]` into
    `policy[place, :actions]`.
    learn(numbers, row, parameters, who, policy, place, actions, utilities, drawn): change `numbers[row]` after the
    payoffs `utilities[:actions]` of every own action (in units of the payoff range); `policy[place]` is what was
    played, `drawn` the action drawn from it, -1 if none was. A bandit learner reads `utilities[drawn]` alone; without a
    draw, in expectation over one. The learner's parameters are `parameters[who]`.
    steps: of `play`, if it has them (`stepped`); loops over many rows are then faster.

    Rows are named by their place in two-dimensional arrays: a view of a row would cost more than the arithmetic on it.
    Compiled loops take them as arguments, and are kept between processes with them (`compilation.kept`). They hand over
    a number that never changes as `np.int64(0)`: numba takes a plain 0 for another type, and compiles all of it anew.
    """

    play: Callable
    learn: Callable
    steps: Steps | None = None


def stepped(begin: Callable, finish: Callable, learn: Callable) -> Kernels:
    """Kernels of a learner that plays in steps (`Steps`): one row goes through the same ones, to the bit."""

    @kernel(error_model="numpy")
    def play(numbers, row, parameters, who, policy, place, actions):
        """Begin and finish, for one row."""
        begin(numbers, row, parameters, who, policy, place, actions)
        finish(policy, place, 1, parameters, who, actions)

    return Kernels(play, learn, Steps(begin, finish))


@kernel
def finished(policy, first, count, parameters, who, actions):
    """Of learners that begin with their strategy."""


def steps_of(kernels: Kernels) -> Steps:
    """The steps of any learner; `play` is the only one of a learner that has none."""
    return kernels.steps or Steps(kernels.play, finished)
