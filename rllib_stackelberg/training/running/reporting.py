"""The page that ends a run."""

from __future__ import annotations

import warnings

from rllib_stackelberg.reports.page import write_page
from rllib_stackelberg.runs.run import Run
from rllib_stackelberg.training.running.deadlines import deadline


def leave_report(run: Run, seconds: float) -> None:
    """Write the page about a run; whatever goes wrong with it must not cost the result, which is written.

    Args:
        run: a finished one; seconds: in which it must be done.
    """
    try:
        with deadline(seconds):
            write_page(run)
    except Exception as error:
        warnings.warn(f"{run.folder.path} has no report.html: {error!r}", RuntimeWarning, stacklevel=3)
