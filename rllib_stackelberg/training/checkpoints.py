"""Generations: what a run goes on from, whole or not at all.

```
run/checkpoints/generation-000040/  algorithm.json, algorithm.safetensors   learners, metrics, counters: RLlib's state
                                    runners.json, runners.safetensors       each env runner's episodes and generators
                                    run.json, run.safetensors               best snapshot, progress, generators
                                    manifest.json                           size and SHA-256 of all of these
```

A generation is written to a temporary folder, flushed to disk, and moved in place by one rename; the last few are kept.
Nothing in it is a pickle, and reading one runs nothing. The manifest tells damage, not forgery: it is no signature.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

from rllib_stackelberg.files import to_json
from rllib_stackelberg.training.states import BrokenStateError, from_bytes, to_bytes

KEPT = 3
"""Generations."""

MANIFEST = "manifest.json"
SUFFIXES = (".json", ".safetensors")

State = dict[str, Any]


class BrokenGenerationError(ValueError):
    """A generation that is not as it was written."""


class Checkpoints:
    """The generations of a run folder."""

    def __init__(self, run: Path):
        self.path = run / "checkpoints"

    def generations(self) -> list[Path]:
        """Those there are, oldest first."""
        return sorted(self.path.glob("generation-*"))

    def read(self, generation: Path) -> dict[str, State]:
        """The parts of one of them, after all of its files have been checked.

        Raises:
            BrokenGenerationError: a file is missing, or not as it was written.
        """
        return read(generation)

    def save(self, iteration: int, parts: dict[str, State]) -> None:
        """Write a generation; those before the last few are deleted.

        Raises:
            OSError: it cannot be written; the generations before it are as they were.
        """
        files: dict[str, bytes] = {}
        for name, state in parts.items():
            files |= {name + suffix: content for suffix, content in zip(SUFFIXES, to_bytes(state), strict=True)}
        final = self.path / f"generation-{iteration:06d}"
        fresh, replaced = final.with_name(f".{final.name}.new"), final.with_name(f".{final.name}.old")
        self.path.mkdir(exist_ok=True)
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            fresh.mkdir()
            for name, content in (files | {MANIFEST: manifest(files)}).items():
                _write(fresh / name, content)
            _flush(fresh)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        if final.exists():  # left by a run that went on from an older one
            shutil.rmtree(replaced, ignore_errors=True)
            final.rename(replaced)
        fresh.rename(final)
        _flush(self.path)
        for old in [replaced, *self.generations()[:-KEPT]]:
            shutil.rmtree(old, ignore_errors=True)

    def load(self) -> dict[str, State] | None:
        """The parts of the last good generation, None if there is none; warns of those that are not good."""
        for generation in reversed(self.generations()):
            try:
                return self.read(generation)
            except BrokenGenerationError as error:
                problem = f"{generation} is damaged and was passed over: {error}"
                warnings.warn(problem, RuntimeWarning, stacklevel=2)
        return None


def read(generation: Path) -> dict[str, State]:
    """The parts of a generation, after all of its files have been checked against the manifest.

    Raises:
        BrokenGenerationError: a file is missing, or not as it was written.
    """
    try:
        written = (generation / MANIFEST).read_bytes()
        names = list(json.loads(written)["files"])
        files = {name: (generation / Path(name).name).read_bytes() for name in names}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenGenerationError(f"a file is missing or unreadable ({error})") from error
    if manifest(files) != written:
        raise BrokenGenerationError("a file does not have the size and the SHA-256 sum that the manifest says")
    try:
        stems = sorted({Path(name).stem for name in files})
        return {stem: from_bytes(*(files[stem + suffix] for suffix in SUFFIXES)) for stem in stems}
    except (BrokenStateError, KeyError) as error:
        raise BrokenGenerationError(str(error)) from error


def manifest(files: dict[str, bytes]) -> bytes:
    """Size and SHA-256 of every file, in one form only: any other byte in it is damage."""
    entries = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} for name, content in files.items()
    }
    return (to_json({"format": 1, "files": entries}) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
