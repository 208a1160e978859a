"""Tables that a script records beside its figures, for a page of the documentation to include."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import to_json, write_atomically

WRITTEN_BY = re.compile(r"Written by `(?P<command>[^`]*) --out DIR` on (?P<day>[\d-]{10})(?:, in (?P<took>\d+ \w+))?")
"""What stands below a table: the command, the day, and how long the command took, if that is known."""

IN_SECONDS = 120.0
"""Times up to this are written in seconds, longer ones in minutes."""


@dataclass(frozen=True)
class Begun:
    """When a command began its work, and how busy the machine was then.

    Attributes:
        seconds: of a clock that does not go back; load: how many processes computed or waited to, over a minute.
    """

    seconds: float = field(default_factory=time.perf_counter)
    load: float = field(default_factory=lambda: os.getloadavg()[0])

    def words(self) -> str:
        """How long it took until now, and whether more processes computed meanwhile than there are cores."""
        seconds, now, cores = time.perf_counter() - self.seconds, os.getloadavg()[0], os.cpu_count() or 1
        took = f", in {seconds:.0f} seconds" if seconds <= IN_SECONDS else f", in {seconds / 60:.0f} minutes"
        if max(self.load, now) <= cores:
            return f"{took}."
        loads = f"load averages of {self.load:.1f} at the start and {now:.1f} at the end"
        return f"{took}, while the machine's {cores} cores had other work ({loads}): times are upper limits."


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows with the same columns, as Markdown.

    >>> print(markdown_table([{"price": "1/2", "revenue": ".375"}]))
    | price | revenue |
    | --- | --- |
    | 1/2 | .375 |
    """
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written_by(command: str, begun: Begun | None = None) -> str:
    """What stands below a table.

    Args:
        command: as it can be typed; begun: its beginning, where a table shows how long something took.
    """
    return f"Written by `{command} --out DIR` on {datetime.now(UTC):%Y-%m-%d}{begun.words() if begun else '.'}"


def write_table(file: Path, rows: Sequence[Mapping[str, str]], command: str, begun: Begun | None = None) -> None:
    """Write a table, and below it which command wrote it, and when.

    Args:
        file: ends in `.md`; rows: cells by column, the same columns in every row; command, begun: as in `written_by`.
    """
    _write(file, rows, [written_by(command, begun)])


def _write(file: Path, rows: Sequence[Mapping[str, str]], lines: Sequence[str]) -> None:
    below = "\n".join(lines if len(lines) == 1 else [f"- {line}" for line in lines])
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, f"{markdown_table(rows)}\n\n{below}\n".encode())


@dataclass
class SharedTable:
    """A table to which several commands add rows, such as one of small games.

    A file beside it that ends in `.json` keeps each row, by a name, with what it was computed from and the line that
    says who wrote it.

    Attributes:
        file: ends in `.md`; columns: of every row.
    """

    file: Path
    columns: Sequence[str]

    def __post_init__(self) -> None:
        """Refuse a table that has other columns, before hours are spent on its rows.

        Raises:
            InvalidFieldError: it has.
        """
        found = next((list(row["cells"]) for row in self.recorded().values()), list(self.columns))
        if found != list(self.columns):
            raise InvalidFieldError(
                "out", f"{self.file} has other columns: {', '.join(found)}", ", ".join(self.columns)
            )

    @property
    def kept(self) -> Path:
        """Where rows are kept."""
        return self.file.with_suffix(".json")

    def recorded(self) -> dict[str, dict[str, Any]]:
        """Rows that are there, by name."""
        return json.loads(self.kept.read_text(encoding="utf-8")) if self.kept.exists() else {}

    def add(self, cells: Mapping[str, Mapping[str, str]], behind: Mapping[str, Any], written: str) -> None:
        """Write rows in the place of those of the same names, or below the others.

        Args:
            cells: by a row's name, then by column; behind: by name, what a row was computed from; written: who wrote
                them, as `written_by` says it.
        """
        rows = self.recorded()
        rows |= {name: {"cells": row, "behind": behind[name], "written": written} for name, row in cells.items()}
        lines = list(dict.fromkeys(row["written"] for row in rows.values()))
        _write(self.file, [row["cells"] for row in rows.values()], lines)
        write_atomically(self.kept, to_json(rows).encode())
