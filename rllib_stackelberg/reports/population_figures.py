"""Figures of games with a population: how both sides learned, and how plays go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, StrMethodFormatter
from numpy.typing import NDArray

from rllib_stackelberg.reports.axes import FILE_WIDTH, NARROW, PANELS_ABREAST, add_legend, label_axes, panel_axes
from rllib_stackelberg.reports.svg import colour

ORDERS = 100
"""Largest over smallest figure of a panel from where on it is drawn on a logarithmic axis."""

OUTER = (10, 90)
"""Percentiles of plays that a band goes between."""


def sides_figure(progress: Sequence[Mapping[str, Any]], width: float = FILE_WIDTH, height: float = 260) -> Figure:
    """What leader and members get in a play, over the epochs of training: greedy snapshots, and exploring plays.

    Args:
        progress: lines of progress.jsonl; width, height: in CSS pixels.
    """
    figure, every = panel_axes(width, height, ["leader", "members, mean"], share_y=False)
    sides = (("mean_return", "value"), ("members_return", "members_value"))
    epochs = [line["iteration"] for line in progress]
    for axes, keys in zip(every, sides, strict=True):
        for key, name, chosen in zip(keys, ("exploring", "greedy"), ("second", "first"), strict=True):
            values = [np.nan if line[key] is None else line[key] for line in progress]
            axes.plot(epochs, values, color=colour(chosen), linewidth=1.8, label=name)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        label_axes(axes, "epochs", "payoff of a play" if axes is every[0] else "")
    add_legend(figure, width)
    return figure


def course_figure(
    panels: Mapping[str, NDArray[np.float64]], label: str = "periods", width: float = FILE_WIDTH, height: float = 170
) -> Figure:
    """Figures of plays over their periods: the median play and most of the others, one panel each.

    A panel whose figures span orders of magnitude has a logarithmic axis. Plays that have ended are left out.

    Args:
        panels: by title `[periods, plays]`, NaN after a play's end.
        label: what the abscissa counts; width, height: of the figure and of a panel, in CSS pixels.

    >>> figure = course_figure({"output": np.array([[1.0, 2.0], [2.0, np.nan]])})
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['output']
    """
    figure, every = panel_axes(width, height, list(panels), share_y=False)
    for axes, values in zip(every, panels.values(), strict=True):
        periods = np.arange(1, len(values) + 1)
        low, middle, high = np.nanpercentile(values, (OUTER[0], 50, OUTER[1]), axis=1)
        axes.fill_between(periods, low, high, color=colour("first"), alpha=0.2, linewidth=0, label="80 % of plays")
        axes.plot(periods, middle, color=colour("first"), linewidth=1.8, label="median play")
        _scaled(axes, values)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    for axes in every[-(1 if width < NARROW else PANELS_ABREAST) :]:
        axes.set_xlabel(label, color=colour("muted"))
    add_legend(figure, width)
    return figure


def _scaled(axes: Axes, values: NDArray[np.float64]) -> None:
    lowest, highest = np.nanmin(values), np.nanmax(values)
    if lowest > 0 and highest > ORDERS * lowest:
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(NullLocator())
        return
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))
