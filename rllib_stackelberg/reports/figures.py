"""Figures of runs: how a leader learned, how followers learned against it, and means in their confidence bands.

All of them return a matplotlib `Figure` drawn in the colours of svg.py, with text of the size in which it is read: a
narrow figure is drawn narrow instead of being shrunk. Without a width they are as wide as a file is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, StrMethodFormatter

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.reports.axes import FILE_WIDTH, NARROW, add_legend, label_axes, line_styles, single_axes
from rllib_stackelberg.reports.svg import colour

EXACT_LABEL = "exact optimum"
BOUND_LABEL = "bound"

SETTLED, EARLY = 0.95, 0.2
"""A curve is drawn on a logarithmic axis if it has made this share of its way within this share of its episodes."""


def learning_figure(
    progress: Sequence[Mapping[str, Any]],
    exact: float | None,
    width: float = FILE_WIDTH,
    height: float = 300,
    *,
    bound: float | None = None,
) -> Figure:
    """Leader value over leader episodes: of greedy snapshots, of the exploring policy, and the exact one.

    Where nearly all is learned early, the axis of episodes is logarithmic.

    Args:
        progress: lines of progress.jsonl.
        exact: the exact value, None if unknown; width, height: in CSS pixels.
        bound: of all values, drawn where the exact one is unknown.
    """
    figure, axes = single_axes(width, height)
    episodes = np.array([line["episodes"] for line in progress], dtype=float)
    marker, early = "o" if len(progress) < 3 else "", False
    for key, name, chosen in (("mean_return", "mean return", "second"), ("value", "greedy value", "first")):
        values = np.array([np.nan if line[key] is None else line[key] for line in progress], dtype=float)
        axes.plot(episodes, values, color=colour(chosen), linewidth=1.8, marker=marker, markersize=4, label=name)
        early |= settles_early(episodes, values)
    known, label = (exact, EXACT_LABEL) if exact is not None else (bound, BOUND_LABEL)
    if known is not None:
        axes.axhline(known, color=colour("reference"), linestyle=(0, (5, 4)), linewidth=1.6, label=label)
    _episodes_axis(axes, episodes, width, early)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    label_axes(axes, "leader episodes", "leader value")
    add_legend(figure, width)
    return figure


def settles_early(episodes: Numbers, values: Numbers) -> bool:
    """Whether a curve has made nearly all of its way in the first part of its episodes.

    >>> episodes = np.arange(1.0, 101.0)
    >>> settles_early(episodes, 1 - np.exp(-episodes)), settles_early(episodes, episodes)
    (True, False)
    """
    known = ~np.isnan(values)
    episodes, values = episodes[known], values[known]
    if len(values) < 3 or values.max() == values.min():
        return False
    reached = np.abs(values - values[0]) >= SETTLED * np.abs(values - values[0]).max()
    return bool(episodes[reached.argmax()] <= EARLY * episodes[-1])


def _episodes_axis(axes: Axes, episodes: Numbers, width: float, early: bool) -> None:
    if early and episodes[0] > 0:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        powers = [10.0**k for k in range(12) if episodes[0] <= 10.0**k <= 0.6 * episodes[-1]]
        axes.set_xticks([episodes[0], *(power for power in powers if power > 1.6 * episodes[0]), episodes[-1]])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3 if width < NARROW else 6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def gap_figure(gaps: Sequence[tuple[int, float]], width: float = FILE_WIDTH, height: float = 260) -> Figure:
    """BCCE gap of followers' time-average play over the number of updates, on a logarithmic axis.

    Args:
        gaps: (updates, gap) in ascending order; width, height: in CSS pixels.
    """
    figure, axes = single_axes(width, height)
    updates, values = zip(*gaps, strict=True)
    axes.plot(updates, values, color=colour("first"), linewidth=1.8, marker="o", markersize=5, clip_on=False)
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xticks([*(10**k for k in range(8) if 2 * 10**k < updates[-1]), updates[-1]])
    axes.set_xlim(updates[0], max(updates[-1], 2))
    axes.set_ylim(0, 1.1 * max(values) or 1)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    label_axes(axes, "followers' updates", "BCCE gap")
    return figure


def bands_figure(
    curves: Mapping[str, Mapping[str, Sequence[float]]],
    label: str,
    references: Mapping[str, float | None],
    width: float = FILE_WIDTH,
    height: float = 280,
    time: str = "rounds",
) -> Figure:
    """Means over seeds by round, in their confidence bands; a dashed line of the same colour at a reference.

    The first fiftieth of the rounds, where averages are of few, may leave the picture.

    Args:
        curves: by name `rounds`, `mean`, `low`, `high`; a band may have holes (None), as that of one seed has.
        label: of what is drawn; references: by name of a curve; width, height: in CSS pixels.
        time: what rounds are called.
    """
    figure, axes = single_axes(width, height)
    inside: list[float] = []
    for (name, curve), (chosen, dashes) in zip(curves.items(), line_styles(), strict=False):
        mean, low, high = (np.array(curve[key], dtype=float) for key in ("mean", "low", "high"))
        axes.plot(curve["rounds"], mean, color=chosen, linestyle=dashes, linewidth=1.8, label=name)
        axes.fill_between(curve["rounds"], low, high, color=chosen, alpha=0.2, linewidth=0)
        settled = len(mean) // 50
        inside += [*mean[settled:], *low[settled:], *high[settled:]]
        if (reference := references.get(name)) is not None:
            axes.axhline(reference, color=chosen, linestyle=(0, (5, 4)), linewidth=1.4, label=f"{name}, equilibrium")
            inside.append(reference)
    lowest, highest = np.nanmin(inside), np.nanmax(inside)
    room = 0.05 * (highest - lowest) or 1.0
    axes.set_ylim(lowest - room, highest + room)
    axes.xaxis.set_major_locator(MaxNLocator(3 if width < NARROW else 6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    label_axes(axes, time, label)
    add_legend(figure, width)
    return figure
