"""The figures of a run, each in a page at two widths and as a file: the mechanism, and how both sides learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from markupsafe import Markup

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.convergence import Rung, rungs_up_to
from rllib_stackelberg.evaluation.observed_plays import answered_by_policy, beliefs
from rllib_stackelberg.evaluation.strategies import tabulated
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports.axes import FILE_WIDTH
from rllib_stackelberg.reports.figures import gap_figure, learning_figure
from rllib_stackelberg.reports.follower_learning import learning_drawing
from rllib_stackelberg.reports.mechanism import mechanism_drawing, pictures_of
from rllib_stackelberg.reports.rendering import at_widths
from rllib_stackelberg.reports.result_tables import certified_model
from rllib_stackelberg.reports.svg import drawn_figure, write_svg
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rounding import shares
from rllib_stackelberg.rules.pictures import Flow, Picture
from rllib_stackelberg.runs.run import FiniteRun

LABELS = {
    "mechanism": "The learned mechanism, and what followers do under it",
    "followers": "What followers play, over their updates",
    "learning": "Leader value over leader episodes",
    "gap": "BCCE gap of the followers over their updates",
}
"""Names of figures, and what they show, for readers who do not see them."""


Drawer = Callable[[float], Element | None]
"""What draws a figure at a width in CSS pixels, as an `<svg>`; None where there is nothing to draw."""


class Figures(ABC):
    """The figures of a run."""

    @property
    @abstractmethod
    def drawers(self) -> dict[str, Drawer]:
        """What draws each figure, by name."""

    def on_page(self, name: str) -> dict[str, Markup] | None:
        """A figure at every width; None where there is nothing to draw."""
        return at_widths(self.drawers[name])

    def save(self, files: Iterable[Path]) -> None:
        """Write figures into files that are named after them; all of them or none.

        Raises:
            InvalidFieldError: a name that is none of a figure, or one of which the run has nothing to draw.
        """
        drawn = {file: self._drawn(file) for file in files}
        for file, root in drawn.items():
            write_svg(root, file)

    def _drawn(self, file: Path) -> Element:
        if file.suffix != ".svg" or file.stem not in self.drawers:
            raise InvalidFieldError("figure", f"got {file.name}", ", ".join(f"{name}.svg" for name in self.drawers))
        root = self.drawers[file.stem](FILE_WIDTH)
        if root is None:
            raise InvalidFieldError("figure", f"the run has nothing to draw for {file.name}", "another figure")
        return root


class RunFigures(Figures):
    """The figures of one run; what they are drawn from is found once.

    Args:
        run: the run.
        result: its result, whole.
        progress: lines of its progress.jsonl.
    """

    def __init__(self, run: FiniteRun, result: dict[str, Any], progress: list[dict[str, Any]]):
        self.run, self.result, self.progress = run, result, progress

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """Of the mechanism."""
        game = self.run.game
        strategy = LeaderStrategy.from_data(game, self.result["leader_strategy"])
        answer = answered_by_policy(game, self.run.leader().acting_in(game))
        return pictures_of(game, strategy, answer, self.result["weights"])

    @property
    def beliefs(self) -> list[tuple[str, str, str]]:
        """(follower, action, what whoever sees it must believe that the follower knows)."""
        flows = (picture for picture in self.pictures if isinstance(picture, Flow))
        return [(flow.title, done, shares(known.items())) for flow in flows for done, known in beliefs(flow).items()]

    @cached_property
    def rungs(self) -> list[Rung]:
        """Followers as they learn against the saved policy; none of games that are not tabulated."""
        game, certificate = self.run.game, self.result["certificate"]
        if not tabulated(game) or not game.learned_turns or certificate["bcce_gap"] is None:
            return []
        strategy = LeaderStrategy.ask(game, self.run.leader().acting_in(game))
        return rungs_up_to(strategy, self._certified, self.run.seed)

    @property
    def _certified(self) -> LeaderSettings:
        """The settings that the result's certificate is of: under several models those of one."""
        settings = self.run.settings
        if not settings.models:
            return settings
        name = certified_model(self.result)["name"]
        return next(part.settings for part in settings.parts if part.name == name)

    @property
    def gaps(self) -> list[tuple[int, float]]:
        """(updates, BCCE gap), ending in the certificate's own."""
        own = self.result["certificate"]
        before = [(each.updates, each.gap) for each in self.rungs if each.updates < own["updates"]]
        return [*before, (own["updates"], own["bcce_gap"])]

    @property
    def drawers(self) -> dict[str, Drawer]:
        """As the base says."""
        return {
            "mechanism": self._mechanism, "followers": self._followers, "learning": self._learning, "gap": self._gap,
        }  # fmt: skip

    def _mechanism(self, width: float) -> Element | None:
        return mechanism_drawing(self.pictures, width).root(LABELS["mechanism"]) if self.pictures else None

    def _followers(self, width: float) -> Element | None:
        if len(self.rungs) < 2:
            return None
        return learning_drawing(self.run.game, self.rungs, width).root(LABELS["followers"])

    def _learning(self, width: float) -> Element | None:
        if not self.progress:
            return None
        figure = learning_figure(self.progress, self.result["exact_value"], width, bound=self.result.get("bound"))
        return drawn_figure(figure, f"learning-{width:g}", LABELS["learning"])

    def _gap(self, width: float) -> Element | None:
        return drawn_figure(gap_figure(self.gaps, width), f"gap-{width:g}", LABELS["gap"]) if self.rungs else None
