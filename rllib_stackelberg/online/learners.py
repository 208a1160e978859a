"""What plays online: learners in the leader's and in the follower's seat.

A learner is a frozen description (its parameters) that `begin`s a player for a number of seeds side by side. A player
answers round by round and is told what its seat sees. Arrays run over seeds; what a seed does must not depend on which
others run beside it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import as_text, described, split_text
from rllib_stackelberg.rules.game import StackelbergGame

if TYPE_CHECKING:
    from rllib_stackelberg.online.arena import Arena

Seat = Literal["leader", "follower"]


@dataclass(frozen=True)
class Traits:
    """What a learner is called, and what it is shown of the other player's reward.

    Attributes:
        name: how the command line calls it, whatever the case.
        sees: "own": nothing; "noisy": the reward the other got; "exact": its expectation.
        draws: uniforms it needs per round.
    """

    name: str
    sees: Literal["own", "noisy", "exact"] = "own"
    draws: int = 0


@dataclass(frozen=True, eq=False)
class Feedback:
    """What one player sees of a round.

    Attributes:
        round: 0, 1, ...
        leader: the leader's actions `[S, w]`, a discrete one in column 0; follower: the follower's `[S, v]`.
        own: reward of this player `[S]`, in the game's units.
        other: the other player's, `[S]`, as far as the learner's `sees` goes.
        signal: what the game tells everybody, `[S, d]`.
    """

    round: int
    leader: NDArray
    follower: NDArray
    own: NDArray
    other: NDArray | None
    signal: NDArray


class Player(ABC):
    """One seat's player over S seeds."""

    @abstractmethod
    def learn(self, feedback: Feedback) -> None:
        """Take in what this seat sees of the round."""

    def estimate(self) -> NDArray | None:
        """Current estimate of the game's `estimand`, `[S, k]`; None for a learner that makes none."""
        return None


class LeaderPlayer(Player):
    """Moves first."""

    @abstractmethod
    def act(self, round_: int, uniforms: NDArray) -> NDArray:
        """Actions `[S, w]`, given `traits.draws` uniforms per seed `[S, draws]`."""


class FollowerPlayer(Player):
    """Answers what the leader did."""

    @abstractmethod
    def act(self, round_: int, leader: NDArray, uniforms: NDArray) -> NDArray:
        """Actions `[S, v]`, given the leader's `[S, w]` and `traits.draws` uniforms per seed."""


class OnlineLearner(ABC):
    """A frozen dataclass of numbers, with `traits`; of one of the two subclasses below."""

    traits: ClassVar[Traits]
    seat: ClassVar[Seat]
    registry: ClassVar[dict[tuple[str, str], type[OnlineLearner]]] = {}

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "traits" in vars(cls):
            OnlineLearner.registry[cls.seat, cls.traits.name.lower()] = cls

    @classmethod
    @abstractmethod
    def misfit(cls, game: StackelbergGame) -> str | None:
        """What this learner needs that the game is not, in words; None where they fit."""

    @abstractmethod
    def begin(self, arena: Arena, seeds: int, rounds: int) -> Player:
        """A fresh player of that many seeds, for that many rounds."""

    def text(self) -> str:
        """Name and parameters as the command line writes them."""
        return as_text(self.traits.name, self)

    def check(self, game: StackelbergGame) -> None:
        """Refuse a game that this learner cannot play, by name of the seat.

        Raises:
            InvalidFieldError: naming the learners that can.
        """
        if (problem := self.misfit(game)) is None:
            return
        fitting = ", ".join(kind.traits.name for kind in learners(self.seat) if kind.misfit(game) is None)
        raise InvalidFieldError(self.seat, f"{self.traits.name} needs {problem}", fitting or "none for this game")


class LeaderLearner(OnlineLearner):
    """A learner in the leader's seat."""

    seat = "leader"

    @abstractmethod
    def begin(self, arena: Arena, seeds: int, rounds: int) -> LeaderPlayer:
        """A fresh leader."""


class FollowerLearner(OnlineLearner):
    """A learner in the follower's seat."""

    seat = "follower"

    @abstractmethod
    def begin(self, arena: Arena, seeds: int, rounds: int) -> FollowerPlayer:
        """A fresh follower."""


def learners(seat: Seat) -> list[type[OnlineLearner]]:
    """All learners of a seat, by name."""
    return [kind for (of, _), kind in sorted(OnlineLearner.registry.items()) if of == seat]


def online_learner(seat: Seat, text: str) -> OnlineLearner:
    """A learner from the command line's `NAME:parameter=value,...`.

    Raises:
        InvalidFieldError: unknown learner or parameter, naming the seat.
    """
    name, parameters = split_text(text)
    kind = OnlineLearner.registry.get((seat, name.lower()))
    if kind is None:
        known = ", ".join(kind.traits.name for kind in learners(seat))
        raise InvalidFieldError(seat, f"unknown learner {name!r}", known)
    return described(kind, parameters, seat)
