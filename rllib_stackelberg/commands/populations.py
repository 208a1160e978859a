"""What the commands do about games with a population."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from rllib_stackelberg.commands.application import parsed
from rllib_stackelberg.commands.signatures import Shown, flag_of, options_of, written
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.settings import PopulationSettings
from rllib_stackelberg.reports import population_tables, result_tables
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.runs.population_options import PopulationOptions

SettingOption = Annotated[
    list[str],
    typer.Option(
        "--setting",
        help=f"of SMFRL, as in mean_field=false; may be repeated: {', '.join(PopulationSettings.model_fields)}",
        metavar="KEY=VALUE",
    ),
]
EPOCHS = {"exploitability": Shown(metavar="EPOCHS")}
OF_POPULATIONS = [
    *written(setting=SettingOption),
    *options_of(PopulationOptions, "members_algo", "device", "exploitability", shown=EPOCHS),
]
"""Options that only games with a population have."""


def refuse(given: Iterable[str], options: Iterable[inspect.Parameter], whose: str) -> None:
    """Refuse, by name, options that are given and belong to other games."""
    refused = {option.name: flag_of(option) for option in options}
    for name in given:
        if name in refused:
            raise InvalidFieldError(name, f"is for {whose}", f"no {refused[name]}")


def population_options(
    rules: PopulationGame, game: str, params: Mapping[str, Any], given: Mapping[str, Any]
) -> PopulationOptions:
    """Options of the command line for a game that is made.

    Args:
        rules: the game.
        game, params: what it was made by.
        given: options of the command line.

    Raises:
        InvalidFieldError: what cannot work, by name.
    """
    settings = {name: _value(text) for name, text in parsed(given.get("setting")).items()}
    options = {name: value for name, value in given.items() if name != "setting"}
    return PopulationOptions.checked(rules, game=game, params=params, settings=settings, **options)


def _value(text: str) -> Any:
    """JSON where it is some, text elsewhere."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def shown(result: Mapping[str, Any]) -> RenderableType:
    """The result of a run of either kind: that of a game with a population says what members get."""
    return population_tables.result(result) if "members_value" in result else result_tables.result(dict(result))
