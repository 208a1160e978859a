"""What options of training runs share: the game and the settings that they name are made once, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel

from rllib_stackelberg.rules.base import Rules
from rllib_stackelberg.rules.held import configured

RULES, SETTINGS = "rules", "resolved_settings"

MADE_OF = {RULES: {"game", "params"}, SETTINGS: {"game", "params", "settings"}}
"""Of which fields what is kept was made."""


class GameOptions(BaseModel):
    """Options with the fields `game`, `params`, `settings` and `out`.

    Subclasses say how `rules` and `resolved_settings` are made. Both are no fields: they are not written down, and
    options are equal without them.
    """

    @cached_property
    def rules(self) -> Rules:
        """The game, made when it is first asked for."""
        raise NotImplementedError

    @cached_property
    def resolved_settings(self) -> BaseModel:
        """The game's default settings with this run's changes."""
        raise NotImplementedError

    def holding(self, rules: Rules | None) -> Self:
        """These options, with the game that they name, if it has been made."""
        if rules is not None:
            self.__dict__[RULES] = rules  # where a cached property looks first
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's; what is made of fields that change is made anew."""
        copied = super().model_copy(update=update, deep=deep)
        for name, fields in MADE_OF.items():
            if fields & (update or {}).keys():
                copied.__dict__.pop(name, None)
        return copied

    def kept_in(self, folder: Path, params: Mapping[str, Any]) -> Self:
        """The same options of a run folder that keeps copies of the game's files; the game is the one made of them."""
        return super().model_copy(update={"out": folder, "params": dict(params)})

    @property
    def entries(self) -> dict[str, Any]:
        """The game, for the configuration of RLlib's environments."""
        fields = self.model_dump(include={"game", "params"})
        return configured(fields["game"], fields["params"], self.rules)

    def resolved(self) -> dict[str, Any]:
        """As plain data, defaults filled in."""
        settings = self.resolved_settings.model_dump(mode="json")
        return self.model_dump(mode="json") | {"settings": settings}
