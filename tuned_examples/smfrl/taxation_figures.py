"""Figures of `taxation_baselines.py`: growth by government, what shocks cost, and economies with non-adopters.

Lines of plays are medians, drawn as long as half of the plays go on, and end in a cross where fewer do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from estimates import Estimate, ends, middle
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from numpy.typing import NDArray

from rllib_stackelberg.reports.axes import FILE_WIDTH, add_legend, label_axes, panel_axes, single_axes
from rllib_stackelberg.reports.svg import colour

BEFORE, BEYOND = 3, 40
"""Years around a shock that are drawn."""

STYLES = (
    ("first", "-"),
    ("second", (0, (6, 3))),
    ("third", (0, (1.5, 1.5))),
    ("fourth", (0, (6, 2, 1.5, 2))),
    ("muted", "-"),
)
"""Colour and dashes by arm."""

Plays = NDArray[np.float64]


def growth_figure(arms: Mapping[str, Plays], shock_year: int) -> Figure:
    """GDP per head over the years, by arm; a dotted line where shocks would come.

    Args:
        arms: dollars, of all plays of all seeds `[T, P]`, NaN after a play's end; shock_year: 1 is the first.
    """
    figure, axes = single_axes(FILE_WIDTH, 280)
    for (name, plays), style in zip(arms.items(), STYLES, strict=False):
        _median(axes, name, plays, style)
    _shock(axes, shock_year)
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    label_axes(axes, "year", "GDP per head, $")
    add_legend(figure, FILE_WIDTH)
    return figure


def shocks_figure(panels: Mapping[str, Mapping[str, Plays]], shock_year: int) -> Figure:
    """Output relative to that of the same plays without the shock, a panel per shock, a line per arm.

    Args:
        panels: by shock and arm `[T, P]`, NaN where either play had ended; shock_year: 1 is the first.
    """
    figure, every = panel_axes(FILE_WIDTH, 210, [f"{name} shock" for name in panels])
    for axes, arms in zip(every, panels.values(), strict=True):
        for (name, plays), style in zip(arms.items(), STYLES, strict=False):
            _median(axes, name, plays[: shock_year + BEYOND], style)
        _shock(axes, shock_year)
        axes.set_xlim(max(1, shock_year - BEFORE), shock_year + BEYOND)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        label_axes(axes, "year", "output, of that without" if axes is every[0] else "")
    add_legend(figure, FILE_WIDTH)
    return figure


def mixed_figure(estimates: Mapping[float, Mapping[str, Estimate]], panels: Mapping[str, Sequence[str]]) -> Figure:
    """Measures by the share of households that do not adopt the policy, with their intervals over seeds.

    Args:
        estimates: by share and measure; panels: the measures of each, by title; the first begins at 0.
    """
    figure, every = panel_axes(FILE_WIDTH, 210, list(panels), share_y=False)
    shares = list(estimates)
    for axes, names in zip(every, panels.values(), strict=True):
        for name, (chosen, dashes) in zip(names, STYLES, strict=False):
            found = [estimates[share][name] for share in shares]
            values, outer = np.array([middle(one) for one in found]), np.array([ends(one) for one in found]).T
            errors = np.nan_to_num(np.abs(outer - values))
            axes.errorbar(
                shares, values, yerr=errors, color=colour(chosen), linestyle=dashes, linewidth=1.8, marker="o",
                markersize=4, capsize=3, label=name if len(names) > 1 else None,
            )  # fmt: skip
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xticks(shares)
        axes.set_yscale("log" if "factor" in found[0] else "linear")  # a geometric mean, of what grows by factors
        if axes is every[0]:
            axes.set_ylim(bottom=0)
        label_axes(axes, "do not adopt", "")
    add_legend(figure, FILE_WIDTH)
    return figure


def _median(axes: Axes, name: str, plays: Plays, style: tuple) -> None:
    """Of the plays that go on, while half of them do."""
    chosen, dashes = style
    going = int((np.isfinite(plays).mean(axis=1) >= 0.5).sum())
    if not going:
        return
    years, line = np.arange(1, going + 1), np.nanmedian(plays[:going], axis=1)
    axes.plot(years, line, color=colour(chosen), linestyle=dashes, linewidth=1.8, label=name)
    if going < len(plays):
        axes.plot(years[-1], line[-1], "x", color=colour(chosen), markersize=8, markeredgewidth=2)


def _shock(axes: Axes, year: int) -> None:
    axes.axvline(year, color=colour("muted"), linestyle=(0, (1, 3)), linewidth=1.2, label="shock")
