"""Copies of the files that a game is made from, in the folder of its run: what counts, wherever the folder is moved."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError, read_bounded
from rllib_stackelberg.files.folder import Folder
from rllib_stackelberg.runs.records import Input

INPUTS = "inputs"
LARGEST_INPUT = 256 * 2**20
"""Bytes."""


def keep(run: Folder, parameter: str, file: Path) -> dict[str, Any]:
    """Copy a file that a person named for a parameter into a run; the copy as config.json tells it.

    Raises:
        InvalidFieldError: it cannot be read, by the name of the parameter; OSError: the copy cannot be written.
    """
    try:
        content = read_bounded(file, LARGEST_INPUT)
    except (OSError, BrokenDocumentError) as error:
        raise InvalidFieldError(parameter, f"cannot read {file} ({error})", "an existing file") from error
    suffix = file.suffix if file.suffix[1:].isidentifier() and len(file.suffix) <= 9 else ""
    place, copied = run.below(INPUTS), parameter + suffix
    place.make()
    place.write(copied, content)
    told = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return {"path": str(file.resolve()), "copy": copied} | told


def held(run: Folder, parameter: str, told: Input) -> Path:
    """Where a run's own copy is, which is as it was; warns if the file that it is of has changed since.

    Raises:
        InvalidFieldError: the copy is missing, or is not as it was.
    """
    place = run.below(INPUTS)
    try:
        content = place.read(told.copied, LARGEST_INPUT)
    except (OSError, BrokenDocumentError) as error:
        problem = f"{place.place / told.copied} cannot be read ({error})"
        raise InvalidFieldError(parameter, problem, "the file that the run was made from") from error
    if hashlib.sha256(content).hexdigest() != told.sha256:
        problem = f"{place.place / told.copied} does not have the SHA-256 sum that config.json says"
        raise InvalidFieldError(parameter, problem, "the file that the run was made from")
    _tell_of_change(parameter, told)
    return (place.place / told.copied).resolve()


def _tell_of_change(parameter: str, told: Input) -> None:
    original = Path(told.path)
    folder = Folder(original.parent)
    try:
        same = folder.size(original.name) == told.size
        same = same and hashlib.sha256(folder.read(original.name, LARGEST_INPUT)).hexdigest() == told.sha256
    except (OSError, ValueError):
        return  # it is gone, or another machine's
    if not same:
        problem = f"{parameter}: {original} has changed since the run; the run's own copy is used"
        warnings.warn(problem, RuntimeWarning, stacklevel=5)
