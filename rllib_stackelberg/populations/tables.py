"""Tables for the terminal, of games with a population."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rllib_stackelberg.tables import ROUNDING, number, plain

if TYPE_CHECKING:
    from rllib_stackelberg.training.populations.loop import PopulationProgress


def progress(now: PopulationProgress, game: str) -> Table:
    """The live line of a run."""
    table = plain(
        f"Training {game}", "epochs", "plays", "mean return", "greedy value", "best", "members get", "lasted",
        "time left",
    )  # fmt: skip
    left = now.seconds * (1 / now.done - 1) if now.done else float("nan")
    table.add_row(
        str(now.iteration), str(now.plays), number(now.mean_return), number(now.value), number(now.best),
        number(now.members_value), number(now.lasted), f"{left:.0f} s",
    )  # fmt: skip
    return table


def _with_error(value: float, error: float) -> str:
    return f"{number(value)} ± {error:.1g}" if error > ROUNDING * abs(value) else number(value)


def result(data: Mapping[str, Any]) -> RenderableType:
    """What a run ends with."""
    table = plain(str(data["game"]), "leader gets", "members get", "periods", "ends", "epochs", "seconds")
    ends = ", ".join(f"{name} {share:.0%}" for name, share in data["endings"].items())
    table.add_row(
        _with_error(data["leader_value"], data["standard_error"]),
        _with_error(data["members_value"], data["members_standard_error"]),
        number(data["lasted"]), ends, str(data["iterations"]), f"{data['seconds']:.1f}",
    )  # fmt: skip
    figures = plain("Figures", "", "unit", "mean over periods", "at the end")
    for name, unit in data["units"].items():
        cells = [_with_error(*data[part][name].values()) for part in ("average", "final")]
        figures.add_row(name, unit, *cells)
    lines = [Text(f"mean of {data['plays']} plays ± standard error")]
    if exploited := data["exploitability"]:
        gains = ", ".join(f"{side} {100 * exploited[side]['gain']:.3g} %" for side in ("leader", "members"))
        lines.append(Text(f"exploitability after {exploited['epochs']} epochs each: {gains}"))
    return Group(table, figures, *lines, Text(f"run folder: {data['run_dir']}"))
