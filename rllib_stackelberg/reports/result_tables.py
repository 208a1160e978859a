"""Results for the terminal: the verdict first, then the numbers, and the words they are told in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rllib_stackelberg.evaluation.certificates import Certificate
from rllib_stackelberg.evaluation.verdict import Verdict, verdict
from rllib_stackelberg.reports.glossary import ESTIMATED, UNITS, words_of
from rllib_stackelberg.reports.tables import plain, strategy, words
from rllib_stackelberg.rounding import Rounded, estimate, number
from rllib_stackelberg.rules.game import StackelbergGame, Turn

STYLES = {"good": "bold green", "open": "bold yellow", "bad": "bold red"}
"""Of a verdict, by its level."""


def result(data: dict[str, Any]) -> RenderableType:
    """What a run ends with."""
    table = _head(data, trained=True)
    shown = (*_judged(data, trained=True), *_models(data), strategy(data["leader_strategy"]))
    run = f"{data['episodes']:,} leader episodes in {data['seconds']:.1f} s; run folder: {data['run_dir']}"
    told = [Text(data[name]) for name in ("meanwhile", "stopped") if data.get(name)]
    return Group(table, *shown, *_words(data), *told, _whole_line(run))


def response(data: dict[str, Any]) -> RenderableType:
    """A response to a given leader strategy."""
    gets = ", ".join(number(value) for value in data["follower_values"])
    found = [_equilibria(data["equilibria"])] if "equilibria" in data else []
    followers = Text(f"followers get {gets}") if gets else Text("no follower learns in this game")
    judged = (*_judged(data, trained=False), *_models(data))
    return Group(
        _head(data, trained=False), followers, *judged, *found, strategy(data["leader_strategy"]), *_words(data)
    )


def joint_strategy(game: StackelbergGame, strategies: Sequence[Sequence[int]]) -> str:
    """Pure strategies of the followers, an action at each of their rows, in the game's words.

    >>> from rllib_stackelberg import make_game
    >>> print(joint_strategy(make_game("simple-allocation", types=2), [[0, 1]]))
    follower_0: type 0: action 0, type 1: action 1
    """
    told = []
    for turn, actions in zip(game.learned_turns, strategies, strict=True):
        known = [game.describe(turn, key) for key in range(len(actions))]
        done = [_named(game, turn, key, action) for key, action in enumerate(actions)]
        own = done[0] if len(done) == 1 else ", ".join(f"{row}: {name}" for row, name in zip(known, done, strict=True))
        told.append(f"{game.agents[turn.agent]}: {own}")
    return "; ".join(told)


def _named(game: StackelbergGame, turn: Turn, key: int, action: int) -> str:
    name = game.describe_action(turn, key, np.array([action], dtype=float))
    return f"action {name}" if name.isdigit() else name


def learned_value(data: Mapping[str, Any]) -> Rounded:
    """The value of a result, rounded by its standard error."""
    return estimate(data["leader_value"], data["standard_error"])


def gap(data: Mapping[str, Any]) -> Rounded:
    """How far it is below the exact optimum, which is as uncertain."""
    return estimate(data["gap"], data["standard_error"])


def beside_bound(data: Mapping[str, Any]) -> bool:
    """Whether a bound stands beside the value, as there is no exact optimum."""
    return data["exact_value"] is None and data.get("bound") is not None


def certificate_words(data: dict[str, Any]) -> str:
    """The certificate of a result, in words."""
    fields = {name: value for name, value in data["certificate"].items() if name != "equilibrium"}
    return Certificate(**fields).words()


def certified_model(data: dict[str, Any]) -> dict[str, Any]:
    """Of a result under several models, the one that the result's own certificate is of."""
    return next(model for model in data["by_model"] if model["certificate"] == data["certificate"])


def _head(data: dict[str, Any], trained: bool) -> Table:
    """The value beside the optimum, or else beside a bound, and the verdict beside both."""
    parameters = "".join(f" {name}={value}" for name, value in data["params"].items())
    value = "learned value" if trained else "leader value"
    judged = verdict(data, trained)
    best, known, missing = "exact optimum", data["exact_value"], "gap"
    if beside_bound(data):
        best, known, missing = "bound", data["bound"], "bound gap"
    table = plain(f"{data['game']}{parameters}", value, best, missing, "verdict", "play")
    shown = "unknown" if known is None else number(known)
    left = estimate(data[missing.replace(" ", "_")], data["standard_error"])
    table.add_row(str(learned_value(data)), shown, left.value, _short(judged), data["play"])
    return table


def _short(judged: Verdict) -> Text:
    return Text(judged.short, style=STYLES[judged.level])


def told(judged: Verdict) -> list[RenderableType]:
    """A verdict in words, and what to do next."""
    advice = [Text(f"  next: {what}", style="bold") for what in judged.advice]
    return [Text(judged.words, style=STYLES[judged.level]), *advice]


def _judged(data: dict[str, Any], trained: bool) -> list[RenderableType]:
    whose = f" (under {certified_model(data)['name']}, the least stable)" if "by_model" in data else ""
    lines = [*told(verdict(data, trained)), Text(f"certificate{whose}: {certificate_words(data)}")]
    if data.get("exact_reason"):
        lines.append(Text("no exact optimum: " + data["exact_reason"]))
    if beside_bound(data):
        lines.append(Text(f"bound: {data['bound_method']}"))
    lines += [Text(f"{name}: {number(value)}") for name, value in data.get("baselines", {}).items()]
    lines += [Text(f"this strategy {name}: {number(value)}") for name, value in data.get("further_values", {}).items()]
    if data["gap_note"]:
        lines.append(Text("note: " + data["gap_note"], style="yellow"))
    return lines


def _models(data: dict[str, Any]) -> list[RenderableType]:
    """The value under each of several models of followers."""
    if "by_model" not in data:
        return []
    table = plain("Under each model of followers", "model", "weight", "value", "verdict", "play")
    for model in data["by_model"]:
        judged = verdict(model, trained="episodes" in data)
        weight, value = number(model["weight"]), str(learned_value(model))
        table.add_row(model["name"], weight, value, _short(judged), model["play"])
    table.add_row("worst", "", number(data["worst_value"]), "", "")
    return [table]


def _equilibria(entries: list[dict[str, Any]], most: int = 10) -> Table:
    table = plain(f"{len(entries)} pure equilibria of the followers", "leader value", "followers get", "what they do")
    for entry in entries[:most]:
        leader, *followers = entry["values"]
        table.add_row(number(leader), ", ".join(map(number, followers)), entry["shown"])
    if len(entries) > most:
        table.add_row(f"... {len(entries) - most} more, down to {number(entries[-1]['values'][0])}", "", "")
    return table


def _words(data: dict[str, Any]) -> list[RenderableType]:
    """What the words above mean, and the units."""
    units = f"{UNITS} {ESTIMATED}" if learned_value(data).margin else UNITS
    return words(words_of(data), units)


def _whole_line(text: str) -> Text:
    """Not broken where the terminal ends, so that a path can be copied."""
    return Text(text, no_wrap=True, overflow="ignore")
