"""Figures of experiments: arms beside each other, values over what was varied, learners beside each other.

Their arguments are plain data, so that a figure can be drawn again from the file beside it (drawings.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from rllib_stackelberg.comparisons import standard_error
from rllib_stackelberg.reports.axes import (
    FILE_WIDTH,
    LETTER,
    NARROW,
    TEXT,
    add_legend,
    label_axes,
    line_styles,
    panel_axes,
    single_axes,
    wrapped,
)
from rllib_stackelberg.reports.figures import EXACT_LABEL
from rllib_stackelberg.reports.svg import colour
from rllib_stackelberg.rounding import estimate

BCCE_LABEL = "coarse correlated equilibria (BCCE)"
NEAR = 0.05
"""Arms that differ by a smaller share of their size are drawn on an axis that begins at 0."""


def arms_figure(
    arms: Mapping[str, Sequence[float]],
    label: str,
    exact: float | None = None,
    title: str = "",
    width: float = FILE_WIDTH,
    exact_label: str = EXACT_LABEL,
) -> Figure:
    """Arms of an experiment, one a line: its name and its mean ± standard error, below them a dot for each seed.

    Args:
        arms: per arm the value of each seed, in the order to show, the first on top.
        label: what is measured; exact: where to draw the dashed line, if anywhere; title: what arms are compared on.
        width: in CSS pixels.
        exact_label: what the dashed line is called.

    >>> figure = arms_figure({"PPO": [0.9, 1.0], "random": [0.5]}, "leader value", exact=1.0)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['PPO', '0.95 ± 0.05', 'random', '0.5']
    """
    figure, axes = single_axes(width, 110 + 46 * len(arms))
    for line, (name, values) in enumerate(arms.items()):
        _arm(axes, line, name, np.asarray(values, dtype=float))
    if exact is not None:
        axes.axvline(exact, color=colour("reference"), linestyle=(0, (5, 4)), linewidth=1.6, label=exact_label)
    axes.set_xlim(*_range([*(value for values in arms.values() for value in values), *_known(exact)]))
    axes.set_yticks([])
    axes.set_ylim(len(arms) - 0.6, -0.8)
    axes.xaxis.set_major_locator(MaxNLocator(4 if width < NARROW else 6))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.grid(axis="x", color=colour("rule"), linewidth=1)
    axes.set_title(wrapped(title, width), color=colour("ink"), fontsize=TEXT, loc="left", fontweight="bold")
    label_axes(axes, wrapped(label, width), "")
    add_legend(figure, width)
    return figure


def _arm(axes: Axes, line: int, name: str, seeds: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    error = float(standard_error(seeds))
    first, beside = line == 0, axes.get_yaxis_transform()
    axes.plot(
        seeds, np.full(len(seeds), line), "o", color=colour("first"), alpha=0.4, markersize=7, markeredgewidth=0,
        label="each seed" if first else None, clip_on=False,
    )  # fmt: skip
    axes.errorbar(
        seeds.mean(), line, xerr=error, fmt="D", color=colour("ink"), markersize=4.5, capsize=4, linewidth=1.6,
        label="mean ± standard error" if first else None, clip_on=False,
    )  # fmt: skip
    said = str(estimate(float(seeds.mean()), error))
    for x, words, side in ((0, name, "left"), (1, said, "right")):
        paper = {"facecolor": colour("paper"), "edgecolor": "none", "pad": 1}  # lines end at words
        axes.text(
            x, line - 0.22, words, transform=beside, fontsize=TEXT, color=colour("ink"), va="bottom", ha=side,
            bbox=paper,
        )  # fmt: skip


def _known(value: float | None) -> list[float]:
    return [] if value is None else [value]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis: where all values are nearly the same, it begins at 0, so that ticks say how large they are."""
    lowest, highest = min(values), max(values)
    if highest - lowest <= NEAR * max(abs(lowest), abs(highest)):
        lowest, highest = min(lowest, 0.0), max(highest, 0.0)
    room = 0.04 * (highest - lowest) or 1.0
    return lowest - room, highest + room


def relation_figure(
    panels: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
    x: str,
    y: str,
    single: Sequence[str] = (),
    logarithmic: bool = False,
    width: float = FILE_WIDTH,
    height: float = 250,
) -> Figure:
    """What is measured over what was varied, a panel per title and a curve per series through its means.

    Args:
        panels: per title and series (x, y) pairs; several of one x, such as seeds, are drawn as dots about their mean.
        x, y: what is drawn along both; single: series of single points, which no line joins.
        logarithmic: of both axes; what is 0 or below is left out.
        width, height: of the figure and of a panel, in CSS pixels.

    >>> figure = relation_figure({"a game": {"mean": [(1, 0.5), (2, 0.2), (2, 0.4)]}}, "updates", "gap")
    >>> figure.axes[0].get_lines()[0].get_ydata().round(9).tolist()
    [0.5, 0.3]
    """
    figure, every = panel_axes(width, height, list(panels))
    for axes, series in zip(every, panels.values(), strict=True):
        for (name, points), style in zip(series.items(), line_styles(), strict=False):
            _related(axes, name, np.array(points, dtype=float), style, name not in single)
        if logarithmic:
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.minorticks_off()
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        label_axes(axes, x if axes is every[-1] or width >= NARROW else "", y if axes is every[0] else "")
    add_legend(figure, width)
    return figure


