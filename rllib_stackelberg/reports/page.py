"""report.html of a run: one file that needs no server, no network and no script.

Everything on it is read from the run folder, except the BCCE gap over updates, which is recomputed from the saved
policy (convergence.py). The same run folder gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from pathlib import Path
from typing import Any

from rllib_stackelberg.evaluation.verdict import verdict
from rllib_stackelberg.files.folder import write_atomically
from rllib_stackelberg.reports.follower_learning import panels_left_out
from rllib_stackelberg.reports.followers import follower_tables
from rllib_stackelberg.reports.glossary import UNITS, explained, words_of
from rllib_stackelberg.reports.population import PopulationFigures, population_html
from rllib_stackelberg.reports.rendering import rendered, shown
from rllib_stackelberg.reports.result_tables import beside_bound, certificate_words, certified_model, learned_value
from rllib_stackelberg.reports.result_tables import gap as gap_of
from rllib_stackelberg.reports.run_figures import Figures, RunFigures
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


def write_figures(run: str | Path, files: Iterable[Path], game: str | None = None) -> None:
    """Write figures of a run as files, each named after its figure, in any folder; all of them or none.

    These are `mechanism.svg`, `followers.svg`, `learning.svg` and `gap.svg`; of a run on a game with a population
    `mechanism.svg`, `learning.svg`, `policies.svg` and `course.svg`.

    Args:
        run: its folder; files: to write; game: as of `write_report`.

    Raises:
        InvalidFieldError: as `write_report`; a file's name is none of these, or the run has nothing to draw for it.
    """
    opened = open_run(run, game)
    with result_fits(opened.folder):
        figures_of(opened).save(files)


@singledispatch
def figures_of(run: Run) -> Figures:
    """The figures of a run, by its kind."""
    raise NotImplementedError(type(run).__name__)


@figures_of.register
def _(run: PopulationRun) -> Figures:
    return PopulationFigures(run)


@figures_of.register
def _(run: FiniteRun) -> Figures:
    run.game.forget()
    return RunFigures(run, _told(run.folder.read("result", Result)), run.folder.progress())


def write_page(run: Run) -> Path:
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
    figures = RunFigures(run, result, progress)
    answers = result["leader_strategy"][:ANSWERS_SHOWN]
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
        "words": explained((*words_of(result), "deviation gain")),
        "plays": {play: explained([play]).get(play, "") for play in result["by_play"]},
        "taken": TAKEN,
        "units": UNITS,
        "certified_words": certificate_words(result),
        "models": [
            model | {"value": learned_value(model), "verdict": verdict(model)} for model in result.get("by_model", [])
        ],
        "certified": certified_model(result)["name"] if "by_model" in result else None,
        "learning": figures.on_page("learning"),
        "mechanism": figures.on_page("mechanism"),
        "beliefs": figures.beliefs,
        "follower_learning": figures.on_page("followers"),
        "learning_left_out": panels_left_out(game),
        "gap_curve": figures.on_page("gap"),
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
