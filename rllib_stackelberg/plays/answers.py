"""The leader's answers in parallel episodes, by question key.

Two storages behind one interface. `DenseAnswers` is an array over all questions. `SparseAnswers` keeps a hash table per
episode (open addressing with linear probing: Knuth, The Art of Computer Programming 3, section 6.4), looked up for
many episodes and questions at once: expected time per look-up is constant, memory follows the number of answers given
and not the number of questions there are. What an episode plays does not depend on the storage.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.plays.hash_tables import EMPTY, Store, places_of
from rllib_stackelberg.rules.game import StackelbergGame

DENSE_QUESTIONS = 8192
"""Most questions of a game whose answers are kept in an array over all of them."""

FEWEST_PLACES = 64


class Answers(ABC):
    """Answers of a number of episodes.

    Attributes:
        episodes: how many; width: columns of an answer, in the game's units.
    """

    def __init__(self, episodes: int, width: int):
        self.episodes = episodes
        self.width = width

    @abstractmethod
    def knows(self, episodes: Index, questions: Index) -> NDArray[np.bool_]:
        """Whether each question has been answered in its episode: `[N]`, `[N]` -> `[N]`."""

    @abstractmethod
    def take(self, episodes: Index, questions: Index) -> NDArray[np.float64]:
        """Answers to known questions: `[N]`, `[N]` -> `[N, width]`."""

    @abstractmethod
    def record(self, episodes: Index, questions: Index, actions: NDArray[np.float64]) -> None:
        """Keep answers `[N, width]` to distinct (episode, question) pairs."""

    @abstractmethod
    def forget(self, episodes: Index) -> None:
        """Drop all answers of the given episodes."""

    @abstractmethod
    def table(self, questions: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Known `[episodes, questions]` and actions `[episodes, questions, width]` (0 where not known)."""


class DenseAnswers(Answers):
    """An array over all questions."""

    def __init__(self, episodes: int, width: int, questions: int):
        super().__init__(episodes, width)
        self.known = np.zeros((episodes, questions), dtype=bool)
        self.actions = np.zeros((episodes, questions, width))

    def knows(self, episodes: Index, questions: Index) -> NDArray[np.bool_]:
        """See `Answers`."""
        return self.known[episodes, questions]

    def take(self, episodes: Index, questions: Index) -> NDArray[np.float64]:
        """See `Answers`."""
        return self.actions[episodes, questions]

    def record(self, episodes: Index, questions: Index, actions: NDArray[np.float64]) -> None:
        """See `Answers`."""
        self.known[episodes, questions] = True
        self.actions[episodes, questions] = actions

    def forget(self, episodes: Index) -> None:
        """See `Answers`."""
        self.known[episodes] = False
        self.actions[episodes] = 0.0

    def table(self, questions: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """The arrays themselves, not copies."""
        return self.known[:, :questions], self.actions[:, :questions]


class SparseAnswers(Answers):
    """A hash table per episode: places hold a question and which of the episode's answers it has.

    >>> answers = SparseAnswers(episodes=2, width=1)
    >>> answers.record(np.array([0, 0]), np.array([7, 10**18]), np.array([[0.5], [0.25]]))
    >>> answers.knows(np.array([0, 1]), np.array([10**18, 10**18]))
    array([ True, False])
    >>> answers.take(np.array([0]), np.array([10**18]))
    array([[0.25]])
    """

    def __init__(self, episodes: int, width: int):
        super().__init__(episodes, width)
        self._count = np.zeros(episodes, dtype=np.int64)
        self._actions = np.zeros((episodes, FEWEST_PLACES, width))
        self._clear(FEWEST_PLACES)

    def _clear(self, places: int) -> None:
        self._shift = np.uint64(64 - (places.bit_length() - 1))
        self._questions = np.full((self.episodes, places), EMPTY, dtype=np.int64)
        self._numbers = np.zeros((self.episodes, places), dtype=np.int64)

    @property
    def store(self) -> Store:
        """The tables as they are now: the arrays themselves, until the next answer."""
        return Store(self._questions, self._numbers, self._actions, self._shift)

    def _find(self, episodes: Index, questions: Index) -> Index:
        """Place of each question, or the empty one where it belongs."""
        places = np.empty(len(questions), dtype=np.int64)
        places_of(self.store, episodes, questions, places)
        return places

    def knows(self, episodes: Index, questions: Index) -> NDArray[np.bool_]:
        """See `Answers`."""
        return np.asarray(self._questions[episodes, self._find(episodes, questions)] != EMPTY)

    def take(self, episodes: Index, questions: Index) -> NDArray[np.float64]:
        """See `Answers`."""
        return self._actions[episodes, self.numbers(episodes, questions)]

    def numbers(self, episodes: Index, questions: Index) -> Index:
        """Which of its episode's answers each known question has: `[N]`, `[N]` -> `[N]`."""
        return self._numbers[episodes, self._find(episodes, questions)]

    def record(self, episodes: Index, questions: Index, actions: NDArray[np.float64]) -> None:
        """See `Answers`."""
        new = ~self.knows(episodes, questions)
        self._add(episodes[new], questions[new])
        self._actions[episodes, self.numbers(episodes, questions)] = actions

    def _add(self, episodes: Index, questions: Index) -> None:
        order = np.argsort(episodes, kind="stable")
        episodes, questions = episodes[order], questions[order]
        # Within an episode answers are numbered in the order they come.
        numbers = self._count[episodes] + np.arange(len(episodes)) - np.searchsorted(episodes, episodes)
        self._count += np.bincount(episodes, minlength=self.episodes)
        most = int(self._count.max(initial=0))
        if most > self._actions.shape[1]:
            room = np.zeros((self.episodes, _power_of_two(most), self.width))
            room[:, : self._actions.shape[1]] = self._actions
            self._actions = room
        # At most half full, so that a search ends after few steps.
        if 2 * most > self._questions.shape[1]:
            held = np.nonzero(self._questions != EMPTY)
            moved = self._questions[held], self._numbers[held]
            self._clear(_power_of_two(2 * most))
            self._insert(held[0], *moved)
        self._insert(episodes, questions, numbers)

    def _insert(self, episodes: Index, questions: Index, numbers: Index) -> None:
        """Of questions that want the same empty place the first takes it, and the others look again."""
        waiting = np.arange(len(questions))
        while len(waiting):
            e, q = episodes[waiting], questions[waiting]
            place = self._find(e, q)
            _, first = np.unique(e * self._questions.shape[1] + place, return_index=True)
            self._questions[e[first], place[first]] = q[first]
            self._numbers[e[first], place[first]] = numbers[waiting[first]]
            waiting = np.delete(waiting, first)

    def forget(self, episodes: Index) -> None:
        """See `Answers`."""
        self._questions[episodes] = EMPTY
        self._count[episodes] = 0

    def table(self, questions: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Made on demand: for games of few questions."""
        dense = DenseAnswers(self.episodes, self.width, questions)
        episode, place = np.nonzero(self._questions != EMPTY)
        answers = self._actions[episode, self._numbers[episode, place]]
        dense.record(episode, self._questions[episode, place], answers)
        return dense.known, dense.actions


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()


def make_answers(game: StackelbergGame, episodes: int) -> Answers:
    """The storage that fits a game: dense up to `DENSE_QUESTIONS` questions.

    Raises:
        InvalidFieldError: more questions than a 64-bit key can number.
    """
    turn = game.leader_turn
    if turn.keys <= DENSE_QUESTIONS:
        return DenseAnswers(episodes, turn.width, turn.keys)
    return SparseAnswers(episodes, turn.width)
