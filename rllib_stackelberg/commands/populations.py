"""What the commands do about games with a population."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from rllib_stackelberg.commands.application import parsed, show
from rllib_stackelberg.commands.shell import NOTHING_LEFT, watched
from rllib_stackelberg.commands.signatures import Shown, flag_of, options_of, written
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.lazy_modules import loading
from rllib_stackelberg.populations.settings import PopulationSettings
from rllib_stackelberg.reports import population_tables, result_tables
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import PopulationRun
from rllib_stackelberg.terminal import Terminal

SettingOption = Annotated[
    list[str],
    typer.Option(
        "--setting",
        help=f"of SMFRL, as in mean_field=false; may be repeated: {', '.join(PopulationSettings.model_fields)}",
        metavar="KEY=VALUE",
    ),
]
OF_POPULATIONS = [
    *written(setting=SettingOption),
    *options_of(PopulationOptions, "exploitability", shown={"exploitability": Shown(metavar="EPOCHS")}),
]
"""Options that only games with a population have."""


def refuse(given: Iterable[str], options: Iterable[inspect.Parameter], whose: str) -> None:
    """Refuse, by name, options that are given and belong to other games."""
    refused = {option.name: flag_of(option) for option in options}
    for name in given:
        if name in refused:
            raise InvalidFieldError(name, f"is for {whose}", f"no {refused[name]}")


def train_population(
    rules: PopulationGame, game: str, params: Mapping[str, Any], given: Mapping[str, Any], as_json: bool
) -> None:
    """Train both sides of a game that is made, with a live line, and show the result."""
    settings = {name: _value(text) for name, text in parsed(given.get("setting")).items()}
    options = {name: value for name, value in given.items() if name != "setting"}
    checked = PopulationOptions.checked(rules, game=game, params=params, settings=settings, **options)
    assert checked.out is not None
    RunFolder.create(checked.out)  # refused now rather than after Ray has been loaded
    console = Terminal()
    console.print("starting Ray ...", style="dim")
    with loading():
        from rllib_stackelberg.training.populations.runs import train_population as run_training

    with watched(console, f"Training {checked.game}", population_tables.progress) as report:
        result = run_training(checked, report)
    show(population_tables.result(result), result, as_json)


def resume_population(run: PopulationRun, limits: Mapping[str, Any], as_json: bool) -> None:
    """Go on with a run, with a live line, and show the result."""
    options = run.options(**limits)  # refused now rather than after Ray has been loaded
    console = Terminal()
    result = run.finished(options)
    if result is not None:
        console.print(NOTHING_LEFT, style="dim")
    else:
        console.print("starting Ray ...", style="dim")
        with loading():
            from rllib_stackelberg.training.populations.runs import go_on

        with watched(console, f"Training {options.game}", population_tables.progress) as report:
            result = go_on(run, options, limits, report)
    show(population_tables.result(result), result, as_json)


def _value(text: str) -> Any:
    """JSON where it is some, text elsewhere."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def shown(result: Mapping[str, Any]) -> RenderableType:
    """The result of a run of either kind: that of a game with a population says what members get."""
    return population_tables.result(result) if "members_value" in result else result_tables.result(dict(result))
