"""What a run on a population game goes on from: generations, and beside them what the replay buffer holds.

```
run/checkpoints/generation-000040/           as in training/running/checkpoints.py; buffer.json names the plays it needs
run/checkpoints/plays/<SHA-256>.safetensors  what was played between two generations
```

The buffer holds up to `buffer_mb`, of which little changes from one generation to the next, and three are kept. So what
is new of it is written once, to a file whose name is the sum of its content, before the generation that needs it, and
deleted when no generation needs it any more: on disk are the buffer and what was evicted during the last generations.
A file that is missing or does not have its sum makes a generation a damaged one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from rllib_stackelberg.arrays import Arrays
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError, shortened
from rllib_stackelberg.files.tensors import arrays
from rllib_stackelberg.training.running.checkpoints import LARGEST, BrokenGenerationError, Checkpoints, State

BUFFER = "buffer"
"""The part of a generation that is the state of a `PeriodEpisodeReplayBuffer`."""

SUFFIX = ".safetensors"
PLAYS = re.compile(r"[0-9a-f]{64}\.safetensors")
UNFINISHED = re.compile(r"\.[0-9a-f]{64}\.safetensors\.[0-9a-f]{16}")

Files = list[tuple[str, int]]
"""Names, oldest first, and periods."""


class PopulationCheckpoints(Checkpoints):
    """The generations of a run folder, with a part `buffer` where something is replayed.

    Attributes:
        added: periods that had been added to the buffer at the last generation; the next one's state is since then.
    """

    def __init__(self, run: Path):
        super().__init__(run)
        self.plays = self.folder.below("plays")
        self.added = 0
        self._files: Files = []

    def save(self, iteration: int, parts: dict[str, State]) -> None:
        """As the parent's; the pieces of the buffer's state are those since `added`.

        Raises:
            OSError: it cannot be written; the generations before it are as they were.
        """
        if BUFFER not in parts:
            super().save(iteration, parts)
            return
        state = parts[BUFFER]
        self.folder.make()
        self.plays.make()
        files = _last([*self._files, *map(self._write, state["pieces"])], state["periods"])
        super().save(iteration, parts | {BUFFER: state | {"pieces": files}})
        self._files, self.added = files, state["added"]
        self._prune()

    def read(self, generation: Path) -> dict[str, State]:
        """As the parent's, with the pieces that the buffer holds; what is saved next builds on them."""
        parts = super().read(generation)
        if BUFFER not in parts:
            return parts
        try:
            state = parts[BUFFER]
            files = [(str(name), int(periods)) for name, periods in state["pieces"]]
            added = int(state["added"])
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenGenerationError(f"its buffer does not say which plays it holds ({error!r})") from error
        pieces = [self._read(name) for name, _ in files]
        self._files, self.added = files, added
        return parts | {BUFFER: state | {"pieces": pieces}}

    def _write(self, rows: Arrays) -> tuple[str, int]:
        content = save(rows)
        name = hashlib.sha256(content).hexdigest()
        self.plays.write(name + SUFFIX, content)
        return name, int(rows["lengths"].sum())

    def _read(self, name: str) -> Arrays:
        if not PLAYS.fullmatch(name + SUFFIX):
            raise BrokenGenerationError(f"{shortened(name)!r} is no name of plays")
        try:
            content = self.plays.read(name + SUFFIX, LARGEST)
            if hashlib.sha256(content).hexdigest() != name:
                raise BrokenGenerationError(f"plays do not have the SHA-256 sum {name}")
            return arrays(content)
        except (OSError, BrokenDocumentError, InvalidFieldError) as error:
            raise BrokenGenerationError(f"plays are missing or unreadable ({error})") from error

    def _prune(self) -> None:
        """Delete plays that no generation needs, and what a killed save has left; nothing else."""
        needed = {name + SUFFIX for generation in self.generations() for name in self.needs(generation)}
        for name in self.plays.names():
            if (PLAYS.fullmatch(name) and name not in needed) or UNFINISHED.fullmatch(name):
                self.plays.remove(name)

    def needs(self, generation: Path) -> Sequence[str]:
        """Names of the plays that a generation needs; none of one that is damaged."""
        try:
            return [str(name) for name, _ in super().read(generation)[BUFFER]["pieces"]]
        except (BrokenGenerationError, KeyError, TypeError, ValueError):
            return []


def _last(files: Sequence[Any], periods: int) -> Files:
    """Those of the last files that hold so many periods."""
    kept: Files = []
    for name, held in reversed(files):
        if periods <= 0:
            break
        kept.insert(0, (name, held))
        periods -= held
    return kept
