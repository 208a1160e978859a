"""How followers learned, as small pictures beside each other: one for each information set, a curve for each action."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.evaluation.convergence import Rung
from rllib_stackelberg.reports.axes import FILE_WIDTH, NARROW
from rllib_stackelberg.reports.canvas import LETTER, LINE, SIZE, Canvas, fitting
from rllib_stackelberg.reports.followers import action_name
from rllib_stackelberg.reports.svg import SERIES
from rllib_stackelberg.rules.game import StackelbergGame, Turn

PANELS, ABREAST, NARROW_ABREAST = 9, 3, 2
CURVES = 5
"""Most actions of a panel that have a curve: those that are ever played most."""

HEAD, HIGH, BETWEEN = 2.6 * LINE, 90.0, 16.0
"""CSS pixels: what a panel's axes are below, how high they are, and how far panels are from each other."""

RARE = 0.02
"""An action that is never played more often has no curve."""


def learning_drawing(game: StackelbergGame, rungs: Sequence[Rung], width: float = FILE_WIDTH) -> Canvas:
    """How likely followers play each action, over their updates, on a logarithmic axis.

    Args:
        game: the game; rungs: in ascending order of updates, at least two; width: in CSS pixels.
    """
    canvas = Canvas(width)
    abreast = NARROW_ABREAST if width < NARROW else ABREAST
    across = (width - BETWEEN * (abreast - 1)) / abreast
    canvas.height = LINE
    panels = list(_panels(game))[:PANELS]
    for first in range(0, len(panels), abreast):
        row, most = panels[first : first + abreast], 0
        for k, (turn, key) in enumerate(row):
            shares = np.array([each.weights[game.agents[turn.agent]][key] for each in rungs])
            left, most = k * (across + BETWEEN), max(most, len(drawn_actions(shares)))
            _title(canvas, game, turn, key, left, across)
            _curves(canvas, shares, [each.updates for each in rungs], left, across)
            _names(canvas, game, turn, key, shares, left, across)
        canvas.height += HEAD + HIGH + (most + 2.5) * LINE
    return canvas


def panels_left_out(game: StackelbergGame) -> int:
    """How many information sets have no picture."""
    return max(0, sum(turn.keys for turn in game.learned_turns if turn.choices > 1) - PANELS)


def _panels(game: StackelbergGame) -> Iterator[tuple[Turn, int]]:
    """Followers' information sets at which there is something to choose."""
    for turn in game.learned_turns:
        if turn.choices > 1:
            yield from ((turn, key) for key in range(turn.keys))


def _title(canvas: Canvas, game: StackelbergGame, turn: Turn, key: int, left: float, across: float) -> None:
    canvas.text(left, canvas.height, game.agents[turn.agent], "muted")
    if turn.keys > 1:
        canvas.text(left, canvas.height + LINE, fitting(game.describe(turn, key), across)[0], bold=True)


def _curves(canvas: Canvas, shares: Numbers, updates: Sequence[int], left: float, across: float) -> None:
    top = canvas.height + HEAD
    last = math.log(max(updates[-1], 2))
    for share in (0.0, 0.5, 1.0):
        canvas.line([(left, top + HIGH * (1 - share)), (left + across, top + HIGH * (1 - share))], "rule", 1)
    for place, action in enumerate(drawn_actions(shares)):
        points = [
            (left + across * math.log(count) / last, top + HIGH * (1 - share))
            for count, share in zip(updates, shares[:, action].tolist(), strict=True)
        ]
        canvas.line(points, SERIES[place], 2)
    canvas.text(left, top - 4, "100\u00a0%", "muted")
    canvas.text(left, top + HIGH + 14, "1", "muted")
    canvas.text(left + across, top + HIGH + 14, f"{updates[-1]:,} updates", "muted", "end")


def _names(
    canvas: Canvas, game: StackelbergGame, turn: Turn, key: int, shares: Numbers, left: float, across: float
) -> None:
    top = canvas.height + HEAD + HIGH + 14
    for place, action in enumerate(drawn_actions(shares)):
        y = top + LINE * (place + 1)
        canvas.line([(left, y - 4), (left + 14, y - 4)], SERIES[place], 3)
        ends = f"{100 * shares[-1, action]:.0f}\u00a0%"
        said = action_name(game, turn, key, action)
        name = fitting(f"{turn.name} {said}" if said.isdigit() else said, across - 24 - len(ends) * LETTER * SIZE)[0]
        canvas.text(left + 20, y, name)
        canvas.text(left + across, y, ends, "muted", "end")


def drawn_actions(shares: Numbers) -> list[int]:
    """Actions that have a curve, by number: those that are ever played most.

    Args:
        shares: `[rungs, actions]`.

    >>> drawn_actions(np.array([[0.4, 0.3, 0.3, 0.0], [0.01, 0.99, 0.0, 0.0]]))
    [0, 1, 2]
    """
    most = shares.max(axis=0)
    order = np.argsort(-most, kind="stable")[:CURVES]
    return sorted(int(action) for action in order if most[action] > RARE)
