"""What a run on a population game goes on from: generations, and beside them what the replay buffer holds.

```
run/checkpoints/generation-000040/           as in training/checkpoints.py; buffer.json names the plays it needs
run/checkpoints/plays/<SHA-256>.safetensors  what was played between two generations
```

The buffer holds up to `buffer_mb`, of which little changes from one generation to the next, and three are kept. So what
is new of it is written once, to a file whose name is the sum of its content, before the generation that needs it, and
deleted when no generation needs it any more: on disk are the buffer and what was evicted during the last generations.
A file that is missing or does not have its sum makes a generation a damaged one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.numpy import load, save

from rllib_stackelberg.files import write_atomically
from rllib_stackelberg.training.checkpoints import BrokenGenerationError, Checkpoints, State
from rllib_stackelberg.training.populations.buffer import Rows

BUFFER = "buffer"
"""The part of a generation that is the state of a `PeriodEpisodeReplayBuffer`."""

SUFFIX = ".safetensors"

Files = list[tuple[str, int]]
"""Names, oldest first, and periods."""


class PopulationCheckpoints(Checkpoints):
    """The generations of a run folder, with a part `buffer`.

    Attributes:
        added: periods that had been added to the buffer at the last generation; the next one's state is since then.
    """

    def __init__(self, run: Path):
        super().__init__(run)
        self.plays = self.path / "plays"
        self.added = 0
        self._files: Files = []

    def save(self, iteration: int, parts: dict[str, State]) -> None:
        """As the parent's; the pieces of the buffer's state are those since `added`.

        Raises:
            OSError: it cannot be written; the generations before it are as they were.
        """
        state = parts[BUFFER]
        self.plays.mkdir(parents=True, exist_ok=True)
        files = _last([*self._files, *map(self._write, state["pieces"])], state["periods"])
        super().save(iteration, parts | {BUFFER: state | {"pieces": files}})
        self._files, self.added = files, state["added"]
        self._prune()

    def read(self, generation: Path) -> dict[str, State]:
        """As the parent's, with the pieces that the buffer holds; what is saved next builds on them."""
        parts = super().read(generation)
        state = parts[BUFFER]
        files = [(str(name), int(periods)) for name, periods in state["pieces"]]
        pieces = [self._read(name) for name, _ in files]
        self._files, self.added = files, state["added"]
        return parts | {BUFFER: state | {"pieces": pieces}}

    def _write(self, rows: Rows) -> tuple[str, int]:
        content = save(rows)
        name = hashlib.sha256(content).hexdigest()
        write_atomically(self.plays / (name + SUFFIX), content)
        return name, int(rows["lengths"].sum())

    def _read(self, name: str) -> Rows:
        try:
            content = (self.plays / Path(name + SUFFIX).name).read_bytes()
        except OSError as error:
            raise BrokenGenerationError(f"plays are missing or unreadable ({error})") from error
        if hashlib.sha256(content).hexdigest() != name:
            raise BrokenGenerationError(f"plays do not have the SHA-256 sum {name}")
        return load(content)

    def _prune(self) -> None:
        """Delete plays that no generation needs."""
        needed = {name + SUFFIX for generation in self.generations() for name in self._needs(generation)}
        for file in self.plays.iterdir():
            if file.name not in needed:
                file.unlink()

    def _needs(self, generation: Path) -> Sequence[str]:
        try:
            return [name for name, _ in super().read(generation)[BUFFER]["pieces"]]
        except BrokenGenerationError:
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
