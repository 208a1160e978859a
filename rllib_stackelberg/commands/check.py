"""The command that examines a game: `check`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from rllib_stackelberg.commands.application import GameArgument, Json, Parameters, command, parsed, show
from rllib_stackelberg.reports import tables
from rllib_stackelberg.rounding import number
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import make_rules
from rllib_stackelberg.testing.conformance import PLAYS
from rllib_stackelberg.testing.inspection import Inspection


@command
def check(
    game: GameArgument,
    params: Parameters = None,
    plays: Annotated[int, typer.Option(min=1, max=100_000, help="how many are played side by side")] = PLAYS,
    seed: Annotated[int, typer.Option(min=0, help="random seed of types, chance and actions")] = 0,
    as_json: Json = False,
) -> None:
    """Play a game and say what breaks the rules contract.

    Exits with 1 if anything does.

    Examples:
        rllib-stackelberg check path/to/toll.py:Toll
        rllib-stackelberg check message-spm types=4 --plays 1000
    """
    rules = make_rules(game, **parsed(params))
    data: dict[str, Any] = {"game": rules.id, "params": dict(rules.parameters), "plays": plays}
    if isinstance(rules, PopulationGame):
        from rllib_stackelberg.testing.populations import population_findings

        findings, parts = population_findings(rules, seed, plays), []
    else:
        from rllib_stackelberg.testing.games import examine

        seen = examine(rules, seed, plays)
        findings, parts = seen.findings, [] if seen.findings else [_turns(rules, seen), _payoffs(rules, seen)]
        parts += [Text(f"note: {note}") for note in rules.notes]
        data |= {"notes": list(rules.notes), "steps": seen.steps, "paid": seen.paid.tolist(), "keys": seen.keys}
    data["findings"] = [asdict(found) for found in findings]
    show(Group(_verdict(name_of(rules), data), *parts), data, as_json)
    if findings:
        raise typer.Exit(1)


def _verdict(name: str, data: dict[str, Any]) -> RenderableType:
    """All faults, one paragraph each."""
    if not data["findings"]:
        return Text(f"{name}: no fault in {data['plays']} plays")
    faults = len(data["findings"])
    lines = [Text(f"{name}: {faults} {'fault' if faults == 1 else 'faults'}", style="bold")]
    for found in data["findings"]:
        lines += [Text(), Text(f"{found['about']}: {found['problem']}"), Text(f"  should be: {found['remedy']}")]
    return Group(*lines)


def _turns(game: StackelbergGame, seen: Inspection) -> RenderableType:
    table = tables.plain("Turns", "turn", "of", "kind", "actions", "keys met")
    for turn, met in zip(game.turns, seen.keys, strict=True):
        keys = "-" if turn.kind == "reply" or turn.rows is None else f"{met} of {turn.rows}"
        table.add_row(turn.name, game.agents[turn.agent], turn.kind, str(turn.actions), keys)
    return table


def _payoffs(game: StackelbergGame, seen: Inspection) -> RenderableType:
    """What plays paid, beside what is declared: learners scale payoffs by the latter."""
    table = tables.plain("Total payoffs of a play", "agent", "seen", "declared")
    for agent, paid, declared in zip(game.agents, seen.paid, game.payoff_range, strict=True):
        table.add_row(agent, *(" to ".join(map(number, pair)) for pair in (paid, declared)))
    return table
