"""Results as HTML, for notebooks: a small table of facts."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

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
