"""The game of a run folder: named by the folder, or by the person; its files are the folder's own copies."""

from __future__ import annotations

from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import file_parameters, find_spec, make_rules
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.inputs import held
from rllib_stackelberg.runs.sources import refuse_other_source


def made_rules(folder: RunFolder) -> StackelbergGame | PopulationGame:
    """The run's game, made anew.

    Raises:
        InvalidFieldError: no run folder, a game that is not registered and not named by the person, or other code.
    """
    config, name = folder.config, folder.game_name()
    refuse_other_source(config.source, find_spec(name))
    return make_rules(name, **parameters(folder))


def parameters(folder: RunFolder) -> dict[str, Any]:
    """The game's parameters, where files are the folder's own copies.

    Raises:
        InvalidFieldError: a copy is missing or not as it was written, by the name of its parameter.
    """
    config, name = folder.config, folder.game_name()
    copies = {parameter: str(held(folder.folder, parameter, told)) for parameter, told in config.inputs.items()}
    for parameter in file_parameters(name):
        if config.params.get(parameter) is not None and parameter not in copies:
            problem = f"{folder.path} has no copy of {config.params[parameter]!r}"
            raise InvalidFieldError(parameter, problem, "a run folder that stands alone; train the run anew")
    unknown = [parameter for parameter in copies if parameter not in config.params]
    if unknown:
        raise InvalidFieldError("run", f"{folder.path} has an input {unknown[0]!r}", "inputs of the parameters")
    return config.params | copies
