"""Pictures in notebooks: the mechanism, and how followers learn; and how far a run has come."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import ArrayLike

from rllib_stackelberg.evaluation.convergence import rungs_up_to
from rllib_stackelberg.evaluation.observed_plays import answered_by
from rllib_stackelberg.evaluation.values import Evaluation
from rllib_stackelberg.plays.strategy import GivenStrategy, LeaderStrategy
from rllib_stackelberg.reports.follower_learning import learning_drawing
from rllib_stackelberg.reports.mechanism import mechanism_drawing, pictures_of
from rllib_stackelberg.reports.run_figures import LABELS
from rllib_stackelberg.reports.svg import standalone, write_svg
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rounding import number
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.population import PopulationGame

WIDTH = 640
"""CSS pixels of a picture in a notebook."""


POLICY = "What the leader does"

COUNTED = ("iteration", "episodes", "plays")
VALUED = {"mean_return": "mean return", "value": "greedy value", "best": "best"}
LINE = 100
"""Characters that a line of progress is filled up to, so that nothing is left of a longer one before it."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture that a notebook shows, and that can be saved.

    Attributes:
        root: as an `<svg>` element; label: what it shows, in words.
    """

    root: Element
    label: str

    def _repr_html_(self) -> str:
        """An image of its own, so that its styles are none of the notebook's."""
        data = b64encode(standalone(self.root, scale=1.0)).decode()
        return f'<img alt="{escape(self.label)}" src="data:image/svg+xml;base64,{data}">'

    def save(self, path: str | Path) -> None:
        """Write it as an SVG file."""
        write_svg(self.root, Path(path))


def mechanism_picture(
    game: StackelbergGame,
    leader_strategy: GivenStrategy,
    response: Evaluation | Mapping[str, Any],
    width: float = WIDTH,
) -> Drawing:
    """A leader's rules, and what followers do under them.

    Args:
        game: the game; leader_strategy: all answers that plays ask for; response: of the followers to it, or
            per follower the strategy `[row][action]` (`weights` of results).
        width: in CSS pixels.

    Raises:
        InvalidFieldError: a question is met that has no answer.

    >>> from rllib_stackelberg import make_game, respond, solve
    >>> game = make_game("escape")
    >>> best = solve(game).leader_strategy
    >>> mechanism_picture(game, best, respond(game, best))._repr_html_()[:9]
    '<img alt='
    """
    strategy = LeaderStrategy.of(game, leader_strategy)
    weights = response.weights if isinstance(response, Evaluation) else response
    pictures = pictures_of(game, strategy, answered_by(strategy), weights)
    label = LABELS["mechanism"]
    return Drawing(mechanism_drawing(pictures, width).root(label), label)


def policy_picture(game: PopulationGame, action: ArrayLike, width: float = WIDTH) -> Drawing:
    """What the leader of a population does in a period.

    Args:
        game: the game; action: the leader's, in the game's units `[w]`; width: in CSS pixels.
    """
    pictures = game.pictured(np.asarray(action, dtype=float))
    return Drawing(mechanism_drawing(pictures, width).root(POLICY), POLICY)


def learning_picture(
    game: StackelbergGame,
    leader_strategy: GivenStrategy,
    settings: LeaderSettings | None = None,
    seed: int = 0,
    width: float = WIDTH,
) -> Drawing:
    """How followers learn against a leader's rules: how likely they play each action, update by update.

    Args:
        game: whose outcomes fit into a table; leader_strategy: all answers.
        settings: of the response, by default the game's own; seed: of its streams; width: in CSS pixels.

    Raises:
        InvalidFieldError: settings that cannot be of this game.
    """
    strategy = LeaderStrategy.of(game, leader_strategy)
    own = (settings or LeaderSettings.checked()).fitted(game)
    label = LABELS["followers"]
    return Drawing(learning_drawing(game, rungs_up_to(strategy, own, seed), width).root(label), label)


def show_progress(now: Any) -> None:
    """How far a run has come, in a line that the next one replaces: `train(..., report=show_progress)`.

    Args:
        now: the progress of a run (runs/progress.py), of either kind.
    """
    known = {name: value for name, value in now.line().items() if isinstance(value, int | float)}
    said = [f"{name} {known[name]:,}" for name in COUNTED if name in known]
    said += [f"{label} {number(known[name], 4)}" for name, label in VALUED.items() if name in known]
    line = f"{now.seconds:.0f} s: {', '.join(said)}"
    sys.stdout.write(f"\r{line:<{LINE}}" if sys.stdout.isatty() or "ipykernel" in sys.modules else f"{line}\n")
    sys.stdout.flush()
