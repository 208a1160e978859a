"""Results as HTML, for notebooks: a small table of facts."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

LONGEST_VALUE = 42
"""Most characters of a parameter that a notebook shows."""

MOST_ENTRIES = 12
"""Most entries of a strategy that a notebook shows."""


def facts_table(title: str, facts: Mapping[str, str]) -> str:
    """A table with one row a fact; facts without a text are left out.

    >>> facts_table("A & B", {"value": "1", "doubt": ""})
    '<table><caption>A &amp; B</caption><tr><th scope="row">value</th><td>1</td></tr></table>'
    """
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>' for name, text in facts.items() if text
    )
    return f"<table><caption>{escape(title)}</caption>{rows}</table>"


def shown_parameters(parameters: Mapping[str, Any]) -> str:
    """A game's parameters in a line; long values are cut.

    >>> shown_parameters({"types": 3, "values": list(range(100))})
    'types=3, values=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,...'
    """
    return ", ".join(
        f"{name}={text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + '...'}"
        for name, text in ((name, str(value)) for name, value in parameters.items())
    )
