"""The one door through which text reaches a terminal.

What is printed comes from outside: names, paths, a game's own errors. Nothing in it is markup, and no character of it
moves the cursor, changes colours or writes right to left: those are shown as escapes (`\\x1b`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.text import Text

COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters of both halves, but for tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # that turn the direction of writing
    "\u2028\u2029\ufeff\ud800-\udfff]"  # line ends that are none, and halves of characters (bytes that are no text)
)
"""Characters that a terminal may take as something else than text."""

NOTEBOOK_TERM = "xterm-color"
"""What IPython's kernel sets TERM to, for the pseudo-terminal in which it runs `!command`."""


def visible(text: str) -> str:
    r"""Text with every character that a terminal could obey written as an escape.

    >>> print(visible("red \x1b[31m, line\r"))
    red \x1b[31m, line\r
    """
    return COMMANDS.sub(lambda found: ascii(found[0])[1:-1], text)


class Terminal(Console):
    """A console that prints text as it is."""

    def __init__(self, **options: Any):
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    @property
    def live(self) -> bool:
        """Whether what was printed can be printed over: not in a pipe, a file or a notebook."""
        in_notebook = "JPY_PARENT_PID" in os.environ or os.environ.get("TERM") == NOTEBOOK_TERM
        return self.file.isatty() and not self.is_dumb_terminal and not in_notebook

    def print(self, *things: Any, **options: Any) -> None:
        """Print; a path that is longer than a line is not cut off."""
        super().print(*things, **{"crop": False} | options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Text from a string; made visible here already, because widths of tables are counted on it."""
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of text of something, made visible whatever made them."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


class Description(ProgressColumn):
    """What a bar is of."""

    def render(self, task: Task) -> Text:
        """As it is."""
        return Text(visible(task.description))


def progress_bar(console: Terminal, *columns: ProgressColumn, transient: bool = False) -> Progress:
    """Bars that are drawn over and over, or not at all where that cannot be done."""
    shown = (Description(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*shown, *columns, console=console, transient=transient, disable=not console.live)
