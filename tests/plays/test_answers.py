"""Both storages of answers against a dictionary."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.plays.answers import DENSE_QUESTIONS, DenseAnswers, SparseAnswers, make_answers

QUESTIONS = 512
HUGE = (2**62 - 1) // QUESTIONS

pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, QUESTIONS - 1)), max_size=150, unique=True)
steps = st.lists(st.one_of(pairs, st.integers(0, 2)), min_size=1, max_size=6)


def places(pairs):
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@settings(max_examples=60, deadline=None)
@given(steps=steps, stretch=st.sampled_from([1, 64, HUGE]), seed=st.integers(0, 99))
def test_both_storages_equal_a_dictionary(steps, stretch, seed):
    """Recording, overwriting, growing and forgetting; keys may be neighbours, or far apart."""
    rng, known = np.random.default_rng(seed), {}
    storages = [SparseAnswers(3, 2), *([DenseAnswers(3, 2, QUESTIONS)] if stretch == 1 else [])]
    for step in steps:
        if isinstance(step, int):
            known = {pair: action for pair, action in known.items() if pair[0] != step}
            for storage in storages:
                storage.forget(np.array([step]))
            continue
        episodes, questions = places(step)
        actions = rng.random((len(step), 2))
        known |= dict(zip(step, actions, strict=True))
        for storage in storages:
            storage.record(episodes, questions * stretch, actions)
    every = [(e, q) for e in range(3) for q in range(QUESTIONS)]
    episodes, questions = places(every)
    met = np.array([pair in known for pair in every])
    for storage in storages:
        np.testing.assert_array_equal(storage.knows(episodes, questions * stretch), met)
        if known:
            taken = storage.take(*(part * k for part, k in zip(places(list(known)), (1, stretch), strict=True)))
            np.testing.assert_array_equal(taken, np.stack(list(known.values())))
    if stretch == 1:
        for sparse, dense in zip(storages[0].table(QUESTIONS), storages[1].table(QUESTIONS), strict=True):
            np.testing.assert_array_equal(sparse, dense)


def test_the_storage_follows_the_number_of_questions():
    small, large = (make_game("message-spm", buyers=buyers) for buyers in (5, 6))
    assert small.leader_turn.rows <= DENSE_QUESTIONS < large.leader_turn.rows
    assert isinstance(make_answers(small, 1), DenseAnswers)
    assert isinstance(make_answers(large, 1), SparseAnswers)


def test_questions_that_cannot_be_numbered_are_refused():
    with pytest.raises(InvalidFieldError, match="64-bit key"):
        make_answers(make_game("message-spm", buyers=32, messages=8), 1)
