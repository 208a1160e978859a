"""What both rules contracts share: plays as arrays side by side, and what a game is called.

`game.py` is the contract of games with finite types and a few followers, `population.py` that of games with a
population of alike followers. Whoever can do with one of them asks for its class (`isinstance`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self

from numpy.typing import NDArray


class Batch:
    """Struct of arrays: B plays. Subclasses are dataclasses of arrays of shape `[B, ...]`."""

    def take(self, rows: NDArray | slice) -> Self:
        """A new state made of the given plays; of a slice it shares their arrays."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})  # type: ignore[arg-type]

    def put(self, rows: NDArray | slice, other: Self) -> None:
        """Overwrite the given plays with those of another state."""
        for field in fields(self):  # type: ignore[arg-type]
            getattr(self, field.name)[rows] = getattr(other, field.name)


class Rules:
    """A game of either contract.

    Attributes:
        source: paper or reference the rules come from.
        id: such as "stackelberg/escape-v0"; parameters: those given to the constructor. Both are set by the registry.
    """

    source: ClassVar[str] = ""
    id: str = ""
    parameters: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{name_of(self)}({given})" if given else name_of(self)

    def forget(self) -> None:
        """Forget what plays have shown so far, but for what counts: words about a run depend on that run alone."""

    @property
    def leader(self) -> str:
        """Name of the leader."""
        return "leader_0"

    @property
    def followers(self) -> tuple[str, ...]:
        """Names of all others."""
        raise NotImplementedError

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of all, the leader's first."""
        return (self.leader, *self.followers)


def name_of(game: Rules) -> str:
    """The id, or the class of a game that has none."""
    return game.id or type(game).__name__
