"""Files that are either whole or not there, in folders in which nothing is reached through a link.

A run folder may come from a stranger. What it names is opened from the folder itself, step by step, and only if it is
a plain file or a real folder: a link, a pipe or a device in it is refused by name, so nothing outside is read, written
or deleted, and nothing waits for ever. The folder's own path is the person's, who may have it behind links.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import LARGEST, BrokenDocumentError, read_document

# A pipe would keep the process waiting for its other end.
PLAINLY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FRESHLY = os.O_WRONLY | os.O_CREAT | os.O_EXCL | PLAINLY

KINDS = {
    stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder", stat.S_IFREG: "a plain file",
}  # fmt: skip


@dataclass(frozen=True)
class Folder:
    """A folder that may come from a stranger.

    Attributes:
        path: as the person named it; within: names of folders below it, none of which may be a link.
    """

    path: Path
    within: tuple[str, ...] = ()

    def below(self, name: str) -> Folder:
        """A folder in this one, which need not be there."""
        return Folder(self.path, (*self.within, name))

    @property
    def place(self) -> Path:
        """Where it is, for people."""
        return self.path.joinpath(*self.within)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor of the real folder.

        Raises:
            InvalidFieldError: a link or a file stands where a folder should; OSError: there is none.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for depth, name in enumerate(self.within):
                Folder(self.path, self.within[:depth]).refuse_unless(stat.S_IFDIR, descriptor, name)
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | PLAINLY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def refuse_unless(self, kind: int, descriptor: int, name: str) -> os.stat_result:
        """What stands under a name, refused if it is of another kind.

        Raises:
            InvalidFieldError: it is; OSError: nothing stands there.
        """
        found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        if (given := stat.S_IFMT(found.st_mode)) != kind:
            problem = f"{self.place / name} is {KINDS.get(given, 'something else')}"
            raise InvalidFieldError("run", problem, f"{KINDS[kind]}: nothing in a run is reached through links")
        return found

    def read(self, name: str, largest: int = LARGEST) -> bytes:
        """The content of a plain file of up to so many bytes.

        Raises:
            InvalidFieldError: it is no plain file; BrokenDocumentError: it is larger; OSError: it cannot be read.
        """
        with self.opened() as descriptor:
            if self.refuse_unless(stat.S_IFREG, descriptor, name).st_size > largest:
                raise BrokenDocumentError(f"larger than {largest:,} bytes")
            with os.fdopen(os.open(name, os.O_RDONLY | PLAINLY, dir_fd=descriptor), "rb") as stream:
                content = stream.read(largest + 1)
        if len(content) > largest:
            raise BrokenDocumentError(f"larger than {largest:,} bytes")
        return content

    def size(self, name: str) -> int:
        """Bytes of a plain file.

        Raises:
            InvalidFieldError: it is no plain file; OSError: there is none.
        """
        with self.opened() as descriptor:
            return self.refuse_unless(stat.S_IFREG, descriptor, name).st_size

    def has(self, name: str) -> bool:
        """Whether anything stands there, also a link to nowhere."""
        try:
            with self.opened() as descriptor:
                os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def names(self) -> list[str]:
        """What is in it, in order; nothing where there is no such folder."""
        return [name for name, _ in self._entries()]

    def folders(self) -> list[str]:
        """Names of real folders in it."""
        return [name for name, is_folder in self._entries() if is_folder]

    def _entries(self) -> list[tuple[str, bool]]:
        """Names, in order, and whether each is a real folder."""
        try:
            with self.opened() as descriptor, os.scandir(descriptor) as entries:
                return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        except FileNotFoundError:
            return []

    def refuse_links(self) -> None:
        """Refuse, by name, what is neither a plain file nor a folder, here or in folders below.

        Raises:
            InvalidFieldError: there is such a thing.
        """
        for name, is_folder in self._entries():
            if is_folder:
                self.below(name).refuse_links()
            else:
                with self.opened() as descriptor:
                    self.refuse_unless(stat.S_IFREG, descriptor, name)

    def make(self) -> None:
        """Make it, if it is not there; those above it are.

        Raises:
            InvalidFieldError: a link or a file stands there; OSError: it cannot be made.
        """
        above = Folder(self.path, self.within[:-1])
        with above.opened() as descriptor:
            with suppress(FileExistsError):
                os.mkdir(self.within[-1], dir_fd=descriptor)
            above.refuse_unless(stat.S_IFDIR, descriptor, self.within[-1])

    def write(self, name: str, content: bytes) -> None:
        """Write to a temporary sibling of a name of its own, flush it to disk, and move it in place.

        A link that stands under the name is replaced, not followed.
        """
        temporary = f".{name}.{secrets.token_hex(8)}"
        with self.opened() as descriptor:
            try:
                _write_new(descriptor, temporary, content)
                os.rename(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=descriptor)
                raise

    def append(self, name: str, content: bytes) -> None:
        """Add to the end of a plain file, which is made if it is not there, and flush it to disk.

        Raises:
            InvalidFieldError: it is no plain file, or has another name elsewhere; OSError: it cannot be written.
        """
        with self.opened() as descriptor:
            with suppress(FileNotFoundError):
                if self.refuse_unless(stat.S_IFREG, descriptor, name).st_nlink > 1:
                    raise InvalidFieldError("run", f"{self.place / name} has other names (hard links)", "a copy of it")
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | PLAINLY
            with os.fdopen(os.open(name, flags, 0o666, dir_fd=descriptor), "ab") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())

    def write_folder(self, name: str, files: dict[str, bytes]) -> None:
        """Write a new folder of files in this one, whole or not at all; one of that name is replaced.

        Raises:
            OSError: it cannot be written; nothing is changed.
        """
        fresh = f".{name}.{secrets.token_hex(8)}"
        with self.opened() as descriptor:
            try:
                os.mkdir(fresh, dir_fd=descriptor)
                with self.below(fresh).opened() as inner:
                    for file, content in files.items():
                        _write_new(inner, file, content)
                    os.fsync(inner)
                away = f".{name}.old.{secrets.token_hex(8)}"
                with suppress(FileNotFoundError):
                    os.rename(name, away, src_dir_fd=descriptor, dst_dir_fd=descriptor)
                os.rename(fresh, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
                os.fsync(descriptor)
            except BaseException:
                self.remove_folder(fresh)
                raise
            self.remove_folder(away)

    def remove(self, name: str) -> None:
        """Delete a file, or a link itself, if it is there."""
        with self.opened() as descriptor, suppress(FileNotFoundError):
            os.unlink(name, dir_fd=descriptor)

    def remove_folder(self, name: str) -> None:
        """Delete a real folder and what is in it, as far as that can be done; a link is left alone.

        It is moved out of the way first, so that it is there whole or not at all.
        """
        with suppress(OSError), self.opened() as descriptor:
            if name in self.folders():
                away = name if name.startswith(".") else f".{name}.old.{secrets.token_hex(8)}"
                os.rename(name, away, src_dir_fd=descriptor, dst_dir_fd=descriptor)
                shutil.rmtree(away, ignore_errors=True, dir_fd=descriptor)


def _write_new(descriptor: int, name: str, content: bytes) -> None:
    """Write a file that was not there, flushed to disk."""
    with os.fdopen(os.open(name, FRESHLY, 0o666, dir_fd=descriptor), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary sibling, flush it to disk, and move it in place."""
    Folder(path.parent).write(path.name, content)


def read_fields(field: str, file: Path, *names: str) -> tuple[Any, ...]:
    """Named entries of a JSON file given for a parameter.

    Raises:
        InvalidFieldError: naming the parameter, if the file cannot be read or lacks an entry.
    """
    content = read_document(field, file)
    missing = [name for name in names if not isinstance(content, dict) or name not in content]
    if missing:
        raise InvalidFieldError(field, f"{file} has no {missing[0]!r}", f"JSON with {' and '.join(names)}")
    return tuple(content[name] for name in names)


def to_json(value: Any, indent: int | None = 2) -> str:
    """Strict JSON: NaN and infinities become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.item() if type(value).__module__ == "numpy" else value
