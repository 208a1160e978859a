"""Markdown that pages are made of."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


class Texts(Mapping[str, str]):
    """Pages by their paths, each made when it is first read.

    >>> texts = Texts({"one.md": lambda: "# One", "two.md": lambda: str(1 / 0)})
    >>> list(texts), texts["one.md"]
    (['one.md', 'two.md'], '# One')
    """

    def __init__(self, makers: Mapping[str, Callable[[], str]]):
        self._makers, self._made = makers, dict[str, str]()

    def __getitem__(self, path: str) -> str:
        if path not in self._made:
            self._made[path] = self._makers[path]()
        return self._made[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


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
