"""Sets of up to 64 buyers as the bits of one number: many plays keep who is left and who said what in a few words.

Bit b of a set stands for buyer b. A message of each buyer is kept as binary digits, a set of buyers per digit: a letter
of an alphabet of L takes ceil(log2 L) sets, however many buyers there are. A turn changes a bit, and copies no rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Flags, Index

Sets = NDArray[np.uint64]

MOST = 64
"""Most members of a set."""

ONE = np.uint64(1)


def everybody(buyers: int) -> np.uint64:
    """The set of all buyers.

    >>> int(everybody(3))
    7
    """
    return np.uint64((1 << buyers) - 1)


def only(buyer: Index | int) -> Sets:
    """The set of one buyer, `[B]`."""
    return np.left_shift(ONE, np.asarray(buyer).astype(np.uint64))


def members(sets: Sets, buyers: int) -> Flags:
    """Who is in each set: `[...]` -> `[..., buyers]`.

    >>> members(np.array([5], dtype=np.uint64), 4).tolist()
    [[True, False, True, False]]
    """
    octets = np.ascontiguousarray(sets.astype("<u8"))[..., None].view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=buyers, bitorder="little").view(np.bool_)


def of_members(flags: Flags) -> Sets:
    """The inverse of `members`: `[..., buyers]` -> `[...]`."""
    octets = np.zeros((*flags.shape[:-1], MOST // 8), dtype=np.uint8)
    packed = np.packbits(flags, axis=-1, bitorder="little")
    octets[..., : packed.shape[-1]] = packed
    return octets.view("<u8")[..., 0].astype(np.uint64)


def lowest(sets: Sets) -> Index:
    """The member of the lowest number of each set, `[B]`; of an empty one 63.

    >>> lowest(np.array([12, 1], dtype=np.uint64)).tolist()
    [2, 0]
    """
    return np.bitwise_count(sets ^ (sets - ONE)).astype(np.int64) - 1


def digits_of(letters: int) -> int:
    """How many sets keep a letter of such an alphabet.

    >>> [digits_of(letters) for letters in (1, 2, 3, 4, 5)]
    [0, 1, 2, 2, 3]
    """
    return (letters - 1).bit_length()


def written(letter: Index, digits: int) -> NDArray[np.uint64]:
    """Binary digits of letters, the lowest first: `[...]` -> `[..., digits]`."""
    return letter.astype(np.uint64)[..., None] >> np.arange(digits, dtype=np.uint64) & ONE


def of_letters(letters: NDArray, digits: int) -> Sets:
    """What everybody says as sets: `[B, buyers]` -> `[B, digits]`; the inverse of `letters_of`."""
    sets = np.empty((len(letters), digits), dtype=np.uint64)
    for digit in range(digits):
        sets[:, digit] = of_members((letters >> digit & 1).astype(np.bool_))
    return sets


def letter_of(said: Sets, buyer: Index) -> Index:
    """What one buyer said, of the digits `[B, digits]` of all: `[B]`."""
    ones = (said >> buyer.astype(np.uint64)[:, None] & ONE).astype(np.int64)
    return ones @ (1 << np.arange(said.shape[1]))


def letters_of(said: Sets, buyers: int) -> Index:
    """What everybody said, `[B, buyers]`."""
    ones = members(said, buyers).astype(np.int64)
    return np.tensordot(ones, 1 << np.arange(said.shape[1]), axes=([1], [0]))


def who_said(said: Sets, letter: Index | int, among: Sets) -> Sets:
    """Of the buyers in `among`, those who said a letter, `[B]`."""
    found = among
    for digit in range(said.shape[1]):
        one = np.asarray(letter) >> digit & 1 == 1
        found = found & np.where(one, said[:, digit], ~said[:, digit])
    return found


def count(sets: Sets) -> Index:
    """Number of members of each set."""
    return np.bitwise_count(sets).astype(np.int64)
