"""What a leader's rows and the columns of followers of private types pay, and what a commitment is worth then.

Followers may be several, if none of them is paid by what the others do (a polymatrix game whose graph is a star). Then
what a mixture is worth is a sum over all types of all followers, each with its probability: to the leader, one follower
of type t or s and two followers differ in the weights alone. All of it is computed in fractions where asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import brief
from rllib_stackelberg.rules.priors import Prior

Matrices = Sequence[ArrayLike]
"""A matrix `[rows, columns]` of each type; types need not have equally many columns."""


@dataclass(frozen=True, eq=False)
class TypedPayoffs:
    """Payoffs and probabilities of types.

    Attributes:
        leader, follower: of each type a matrix `[rows, columns]`; the types of all followers in one row.
        weights: the probability of each type among those of its follower, `[types]`.
        sizes: how many types each follower has.
    """

    leader: tuple[Numbers, ...]
    follower: tuple[Numbers, ...]
    weights: Numbers
    sizes: tuple[int, ...]

    @classmethod
    def of(
        cls, leader: Sequence[Matrices], follower: Sequence[Matrices], priors: Sequence[ArrayLike] | None = None
    ) -> TypedPayoffs:
        """Checked payoffs `[followers][types][rows, columns]` and priors `[followers][types]`, equal by default.

        Raises:
            InvalidFieldError: they do not fit each other, or are no numbers.
        """
        own, paid = _matrices("leader", leader), _matrices("follower", follower)
        sizes = [len(matrices) for matrices in own]
        if [len(matrices) for matrices in paid] != sizes:
            problem = f"has {[len(matrices) for matrices in paid]} types by follower"
            raise InvalidFieldError("follower", problem, f"{sizes}, as leader")
        given = [np.full(size, 1 / size) for size in sizes] if priors is None else _listed("prior", priors)
        weights = [Prior.joint(each).blocks[0] for each in given]
        if [prior.shape for prior in weights] != [(size,) for size in sizes]:
            raise InvalidFieldError("prior", f"has shapes {[prior.shape for prior in weights]}", f"{sizes} types")
        flat = [tuple(matrix for matrices in side for matrix in matrices) for side in (own, paid)]
        for mine, theirs in zip(*flat, strict=True):
            if mine.shape != theirs.shape or len(mine) != len(flat[0][0]):
                problem = f"has a type of shape {theirs.shape}"
                allowed = f"as the leader's, {mine.shape}, with {len(flat[0][0])} rows"
                raise InvalidFieldError("follower", problem, allowed)
        return cls(flat[0], flat[1], np.concatenate(weights), tuple(sizes))

    @property
    def rows(self) -> int:
        """Of the leader."""
        return len(self.leader[0])

    @property
    def types(self) -> int:
        """Of all followers together."""
        return len(self.leader)

    @property
    def columns(self) -> tuple[int, ...]:
        """Of each type."""
        return tuple(matrix.shape[1] for matrix in self.leader)

    def by_follower(self, of_types: Sequence) -> list[list]:
        """A list over all types as one list a follower."""
        ends = np.cumsum((0, *self.sizes)).tolist()
        return [list(of_types[start:end]) for start, end in pairwise(ends)]

    @cached_property
    def exact(self) -> ExactPayoffs:
        """The same in fractions."""
        return ExactPayoffs(
            tuple(_turned(matrix) for matrix in self.leader),
            tuple(_turned(matrix) for matrix in self.follower),
            tuple(Fraction(float(weight)) for weight in self.weights),
        )


Column = tuple[Fraction, ...]


@dataclass(frozen=True)
class ExactPayoffs:
    """Payoffs in fractions.

    Attributes:
        leader, follower: `[types][columns][rows]`; weights: `[types]`.
    """

    leader: tuple[tuple[Column, ...], ...]
    follower: tuple[tuple[Column, ...], ...]
    weights: tuple[Fraction, ...]

    def advantages(self, t: int, column: int) -> list[Column]:
        """What type t gains by every other column, `[columns - 1][rows]`."""
        own = self.follower[t]
        return [
            tuple(a - b for a, b in zip(other, own[column], strict=True)) for k, other in enumerate(own) if k != column
        ]

    def weighted(self, t: int, column: int) -> Column:
        """What the leader gets from type t at a column, times the probability of the type."""
        return tuple(self.weights[t] * payoff for payoff in self.leader[t][column])

    def responses(self, mixture: Sequence[Fraction]) -> tuple[int, ...]:
        """Of each type the best column, of several the leader's favourite."""
        return tuple(_answer(mixture, *matrices) for matrices in zip(self.leader, self.follower, strict=True))

    def value(self, mixture: Sequence[Fraction], columns: Sequence[int]) -> Fraction:
        """The leader's payoff."""
        return sum(
            (w * expectation(mixture, own[j]) for w, own, j in zip(self.weights, self.leader, columns, strict=True)),
            Fraction(0),
        )

    def paid(self, mixture: Sequence[Fraction], columns: Sequence[int]) -> list[Fraction]:
        """The payoff of every type."""
        return [expectation(mixture, theirs[j]) for theirs, j in zip(self.follower, columns, strict=True)]


def expectation(mixture: Sequence[Fraction], column: Sequence[Fraction]) -> Fraction:
    """The expected entry of a column.

    >>> str(expectation([Fraction(1, 3), Fraction(2, 3)], [Fraction(1), Fraction(4)]))
    '3'
    """
    return sum((share * payoff for share, payoff in zip(mixture, column, strict=True) if share), Fraction(0))


def _answer(mixture: Sequence[Fraction], leader: Sequence[Column], follower: Sequence[Column]) -> int:
    """The best of a follower's columns, of several the leader's favourite, of several such the lowest."""
    paid = [expectation(mixture, column) for column in follower]
    best = [j for j, each in enumerate(paid) if each == max(paid)]
    return max(best, key=lambda j: expectation(mixture, leader[j])) if len(best) > 1 else best[0]


def _turned(matrix: Numbers) -> tuple[Column, ...]:
    return tuple(tuple(Fraction(entry) for entry in column) for column in matrix.T.tolist())


def _listed(field: str, given: Sequence) -> Sequence:
    """What is a list of something, refused by name if it is not."""
    if not isinstance(given, list | tuple | np.ndarray) or not len(given):
        raise InvalidFieldError(field, f"has {brief(given)}", "a list for each follower, in it one for each type")
    return given


def _matrices(field: str, given: Sequence[Matrices]) -> list[list[Numbers]]:
    """Matrices by follower and type."""
    return [[_matrix(field, entries) for entries in _listed(field, own)] for own in _listed(field, given)]


def _matrix(field: str, entries: ArrayLike) -> Numbers:
    try:
        matrix = np.asarray(entries, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError(field, "is ragged or not numeric", "rows of equally many numbers") from error
    if matrix.ndim != 2 or matrix.size == 0:
        raise InvalidFieldError(field, f"has a type of shape {matrix.shape}", "a matrix with at least one entry")
    check_comparable(field, matrix)
    return matrix
