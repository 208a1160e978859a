"""Drawings of boxes, words and ribbons as SVG, in the colours of svg.py, without matplotlib."""

from __future__ import annotations

import textwrap
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from rllib_stackelberg.terminal import visible

LETTER = 0.56
"""Width of a letter, as a share of its height, about."""

SIZE, LINE = 12.0, 16.0
"""CSS pixels of letters, and from line to line."""


class Canvas:
    """A drawing of a given width that grows downwards.

    Args:
        width: in CSS pixels.
    """

    def __init__(self, width: float):
        self.width = width
        self.height = 0.0
        self._drawn: list[ElementTree.Element] = []

    def text(
        self,
        x: float,
        y: float,
        words: str,
        fill: str = "ink",
        anchor: str = "start",
        bold: bool = False,
        clear: bool = False,
    ) -> None:
        """A line of text that stands on `y`; a clear one wipes away what is drawn under its letters."""
        style = f"font-size: {SIZE:g}px; fill: var(--{fill}); text-anchor: {anchor}"
        style += "; font-weight: 600" if bold else ""
        style += "; paint-order: stroke; stroke: var(--paper); stroke-width: 4px" if clear else ""
        self._add("text", x=f"{x:.1f}", y=f"{y:.1f}", style=style)
        self._drawn[-1].text = visible(words)

    def box(self, x: float, y: float, width: float, height: float, fill: str, opacity: float = 1.0) -> None:
        """A filled rectangle."""
        sides = {"x": x, "y": y, "width": max(width, 0.0), "height": max(height, 0.0)}
        shape = {name: f"{side:.1f}" for name, side in sides.items()}
        self._add("rect", **shape, rx="2", style=f"fill: var(--{fill}); opacity: {opacity:g}")

    def dot(self, x: float, y: float, radius: float, fill: str) -> None:
        """A filled circle."""
        self._add("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:g}", style=f"fill: var(--{fill})")

    def line(
        self,
        points: Sequence[tuple[float, float]],
        stroke: str,
        width: float = 1.8,
        dashes: str = "",
        opacity: float = 1.0,
    ) -> None:
        """Straight lines from point to point."""
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f"; stroke-dasharray: {dashes}" if dashes else ""
        style = f"fill: none; stroke: var(--{stroke}); stroke-width: {width:g}; opacity: {opacity:.2f}{dashed}"
        self._add("polyline", points=drawn, style=style)

    def ribbon(self, left: tuple[float, float], right: tuple[float, float], thick: float, fill: str) -> None:
        """A band from one place to another, whose upper ends are given."""
        (x, y), (to_x, to_y) = left, right
        middle = (x + to_x) / 2
        path = (
            f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}v{thick:.1f}"
            f"C{middle:.1f} {to_y + thick:.1f} {middle:.1f} {y + thick:.1f} {x:.1f} {y + thick:.1f}z"
        )
        self._add("path", d=path, style=f"fill: var(--{fill}); opacity: 0.28")

    def root(self, label: str) -> ElementTree.Element:
        """The drawing as an `<svg>` element.

        Args:
            label: what it shows, for readers who do not see it.
        """
        view = f"0 0 {self.width:g} {self.height:.0f}"
        root = ElementTree.Element("svg", {"viewBox": view, "role": "img", "aria-label": visible(label)})
        root.extend(self._drawn)
        return root

    def _add(self, tag: str, **attributes: str) -> None:
        self._drawn.append(ElementTree.Element(tag, attributes))


def fitting(words: str, width: float, lines: int = 1) -> list[str]:
    """Words in at most so many lines of a width in CSS pixels; what is too long is cut.

    >>> fitting("offers the second item to buyer 0", 100, lines=2)
    ['offers the', 'second item t…']
    """
    letters = max(int(width / (LETTER * SIZE)), 3)
    broken = textwrap.wrap(words, letters) or [""]
    if len(broken) <= lines:
        return broken
    return [*broken[: lines - 1], broken[lines - 1][: letters - 1].rstrip() + "…"]
