"""Tables of experiments for people: a Markdown table, figures, and the data of both beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from rllib_stackelberg.experiments.tables import COLUMNS, ExperimentTable, Summary
from rllib_stackelberg.files.documents import read_document
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.reports.result_figures import arms_figure, relation_figure
from rllib_stackelberg.reports.svg import save_svg


def markdown(table: ExperimentTable, summaries: Sequence[Summary], circumstances: Mapping[str, Any]) -> str:
    """The table with its claim, what others have recorded, and the circumstances of the runs."""
    lines = [f"### {table.title}", "", f"Claim tested: {table.claim} Shown: {table.label}.", ""]
    lines += [_line(COLUMNS), _line(["---"] * len(COLUMNS))]
    lines += [_line(summary.cells) for summary in summaries]
    lines += [_line((instance, source, figure, "", "", "")) for instance, figure, source in table.references]
    said = "; ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in circumstances.items())
    return "\n".join([*lines, "", said + ".", ""])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _shown(value: Any) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)


def write_tables(
    table: ExperimentTable, summaries: Sequence[Summary], circumstances: Mapping[str, Any], folder: Path
) -> tuple[Path, list[Path]]:
    """Write `<table>.json`, `<table>.md` and the figures.

    Returns:
        the data file, the figures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = {
        "table": table.name,
        "title": table.title,
        "claim": table.claim,
        "measure": table.measure,
        "circumstances": dict(circumstances),
        "references": table.references,
        "arms": [asdict(summary) for summary in summaries],
    }
    file = folder / f"{table.name}.json"
    write_atomically(file, to_json(data).encode())
    write_atomically(folder / f"{table.name}.md", markdown(table, summaries, circumstances).encode())
    return file, _save(table, summaries, folder)


def redrawn(table: ExperimentTable, folder: Path) -> dict[str, Figure]:
    """Figures of a table that was run before, by the names of their files, from its `<table>.json`.

    Raises:
        InvalidFieldError: the file is missing or broken.
    """
    return drawings(table, _recorded(table, folder))


def draw_table_again(table: ExperimentTable, folder: Path) -> list[Path]:
    """Write text and figures of a table anew from its `<table>.json`, without running anything.

    Returns:
        the figures.

    Raises:
        InvalidFieldError: as `redrawn`.
    """
    summaries = _recorded(table, folder)
    circumstances = read_document(table.name, folder / f"{table.name}.json")["circumstances"]
    write_atomically(folder / f"{table.name}.md", markdown(table, summaries, circumstances).encode())
    return _save(table, summaries, folder)


def _recorded(table: ExperimentTable, folder: Path) -> list[Summary]:
    found = read_document(table.name, folder / f"{table.name}.json")
    return [Summary(**{**arm, "values": tuple(arm["values"])}) for arm in found["arms"]]


def _save(table: ExperimentTable, summaries: Sequence[Summary], folder: Path) -> list[Path]:
    files = []
    for name, figure in drawings(table, summaries).items():
        files.append(folder / f"{name}.svg")
        save_svg(figure, files[-1])
    return files


def drawings(table: ExperimentTable, summaries: Sequence[Summary]) -> dict[str, Figure]:
    """Figures of a table by the names of their files.

    Where arms differ by a number, curves over it; where there is one arm an instance, one figure of all, as shares of
    the exact optima; else a figure per instance.
    """
    if table.over:
        return {f"{table.name}-curves": _curves(table, summaries)}
    optima = [summary.exact for summary in summaries]
    if len(summaries) == len(table.instances) and all(exact is not None and exact > 0 for exact in optima):
        shares = {each.instance: [value / (each.exact or 1.0) for value in each.values] for each in summaries}
        return {f"{table.name}-shares": arms_figure(shares, f"{table.label}, as a share of the exact optimum", 1.0)}
    return {f"{table.name}-{_plain(name)}": _arms(table, name, summaries) for name in table.instances}


def _curves(table: ExperimentTable, summaries: Sequence[Summary]) -> Figure:
    """What is measured over the number by which arms differ."""
    at = {(arm.instance, arm.name): float(arm.settings[table.over]) for arm in table.arms}
    series: dict[str, list[tuple[float, float]]] = {instance: [] for instance in table.instances}
    for each in summaries:
        series[each.instance] += [(at[each.instance, each.arm], value) for value in each.values]
    x = "followers' updates" if table.over == "response_updates" else table.over.replace("_", " ")
    return relation_figure({table.label: series}, x, table.measure.replace("bcce_gap", "BCCE gap"), logarithmic=True)


def _arms(table: ExperimentTable, instance: str, summaries: Sequence[Summary]) -> Figure:
    arms = [summary for summary in summaries if summary.instance == instance]
    exact = arms[0].exact if len({arm.exact for arm in arms}) == 1 else None
    return arms_figure({arm.arm: arm.values for arm in arms}, table.label, exact, title=instance)


def _plain(instance: str) -> str:
    """A part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", instance.lower()).strip("-")
