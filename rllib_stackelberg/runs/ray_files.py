"""Where a Ray of a run's own writes, seen to before it starts: sockets in a temporary folder, a token under the home.

Ray is not imported here: what it would stumble over minutes later is refused, or provided for, now.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from rllib_stackelberg.errors import InvalidFieldError

LONGEST_SOCKET = 107
"""Bytes of a socket's path that the system takes (sun_path of unix(7), less its end)."""

SOCKET = "/ray/session_2026-01-01_00-00-00_000000_{process}/sockets/plasma_store"
"""The longest of the paths that Ray makes below its temporary folder."""

TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


def temporary_folder() -> tuple[str, Path]:
    """The folder that Ray takes for its sessions, and the variable that names it."""
    given = [name for name in ("RAY_TMPDIR", "TMPDIR") if os.environ.get(name)]
    return (given[0], Path(os.environ[given[0]])) if given else ("RAY_TMPDIR", Path("/tmp"))


def check_places() -> None:
    """Refuse what a Ray of a run's own could not write in.

    Raises:
        InvalidFieldError: naming the variable to set.
    """
    check_temporary_folder()
    check_home()


def check_temporary_folder() -> None:
    """Refuse a temporary folder in which Ray could not make its sockets.

    Raises:
        InvalidFieldError: naming the variable: the path is too long, or nothing can be written there.
    """
    name, folder = temporary_folder()
    room = LONGEST_SOCKET - len(SOCKET.format(process=os.getpid()))
    length = len(os.fsencode(folder))
    if length > room:
        problem = f"has {length} characters, too many for the paths of Ray's sockets below it"
        raise InvalidFieldError(name, problem, f"up to {room}: set RAY_TMPDIR to a shorter one")
    _refuse_unwritable(name, folder, "Ray keeps its sessions", "a writable folder, set as RAY_TMPDIR")


def check_home() -> None:
    """Refuse a home that nothing can be written under: RLlib makes a folder there for every algorithm, unasked.

    Raises:
        InvalidFieldError: naming HOME.
    """
    results = Path("~/ray_results").expanduser()
    folder = results if results.is_dir() else results.parent
    _refuse_unwritable("HOME", folder, "RLlib makes ray_results", "a writable folder, such as HOME=$(mktemp -d)")


def _refuse_unwritable(name: str, folder: Path, purpose: str, allowed: str) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InvalidFieldError(name, f"cannot write {folder} ({error.strerror}), where {purpose}", allowed) from error


def token_file() -> Path | None:
    """Where Ray keeps its token; None without a home."""
    try:
        return Path.home() / ".ray" / "auth_token"
    except RuntimeError:
        return None


def provide_token() -> None:
    """See that a Ray that is started has a token that nobody else can read, before Ray writes one that everybody can.

    It is kept under the home, as Ray would; where that cannot be written, in this process's environment.
    """
    if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token" or any(os.environ.get(name) for name in TOKENS):
        return
    file, token = token_file(), secrets.token_hex(32)
    try:
        if file is None:
            raise OSError("no home")
        if not file.exists():
            _write_once(file, token)
    except OSError:
        os.environ["RAY_AUTH_TOKEN"] = token


def _write_once(file: Path, token: str) -> None:
    """Write a file for its owner alone, whole or not at all, and leave one that is there as it is."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent)  # readable by its owner alone
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(token)
        os.link(temporary, file)
    except FileExistsError:
        pass  # another process was faster
    finally:
        Path(temporary).unlink()
