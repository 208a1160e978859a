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
    def of(cls, leader: Sequence[Matrices], follower: Sequence[Matrices], priors: Sequence[ArrayLike]) -> TypedPayoffs:
        """Checked payoffs `[followers][types][rows, columns]` and priors `[followers][types]`.

        Raises:
            InvalidFieldError: they do not fit each other, or are no numbers.
        """
        if not len(leader) or len(follower) != len(leader):
            raise InvalidFieldError("follower", f"has {len(follower)} followers", f"{len(leader)}, and at least 1")
        if len(priors) != len(leader):
            raise InvalidFieldError("prior", f"has {len(priors)} followers", f"{len(leader)}")
        weights = [Prior.independent(prior).blocks[0] for prior in priors]
        for mine, theirs, prior in zip(leader, follower, weights, strict=True):
            for field, given in (("leader", mine), ("follower", theirs)):
                if len(given) != prior.size or prior.ndim != 1:
                    raise InvalidFieldError(field, f"has {len(given)} types", f"{prior.size}, as the prior has")
        own = tuple(_matrix("leader", matrix) for matrices in leader for matrix in matrices)
        paid = tuple(_matrix("follower", matrix) for matrices in follower for matrix in matrices)
        for mine, theirs in zip(own, paid, strict=True):
            if mine.shape != theirs.shape or len(mine) != len(own[0]):
                problem = f"has a type of shape {theirs.shape}"
                raise InvalidFieldError("follower", problem, f"as the leader's, {mine.shape}, {len(own[0])} rows each")
        return cls(own, paid, np.concatenate(weights), tuple(prior.size for prior in weights))

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
        return tuple(
            max(
                range(len(theirs)),
                key=lambda j, own=own, theirs=theirs: (expectation(mixture, theirs[j]), expectation(mixture, own[j])),
            )
            for own, theirs in zip(self.leader, self.follower, strict=True)
        )

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


def _turned(matrix: Numbers) -> tuple[Column, ...]:
    return tuple(tuple(Fraction(entry) for entry in column) for column in matrix.T.tolist())


def _matrix(field: str, entries: ArrayLike) -> Numbers:
    try:
        matrix = np.asarray(entries, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError(field, "is ragged or not numeric", "rows of equally many numbers") from error
    if matrix.ndim != 2 or matrix.size == 0:
        raise InvalidFieldError(field, f"has a type of shape {matrix.shape}", "a matrix with at least one entry")
    check_comparable(field, matrix)
    return matrix
