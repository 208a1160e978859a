"""Tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rllib_stackelberg.experiments.tables import COLUMNS, ExperimentTable, Summary
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.reports.glossary import ONLINE_UNITS, ONLINE_WORDS
from rllib_stackelberg.rounding import estimate, number
from rllib_stackelberg.rules.ties import RULES, TAKEN

if TYPE_CHECKING:
    from rllib_stackelberg.runs import doctor
    from rllib_stackelberg.runs.options import TrainOptions
    from rllib_stackelberg.runs.progress import Progress
else:
    doctor = LazyModule("rllib_stackelberg.runs.doctor")


def plain(title: str, *columns: str) -> Table:
    """A table without lines."""
    table = Table(
        title=title, box=SIMPLE, title_justify="left", title_style="bold", pad_edge=False, show_header=any(columns)
    )
    for column in columns:
        table.add_column(column)
    return table


def strategy(entries: list[dict[str, Any]], most: int = 20) -> Table:
    """A leader strategy."""
    table = plain("Leader strategy", "when", "action")
    for entry in entries[:most]:
        table.add_row(entry["label"], entry["shown"])
    if len(entries) > most:
        table.add_row(f"... {len(entries) - most} more", "")
    return table


def solution(data: dict[str, Any]) -> RenderableType:
    """An exact optimum."""
    table = plain(f"Exact optimum of {data['game']}", "", "")
    table.add_row("leader value", number(data["leader_value"]) if data["exists"] else "none exists")
    for k, value in enumerate(data["follower_values"]):
        if not math.isnan(value):
            table.add_row(f"follower_{k} value", number(value))
    if data["bound"] is not None:
        table.add_row("bound", f"{number(data['bound'])} ({data['bound_method']})")
    for name, value in data["baselines"].items():
        table.add_row(name, number(value))
    for name, value in data["further_values"].items():
        table.add_row(f"this strategy {name}", number(value))
    table.add_row("method", data["method"])
    if len(data["methods"]) > 1:
        table.add_row("--method may be", ", ".join(data["methods"]))
    table.add_row("ties", data["tie_break"])
    if data["doubt"]:
        table.add_row("not certain", data["doubt"])
    return Group(table, *values_by_ties(data), strategy(data["leader_strategy"]))


def values_by_ties(data: dict[str, Any]) -> list[Table]:
    """What a solution is worth by what followers do where they are indifferent; nothing where that is not known."""
    own, best = data["by_ties"], data["best_by_ties"]
    if not own:
        return []
    table = plain("Leader value by which of equally good actions followers take", "", "this strategy", "the best one")
    for rule in RULES:
        if rule in own:
            table.add_row(TAKEN[rule], number(own[rule]), number(best.get(rule)))
    return [table]


def population_solution(data: dict[str, Any]) -> RenderableType:
    """An exact optimum of a game with a population."""
    table = plain(f"Exact optimum of {data['game']}", "", "")
    table.add_row("leader's action", " ".join(map(number, data["leader_action"])))
    table.add_row("leader value", number(data["leader_value"]))
    table.add_row("members' value", number(data["members_value"]))
    for name, value in data["details"].items():
        table.add_row(name, number(value))
    table.add_row("method", data["method"])
    return table


def one_line(title: str, cells: Mapping[str, str]) -> Table:
    """A table of one line, by column."""
    table = plain(title, *cells)
    table.add_row(*cells.values())
    return table


def progress(options: TrainOptions, now: Progress) -> dict[str, str]:
    """How a run stands, by column."""
    return {
        "episodes": f"{now.episodes:,}",
        "mean return": number(now.mean_return),
        "greedy value": number(now.value),
        "best": number(now.best),
        "exact value": number(now.exact),
        "time left": _time_left(options, now),
    }


def _time_left(options: TrainOptions, now: Progress) -> str:
    limits = []
    if options.max_seconds is not None:
        limits.append(options.max_seconds - now.seconds)
    if options.max_iterations is not None:
        limits.append(now.seconds / now.iteration * (options.max_iterations - now.iteration))
    return f"{max(0.0, min(limits)):.0f} s"


def experiment(table: ExperimentTable, summaries: Sequence[Summary]) -> Table:
    """A table of experiments."""
    shown = plain(f"{table.title}: {table.label}", *COLUMNS[1:])
    for instance in table.instances:
        shown.add_row(Text(instance, style="bold"))
        for summary in summaries:
            if summary.instance == instance:
                _, arm, *cells = summary.cells
                shown.add_row(f"  {arm}", *cells)
    return shown


def online(data: dict[str, Any]) -> RenderableType:
    """Online play: what both players got, beside what theory says."""
    seeds, rounds = data["seeds"], data["rounds"]
    table = plain(f"{data['game']}: {data['leader']} leads, {data['follower']} follows", "", "leader", "follower")

    def row(name: str, values: dict[str, Any], errors: dict[str, Any] | None = None) -> None:
        """Add a line with what leader and follower get."""
        cells = (estimate(values[player], errors[player] if errors else None) for player in ("leader", "follower"))
        table.add_row(name, *map(str, cells))

    averages = {"leader": data["leader_average"], "follower": data["follower_average"]}
    row(f"average of {rounds:,} rounds", averages, data["average_error"])
    row(f"last {data['last_rounds']:,} rounds", data["last_average"], data["last_average_error"])
    row("Stackelberg equilibrium", data["equilibrium"])
    if data["manipulation"] is not None:
        row("best manipulation by the follower", data["manipulation"])
    row("regret", data["regret"], data["regret_error"])
    if any(error is not None for error in data["estimation_error"].values()):
        row("error of the estimate", data["estimation_error"])
    said = f"mean over {seeds} seed(s), ± half a 95 % confidence interval; {data['seconds']:.1f} s"
    told = {
        word: meaning for word, meaning in ONLINE_WORDS.items() if any(word in str(c) for c in table.columns[0].cells)
    }
    return Group(table, *_frequencies(data["last_frequencies"]), *words(told, ONLINE_UNITS), Text(said))


def words(explained: Mapping[str, str], units: str) -> list[RenderableType]:
    """What words of a table mean, a line each, and the units of its numbers."""
    lines = [Text.assemble((word, "italic"), f": {meaning}") for word, meaning in explained.items()]
    return [Text("Words", style="bold"), *lines, Text(units), Text()]


def _frequencies(frequencies: list[list[float]] | None, most: int = 8) -> list[RenderableType]:
    """Which pairs of actions are played at the end; nothing where there are too many."""
    if frequencies is None:
        return []
    table = plain("Played in the last rounds", "leader", "follower", "share")
    pairs = [(share, row, column) for row, shares in enumerate(frequencies) for column, share in enumerate(shares)]
    for share, row, column in sorted(pairs, key=lambda pair: -pair[0])[:most]:
        if share > 0:
            table.add_row(str(row), str(column), f"{share:.3f}")
    return [table]


def report(path: Path) -> Text:
    """Where a report is."""
    return Text(f"report: {path}")


STATUS_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
VERDICTS = {"ok": "ready to train", "warn": "can train; see the warnings", "fail": "cannot train"}


def checks(found: Sequence[doctor.Check]) -> RenderableType:
    """What the doctor saw."""
    table = plain("This machine", "", "", "found", "what to do")
    for check in found:
        table.add_row(Text(check.status, style=STATUS_STYLES[check.status]), check.name, check.found, check.advice)
    return Group(table, Text(VERDICTS[doctor.worst(list(found))]))
