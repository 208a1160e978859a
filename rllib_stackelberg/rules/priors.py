"""Priors over finite types: products of independent blocks, each a joint distribution.

A block of dimension d covers d consecutive columns (usually: types of d followers) and may correlate them.
Everything random in a game, its chance moves included, is such a prior, so that the platform can draw it
from a table of uniforms and enumerate it when it is small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rllib_stackelberg.errors import InvalidFieldError

SUM_TOLERANCE = 1e-9


FEW = 64
"""Values of a prior that are counted through faster than searched."""

TOGETHER = 8192
"""Draws of all blocks that a processor still holds when it comes to the next block of them."""


@dataclass(frozen=True, eq=False)
class Prior:
    """A product of independent blocks of joint probabilities.

    Attributes:
        blocks: arrays of probabilities, one per block; `blocks[k][i, j, ...]` is the probability that the
            block's columns take the values i, j, ...

    >>> prior = Prior.product(Prior.independent([.5, .5]), Prior.joint([[.4, .1], [.1, .4]]))
    >>> prior.width, prior.size
    (3, 8)
    >>> values, probabilities = prior.support()
    >>> values[1], float(probabilities[1])
    (array([0, 0, 1]), 0.05)
    >>> prior.values(prior.draw(np.array([[.6, .45]])))
    array([[1, 0, 1]])
    """

    blocks: tuple[NDArray[np.float64], ...]

    def __post_init__(self) -> None:
        for block in self.blocks:
            if block.size == 0 or not np.isfinite(block).all() or (block < 0).any():
                raise InvalidFieldError("prior", "has entries that are no probabilities", "numbers in [0, 1]")
            if abs(block.sum() - 1) > SUM_TOLERANCE:
                raise InvalidFieldError("prior", f"sums to {block.sum():.12g}", "probabilities that sum to 1")

    @classmethod
    def joint(cls, probabilities: ArrayLike) -> Prior:
        """One block; `probabilities` has an axis per column."""
        try:
            block = np.asarray(probabilities, dtype=float)
        except ValueError as error:
            raise InvalidFieldError("prior", "is ragged", "a rectangular array of numbers") from error
        return cls((block,))

    @classmethod
    def independent(cls, *distributions: ArrayLike) -> Prior:
        """One one-dimensional block per distribution."""
        return cls(tuple(np.asarray(distribution, dtype=float) for distribution in distributions))

    @classmethod
    def uniform(cls, *sizes: int) -> Prior:
        """Independent columns, column k uniform over `range(sizes[k])`."""
        return cls(tuple(np.full(size, 1 / size) for size in sizes))

    @classmethod
    def product(cls, *priors: Prior) -> Prior:
        """Independent priors side by side."""
        return cls(tuple(block for prior in priors for block in prior.blocks))

    @cached_property
    def width(self) -> int:
        """Number of columns."""
        return sum(block.ndim for block in self.blocks)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Number of values of each column."""
        return tuple(size for block in self.blocks for size in block.shape)

    @cached_property
    def _cells(self) -> tuple[NDArray[np.int64], ...]:
        """Per block the flat indices of its cells of positive probability."""
        return tuple(np.flatnonzero(block) for block in self.blocks)

    @cached_property
    def _cell_values(self) -> tuple[NDArray[np.int64], ...]:
        return tuple(
            np.stack(np.unravel_index(cells, block.shape), axis=-1)
            for block, cells in zip(self.blocks, self._cells, strict=True)
        )

    @cached_property
    def _thresholds(self) -> tuple[NDArray[np.float64], ...]:
        """Per block the inner steps of the distribution function over its positive cells."""
        return tuple(
            np.cumsum(block.ravel()[cells])[:-1] for block, cells in zip(self.blocks, self._cells, strict=True)
        )

    @cached_property
    def _even(self) -> tuple[bool, ...]:
        """Per block whether it has many cells, all of them equally likely."""
        likely = [block.ravel()[cells] for block, cells in zip(self.blocks, self._cells, strict=True)]
        return tuple(len(own) > FEW and bool((own == own[0]).all()) for own in likely)

    @cached_property
    def _plain(self) -> bool:
        """Whether values are cells: each block is one column, all of whose values can be."""
        return all(block.ndim == 1 and block.all() for block in self.blocks)

    @cached_property
    def size(self) -> int:
        """Number of joint values of positive probability."""
        total = 1
        for cells in self._cells:
            total *= len(cells)
        return total

    def draw(self, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
        """Inverse-CDF draw, one uniform per block: `[..., blocks]` -> cells `[..., blocks]`."""
        rows = uniforms.reshape(math.prod(uniforms.shape[:-1]), uniforms.shape[-1])
        cells = np.empty(rows.shape, dtype=np.int64)
        for start in range(0, len(rows), TOGETHER):
            part = slice(start, start + TOGETHER)
            for k, thresholds in enumerate(self._thresholds):
                own = np.ascontiguousarray(rows[part, k])
                cells[part, k] = _drawn_even(thresholds, own) if self._even[k] else _drawn(thresholds, own)
        return cells.reshape(uniforms.shape)

    def values(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """The drawn columns: cells `[..., blocks]` -> values `[..., width]`."""
        if self._plain:
            return cells.copy()
        parts = [table[cells[..., k]] for k, table in enumerate(self._cell_values)]
        return np.concatenate(parts, axis=-1) if parts else np.zeros((*cells.shape[:-1], 0), dtype=np.int64)

    def index(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of `support()` that the cells stand for: `[..., blocks]` -> `[...]`."""
        row = np.zeros(cells.shape[:-1], dtype=np.int64)
        for k, positive in enumerate(self._cells):
            if len(positive) > 1:
                row = row * len(positive) + cells[..., k]
        return row

    def support(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """All joint values of positive probability: values `[size, width]`, probabilities `[size]`."""
        # Not by an array with an axis for each block: there may be more blocks than NumPy has axes.
        rest = np.arange(self.size)
        cells = np.zeros((self.size, len(self._cells)), dtype=np.int64)
        for k in reversed(range(len(self._cells))):
            rest, cells[:, k] = np.divmod(rest, len(self._cells[k]))
        probabilities = np.ones(len(cells))
        for k, positive in enumerate(self._cells):
            probabilities = probabilities * self.blocks[k].ravel()[positive][cells[:, k]]
        return self.values(cells), probabilities

    def marginal(self, column: int) -> NDArray[np.float64]:
        """Distribution of one column."""
        for block in self.blocks:
            if column < block.ndim:
                return block.sum(axis=tuple(axis for axis in range(block.ndim) if axis != column))
            column -= block.ndim
        raise IndexError(column)


def _drawn(thresholds: NDArray[np.float64], uniforms: NDArray[np.float64]) -> NDArray[np.integer]:
    """How many of the ascending thresholds each uniform has reached; few are compared one by one, not searched."""
    if len(thresholds) > FEW:
        return np.searchsorted(thresholds, uniforms, side="right")
    passed = np.zeros(uniforms.shape, dtype=np.uint8)
    for threshold in thresholds:
        passed += uniforms >= threshold
    return passed


def _drawn_even(thresholds: NDArray[np.float64], uniforms: NDArray[np.float64]) -> NDArray[np.integer]:
    """As `_drawn`, of evenly spaced thresholds, which rounding leaves: a guess is wrong by one at most."""
    guess = np.minimum((uniforms * (len(thresholds) + 1)).astype(np.int64), len(thresholds))
    around = np.concatenate([[-np.inf], thresholds, [np.inf]])
    return guess - (uniforms < around[guess]) + (uniforms >= around[guess + 1])


def prior_from(field: str, probabilities: Sequence | NDArray, shape: Sequence[int]) -> Prior:
    """A user's joint prior, refused by name unless it has the given shape."""
    prior = Prior.joint(probabilities)
    if prior.counts != tuple(shape):
        raise InvalidFieldError(field, f"has shape {prior.counts}", f"shape {tuple(shape)}")
    return prior


def prior_of(field: str, probabilities: Sequence, sizes: Sequence[int]) -> Prior:
    """A user's prior: a distribution for each column, each of which sums to 1, or a joint one, all of which does.

    >>> prior_of("prior", [[0.5, 0.5], [0.2, 0.8]], (2, 2)).blocks[1]
    array([0.2, 0.8])
    >>> prior_of("prior", [[0.4, 0.1], [0.1, 0.4]], (2, 2)).size
    4
    """
    try:
        rows = [np.asarray(own, dtype=float) for own in probabilities if not np.isscalar(own)]
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError(field, "is ragged or not numeric", "rectangular arrays of numbers") from error
    if [row.shape for row in rows] == [(size,) for size in sizes] and np.allclose([row.sum() for row in rows], 1):
        return Prior.independent(*rows)
    return prior_from(field, probabilities, sizes)


NO_CHANCE = Prior(())
