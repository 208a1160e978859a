"""What a run left behind, for people: tables, a page that needs nothing else, and figures.

Pages and figures load matplotlib, which tables do without: their names are looked up on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rllib_stackelberg.reports.figures import (
        arms_figure,
        bands_figure,
        costs_figure,
        dependence_figure,
        gap_curves_figure,
        gap_figure,
        learning_figure,
    )
    from rllib_stackelberg.reports.online import write_online
    from rllib_stackelberg.reports.page import write_report
    from rllib_stackelberg.reports.svg import save_svg

__all__ = [
    "arms_figure",
    "bands_figure",
    "costs_figure",
    "dependence_figure",
    "gap_curves_figure",
    "gap_figure",
    "learning_figure",
    "save_svg",
    "write_online",
    "write_report",
]

ELSEWHERE = {"save_svg": "svg", "write_online": "online", "write_report": "page"}
"""Where what is no figure stands."""


def __getattr__(name: str) -> Any:
    """A page's or a figure's function, loaded on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{ELSEWHERE.get(name, 'figures')}"), name)
