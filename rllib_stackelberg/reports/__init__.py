"""What a run left behind, for people: tables, a page that needs nothing else, and figures.

Pages and figures load matplotlib, which tables do without: their names are looked up on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rllib_stackelberg.reports.drawings import draw_again, write_drawing
    from rllib_stackelberg.reports.figures import bands_figure, gap_figure, learning_figure
    from rllib_stackelberg.reports.notebook import learning_picture, mechanism_picture, policy_picture, show_progress
    from rllib_stackelberg.reports.online import write_online
    from rllib_stackelberg.reports.page import write_figures, write_report
    from rllib_stackelberg.reports.recorded_tables import Begun, markdown_table, write_table
    from rllib_stackelberg.reports.result_figures import (
        arms_figure,
        costs_figure,
        dependence_figure,
        gap_curves_figure,
        relation_figure,
    )
    from rllib_stackelberg.reports.svg import save_svg

MODULES = {
    "drawings": ("draw_again", "write_drawing"),
    "figures": ("bands_figure", "gap_figure", "learning_figure"),
    "notebook": ("learning_picture", "mechanism_picture", "policy_picture", "show_progress"),
    "online": ("write_online",),
    "page": ("write_figures", "write_report"),
    "recorded_tables": ("Begun", "markdown_table", "write_table"),
    "result_figures": (
        "arms_figure", "costs_figure", "dependence_figure", "gap_curves_figure", "relation_figure",
    ),
    "svg": ("save_svg",),
}  # fmt: skip
"""Where each name stands."""

_MODULE_OF = {name: module for module, names in MODULES.items() for name in names}

__all__ = [
    "Begun",
    "arms_figure",
    "bands_figure",
    "costs_figure",
    "dependence_figure",
    "draw_again",
    "gap_curves_figure",
    "gap_figure",
    "learning_figure",
    "learning_picture",
    "markdown_table",
    "mechanism_picture",
    "policy_picture",
    "relation_figure",
    "save_svg",
    "show_progress",
    "write_drawing",
    "write_figures",
    "write_online",
    "write_report",
    "write_table",
]


def __getattr__(name: str) -> Any:
    """A page's or a figure's function, loaded on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
