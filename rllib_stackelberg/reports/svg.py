"""Matplotlib figures as SVG that follows its reader: light or dark, and the page's own font.

Matplotlib writes fixed colours. Those of `COLOURS` become CSS variables, so that one drawing serves both colour
schemes; text stays text. What is written depends on the figure alone: the same figure gives the same bytes.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Collection
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.text import Text

from rllib_stackelberg.files.folder import write_atomically
from rllib_stackelberg.terminal import visible

COLOURS = {
    "paper": ("#ffffff", "#15191f"),
    "card": ("#f5f7f9", "#1e242c"),
    "ink": ("#1c2128", "#e7eaee"),
    "muted": ("#5a6370", "#a2abb7"),
    "rule": ("#dfe3e8", "#343b45"),
    "first": ("#1f63b0", "#6fb1f5"),
    "second": ("#b8530f", "#f0a15e"),
    "third": ("#7b3fa0", "#c39bf0"),
    "fourth": ("#0e7c86", "#4fd0d8"),
    "fifth": ("#b0246d", "#f58cc0"),
    "sixth": ("#6f6a00", "#d3cc5a"),
    "seventh": ("#7d5a4a", "#cfa994"),
    "reference": ("#1b7a4b", "#5fc492"),
    "good": ("#1a7f4b", "#54c78c"),
    "open": ("#966400", "#e0b050"),
    "bad": ("#b3261e", "#ff8a80"),
}
"""Light and dark value of every colour that a figure uses; a page may use them too."""

SERIES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "ink")
"""Colours of curves, in the order in which they are taken: each tells itself from those before it."""

SHOWN_AT = 1.35
"""How much larger than drawn a file is shown where there is room: it is drawn for a phone."""

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif'

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"

NOT_DRAWN = ("metadata", "style")


def colour(name: str) -> str:
    """What to tell matplotlib."""
    return COLOURS[name][0]


def theme(names: Collection[str] = tuple(COLOURS)) -> str:
    """CSS that gives the variables their values in both colour schemes; of some of `COLOURS`, by default all."""
    light, dark = (" ".join(f"--{name}: {COLOURS[name][k]};" for name in names) for k in (0, 1))
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"


def inline_svg(figure: Figure, name: str, label: str) -> str:
    """An `<svg>` element for an HTML page that has `theme()` in its style.

    Args:
        figure: drawn in `COLOURS`; name: tells its identifiers from those of other figures of the page.
        label: what it shows, for readers who do not see it.
    """
    return ElementTree.tostring(drawn_figure(figure, name, label), encoding="unicode")


def drawn_figure(figure: Figure, name: str, label: str) -> ElementTree.Element:
    """As `inline_svg`, the element itself."""
    root = _drawing(figure, name)
    root.attrib |= {"role": "img", "aria-label": label}
    return root


def save_svg(figure: Figure, path: Path) -> None:
    """A file of its own, that follows the colour scheme of whoever shows it; written atomically."""
    write_svg(_drawing(figure, "figure"), path)


def write_svg(root: ElementTree.Element, path: Path) -> None:
    """A drawing in the variables of `theme` as a file of its own; written atomically."""
    write_atomically(path, standalone(root))


def standalone(root: ElementTree.Element, scale: float = SHOWN_AT) -> bytes:
    """A drawing in the variables of `theme`, as the content of a file of its own.

    Args:
        root: an `<svg>` element; scale: how much larger it is shown than drawn, where there is room.
    """
    width, height = (float(side) for side in root.attrib["viewBox"].split()[2:])
    sides = {"width": f"{scale * width:.0f}", "height": f"{scale * height:.0f}"}
    whole = ElementTree.Element("svg", root.attrib | {"xmlns": SVG} | sides)
    style = ElementTree.SubElement(whole, "style")
    style.text = f"{theme()}\ntext {{ font-family: {FONT}; }}"
    # Its own paper: what it is shown on may not follow the reader's colour scheme.
    ElementTree.SubElement(whole, "rect", width="100%", height="100%", fill="var(--paper)")
    whole.extend(root)
    return ElementTree.tostring(whole, encoding="utf-8") + b"\n"


def _drawing(figure: Figure, name: str) -> ElementTree.Element:
    stream = io.StringIO()
    _take_literally(figure)
    # The salt makes identifiers repeat; text that stays text takes the reader's font.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    root = ElementTree.fromstring(visible(stream.getvalue()))  # control characters would be no XML
    root.attrib = {"viewBox": root.attrib["viewBox"], "style": "stroke-linejoin: round; stroke-linecap: butt"}
    _clean(root, f"{name}-")
    return root


def _take_literally(figure: Figure) -> None:
    """Text of a figure is names from outside: nothing between dollars is mathematics.

    Powers of ten on logarithmic axes are matplotlib's own, and written so.
    """
    axes = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) if axis.get_scale() == "log"]
    own = {id(label) for axis in axes for label in axis.get_ticklabels(which="both")}
    for text in figure.findobj(Text):
        if id(text) not in own:
            text.set_parse_math(False)


def _clean(element: ElementTree.Element, prefix: str) -> None:
    """Drop namespaces and what is not drawn, make identifiers the figure's own, and colours variables."""
    for child in list(element):
        child.tag = child.tag.rpartition("}")[2]
        if child.tag in NOT_DRAWN:
            element.remove(child)
        else:
            _clean(child, prefix)
    element.tag = element.tag.rpartition("}")[2]
    element.text, element.tail = (text if text and text.strip() else None for text in (element.text, element.tail))
    found = {key.replace(f"{{{XLINK}}}", ""): value for key, value in element.attrib.items()}
    if element.tag == "g":
        found.pop("id", None)  # groups are never referred to
    for key, value in found.items():
        if key == "id":
            found[key] = prefix + value
        elif key in ("href", "clip-path"):
            found[key] = value.replace("#", f"#{prefix}")
        elif key == "style":
            found[key] = _style(value)
    element.attrib = found


def _style(style: str) -> str:
    kept = (part for part in style.split("; ") if not part.startswith("font-family"))
    text = "; ".join(kept)
    for name, (light, _) in COLOURS.items():
        text = text.replace(light, f"var(--{name})")
    return text
