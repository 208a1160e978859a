"""Message channels: an alphabet, and what noise does to it.

A channel is memoryless. "symmetric": with probability `noise` a message is heard as one of the others, each equally
likely. "erasure": with probability `noise` it is heard as a blank, the last letter of the heard alphabet. Noise is a
chance move: the rules are handed its outcome and never draw it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.priors import NO_CHANCE, Prior


@dataclass(frozen=True)
class Channel:
    """A channel from one sender.

    Attributes:
        letters: size of the sent alphabet, >= 1.
        noise: probability that a letter is not heard as sent.
        kind: what is heard then.

    >>> round(Channel(letters=2, noise=0.11).capacity, 3), Channel(letters=4, noise=0.5, kind="erasure").capacity
    (0.5, 1.0)
    """

    letters: int
    noise: float = 0.0
    kind: Literal["symmetric", "erasure"] = "symmetric"

    def __post_init__(self) -> None:
        if not 0 <= self.noise <= 1:
            raise InvalidFieldError("noise", f"got {self.noise}", "a number in [0, 1]")
        if self.noise and self.kind == "symmetric" and self.letters < 2:
            raise InvalidFieldError("messages", "a symmetric channel cannot carry one letter with noise", "2 or more")

    @property
    def heard_letters(self) -> int:
        """Size of the heard alphabet."""
        return self.letters + (1 if self.noise and self.kind == "erasure" else 0)

    @property
    def chance(self) -> Prior:
        """Distribution of the chance move: one column, or none without noise."""
        if not self.noise:
            return NO_CHANCE
        if self.kind == "erasure":
            return Prior.independent([1 - self.noise, self.noise])
        return Prior.independent([1 - self.noise, *[self.noise / (self.letters - 1)] * (self.letters - 1)])

    def hear(self, sent: NDArray[np.int64], chance: NDArray[np.int64] | int) -> NDArray[np.int64]:
        """What is heard of sent letters, given the chance move (0: as sent)."""
        if not self.noise:
            return sent
        if self.kind == "erasure":
            return np.where(chance, self.letters, sent)
        return (sent + chance) % self.letters

    @property
    def capacity(self) -> float:
        """Bits per use (Shannon 1948)."""
        if self.kind == "erasure":
            return (1 - self.noise) * math.log2(self.letters)
        wrong = self.noise / max(self.letters - 1, 1)
        entropy = sum(-p * math.log2(p) * k for p, k in ((1 - self.noise, 1), (wrong, self.letters - 1)) if p > 0)
        return math.log2(self.letters) - entropy
