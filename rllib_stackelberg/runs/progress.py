"""How far a run has come, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Progress:
    """Where a run stands; `value` is of the latest snapshot that was valued."""

    iteration: int
    episodes: int
    seconds: float
    mean_return: float
    value: float
    best: float
    exact: float | None
    explained_variance: float

    def line(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True)
class PopulationProgress:
    """Where a run stands, after an epoch.

    Attributes:
        iteration: epochs; periods: played; plays: that have ended; seconds: of training; done: share of the run.
        mean_return, members_return: of the last exploring plays that have ended; NaN before the first.
        value, members_value, lasted: of the latest snapshot that was valued (payoffs of a play; periods).
        best: value of the snapshot that is kept; NaN before there is one.
    """

    iteration: int
    periods: int
    plays: int
    seconds: float
    done: float
    mean_return: float
    members_return: float
    value: float
    members_value: float
    lasted: float
    best: float

    def line(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)
