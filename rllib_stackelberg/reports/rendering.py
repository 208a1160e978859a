"""What all pages share: one look, figures at two widths, values as a person writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, tostring

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from rllib_stackelberg.reports.svg import FONT, inline_svg, theme
from rllib_stackelberg.rounding import estimate, number
from rllib_stackelberg.terminal import visible

OPTION = re.compile(r"(--[a-z][a-z-]*(?: average| [\d.]*\d)?)")

WIDTHS = {"wide": 720, "narrow": 340}
"""Every figure is drawn at both widths (CSS pixels); the page shows the one that fits."""


def rendered(template: str, content: Mapping[str, Any]) -> str:
    """A page that needs nothing else."""
    return _environment().get_template(template).render(content, theme=Markup(theme()), font=Markup(FONT))


@cache
def _environment() -> Environment:
    """Of all pages: a template is compiled once in a process."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "estimate": estimate, "options": options}
    return environment


def options(text: str) -> Markup:
    """Text in which options of the command line stand as code, each on one line.

    >>> options("longer: --max-seconds 50, <or> more")
    Markup('longer: <code>--max-seconds 50</code>, &lt;or&gt; more')
    """
    parts = OPTION.split(visible(text))
    return Markup("").join(Markup("<code>{}</code>").format(part) if k % 2 else part for k, part in enumerate(parts))


def _visible(value: Any) -> Any:
    """Text from outside without characters that turn or hide others; what is markup already was made here."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def both_widths(name: str, label: str, draw: Callable[..., Figure], *data: Any) -> dict[str, Markup]:
    """A figure at every width; its text is ours and escaped where it is written."""
    drawn = {kind: draw(*data, width=width) for kind, width in WIDTHS.items()}
    return {kind: Markup(inline_svg(figure, f"{name}-{kind}", label)) for kind, figure in drawn.items()}


def at_widths(draw: Callable[[float], Element | None]) -> dict[str, Markup] | None:
    """A drawing at every width, its text escaped; None where there is nothing to draw."""
    drawn = {kind: draw(width) for kind, width in WIDTHS.items()}
    found = {kind: Markup(tostring(root, encoding="unicode")) for kind, root in drawn.items() if root is not None}
    return found or None


def shown(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values as a person writes them."""
    return [(name.replace("_", " "), _text(value)) for name, value in values.items()]


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return " ".join(f"{name}={_text(entry)}" for name, entry in value.items())
    if isinstance(value, list):
        return _list(_text(entry) for entry in value)
    return number(value) if isinstance(value, float) else str(value)


def _list(entries: Iterable[str]) -> str:
    return ", ".join(entries)
