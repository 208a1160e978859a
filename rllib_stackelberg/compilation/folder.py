"""Where compiled functions are kept: files that are written whole or not at all, and can be lost without harm.

The folder is the user's cache folder of the platform; NUMBA_CACHE_DIR names another one. What cannot be written there
is no error: it is compiled anew in the next process.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from pathlib import Path
from uuid import uuid4

MOST_FILES = 2000
"""Kept at most, some hundred kilobytes each; what has not been used for longest goes first."""

SUFFIX = ".compiled"
_HASH = hashlib.sha256().digest_size

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where compiled functions are kept, whether or not it is there."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(named) if named else _users_folder()) / "rllib-stackelberg"


def _users_folder() -> Path:
    """The user's cache folder by the platform's conventions."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def unwritable() -> str | None:
    """Why nothing can be kept in the folder; None if it can."""
    try:
        folder = _made()
        trial = folder / f"{uuid4().hex}.trial"
        trial.touch()
        trial.unlink()
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody knows where the home is
        return str(error)
    return None


def _made() -> Path:
    """The folder, for its owner alone: whoever writes there runs code here."""
    folder = cache_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def read(name: str) -> bytes | None:
    """What is kept under a name; None if nothing is, or if it is damaged."""
    try:
        path = cache_folder() / (name + SUFFIX)
        found = path.read_bytes()
    except (OSError, RuntimeError):
        return None
    if hashlib.sha256(found[_HASH:]).digest() != found[:_HASH]:
        log.info("%s is damaged: it is compiled anew", path)
        return None
    try:
        os.utime(path)
    except OSError:  # kept by somebody else, for us to read
        log.debug("%s is not ours", path)
    return found[_HASH:]


def has(name: str) -> bool:
    """Whether something is kept under a name."""
    try:
        return (cache_folder() / (name + SUFFIX)).is_file()
    except (OSError, RuntimeError):
        return False


def write(name: str, content: bytes) -> None:
    """Keep something under a name, if there is a place; whoever reads meanwhile finds all of it or nothing."""
    temporary = None
    try:
        folder = _made()
        temporary = folder / f"{uuid4().hex}.part"
        temporary.write_bytes(hashlib.sha256(content).digest() + content)
        temporary.replace(folder / (name + SUFFIX))
        _drop_oldest(folder)
    except (OSError, RuntimeError) as error:
        log.info("compiled code is not kept: %s", error)
        if temporary is not None:
            _remove(temporary)


def _drop_oldest(folder: Path) -> None:
    files = [(entry.stat().st_mtime, Path(entry)) for entry in os.scandir(folder)]
    for _, path in sorted(files)[:-MOST_FILES]:
        _remove(path)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.debug("%s stays: %s", path, error)
