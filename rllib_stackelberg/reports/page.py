"""report.html of a run: one file that needs no server, no network and no script.

Everything on it is read from the run folder, except the BCCE gap over updates, which is recomputed from the saved
policy (convergence.py). The same run folder gives the same bytes.
"""

from __future__ import annotations

from functools import partial, singledispatch
from pathlib import Path
from typing import Any

from rllib_stackelberg.evaluation.convergence import gaps_before
from rllib_stackelberg.evaluation.strategies import tabulated
from rllib_stackelberg.evaluation.verdict import verdict
from rllib_stackelberg.files.folder import write_atomically
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports.figures import gap_figure, learning_figure
from rllib_stackelberg.reports.followers import follower_tables
from rllib_stackelberg.reports.glossary import UNITS, explained, words_of
from rllib_stackelberg.reports.population import population_html
from rllib_stackelberg.reports.rendering import both_widths, rendered, shown
from rllib_stackelberg.reports.result_tables import beside_bound, certificate_words, certified_model, learned_value
from rllib_stackelberg.reports.result_tables import gap as gap_of
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rounding import estimate
from rllib_stackelberg.rules.parameters import introduction
from rllib_stackelberg.rules.registry import find_spec
from rllib_stackelberg.rules.ties import TAKEN
from rllib_stackelberg.runs.folder import result_fits
from rllib_stackelberg.runs.records import Result, certificate_from
from rllib_stackelberg.runs.run import FiniteRun, PopulationRun, Run, open_run

REPORT = "report.html"

ANSWERS_OPEN, ANSWERS_SHOWN = 16, 200
"""Rows of the leader's table that are seen at once, and the most there are when it is unfolded."""

NOT_SHOWN = ("game", "params", "settings", "versions", "out", "inputs", "source")
"""Parts of config.json that stand elsewhere on the page, or nowhere; `out` is where the run once was."""


def write_report(run: str | Path, game: str | None = None) -> Path:
    """(Re)write the report of a run folder; returns its path.

    Args:
        run: its folder; game: the game's class, where it is not a registered one: code that you trust.

    Raises:
        InvalidFieldError: a file of the run is missing or broken, by name.
    """
    return write_page(open_run(run, game))


def write_page(run: FiniteRun | PopulationRun) -> Path:
    """As `write_report`, of a run that is open."""
    with result_fits(run.folder):
        page = run_html(run)
    path = run.folder.path / REPORT
    write_atomically(path, page.encode())
    return path


@singledispatch
def run_html(run: Run) -> str:
    """The page of a run, by its kind."""
    raise NotImplementedError(type(run).__name__)


@run_html.register
def _(run: PopulationRun) -> str:
    return population_html(run)


@run_html.register
def _(run: FiniteRun) -> str:
    run.game.forget()
    return rendered("template.html", _content(run))


def _content(run: FiniteRun) -> dict[str, Any]:
    folder, game = run.folder, run.game
    result, config, progress = _told(folder.read("result", Result)), folder.read("config"), folder.progress()
    spec = find_spec(folder.game_name())
    gaps = _gaps(run, result)
    answers = result["leader_strategy"][:ANSWERS_SHOWN]
    curves = partial(learning_figure, bound=result.get("bound"))
    followers = follower_tables(game, result["weights"], result.get("unvisited"))
    return {
        "name": spec.name or config["game"],
        "about": introduction(type(game)),
        "summary": spec.summary,
        "source": spec.source or game.source,
        "parameters": shown(config["params"]),
        "value": learned_value(result),
        "result": result,
        "certificate": result["certificate"],
        "gap": gap_of(result),
        "bounded": beside_bound(result),
        "bound_gap": estimate(result.get("bound_gap"), result["standard_error"]),
        "baselines": result.get("baselines", {}),
        "further": {f"this strategy {name}": value for name, value in result.get("further_values", {}).items()},
        "verdict": verdict(result),
        "words": explained(word for word in (*words_of(result), "deviation gain") if word not in result["by_play"]),
        "plays": {play: explained([play]).get(play, "") for play in result["by_play"]},
        "taken": TAKEN,
        "units": UNITS,
        "certified_words": certificate_words(result),
        "models": [
            model | {"value": learned_value(model), "verdict": verdict(model)} for model in result.get("by_model", [])
        ],
        "certified": certified_model(result)["name"] if "by_model" in result else None,
        "learning": both_widths("learning", LABELS["learning"], curves, progress, result["exact_value"])
        if progress
        else None,
        "gap_curve": both_widths("gap", LABELS["gap"], gap_figure, gaps) if gaps else None,
        "answers": answers[:ANSWERS_OPEN],
        "more_answers": answers[ANSWERS_OPEN:],
        "left_out": result["questions"] - len(answers),
        "followers": followers,
        "more_followers": len(game.learned_turns) - len(followers),
        "configuration": shown({k: v for k, v in config.items() if k not in NOT_SHOWN} | config["settings"]),
        "versions": shown(config["versions"]),
    }


def _told(result: dict[str, Any]) -> dict[str, Any]:
    """A result whose certificates are whole: what an older one leaves open, and what follows from the rest."""
    whole = result | {"certificate": certificate_from(result["certificate"]).data()}
    return whole | ({"by_model": [_told(model) for model in result["by_model"]]} if "by_model" in result else {})


def _gaps(run: FiniteRun, result: dict[str, Any]) -> list[tuple[int, float]]:
    """(updates, BCCE gap), ending in the certificate's own; empty for games that are not tabulated."""
    game = run.game
    if not tabulated(game) or not game.learned_turns or result["certificate"]["bcce_gap"] is None:
        return []
    strategy = LeaderStrategy.ask(game, run.leader().acting_in(game))
    certificate = result["certificate"]
    earlier = gaps_before(strategy, _certified(run.settings, result), run.seed)
    return [*earlier, (certificate["updates"], certificate["bcce_gap"])]


def _certified(settings: LeaderSettings, result: dict[str, Any]) -> LeaderSettings:
    """The settings that the result's certificate is of: under several models those of one."""
    if not settings.models:
        return settings
    name = certified_model(result)["name"]
    return next(part.settings for part in settings.parts if part.name == name)


LABELS = {
    "learning": "Leader value over leader episodes",
    "gap": "BCCE gap of the followers over their updates",
}
