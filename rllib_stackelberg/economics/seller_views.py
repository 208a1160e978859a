"""What a seller sees of buyers who have sent messages: each buyer's, or only how many sent which.

A view numbers what is seen by a key that each turn adds to, so that a turn costs the same however many buyers there
are; it says whom an offer goes to, and what is seen and known for people. `ByBuyer` names buyers. `ByMessage` is
anonymous: the seller names a message, and the first buyer who sent it and is left is visited.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Flags, Index, Numbers
from rllib_stackelberg.economics import buyer_sets
from rllib_stackelberg.economics.channels import Channel
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.game import State

LEFT, REFUSED, WON = 0, 1, 2

NUMBERED = 2**62
"""Keys below it fit a 64-bit number, with room for arithmetic."""


@dataclass
class SaleState(State):
    """Plays of a sale; sets of buyers are bits (buyer_sets.py).

    `at`: which turn each play is at, `[B]`; `said`: messages as heard, a set per binary digit, `[B, digits]`; `left`,
    `refused`: sets of buyers, `[B]`; `sold`: items, `[B]`; `question`: key of what the seller sees, `[B]`; `price`:
    the last one offered, `[B]`.
    """

    at: np.ndarray
    said: np.ndarray
    left: np.ndarray
    refused: np.ndarray
    sold: np.ndarray
    question: np.ndarray
    price: np.ndarray


class View(ABC):
    """What a seller sees.

    Attributes:
        buyers: how many; channel: their messages go through.
        names: how many different ones the seller has to choose between; width: numbers it sees.
        letter_places, other_places: what a message, and a refusal, adds to the key: by buyer, or by message.
        questions: keys below it; None if there are too many to number.
    """

    names: int
    width: int
    letter_places: Index
    other_places: Index
    questions: int | None

    def __init__(self, buyers: int, channel: Channel):
        self.buyers, self.channel = buyers, channel

    @abstractmethod
    def heard(self, sender: Index | int, letter: Index) -> Index:
        """What a message adds to the key, `[B]`."""

    @abstractmethod
    def all_heard(self, letters: Index, said: NDArray[np.uint64]) -> Index:
        """What the messages of all add to it: `[B, buyers]`, the same as `SaleState.said`."""

    @abstractmethod
    def visited(self, sale: SaleState, buyer: Index, bought: Flags) -> Index:
        """What a visit adds to it."""

    @abstractmethod
    def next_buyer(self, sale: SaleState, name: Index) -> Index:
        """Whom an offer to an open name goes to, `[B]`."""

    @abstractmethod
    def open(self, sale: SaleState) -> Flags:
        """Names that offers can go to, `[B, names]`."""

    @abstractmethod
    def seen(self, sale: SaleState) -> NDArray[np.float32]:
        """What the seller sees once everybody has sent, `[B, width]`, in [0, 1]."""

    @abstractmethod
    def key(self, heard: Sequence[int], status: Sequence[int]) -> int:
        """The key at which messages were heard as given, and each buyer's status is LEFT, REFUSED or WON."""

    @abstractmethod
    def open_at(self, key: int) -> Flags:
        """Names that are open at a key, `[names]`."""

    @abstractmethod
    def named(self, name: int) -> str:
        """Whom an offer goes to, for people."""

    @abstractmethod
    def described(self, key: int) -> str:
        """What is seen at a key, for people."""


class ByBuyer(View):
    """Each buyer's message and status, one-hot, and what `told [buyers, k]` says of each buyer.

    A key has a digit per buyer for messages, then one per buyer for status, the first buyer's highest.
    """

    def __init__(self, buyers: int, channel: Channel, told: Numbers):
        super().__init__(buyers, channel)
        letters, self.told = channel.heard_letters, told
        self.names, self.width = buyers, buyers * (letters + 3 + told.shape[1])
        questions = (letters * 3) ** buyers
        numbered = questions < NUMBERED
        self.questions = questions if numbered else None
        powers = range(buyers - 1, -1, -1)
        self.letter_places = np.array([letters**k * 3**buyers * numbered for k in powers])
        self.other_places = np.array([3**k * numbered for k in powers])

    @property
    def columns(self) -> Index:
        """Which of the numbers speak of each buyer, `[buyers, features]`."""
        parts, first = [], 0
        for each in (self.channel.heard_letters, 3, self.told.shape[1]):
            parts.append(first + np.arange(self.buyers * each).reshape(self.buyers, each))
            first += self.buyers * each
        return np.concatenate(parts, axis=1)

    def heard(self, sender: Index | int, letter: Index) -> Index:
        """The letter's digit."""
        return letter * self.letter_places[sender]

    def all_heard(self, letters: Index, said: NDArray[np.uint64]) -> Index:
        """All digits of letters."""
        return letters @ self.letter_places

    def visited(self, sale: SaleState, buyer: Index, bought: Flags) -> Index:
        """The status digit, which was 0."""
        return np.where(bought, WON, REFUSED) * self.other_places[buyer]

    def next_buyer(self, sale: SaleState, name: Index) -> Index:
        """The buyer itself."""
        return name

    def open(self, sale: SaleState) -> Flags:
        """Who is left."""
        return buyer_sets.members(sale.left, self.buyers)

    def seen(self, sale: SaleState) -> NDArray[np.float32]:
        """Messages, status, and what is told of buyers."""
        plays, letters = len(sale), np.eye(self.channel.heard_letters, dtype=np.float32)
        left, refused = self.open(sale), buyer_sets.members(sale.refused, self.buyers)
        heard = letters[buyer_sets.letters_of(sale.said, self.buyers)].reshape(plays, -1)
        status = np.stack([left, refused, ~(left | refused)], axis=2).reshape(plays, -1)
        told = np.broadcast_to(self.told.ravel(), (plays, self.told.size))
        return np.concatenate([heard, status, told], axis=1, dtype=np.float32)

    def key(self, heard: Sequence[int], status: Sequence[int]) -> int:
        """In mixed radix."""
        return int(np.dot(heard, self.letter_places) + np.dot(status, self.other_places))

    def _digits(self, key: int) -> tuple[list[int], list[int]]:
        """Messages heard, and status."""
        read = []
        for base in (3, self.channel.heard_letters):
            digits = []
            for _ in range(self.buyers):
                key, digit = divmod(key, base)
                digits.append(digit)
            read.append(digits[::-1])
        return read[1], read[0]

    def open_at(self, key: int) -> Flags:
        """Who is left."""
        return np.array(self._digits(key)[1]) == LEFT

    def named(self, name: int) -> str:
        """A buyer's number."""
        return f"buyer {name}"

    def described(self, key: int) -> str:
        """Messages heard, and who has refused or won."""
        heard, status = self._digits(key)
        done = [f"{i}{('', ' refused', ' won')[digit]}" for i, digit in enumerate(status) if digit != LEFT]
        letters = ["blank" if letter >= self.channel.letters else str(letter) for letter in heard]
        said = f"messages ({', '.join(letters)})"
        return said + (f", buyer {', '.join(done)}" if done else "")


