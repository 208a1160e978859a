"""JSON from people and from strangers: one bounded reader, which refuses by name and never runs out of anything.

Python's own reader takes what no float holds (`1e999`, `NaN`, 400 digits), lets the last of equal keys win, and ends in
a `RecursionError` on deep nesting. Everything that is read as JSON in this package is read here.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError

DEEPEST = 64
"""Levels of nesting."""

LARGEST = 64 * 2**20
"""Bytes of a document."""

TYPED = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w.])[+](?=[\d.])|(?<![\w.])[.](?=\d)|(?<=\d)[.](?!\d)')
"""A text of JSON, or what people type in a number and JSON does not take: a plus, a point at either end."""

MENDED = {"+": "", ".": "0."}

SHOWN = 40
"""Characters of a value that a complaint repeats."""


class BrokenDocumentError(ValueError):
    """Not JSON that this package takes; the message says why."""


def parsed(content: str | bytes, deepest: int = DEEPEST, allow_nan: bool = False) -> Any:
    """A JSON document as plain data.

    Args:
        content: the document, UTF-8; deepest: levels of nesting that are taken.
        allow_nan: take `NaN` and the infinities for None, as older files hold them.

    Raises:
        BrokenDocumentError: no JSON, too deep, a number that no float holds, or a key that stands twice.

    >>> parsed('{"prior": [0.25, 0.75]}')
    {'prior': [0.25, 0.75]}
    >>> parsed("[1e999]")
    Traceback (most recent call last):
    ...
    rllib_stackelberg.files.documents.BrokenDocumentError: the number 1e999 is larger than any float
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        found = json.loads(
            text,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_nothing if allow_nan else _refuse_constant,
            object_pairs_hook=_once,
        )
    except BrokenDocumentError:
        raise
    except RecursionError as error:
        raise BrokenDocumentError(f"nested more than {deepest} levels deep") from error
    except ValueError as error:
        raise BrokenDocumentError(f"no JSON ({error})") from error
    _refuse_deep(found, deepest)
    return found


def from_command_line(text: str) -> Any:
    """JSON as people type it: `.4`, `-.4`, `+4` and `4.` are numbers too.

    Raises:
        BrokenDocumentError: as `parsed`.

    >>> from_command_line('{"prior": [[.4, -.1], [+1., 4.e1]], "name": ".5 or +1."}')
    {'prior': [[0.4, -0.1], [1.0, 40.0]], 'name': '.5 or +1.'}
    """
    return parsed(TYPED.sub(_mended, text))


def _mended(found: re.Match[str]) -> str:
    before = found.string[found.start() - 1 : found.start()]
    return ".0" if found[0] == "." and before.isdigit() else MENDED.get(found[0], found[0])


def read_document(field: str, file: str | Path, largest: int = LARGEST) -> Any:
    """The content of a JSON file that a person names.

    Args:
        field: what the file was given for, named when it is refused; largest: bytes that are taken.

    Raises:
        InvalidFieldError: naming the field: the file cannot be read, is too large, or holds no such JSON.
    """
    try:
        return parsed(read_bounded(Path(file), largest))
    except OSError as error:
        problem = f"cannot read {file} ({error.strerror or error})"
        raise InvalidFieldError(field, problem, "an existing JSON file") from error
    except BrokenDocumentError as error:
        raise InvalidFieldError(field, f"{file}: {error}", "a JSON file") from error


def read_bounded(file: Path, largest: int = LARGEST) -> bytes:
    """The content of a file that a person names, of a pipe too, as long as it is not too large.

    Raises:
        BrokenDocumentError: it is larger; OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        found = os.fstat(stream.fileno())
        if stat.S_ISREG(found.st_mode) and found.st_size > largest:
            raise BrokenDocumentError(f"larger than {largest:,} bytes")
        content = stream.read(largest + 1)
    if len(content) > largest:
        raise BrokenDocumentError(f"larger than {largest:,} bytes")
    return content


def _integer(text: str) -> int:
    _float(text)
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BrokenDocumentError(f"the number {shortened(text)} is larger than any float")
    return number


def _nothing(text: str) -> None:
    """In place of a number that is none."""


def _refuse_constant(text: str) -> None:
    raise BrokenDocumentError(f"{text} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BrokenDocumentError(f"the key {shortened(twice)!r} stands twice in one object")
    return found


def brief(value: Any) -> str:
    """A value in a complaint: not longer than one can be, whatever the value is.

    >>> brief(0.5), len(brief("x" * 400))
    ('0.5', 40)
    """
    try:
        return shortened(repr(value))
    except ValueError:  # an integer of more digits than Python writes
        return "a number of thousands of digits"


def shortened(text: str, most: int = SHOWN) -> str:
    """Text that is not longer than a complaint can be.

    >>> shortened("9" * 400, most=8)
    '99999...'
    """
    return text if len(text) <= most else text[: most - 3] + "..."


def _refuse_deep(found: Any, deepest: int) -> None:
    level: list[Any] = [found]
    for _ in range(deepest + 1):
        level = [entry for held in level for entry in _held(held)]
        if not level:
            return
    raise BrokenDocumentError(f"nested more than {deepest} levels deep")


def _held(value: Any) -> Iterable[Any]:
    """The containers in a container."""
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [entry for entry in entries if isinstance(entry, dict | list)]
