"""Markdown that pages are made of."""

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what would end a cell is escaped."""
    lines = [head, ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def cell(text: str) -> str:
    """One line without a bar.

    >>> cell("a | b")
    'a \\\\| b'
    """
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """What can be typed; nothing where there is nothing."""
    return f"`{text}`" if text else ""


def deeper(text: str, levels: int = 1) -> str:
    """Every heading so many levels further down.

    >>> deeper("# Rules")
    '## Rules'
    """
    return re.sub(r"^(#+ )", "#" * levels + r"\1", text, flags=re.M)


def contents(names: Iterable[str], caption: str = "") -> str:
    """A table of contents that shows in the sidebar only."""
    options = f":hidden:\n:maxdepth: 1\n{f':caption: {caption}' if caption else ''}".strip()
    return f"```{{toctree}}\n{options}\n\n" + "\n".join(names) + "\n```\n"
