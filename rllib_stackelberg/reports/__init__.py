"""What a run left behind, for people: a page that needs nothing else, and figures."""

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
