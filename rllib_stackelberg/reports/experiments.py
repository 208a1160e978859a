"""Tables of experiments for people: a Markdown table, a figure per instance, and the data of both beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rllib_stackelberg.experiments.tables import COLUMNS, ExperimentTable, Summary
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.reports.figures import EXACT_LABEL, arms_figure
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
    """Write `<table>.json`, `<table>.md` and a figure per instance.

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
    return file, [_draw(table, summaries, instance, folder) for instance in table.instances]


def _draw(table: ExperimentTable, summaries: Sequence[Summary], instance: str, folder: Path) -> Path:
    arms = [summary for summary in summaries if summary.instance == instance]
    exact = arms[0].exact if len({arm.exact for arm in arms}) == 1 else None
    values = {arm.arm: arm.values for arm in arms}
    figure = arms_figure(values, f"{instance}: {table.label}", exact, EXACT_LABEL)
    file = folder / f"{table.name}-{re.sub(r'[^a-z0-9]+', '-', instance.lower()).strip('-')}.svg"
    save_svg(figure, file)
    return file
