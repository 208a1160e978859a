"""report.html of online play: payoffs, regret and estimates over the rounds, with their confidence bands.

Everything on it is read from the folder of the results: the same folder gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rllib_stackelberg.files.folder import write_atomically
from rllib_stackelberg.reports.figures import bands_figure
from rllib_stackelberg.reports.page import REPORT
from rllib_stackelberg.reports.rendering import both_widths, rendered, shown
from rllib_stackelberg.rules.registry import find_spec
from rllib_stackelberg.runs.folder import RunFolder, versions

FIGURES = {
    "average": ("Average payoffs", "average payoff so far"),
    "regret": ("Regret", "cumulative regret"),
    "error": ("Errors of the estimates", "distance from the truth"),
}
"""By the measure's name: title, and label of its axis."""


def write_online(folder: RunFolder, config: Mapping[str, Any], result: Mapping[str, Any], curves: Any) -> Path:
    """Write `config.json`, `result.json`, `curves.json` and the report of them; returns the report's path."""
    folder.write("config", dict(config) | {"versions": versions()})
    folder.write("result", result)
    folder.write("curves", curves)
    return write_online_report(folder)


def write_online_report(folder: RunFolder) -> Path:
    """(Re)write the report of a folder of results.

    Raises:
        InvalidFieldError: a file is missing or broken, by name.
    """
    page = rendered("online.html", _content(folder))
    path = folder.path / REPORT
    write_atomically(path, page.encode())
    return path


def _content(folder: RunFolder) -> dict[str, Any]:
    result, config, curves = (folder.read(name) for name in ("result", "config", "curves"))
    spec = find_spec(config["game"])
    return {
        "name": spec.name or config["game"],
        "summary": spec.summary,
        "source": spec.source,
        "parameters": shown(config["params"]),
        "result": result,
        "averages": {player: result[f"{player}_average"] for player in ("leader", "follower")},
        "estimated": any(error is not None for error in result["estimation_error"].values()),
        "figures": [
            {"title": title, "drawn": both_widths(measure, title, drawn_bands, measure, result, curves)}
            for measure, (title, _) in FIGURES.items()
            if any(name.endswith(f"_{measure}") for name in curves)
        ],
        "configuration": shown({k: v for k, v in config.items() if k not in ("game", "params", "versions")}),
        "versions": shown(config["versions"]),
    }


def drawn_bands(measure: str, result: Mapping[str, Any], curves: Mapping[str, Any], width: float = 720) -> Any:
    """The figure of a measure of both players, as far as they have it."""
    suffix = f"_{measure}"
    own = {name.removesuffix(suffix): curve for name, curve in curves.items() if name.endswith(suffix)}
    references = result["equilibrium"] if measure == "average" else {}
    return bands_figure(own, FIGURES[measure][1], references, width=width)
