"""Tables that a script records beside its figures, for a page of the documentation to include."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rllib_stackelberg.files.folder import write_atomically


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows with the same columns, as Markdown.

    >>> print(markdown_table([{"price": "1/2", "revenue": ".375"}]))
    | price | revenue |
    | --- | --- |
    | 1/2 | .375 |
    """
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_table(file: Path, rows: Sequence[Mapping[str, str]], command: str) -> None:
    """Write a table, and below it which command wrote it, and when.

    Args:
        file: ends in `.md`; rows: cells by column, the same columns in every row; command: as it can be typed.
    """
    said = f"Written by `{command} --out DIR` on {datetime.now(UTC):%Y-%m-%d}."
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, f"{markdown_table(rows)}\n\n{said}\n".encode())
