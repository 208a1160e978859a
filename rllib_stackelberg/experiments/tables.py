"""Tables of experiments: what is run, with which seeds, and what of it is shown. Plain data; running is training's.

A table is a list of arms, grouped by the instance they are compared on. Games bring the tables they appear in
(`register_tables`); they are loaded when first asked for.
"""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rounding import estimate

Method = Literal["train", "judged", "random", "independent", "strategy"]

COLUMNS = ("instance", "arm", "mean ± standard error", "exact optimum", "no gain from deviating", "seconds")
"""Of a table for people (`Summary.cells`)."""

OVERHEAD_SECONDS = 10.0
"""Of a run beyond its budget: building the algorithm, solving and certifying."""

STARTING_SECONDS = 30.0
"""Of a table: processes start, each with its own Ray, and compile."""


@dataclass(frozen=True)
class Arm:
    """One line of a table.

    Attributes:
        instance: what it is compared on; name: what is different about it.
        game, params, settings: the instance and its response (fields of `LeaderSettings`).
        method: "train": a leader trained by RLlib; "judged": trained with `training` in place of some settings, valued
            with `settings`; "random": the best of `episodes` random leader tables; "independent": every agent learns
            for itself; "strategy": the given `answers` (without any: of the exact optimum), not trained.
        seconds: budget of a run; iterations: budget of a run that is limited by these instead.
        options: further options of training (fields of training's `Example`).
    """

    instance: str
    name: str
    game: str
    params: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    method: Method = "train"
    training: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 10.0
    iterations: int | None = None
    episodes: int = 5_000
    answers: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """As plain data; equal for equal arms."""
        return asdict(self)

    @property
    def cost(self) -> float:
        """Seconds a run takes, about."""
        return self.seconds + OVERHEAD_SECONDS


@dataclass(frozen=True)
class ExperimentTable:
    """A table of the paper, or beside it.

    Attributes:
        name: how the command line calls it; title: of the table.
        claim: what it tests, one sentence.
        measure: column whose mean and standard error over seeds are shown and drawn.
        label: of that column, in words.
        over: the setting, a number, by which arms of an instance differ: drawn as curves over it; empty if they do not.
        arms: its lines; references: (what, figure, source) that others have recorded, not measured here.
    """

    name: str
    title: str
    claim: str
    arms: tuple[Arm, ...]
    measure: Literal["value", "mean_return", "bcce_gap"] = "value"
    label: str = "leader value"
    references: tuple[tuple[str, str, str], ...] = ()
    over: str = ""

    @property
    def instances(self) -> list[str]:
        """In the order of the arms."""
        return list(dict.fromkeys(arm.instance for arm in self.arms))

    @property
    def cost(self) -> float:
        """Seconds of one seed of every arm on one core, about."""
        return STARTING_SECONDS + sum(arm.cost for arm in self.arms)


_SOURCES: list[str] = []


def register_tables(entry_point: str) -> None:
    """Announce "package.module:NAME", a sequence of tables."""
    if entry_point not in _SOURCES:
        _SOURCES.append(entry_point)


def experiment_tables() -> dict[str, ExperimentTable]:
    """All registered tables by name."""
    found: dict[str, ExperimentTable] = {}
    for entry_point in _SOURCES:
        module, _, name = entry_point.partition(":")
        found |= {table.name: table for table in getattr(importlib.import_module(module), name)}
    return found


def chosen_tables(name: str | None) -> list[ExperimentTable]:
    """One table, or all of them.

    Raises:
        InvalidFieldError: no such table.
    """
    known = experiment_tables()
    if name is None:
        return list(known.values())
    if name not in known:
        raise InvalidFieldError("table", f"got {name!r}", ", ".join(known))
    return [known[name]]


@dataclass(frozen=True)
class Plan:
    """How much of the tables is run.

    Attributes:
        seeds: of every arm; scale: of every run's budget, at most 1.
    """

    seeds: int
    scale: float

    @classmethod
    def within(cls, tables: Sequence[ExperimentTable], seeds: int, minutes: float | None, jobs: int) -> Plan:
        """As many seeds as fit, at least one; if not even one fits, every run is shortened.

        >>> arm = Arm("escape", "asked once", "escape", seconds=47)
        >>> table = ExperimentTable("t", "title", "claim", (arm,) * 10)
        >>> table.cost
        600.0
        >>> Plan.within([table], seeds=5, minutes=None, jobs=1), Plan.within([table], seeds=5, minutes=25, jobs=1)
        (Plan(seeds=5, scale=1.0), Plan(seeds=2, scale=1.0))
        >>> Plan.within([table], seeds=5, minutes=5, jobs=1)
        Plan(seeds=1, scale=0.5)
        """
        if minutes is None:
            return cls(seeds, 1.0)
        fits = 60 * minutes * jobs / sum(table.cost for table in tables)
        return cls(max(1, min(seeds, int(fits))), min(1.0, fits))


@dataclass(frozen=True)
class Summary:
    """An arm over its seeds.

    Attributes:
        mean, error: of the measure, standard error over seeds; values: of each seed.
        exact: exact optimum, None if unknown or in other units than the measure.
        stable: seeds whose reported play has no deviation gain, None where no follower was certified.
        seconds: median of training.
    """

    instance: str
    arm: str
    mean: float
    error: float
    values: tuple[float, ...]
    exact: float | None
    stable: int | None
    seconds: float

    @classmethod
    def of(cls, arm: Arm, measure: str, rows: Sequence[Mapping[str, Any]]) -> Summary:
        """From the rows of its seeds."""
        values = tuple(float(row[measure]) for row in rows)
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
        gains = [row["deviation_gain"] for row in rows]
        return cls(
            instance=arm.instance,
            arm=arm.name,
            mean=statistics.fmean(values),
            error=error,
            values=values,
            exact=None if measure == "bcce_gap" else rows[0]["exact"],
            stable=None if None in gains else sum(gain <= 1e-9 for gain in gains),
            seconds=statistics.median(row["seconds"] for row in rows),
        )

    @property
    def cells(self) -> tuple[str, ...]:
        """A line of a table, in the order of `COLUMNS`."""
        return (
            self.instance,
            self.arm,
            str(estimate(self.mean, self.error)),
            "" if self.exact is None else f"{self.exact:.5g}",
            "" if self.stable is None else f"{self.stable} of {len(self.values)}",
            f"{self.seconds:.1f}",
        )
