"""report.html of a run on a game with a population: what both sides get, how they learned, and how plays go.

Everything on it is read from the run folder, except the course of plays, which is played again by the saved policies on
the streams that the result is of. The same run folder gives the same bytes.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from rllib_stackelberg.evaluation.verdict import population_verdict
from rllib_stackelberg.populations.course import Course, course
from rllib_stackelberg.reports.mechanism import mechanism_drawing
from rllib_stackelberg.reports.population_figures import course_figure, sides_figure
from rllib_stackelberg.reports.rendering import rendered, shown
from rllib_stackelberg.reports.run_figures import Drawer, Figures
from rllib_stackelberg.reports.svg import drawn_figure
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import find_spec
from rllib_stackelberg.runs.records import PopulationResult
from rllib_stackelberg.runs.run import PopulationRun

LABELS = {
    "mechanism": "What the leader does",
    "learning": "What both sides get, over epochs",
    "policies": "What both sides do, over periods",
    "course": "Plays over periods",
}
"""Names of figures, and what they show, for readers who do not see them."""

NOT_SHOWN = ("game", "params", "settings", "versions", "out", "inputs", "source")


def population_html(run: PopulationRun) -> str:
    """The page."""
    return rendered("population.html", _content(run))


def _content(run: PopulationRun) -> dict[str, Any]:
    folder, game = run.folder, run.game
    result, config = folder.read("result", PopulationResult), folder.read("config")
    spec, figures = find_spec(folder.game_name()), PopulationFigures(run)
    return {
        "name": spec.name or config["game"],
        "summary": spec.summary,
        "source": spec.source or game.source,
        "parameters": shown(config["params"]),
        "result": result,
        "verdict": population_verdict(result),
        "members": game.members,
        "periods": game.periods,
        **{name: figures.on_page(name) for name in LABELS},
        "configuration": shown({k: v for k, v in config.items() if k not in NOT_SHOWN} | config["settings"]),
        "versions": shown(config["versions"]),
    }


class PopulationFigures(Figures):
    """The figures of one run; plays are played once.

    Args:
        run: the run.
    """

    def __init__(self, run: PopulationRun):
        self.run = run

    @cached_property
    def course(self) -> Course:
        """Of the first plays that the result is of."""
        return course(self.run.game, self.run.policies(), self.run.seed)

    @property
    def drawers(self) -> dict[str, Drawer]:
        """As the base says."""
        return {
            "mechanism": self._mechanism, "learning": self._learning, "policies": self._policies,
            "course": self._course,
        }  # fmt: skip

    def _mechanism(self, width: float) -> Element:
        """The mean action over the plays' periods."""
        action = np.nanmean(self.course.leader, axis=(0, 1))
        return mechanism_drawing(self.run.game.pictured(action), width).root(LABELS["mechanism"])

    def _learning(self, width: float) -> Element:
        figure = sides_figure(self.run.folder.progress(), width)
        return drawn_figure(figure, f"learning-{width:g}", LABELS["learning"])

    def _policies(self, width: float) -> Element:
        figure = course_figure(_actions(self.run.game, self.course), width=width)
        return drawn_figure(figure, f"policies-{width:g}", LABELS["policies"])

    def _course(self, width: float) -> Element:
        figure = course_figure(_figures(self.run.game, self.course), width=width)
        return drawn_figure(figure, f"course-{width:g}", LABELS["course"])


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
