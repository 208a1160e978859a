"""Tables for the terminal, of games with a population."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from rllib_stackelberg.evaluation.verdict import population_verdict
from rllib_stackelberg.reports.glossary import WORDS
from rllib_stackelberg.reports.result_tables import told
from rllib_stackelberg.reports.tables import plain
from rllib_stackelberg.rounding import estimate, number

if TYPE_CHECKING:
    from rllib_stackelberg.runs.progress import PopulationProgress


def progress(now: PopulationProgress) -> dict[str, str]:
    """How a run stands, by column."""
    left = now.seconds * (1 / now.done - 1) if now.done else float("nan")
    return {
        "epochs": f"{now.iteration:,}",
        "plays": f"{now.plays:,}",
        "mean return": number(now.mean_return),
        "greedy value": number(now.value),
        "kept": number(now.best),
        "members get": number(now.members_value),
        "lasted": number(now.lasted),
        "time left": f"{left:.0f} s",
    }


def result(data: Mapping[str, Any]) -> RenderableType:
    """What a run ends with."""
    table = plain(str(data["game"]), "leader gets", "members get", "periods", "ends", "epochs", "seconds")
    ends = ", ".join(f"{name} {share:.0%}" for name, share in data["endings"].items())
    table.add_row(
        str(estimate(data["leader_value"], data["standard_error"])),
        str(estimate(data["members_value"], data["members_standard_error"])),
        number(data["lasted"]), ends, str(data["iterations"]), f"{data['seconds']:.1f}",
    )  # fmt: skip
    figures = plain("Figures", "", "unit", "mean over periods", "at the end")
    for name, unit in data["units"].items():
        cells = [
            str(estimate(data[part][name]["mean"], data[part][name]["standard_error"])) for part in ("average", "final")
        ]
        figures.add_row(name, unit, *cells)
    lines = [*told(population_verdict(data)), Text(f"mean of {data['plays']} plays ± standard error")]
    if exploited := data["exploitability"]:
        gains = ", ".join(f"{side} {100 * exploited[side]['gain']:.3g} %" for side in ("leader", "members"))
        lines.append(Text(f"exploitability after {exploited['epochs']} epochs each: {gains}"))
        lines.append(Text(f"exploitability: {WORDS['exploitability']}"))
    return Group(table, figures, *lines, Text(f"run folder: {data['run_dir']}"))
