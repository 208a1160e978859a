"""Generations: what a run goes on from, whole or not at all.

```
run/checkpoints/generation-000040/  algorithm.json, algorithm.safetensors   learners, metrics, counters: RLlib's state
                                    runners.json, runners.safetensors       each env runner's episodes and generators
                                    run.json, run.safetensors               best snapshot, progress, generators
                                    manifest.json                           iteration; size and SHA-256 of all of these
```

A generation is written to a temporary folder, flushed to disk, and moved in place by one rename; the last few are kept:
the newest is the one whose manifest says the latest iteration, whatever its folder is called, and damaged ones are the
first to go. Nothing in it is a pickle, nothing is reached through a link, and reading one runs nothing. The manifest
tells damage, not forgery: it is no signature.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError, parsed
from rllib_stackelberg.files.folder import Folder, to_json
from rllib_stackelberg.files.record import Count, Record, Sum
from rllib_stackelberg.training.running.states import BrokenStateError, from_bytes, to_bytes

KEPT = 3
"""Generations."""

MANIFEST = "manifest.json"
SUFFIXES = (".json", ".safetensors")

GENERATION = re.compile(r"generation-(\d{6,12})")
LEFT_OVER = re.compile(r"\.generation-\d{6,12}\..+")
"""What a save leaves that was killed."""

LARGEST = 2**31
LARGEST_MANIFEST = 2**16
"""Bytes of a file."""

State = dict[str, Any]


class BrokenGenerationError(ValueError):
    """A generation that is not as it was written."""


class Entry(Record):
    """A file, in a manifest."""

    sha256: Sum
    size: Annotated[int, Field(ge=0, le=LARGEST)]


Name = Annotated[str, Field(pattern=r"^[a-z]{1,20}\.(json|safetensors)$")]


class Manifest(Record):
    """manifest.json; of format 1 the iteration stands in the folder's name."""

    format: Literal[1, 2]
    iteration: Count | None = None
    files: Annotated[dict[Name, Entry], Field(max_length=32)]


@dataclass(frozen=True, order=True)
class Generation:
    """A generation that is there.

    Attributes:
        good: whether all of its files are as they were written; iteration: when.
        name: of its folder.
    """

    good: bool
    iteration: int
    name: str


class Checkpoints:
    """The generations of a run folder.

    Attributes:
        folder: that holds them; path: where it is, for people.
    """

    def __init__(self, run: Path):
        self.folder = Folder(run).below("checkpoints")
        self.path = self.folder.place
        self._known: dict[str, Generation] = {}

    def generations(self) -> list[Path]:
        """Those there are, damaged ones first, then oldest first."""
        return [self.path / generation.name for generation in self._found()]

    def _found(self) -> list[Generation]:
        """As they were when they were last read or written; each is read once."""
        names = [name for name in self.folder.folders() if GENERATION.fullmatch(name)]
        return sorted(self._known.get(name) or self._look(name) for name in names)

    def _look(self, name: str) -> Generation:
        """Note how a generation is."""
        try:
            good, iteration = True, check(self.folder.below(name))[0]
        except BrokenGenerationError:
            good, iteration = False, number_of(name)
        return self._note(Generation(good, iteration, name))

    def _note(self, generation: Generation) -> Generation:
        self._known[generation.name] = generation
        return generation

    def read(self, generation: Path) -> dict[str, State]:
        """The parts of one of them, after all of its files have been checked.

        Raises:
            BrokenGenerationError: a file is missing, or not as it was written.
        """
        return read(self.folder.below(generation.name))

    def save(self, iteration: int, parts: dict[str, State]) -> None:
        """Write a generation; those before the last few are deleted, never the one that was written.

        Raises:
            OSError: it cannot be written; the generations before it are as they were.
        """
        files: dict[str, bytes] = {}
        for name, state in parts.items():
            files |= {name + suffix: content for suffix, content in zip(SUFFIXES, to_bytes(state), strict=True)}
        final = f"generation-{iteration:06d}"
        self.folder.make()
        self._tidy()
        # One of the same iteration was left by a run that went on from an older one.
        self.folder.write_folder(final, files | {MANIFEST: manifest(files, iteration)})
        written = self._note(Generation(True, iteration, final))
        others = [generation for generation in self._found() if generation != written]
        for old in others[: max(0, len(others) - KEPT + 1)]:
            self.folder.remove_folder(old.name)
            self._known.pop(old.name, None)

    def _tidy(self) -> None:
        for name in self.folder.folders():
            if LEFT_OVER.fullmatch(name):
                self.folder.remove_folder(name)

    def load(self) -> dict[str, State] | None:
        """The parts of the last good generation, None if there is none; warns of those that are not good."""
        damaged: list[str] = []
        parts = None
        # A damaged one has no iteration that can be relied on: by its name it would have been tried here.
        for generation in sorted(self._found(), key=lambda found: (found.iteration, found.good), reverse=True):
            try:
                parts = self.read(self.path / generation.name)
                break
            except BrokenGenerationError as error:
                self._note(Generation(False, generation.iteration, generation.name))
                damaged.append(f"{self.path / generation.name} is damaged and was passed over: {error}")
        for problem in damaged:
            warnings.warn(problem, RuntimeWarning, stacklevel=2)
        return parts


def number_of(name: str) -> int:
    """The iteration that a generation's folder is called by."""
    found = GENERATION.fullmatch(name)
    return int(found[1]) if found else 0


def check(generation: Folder) -> tuple[int, dict[str, bytes]]:
    """Iteration and files of a generation, all of which are as the manifest says.

    Raises:
        BrokenGenerationError: a file is missing, or not as it was written.
    """
    try:
        written = generation.read(MANIFEST, LARGEST_MANIFEST)
        told = Manifest.model_validate(parsed(written))
        files = {name: _read(generation, name, entry.size) for name, entry in told.files.items()}
    except (OSError, BrokenDocumentError, InvalidFieldError, ValidationError) as error:
        raise BrokenGenerationError(f"a file is missing or unreadable ({_line(error)})") from error
    if manifest(files, told.iteration) != written:
        raise BrokenGenerationError("a file does not have the size and the SHA-256 sum that the manifest says")
    return number_of(generation.within[-1]) if told.iteration is None else told.iteration, files


def _line(error: Exception) -> str:
    return str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else str(error)


def _read(generation: Folder, name: str, size: int) -> bytes:
    """A file of the size that the manifest says: another one is not read."""
    if generation.size(name) != size:
        raise BrokenDocumentError(f"{name} does not have the size that the manifest says")
    return generation.read(name, size)


def read(generation: Folder) -> dict[str, State]:
    """The parts of a generation, after all of its files have been checked against the manifest.

    Raises:
        BrokenGenerationError: a file is missing, or not as it was written.
    """
    files = check(generation)[1]
    try:
        stems = sorted({Path(name).stem for name in files})
        return {stem: from_bytes(*(files[stem + suffix] for suffix in SUFFIXES)) for stem in stems}
    except (BrokenStateError, KeyError) as error:
        raise BrokenGenerationError(str(error)) from error


def manifest(files: dict[str, bytes], iteration: int | None) -> bytes:
    """Iteration; size and SHA-256 of every file: in one form only, any other byte in it is damage.

    Args:
        files: by name; iteration: None in the older form, which does not say it.
    """
    entries = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} for name, content in files.items()
    }
    head: dict[str, Any] = {"format": 1} if iteration is None else {"format": 2, "iteration": iteration}
    return (to_json(head | {"files": entries}) + "\n").encode()


COMPONENT_EPISODES = "leader_episodes"
