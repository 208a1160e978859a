"""Games for the terminal: the list of all, and the page of one."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.reports.tables import plain
from rllib_stackelberg.rounding import number
from rllib_stackelberg.rules.parameters import Parameter, introduction
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import GameSpec, load_class, parameters_of

if TYPE_CHECKING:
    from rich import markdown
else:
    markdown = LazyModule("rich.markdown")


def game_data(spec: GameSpec) -> dict[str, Any]:
    """A game as plain data, one line of the list."""
    cls, free = load_class(spec.entry_point), {found.name: found.default for found in parameters_of(spec)}
    return {
        "id": spec.id,
        "name": spec.name,
        "summary": spec.summary,
        "parameters": free,
        "messages": "messages" in free,
        "population": issubclass(cls, PopulationGame),
        "exact": spec.exact,
        "source": spec.source or cls.source,
    }


def games_table(specs: Iterable[GameSpec]) -> RenderableType:
    """One line a game, from what is registered of it: no game is loaded."""
    table = plain("Games", "game", "who leads, who follows", "messages", "exact value")
    table.columns[0].no_wrap = True
    for spec in specs:
        flags = ["yes" if said else "no" for said in (spec.messages, spec.exact)]
        table.add_row(spec.name, spec.summary, *flags)
    return Group(table, Text("A game's rules and parameters: rllib-stackelberg games GAME"))


def game_page(spec: GameSpec) -> dict[str, Any]:
    """A game as plain data: what stands on its page."""
    cls = load_class(spec.entry_point)
    return game_data(spec) | {
        "about": introduction(cls),
        "details": [asdict(parameter) for parameter in parameters_of(spec)],
        "fixed": dict(spec.parameters),
        "run": {"max_seconds": spec.defaults.max_seconds, "settings": dict(spec.defaults.settings)},
        "rules": inspect.getdoc(sys.modules[cls.__module__]) or "",
    }


def game_shown(page: dict[str, Any]) -> RenderableType:
    """The page of a game."""
    head: list[RenderableType] = [Text(page["name"] or page["id"], style="bold")]
    head += [Text(page[part]) for part in ("summary", "about") if page[part]]
    if page["source"]:
        head.append(Text(f"source: {page['source']}"))
    if page["fixed"]:
        head.append(Text(f"fixed by this id: {', '.join(page['fixed'])}"))
    run = page["run"]
    settings = "".join(f", {name} {_value(value)}" for name, value in run["settings"].items())
    defaults = Text(f"a run trains for {run['max_seconds']:g} s{settings}, unless told otherwise")
    rules: list[RenderableType] = []
    if page["rules"]:
        rules = [Text("\nRules", style="bold"), Padding(markdown.Markdown(page["rules"]), (0, 0, 0, 1))]
    return Group(*head, defaults, _parameters(page["details"]), _next(page), *rules)


def _parameters(details: list[dict[str, Any]]) -> RenderableType:
    if not details:
        return Text("no parameters")
    table = plain("Parameters", "name", "default", "what it may be, what it means")
    for column in table.columns[:1]:
        column.no_wrap = True
    for found in (Parameter(**entry) for entry in details):
        default = "required" if found.required else _value(found.default)
        table.add_row(found.name, default, Text.assemble((found.kind, "italic"), f": {found.meaning}".rstrip(" :")))
    return table


def _value(value: Any) -> str:
    """As it is written in KEY=VALUE."""
    if isinstance(value, str):
        return value or "-"
    if isinstance(value, float):
        return number(value)
    return "-" if value is None else json.dumps(value, default=str)


def _next(page: dict[str, Any]) -> Table:
    """What can be done with it."""
    name = page["name"] or page["id"]
    required = "".join(f" {entry['name']}=..." for entry in page["details"] if entry["required"])
    table = plain("What to do with it", "")
    if page["exact"]:
        table.add_row(f"rllib-stackelberg solve {name}{required}")
    table.add_row(f"rllib-stackelberg train {name}{required}")
    table.add_row(f"rllib-stackelberg play {name}{required}")
    return table
