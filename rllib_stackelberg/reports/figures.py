"""Figures of runs and of experiments: lines, points with their standard errors, the exact value as a dashed line.

All of them return a matplotlib `Figure` drawn in the colours of svg.py, with text of the size in which it is read: a
narrow figure is drawn narrow instead of being shrunk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, product
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, StrMethodFormatter

from rllib_stackelberg.comparisons import standard_error
from rllib_stackelberg.evaluation.dependence import Dependence
from rllib_stackelberg.reports.axes import NARROW, TEXT, add_legend, label_axes, panel_axes, single_axes
from rllib_stackelberg.reports.svg import colour

EXACT_LABEL = "exact optimum"
BOUND_LABEL = "bound"
BCCE_LABEL = "coarse correlated equilibria (BCCE)"

DASHES: tuple[Any, ...] = ("-", (0, (6, 3)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
"""Line styles that tell curves of one colour apart."""


def learning_figure(
    progress: Sequence[Mapping[str, Any]],
    exact: float | None,
    width: float = 720,
    height: float = 300,
    *,
    bound: float | None = None,
) -> Figure:
    """Leader value over leader episodes: of greedy snapshots, of the exploring policy, and the exact one.

    Args:
        progress: lines of progress.jsonl.
        exact: the exact value, None if unknown; width, height: in CSS pixels.
        bound: of all values, drawn where the exact one is unknown.
    """
    figure, axes = single_axes(width, height)
    episodes = [line["episodes"] for line in progress]
    marker = "o" if len(progress) < 3 else ""
    for key, name, chosen in (("mean_return", "mean return", "second"), ("value", "greedy value", "first")):
        values = [np.nan if line[key] is None else line[key] for line in progress]
        axes.plot(episodes, values, color=colour(chosen), linewidth=1.8, marker=marker, markersize=4, label=name)
    known, label = (exact, EXACT_LABEL) if exact is not None else (bound, BOUND_LABEL)
    if known is not None:
        axes.axhline(known, color=colour("reference"), linestyle=(0, (5, 4)), linewidth=1.6, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(3 if width < NARROW else 6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    label_axes(axes, "leader episodes", "leader value")
    add_legend(figure, width)
    return figure


def gap_figure(gaps: Sequence[tuple[int, float]], width: float = 720, height: float = 260) -> Figure:
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
    figure, axes = single_axes(width, 92 + 34 * len(arms))
    for line, values in enumerate(arms.values()):
        seeds = np.asarray(values, dtype=float)
        error = float(standard_error(seeds))
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
    add_legend(figure, width)
    return figure


def gap_curves_figure(
    panels: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]], width: float = 720, height: float = 300
) -> Figure:
    """BCCE gaps of several learners over the number of updates, one panel per title; both axes logarithmic.

    Args:
        panels: per title and learner (updates, gap) in ascending order; a gap of 0 is left out.
        width, height: in CSS pixels.
    """
    figure, every = panel_axes(width, height, list(panels))
    for axes, curves in zip(every, panels.values(), strict=True):
        styles = cycle(product(DASHES, ("first", "second", "reference", "ink")))
        for (name, curve), (dashes, chosen) in zip(curves.items(), styles, strict=False):
            updates, gaps = (np.array(column, dtype=float) for column in zip(*curve, strict=True))
            gaps[gaps <= 0] = np.nan
            axes.plot(updates, gaps, color=colour(chosen), linestyle=dashes, linewidth=1.8, label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.set_xlabel("followers' updates", color=colour("muted"), fontsize=TEXT)
    every[0].set_ylabel("BCCE gap", color=colour("muted"), fontsize=TEXT)
    add_legend(figure, width)
    return figure


def costs_figure(
    panels: Mapping[str, Mapping[str, Mapping[int, float]]], width: float = 720, height: float = 280
) -> Figure:
    """Costs over sizes, one panel per kind of size; both axes logarithmic, a faint line shows proportional growth.

    Args:
        panels: per kind of size and curve microseconds by size; width, height: in CSS pixels.
    """
    figure, every = panel_axes(width, height, list(panels))
    for axes, curves in zip(every, panels.values(), strict=True):
        styles = cycle(zip(DASHES, ("first", "second", "reference"), strict=False))
        for (name, costs), (dashes, chosen) in zip(curves.items(), styles, strict=False):
            sizes, values = list(costs), list(costs.values())
            axes.plot(sizes, values, marker="o", markersize=4, color=colour(chosen), linestyle=dashes, label=name)
            rising = [values[-1] * size / sizes[-1] for size in sizes]
            axes.plot(sizes, rising, color=colour("muted"), linewidth=0.8, linestyle=(0, (1, 3)), label="proportional")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    every[0].set_ylabel("microseconds per update", color=colour("muted"), fontsize=TEXT)
    add_legend(figure, width)
    return figure


def bands_figure(
    curves: Mapping[str, Mapping[str, Sequence[float]]],
    label: str,
    references: Mapping[str, float | None],
    width: float = 720,
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
    for (name, curve), chosen in zip(curves.items(), cycle(("first", "second", "reference", "ink")), strict=False):
        mean, low, high = (np.array(curve[key], dtype=float) for key in ("mean", "low", "high"))
        axes.plot(curve["rounds"], mean, color=colour(chosen), linewidth=1.8, label=name)
        axes.fill_between(curve["rounds"], low, high, color=colour(chosen), alpha=0.2, linewidth=0)
        settled = len(mean) // 50
        inside += [*mean[settled:], *low[settled:], *high[settled:]]
        if (reference := references.get(name)) is not None:
            axes.axhline(
                reference, color=colour(chosen), linestyle=(0, (5, 4)), linewidth=1.4, label=f"{name}, equilibrium"
            )
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


def dependence_figure(panels: Mapping[str, Dependence], width: float = 720) -> Figure:
    """Leader values under every response model, one a line, before what equilibria allow; a panel per title.

    Args:
        panels: per title a leader strategy's values, all against the same learners; width: in CSS pixels.
    """
    names = [model.name for model in next(iter(panels.values())).models]
    figure, every = panel_axes(width, 110 + 24 * len(names), list(panels))
    styles = {"average": ("s", "second"), "last": ("o", "first"), "argmax": ("D", "ink")}
    for axes, found in zip(every, panels.values(), strict=True):
        ends = found.coarse.worst.values[0], found.coarse.best.values[0]
        # With an edge, for a set that is one value.
        axes.axvspan(*ends, facecolor=colour("rule"), edgecolor=colour("muted"), label=BCCE_LABEL)
        for equilibrium in (found.pure[0], found.pure[-1]) if found.pure else ():
            axes.axvline(
                equilibrium.values[0], color=colour("reference"), linestyle=(0, (5, 4)), linewidth=1.6,
                label="best and worst pure equilibrium",
            )  # fmt: skip
        for k, (play, (marker, chosen)) in enumerate(styles.items()):
            values = [model.by_play[play] for model in found.models]
            lines = np.arange(len(names)) + 0.2 * (1 - k)
            axes.plot(values, lines, marker, color=colour(chosen), markersize=5, label=f"{play} play")
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.grid(visible=False)
        axes.set_yticks(range(len(names)), names, color=colour("ink"))
        axes.set_xlabel("leader value", color=colour("muted"), fontsize=TEXT)
    every[0].set_ylim(len(names) - 0.5, -0.5)
    add_legend(figure, width)
    return figure
