"""Figures of runs and of experiments: lines, points with their standard errors, the exact value as a dashed line.

All of them return a matplotlib `Figure` drawn in the colours of svg.py, with text of the size in which it is read: a
narrow figure is drawn narrow instead of being shrunk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, StrMethodFormatter

from rllib_stackelberg.reports.svg import colour

POINTS_PER_INCH = 72
TEXT = 12
NARROW = 500
"""CSS pixels below which ticks and legend are arranged for a phone."""

EXACT_LABEL = "exact optimum"


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure of a size in CSS pixels (units of its SVG)."""
    size = (width / POINTS_PER_INCH, height / POINTS_PER_INCH)
    figure = Figure(figsize=size, dpi=POINTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(colour("muted"))
    axes.tick_params(colors=colour("muted"), labelsize=TEXT, left=False, which="both")
    axes.grid(axis="y", color=colour("rule"), linewidth=1)
    axes.set_axisbelow(True)
    return figure, axes


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=colour("muted"), fontsize=TEXT)
    axes.set_ylabel(y, color=colour("muted"), fontsize=TEXT)


def _legend(figure: Figure, axes: Axes, width: float) -> None:
    """Above the axes, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper left", ncols=2 if width < NARROW else 3, frameon=False,
        fontsize=TEXT, labelcolor=colour("ink"), handlelength=1.6, columnspacing=1.2, borderaxespad=0, borderpad=0.1,
    )  # fmt: skip


def learning_figure(
    progress: Sequence[Mapping[str, Any]], exact: float | None, width: float = 720, height: float = 300
) -> Figure:
    """Leader value over leader episodes: of greedy snapshots, of the exploring policy, and the exact one.

    Args:
        progress: lines of progress.jsonl; exact: the exact value, None if unknown; width, height: in CSS pixels.
    """
    figure, axes = _axes(width, height)
    episodes = [line["episodes"] for line in progress]
    marker = "o" if len(progress) < 3 else ""
    for key, name, chosen in (("mean_return", "mean return", "second"), ("value", "greedy value", "first")):
        values = [np.nan if line[key] is None else line[key] for line in progress]
        axes.plot(episodes, values, color=colour(chosen), linewidth=1.8, marker=marker, markersize=4, label=name)
    if exact is not None:
        axes.axhline(exact, color=colour("reference"), linestyle=(0, (5, 4)), linewidth=1.6, label=EXACT_LABEL)
    axes.xaxis.set_major_locator(MaxNLocator(3 if width < NARROW else 6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    _label(axes, "leader episodes", "leader value")
    _legend(figure, axes, width)
    return figure


def gap_figure(gaps: Sequence[tuple[int, float]], width: float = 720, height: float = 260) -> Figure:
    """BCCE gap of followers' time-average play over the number of updates, on a logarithmic axis.

    Args:
        gaps: (updates, gap) in ascending order; width, height: in CSS pixels.
    """
    figure, axes = _axes(width, height)
    updates, values = zip(*gaps, strict=True)
    axes.plot(updates, values, color=colour("first"), linewidth=1.8, marker="o", markersize=5, clip_on=False)
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xticks([*(10**k for k in range(8) if 2 * 10**k < updates[-1]), updates[-1]])
    axes.set_xlim(updates[0], max(updates[-1], 2))
    axes.set_ylim(0, 1.1 * max(values) or 1)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    _label(axes, "followers' updates", "BCCE gap")
    return figure


def arms_figure(
    arms: Mapping[str, Sequence[float]],
    label: str,
    exact: float | None = None,
    exact_label: str = EXACT_LABEL,
    width: float = 720,
) -> Figure:
    """Arms of an experiment, one a line: every seed, mean ± standard error, and the exact value dashed.

    Args:
        arms: per arm the value of each seed, in the order to show, the first on top.
        label: what is measured; exact: where to draw the dashed line, if anywhere; width: in CSS pixels.

    >>> figure = arms_figure({"PPO": [0.9, 1.0], "random": [0.5]}, "leader value", exact=1.0)
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['PPO', 'random']
    """
    figure, axes = _axes(width, 92 + 34 * len(arms))
    for line, values in enumerate(arms.values()):
        seeds = np.asarray(values, dtype=float)
        error = seeds.std(ddof=1) / np.sqrt(len(seeds)) if len(seeds) > 1 else 0.0
        first = line == 0
        axes.plot(
            seeds, np.full(len(seeds), line), "o", color=colour("first"), alpha=0.35, markersize=5, markeredgewidth=0,
            label="each seed" if first else None,
        )  # fmt: skip
        axes.errorbar(
            seeds.mean(), line, xerr=error, fmt="D", color=colour("ink"), markersize=5.5, capsize=4, linewidth=1.6,
            label="mean ± standard error" if first else None,
        )  # fmt: skip
    if exact is not None:
        axes.axvline(exact, color=colour("reference"), linestyle=(0, (5, 4)), linewidth=1.6, label=exact_label)
    axes.set_yticks(range(len(arms)), list(arms), color=colour("ink"))
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(3 if width < NARROW else 6))
    axes.set_xlabel(label, color=colour("muted"), fontsize=TEXT)
    axes.grid(axis="x", color=colour("rule"), linewidth=1)
    _legend(figure, axes, width)
    return figure