def _related(
    axes: Axes, name: str, points: np.ndarray[Any, np.dtype[np.float64]], style: tuple[str, Any], joined: bool
) -> None:
    chosen, dashes = style
    at = np.unique(points[:, 0])
    if not joined:
        axes.plot(points[:, 0], points[:, 1], "x", color=chosen, markersize=7, markeredgewidth=1.6, label=name)
        return
    means = np.array([points[points[:, 0] == each, 1].mean() for each in at])
    axes.plot(at, means, marker="o", markersize=4.5, color=chosen, linestyle=dashes, linewidth=1.8, label=name)
    if len(at) < len(points):
        axes.plot(points[:, 0], points[:, 1], "o", color=chosen, markersize=6, alpha=0.3, markeredgewidth=0)


def gap_curves_figure(
    panels: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]], width: float = FILE_WIDTH, height: float = 300
) -> Figure:
    """BCCE gaps of several learners over the number of updates, one panel per title; both axes logarithmic.

    Args:
        panels: per title and learner (updates, gap) in ascending order; a gap of 0 is left out.
        width, height: in CSS pixels.
    """
    figure, every = panel_axes(width, height, list(panels))
    for axes, curves in zip(every, panels.values(), strict=True):
        for (name, curve), (chosen, dashes) in zip(curves.items(), line_styles(), strict=False):
            updates, gaps = (np.array(column, dtype=float) for column in zip(*curve, strict=True))
            gaps[gaps <= 0] = np.nan
            axes.plot(updates, gaps, color=chosen, linestyle=dashes, linewidth=1.8, label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        label_axes(axes, "followers' updates" if axes is every[-1] or width >= NARROW else "", "BCCE gap")
    add_legend(figure, width)
    return figure


def costs_figure(
    panels: Mapping[str, Mapping[str, Mapping[int | str, float]]], width: float = FILE_WIDTH, height: float = 190
) -> Figure:
    """Costs over sizes, one panel per kind of size; both axes logarithmic, a faint line shows proportional growth.

    Args:
        panels: per kind of size and curve microseconds by size; width, height: in CSS pixels.
    """
    figure, every = panel_axes(width, height, list(panels))
    for axes, curves in zip(every, panels.values(), strict=True):
        for (name, costs), (chosen, dashes) in zip(curves.items(), line_styles(), strict=False):
            sizes, values = [int(size) for size in costs], list(costs.values())
            axes.plot(sizes, values, marker="o", markersize=4, color=chosen, linestyle=dashes, label=name)
            rising = [values[-1] * size / sizes[-1] for size in sizes]
            axes.plot(sizes, rising, color=colour("muted"), linewidth=0.8, linestyle=(0, (1, 3)), label="proportional")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        label_axes(axes, "", "microseconds per update" if axes is every[0] or width < NARROW else "")
    add_legend(figure, width)
    return figure


def dependence_figure(panels: Mapping[str, Mapping[str, Any]], width: float = FILE_WIDTH) -> Figure:
    """Leader values under every response model, one a line, before what equilibria allow; a panel per title.

    Args:
        panels: per title `Dependence.data()` of a leader strategy, all against the same learners.
        width: in CSS pixels.
    """
    names = list(next(iter(panels.values()))["models"])
    abreast = 2 if width < NARROW else 3
    room = (width - LETTER * max(map(len, names))) / abreast
    titles = [wrapped(title, room) for title in panels]
    figure, every = panel_axes(width, 110 + 19 * len(names), titles, abreast, narrow=abreast)
    styles = {"average": ("s", "second"), "last": ("o", "first"), "argmax": ("D", "ink")}
    for axes, found in zip(every, panels.values(), strict=True):
        # With an edge, for a set that is one value.
        axes.axvspan(*found["coarse"], facecolor=colour("rule"), edgecolor=colour("muted"), label=BCCE_LABEL)
        for value in found["pure"]:
            axes.axvline(
                value, color=colour("reference"), linestyle=(0, (5, 4)), linewidth=1.6,
                label="best and worst pure equilibrium",
            )  # fmt: skip
        for k, (play, (marker, chosen)) in enumerate(styles.items()):
            values = [by_play[play] for by_play in found["models"].values()]
            lines = np.arange(len(names)) + 0.2 * (1 - k)
            axes.plot(values, lines, marker, color=colour(chosen), markersize=5, label=f"{play} play")
        axes.xaxis.set_major_locator(MaxNLocator(2 if width < NARROW else 3))
        axes.grid(visible=False)
        axes.set_yticks(range(len(names)), names, color=colour("ink"))
        label_axes(axes, "leader value" if axes in every[-abreast:] else "", "")
    every[0].set_ylim(len(names) - 0.5, -0.5)
    add_legend(figure, width)
    return figure
