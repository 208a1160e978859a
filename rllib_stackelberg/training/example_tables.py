"""Cells and tables of tuned examples: what stands in a line, over the seeds of an instance."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from rllib_stackelberg.rounding import estimate, number

Rows = list[dict[str, Any]]
"""What was found, a row for each seed."""

Cell = Callable[[Any, Rows], str]
"""A cell of an instance's line, from the example and its rows."""


def known(rows: Rows, column: str) -> list[float]:
    """A column, where there is something in it."""
    return [row[column] for row in rows if row.get(column) is not None]


def shown(value: float | None, digits: int) -> str:
    """So many significant digits, but all of those before the decimal point.

    >>> shown(2 / 3, 3), shown(12_480, 3), shown(None, 3)
    ('0.667', '12,480', '-')
    """
    return f"{value:,.0f}" if value is not None and abs(value) >= 10**digits else number(value, digits)


def median_of(column: str, digits: int = 3) -> Cell:
    """Median over seeds; a dash if nothing is known."""

    def cell(_: Any, rows: Rows) -> str:
        """The median."""
        values = known(rows, column)
        return shown(statistics.median(values) if values else None, digits)

    return cell


def median_and(end: Callable[[list[float]], float], column: str, digits: int = 3) -> Cell:
    """Median over seeds, and the worst of them: `min` or `max`."""

    def cell(example: Any, rows: Rows) -> str:
        """Both, with a comma."""
        values = known(rows, column)
        return f"{median_of(column, digits)(example, rows)}, {shown(end(values) if values else None, digits)}"

    return cell


def count_of(good: Callable[[dict[str, Any]], bool]) -> Cell:
    """How many seeds are good, such as "9 of 10"."""
    return lambda _, rows: f"{sum(map(good, rows))} of {len(rows)}"


def mean_of(column: str) -> Cell:
    """Mean over seeds, with its standard error."""

    def cell(_: Any, rows: Rows) -> str:
        """As an estimate."""
        values = [float(row[column]) for row in rows]
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
        return str(estimate(statistics.mean(values), error, digits=4))

    return cell


def optimum(_: Any, rows: Rows) -> str:
    """The exact optimum; if none is known, the bound."""
    exact, bound = known(rows, "exact"), known(rows, "bound")
    return number(exact[0], 5) if exact else f"at most {number(bound[0] if bound else None, 5)}"


def lines_table(lines: Sequence[Mapping[str, str]], title: str) -> Table:
    """For a terminal: headings wrap, cells do not; code stands as it is."""
    table = Table(title=title, box=SIMPLE, title_justify="left", title_style="bold")
    for heading in lines[0]:
        table.add_column(heading, min_width=max(len(line[heading].replace("`", "")) for line in lines))
    for line in lines:
        table.add_row(*(cell.replace("`", "") for cell in line.values()))
    return table


def seeds_table(title: str, rows: Rows) -> Table:
    """Of one instance: a line for each seed, and their medians."""
    table = Table(title=title, box=SIMPLE, title_justify="left", title_style="bold")
    for column in rows[0]:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(number(value) for value in row.values()))
    if len(rows) > 1:
        table.add_row("median", *(median_of(column, 6)(None, rows) for column in list(rows[0])[1:]))
    return table
