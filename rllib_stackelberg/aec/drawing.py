"""A play drawn as a picture: its transcript so far, and what everybody has got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

INCHES, DOTS = (6.4, 4.8), 100
"""Size of a picture, and dots an inch: 640 by 480, whatever is shown, as videos need it."""

LINES, COLUMNS = 22, 84
"""Most lines of a transcript, the latest, and most characters of each."""


def picture(title: str, lines: Sequence[str], totals: Mapping[str, float]) -> NDArray[np.uint8]:
    """`[480, 640, 3]` of red, green and blue; needs no display.

    Args:
        title: what is played; lines: of the transcript; totals: payoffs so far, by agent.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES, dpi=DOTS, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    left_out = len(lines) - LINES
    shown = [f"... {left_out} earlier lines", *lines[-LINES + 1 :]] if left_out > 0 else lines
    got = "   ".join(f"{agent} {total:.4g}" for agent, total in totals.items())
    for height, text, weight in (
        (0.95, title, "bold"),
        (0.89, "\n".join(line[:COLUMNS] for line in shown), "normal"),
        (0.07, f"payoffs so far   {got}"[:COLUMNS], "bold"),
    ):
        figure.text(0.03, height, text, family="monospace", size=9, weight=weight, va="top", parse_math=False)
    canvas.draw()
    return np.array(canvas.buffer_rgba(), dtype=np.uint8)[..., :3]
