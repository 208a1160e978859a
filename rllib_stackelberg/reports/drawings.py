"""Figures in files, each beside the data that it is drawn from: they can be drawn again without measuring anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import read_document
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.reports.figures import bands_figure
from rllib_stackelberg.reports.result_figures import (
    arms_figure,
    costs_figure,
    dependence_figure,
    gap_curves_figure,
    relation_figure,
)
from rllib_stackelberg.reports.svg import save_svg

DRAW: Mapping[str, Callable[..., Figure]] = {
    draw.__name__: draw
    for draw in (arms_figure, bands_figure, costs_figure, dependence_figure, gap_curves_figure, relation_figure)
}
"""Figures of plain data, by name."""

SUFFIX = ".drawing.json"
DIGITS = 6
"""Significant digits of numbers in such a file."""


def write_drawing(path: Path, draw: Callable[..., Figure], **data: Any) -> None:
    """Write a figure as `<path>.svg` and what it is drawn from as `<path>.drawing.json`.

    Args:
        path: without a suffix; draw: one of `DRAW`; data: its arguments, by name, as plain data.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(path.name + SUFFIX)
    write_atomically(file, to_json({"draw": draw.__name__, "data": _as_drawn(data)}, indent=None).encode())
    draw_again(file)


def _as_drawn(value: Any) -> Any:
    """Numbers as fine as a figure shows them."""
    if isinstance(value, Mapping):
        return {name: _as_drawn(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_as_drawn(entry) for entry in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def drawn_again(file: Path) -> Figure:
    """The figure of a `.drawing.json` file.

    Raises:
        InvalidFieldError: a file that says of no known figure how it is drawn.
    """
    content = read_document("drawing", file)
    if content.get("draw") not in DRAW:
        raise InvalidFieldError("draw", f"got {content.get('draw')!r}", ", ".join(DRAW))
    return DRAW[content["draw"]](**content["data"])


def draw_again(file: Path) -> Path:
    """Draw the figure of a `.drawing.json` file into the `.svg` beside it; returns the latter."""
    figure = drawn_again(file)
    drawn = file.with_name(file.name.removesuffix(SUFFIX) + ".svg")
    save_svg(figure, drawn)
    return drawn
