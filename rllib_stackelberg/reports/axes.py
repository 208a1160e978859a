"""What all figures share: axes in the colours of svg.py, with text of the size in which it is read."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rllib_stackelberg.reports.svg import colour

POINTS_PER_INCH = 72
TEXT = 12
NARROW = 500
"""CSS pixels below which ticks and legend are arranged for a phone."""

PANELS_ABREAST = 3


def single_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure of a size in CSS pixels (units of its SVG)."""
    figure = _figure(width, height)
    return figure, _styled(figure.add_subplot())


def panel_axes(
    width: float, height: float, titles: Sequence[str], abreast: int = PANELS_ABREAST, share_y: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure of several panels, each of the given height in CSS pixels, that share their axes (or the abscissa)."""
    abreast = min(abreast, len(titles))
    rows = -(-len(titles) // abreast)
    figure = _figure(width, rows * height)
    shared: Axes | None = None
    axes = []
    for k, title in enumerate(titles):
        axis = _styled(figure.add_subplot(rows, abreast, k + 1, sharex=shared, sharey=shared if share_y else None))
        axis.set_title(title, color=colour("ink"), fontsize=TEXT, loc="left")
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
    figure.legend(
        list(drawn.values()), list(drawn), loc="outside upper left", ncols=2 if width < NARROW else 3, frameon=False,
        fontsize=TEXT, labelcolor=colour("ink"), handlelength=1.6, columnspacing=1.2, borderaxespad=0, borderpad=0.1,
    )  # fmt: skip
