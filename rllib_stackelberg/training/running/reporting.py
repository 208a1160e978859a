"""The page that ends a run."""

from __future__ import annotations

import warnings

from rllib_stackelberg.reports import write_report
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.training.running.deadlines import deadline


def leave_report(folder: RunFolder, seconds: float) -> None:
    """Write the page about a run; whatever goes wrong with it must not cost the result, which is written.

    Args:
        folder: of a finished run; seconds: in which it must be done.
    """
    try:
        with deadline(seconds):
            write_report(folder.path, folder.named)
    except Exception as error:
        warnings.warn(f"{folder.path} has no report.html: {error!r}", RuntimeWarning, stacklevel=3)
