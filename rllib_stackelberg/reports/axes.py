"""What all figures share: axes in the colours of svg.py, with text of the size in which it is read."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rllib_stackelberg.reports.svg import SERIES, colour

POINTS_PER_INCH = 72
TEXT = 12
NARROW = 500
"""CSS pixels below which ticks and legend are arranged for a phone."""

LETTER, LINE = 6.6, 40
"""CSS pixels that a letter and a legend's line take, about."""

FILE_WIDTH = 380
"""CSS pixels that a figure in a file is drawn for: its text is still read on a phone."""

PANELS_ABREAST = 3

DASHES: tuple[Any, ...] = ("-", (0, (6, 3)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
"""Line styles that tell curves apart beside their colours."""


def line_styles() -> Iterator[tuple[str, Any]]:
    """(colour, dashes) of one curve after the other: neighbours differ in both, and no two of many are the same."""
    for turn in count():
        for place, chosen in enumerate(SERIES):
            yield colour(chosen), DASHES[(place + turn) % len(DASHES)]


def single_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure of a size in CSS pixels (units of its SVG)."""
    figure = _figure(width, height)
    return figure, _styled(figure.add_subplot())


def panel_axes(
    width: float, height: float, titles: Sequence[str], abreast: int = PANELS_ABREAST, share_y: bool = True,
    narrow: int = 1,
) -> tuple[Figure, list[Axes]]:  # fmt: skip
    """A figure of several panels, each of the given height in CSS pixels, that share their axes (or the abscissa).

    Side by side stand at most `abreast` of them, in a narrow figure `narrow`.
    """
    abreast = min(narrow if width < NARROW else abreast, len(titles))
    room = 0.8 * width / abreast
    rows = -(-len(titles) // abreast)
    figure = _figure(width, rows * height)
    shared: Axes | None = None
    axes = []
    for k, title in enumerate(titles):
        axis = _styled(figure.add_subplot(rows, abreast, k + 1, sharex=shared, sharey=shared if share_y else None))
        axis.set_title(wrapped(title, room), color=colour("ink"), fontsize=TEXT, loc="left")
        axis.tick_params(labelleft=not share_y or k % abreast == 0)
        shared = shared or axis
        axes.append(axis)
    return figure, axes


def _figure(width: float, height: float) -> Figure:
    size = (width / POINTS_PER_INCH, height / POINTS_PER_INCH)
    return Figure(figsize=size, dpi=POINTS_PER_INCH, layout="constrained")


def _styled(axes: Axes) -> Axes:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(colour("muted"))
    axes.tick_params(colors=colour("muted"), labelsize=TEXT, left=False, which="both")
    axes.grid(axis="y", color=colour("rule"), linewidth=1)
    axes.set_axisbelow(True)
    return axes


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Say what is drawn along both."""
    axes.set_xlabel(x, color=colour("muted"), fontsize=TEXT)
    axes.set_ylabel(y, color=colour("muted"), fontsize=TEXT)


def add_legend(figure: Figure, width: float) -> None:
    """Above the axes, where it hides nothing; what several panels have is named once."""
    drawn = {
        label: handle
        for axes in reversed(figure.axes)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    widest = LETTER * max((len(label) for label in drawn), default=0) + LINE
    columns = max(1, min(int(width / widest), 2 if width < NARROW else 3))
    figure.legend(
        list(drawn.values()), list(drawn), loc="outside upper left", ncols=columns, frameon=False,
        fontsize=TEXT, labelcolor=colour("ink"), handlelength=1.6, columnspacing=1.2, borderaxespad=0, borderpad=0.1,
    )  # fmt: skip


def wrapped(text: str, width: float) -> str:
    """In lines that fit into so many CSS pixels."""
    return "\n".join(textwrap.fill(line, int(width / LETTER)) for line in text.splitlines())
