"""Compiled look-ups in hash tables of answers, one table per episode: open addressing with linear probing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept, njit

EMPTY = -1
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: multiplying by it spreads neighbouring keys (Fibonacci hashing)."""


class Store(NamedTuple):
    """The hash tables of all episodes, for compiled loops.

    Attributes:
        questions: `[episodes, places]`, `EMPTY` where there is none; numbers: likewise, which answer it has.
        actions: `[episodes, answers, width]`.
        shift: what leaves of a hash the place.
    """

    questions: NDArray[np.int64]
    numbers: NDArray[np.int64]
    actions: NDArray[np.float64]
    shift: np.uint64


@njit(error_model="numpy")
def place_of(store, episode, question):
    """Place of a question in an episode's table, or the empty one where it belongs; compiled."""
    last = store.questions.shape[1] - 1
    place = np.int64((np.uint64(question) * GOLDEN) >> store.shift)
    while store.questions[episode, place] != question and store.questions[episode, place] != EMPTY:
        place = (place + 1) & last
    return place


@kept(error_model="numpy")
def places_of(store, episodes, questions, places):
    """`place_of` for many: questions and places `[N]`."""
    for n in range(len(questions)):
        places[n] = place_of(store, episodes[n], questions[n])
