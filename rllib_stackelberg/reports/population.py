"""report.html of a run on a game with a population: what both sides get, how they learned, and how plays go.

Everything on it is read from the run folder, except the course of plays, which is played again by the saved policies on
the streams that the result is of. The same run folder gives the same bytes.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from rllib_stackelberg.evaluation.verdict import population_verdict
from rllib_stackelberg.populations.course import Course, course
from rllib_stackelberg.reports.mechanism import mechanism_drawing
from rllib_stackelberg.reports.population_figures import course_figure, sides_figure
from rllib_stackelberg.reports.rendering import at_widths, both_widths, rendered, shown
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import find_spec
from rllib_stackelberg.runs.records import PopulationResult
from rllib_stackelberg.runs.run import PopulationRun

NOT_SHOWN = ("game", "params", "settings", "versions", "out", "inputs", "source")


def population_html(run: PopulationRun) -> str:
    """The page."""
    return rendered("population.html", _content(run))


def _content(run: PopulationRun) -> dict[str, Any]:
    folder, game = run.folder, run.game
    result, config, progress = folder.read("result", PopulationResult), folder.read("config"), folder.progress()
    spec = find_spec(folder.game_name())
    found = course(game, run.policies(), run.seed)
    return {
        "name": spec.name or config["game"],
        "summary": spec.summary,
        "source": spec.source or game.source,
        "parameters": shown(config["params"]),
        "result": result,
        "verdict": population_verdict(result),
        "members": game.members,
        "periods": game.periods,
        "learning": both_widths("learning", "What both sides get, over epochs", sides_figure, progress),
        "mechanism": at_widths(partial(_mechanism, game, found)),
        "policies": both_widths("policies", "What both sides do, over periods", course_figure, _actions(game, found)),
        "course": both_widths("course", "Plays over periods", course_figure, _figures(game, found)),
        "configuration": shown({k: v for k, v in config.items() if k not in NOT_SHOWN} | config["settings"]),
        "versions": shown(config["versions"]),
    }


def _mechanism(game: PopulationGame, found: Course, width: float) -> Element:
    """What the leader does, the mean over the plays' periods."""
    action = np.nanmean(found.leader, axis=(0, 1))
    return mechanism_drawing(game.pictured(action), width).root("What the leader does")


def _figures(game: PopulationGame, found: Course) -> dict[str, Any]:
    return {name + (f" ({unit})" if unit else ""): found.figures[name] for name, unit in game.units.items()}


def _actions(game: PopulationGame, found: Course) -> dict[str, Any]:
    """A panel per number of an action, under the game's names if it has some."""
    sides = (("leader", game.leader_terms, found.leader), ("members", game.member_terms, found.members))
    panels: dict[str, Any] = {}
    for side, terms, actions in sides:
        names = terms or [f"action {k + 1}" for k in range(actions.shape[2])]
        panels |= {f"{side}: {name}": actions[:, :, k] for k, name in enumerate(names)}
    return panels