class ByMessage(View):
    """For each message as heard, how many who sent it are left, and how many have refused.

    A key has a digit per message for those left, then one per message for those who refused. With one item nobody
    has won while the seller is asked: the last digit is what the others leave over, and is left out.

    Raises:
        InvalidFieldError: there are too many counts to number.
    """

    def __init__(self, buyers: int, channel: Channel, items: int):
        super().__init__(buyers, channel)
        self.names, self.width = channel.heard_letters, 2 * channel.heard_letters
        self._one_item, self._base = items == 1, buyers + 1
        digits = self.width - self._one_item
        self.questions = self._base**digits
        if self.questions >= NUMBERED:
            most = 0
            while self._base ** (2 * (most + 1) - self._one_item) < NUMBERED:
                most += 1
            problem = f"{self.names} heard of {buyers} buyers, whose counts are too many to number"
            raise InvalidFieldError("messages", problem, f"up to {most}, blanks of an erasing channel included")
        places = [self._base**k for k in reversed(range(digits))] + [0] * self._one_item
        self.letter_places, self.other_places = np.array(places).reshape(2, self.names)

    def heard(self, sender: Index | int, letter: Index) -> Index:
        """One more is left."""
        return self.letter_places[letter]

    def all_heard(self, letters: Index, said: NDArray[np.uint64]) -> Index:
        """As many as there are letters."""
        everybody = np.full(len(said), buyer_sets.everybody(self.buyers))
        return self._counts(said, everybody) @ self.letter_places

    def visited(self, sale: SaleState, buyer: Index, bought: Flags) -> Index:
        """One fewer is left, and one more has refused, or won."""
        letter = buyer_sets.letter_of(sale.said, buyer)
        return np.where(bought, 0, self.other_places[letter]) - self.letter_places[letter]

    def next_buyer(self, sale: SaleState, name: Index) -> Index:
        """The first who sent the message and is left."""
        return buyer_sets.lowest(buyer_sets.who_said(sale.said, name, sale.left))

    def open(self, sale: SaleState) -> Flags:
        """Messages with somebody left."""
        return self._counts(sale.said, sale.left) > 0

    def _counts(self, said: NDArray[np.uint64], among: NDArray[np.uint64]) -> Index:
        """How many of some buyers sent each message, `[B, names]`."""
        sets = [buyer_sets.who_said(said, letter, among) for letter in range(self.names)]
        return buyer_sets.count(np.stack(sets, axis=1))

    def seen(self, sale: SaleState) -> NDArray[np.float32]:
        """Counts as shares of all buyers."""
        counts = [self._counts(sale.said, sale.left), self._counts(sale.said, sale.refused)]
        return np.concatenate(counts, axis=1, dtype=np.float32) / np.float32(self.buyers)

    def key(self, heard: Sequence[int], status: Sequence[int]) -> int:
        """In mixed radix."""
        letters, states = np.asarray(heard), np.asarray(status)
        left, refused = self.letter_places[letters], self.other_places[letters]
        return int(left[states == LEFT].sum() + refused[states == REFUSED].sum())

    def _digits(self, key: int) -> NDArray[np.int64]:
        """How many are left and have refused, by message: `[2, names]`."""
        digits = []
        for _ in range(self.width - self._one_item):
            key, digit = divmod(key, self._base)
            digits.append(digit)
        rest = [self.buyers - sum(digits)] if self._one_item else []
        return np.array(digits[::-1] + rest).reshape(2, self.names)

    def open_at(self, key: int) -> Flags:
        """Messages with somebody left."""
        return self._digits(key)[0] > 0

    def named(self, name: int) -> str:
        """A message."""
        return "blank" if name >= self.channel.letters else f"message {name}"

    def described(self, key: int) -> str:
        """How many are left and have refused, by message, and how many have won."""
        said, counts = [], self._digits(key)
        for name, (left, refused) in enumerate(counts.T.tolist()):
            words = [f"{left} left"] * (left > 0) + [f"{refused} refused"] * (refused > 0)
            if words:
                said.append(f"{' and '.join(words)} of {self.named(name)}")
        won = self.buyers - int(counts.sum())
        return ", ".join(said + [f"{won} won"] * (won > 0))
