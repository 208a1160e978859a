"""Games inside configurations: made once in a process, and anew in each process that a configuration is sent to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from rllib_stackelberg.rules.base import Rules
from rllib_stackelberg.rules.registry import rules_of

HELD = "held"
"""Under which an environment's configuration holds its game."""


@dataclass(frozen=True, eq=False)
class HeldGame:
    """A game beside what it was made of. Copies of a configuration share it; one that is pickled leaves it behind.

    Attributes:
        rules: the game; None where the configuration has come from another process.
        game: id, class path or class that it was made by.
        parameters: those given to its constructor.
    """

    rules: Rules | None = None
    game: str | type[Rules] = ""
    parameters: Mapping[str, Any] | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()


def configured(game: str | type[Rules], parameters: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """Entries of an environment's configuration: what its game is made of, and the game as it was made.

    >>> from copy import deepcopy
    >>> from rllib_stackelberg import make_game
    >>> entries = configured("escape", {}, make_game("escape"))
    >>> rules_in(deepcopy(entries)) is rules_in(entries)
    True
    """
    given = dict(parameters)
    return {"game": game, "game_config": given, HELD: HeldGame(rules, game, dict(given))}


def rules_in(config: Mapping[str, Any]) -> Rules:
    """The game of an environment's configuration: the one that it holds, or a new one.

    A new one is made where none was sent along, and where the configuration has been given another game since.
    """
    game, parameters = config["game"], config.get("game_config", {})
    held = config.get(HELD, HeldGame())
    if held.rules is not None and (held.game, held.parameters) == (game, dict(parameters)):
        return held.rules
    return rules_of(game, parameters)
