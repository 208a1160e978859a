"""Both sides of a population game as data: two small networks that act without ray or torch.

Each sees numbers that are told as logarithms where they have no bound (populations/play.py), less a mean, over a
deviation, cut at `CLIP`; between linear layers is a ReLU, and the outputs are squashed to the unit box,
(1 + tanh x) / 2, which is stretched to the box of actions. One network acts for every member. Files as in policy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError
from rllib_stackelberg.files.tensors import refuse_unreal
from rllib_stackelberg.networks import (
    BothPolicies,
    Layers,
    PlayedGame,
    forward,
    layer_tensors,
    layers_from,
    read_data,
    readable,
    widths,
    write_data,
)
from rllib_stackelberg.populations.play import told
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import all_parameters, is_registered

CLIP = 5.0
"""How many deviations from the mean are told apart."""

KIND = "population"
SIDES = ("leader", "members")


def relu(values: Numbers) -> Numbers:
    """The larger of each and 0."""
    return np.maximum(values, 0.0)


STATISTICS, BOUNDS = ("mean", "deviation"), ("low", "high")


def played_game(game: PopulationGame) -> PlayedGame:
    """The game that policies are trained in: its name, and its parameters but for those that policies carry over.

    Defaults are filled in, and a file stands for its content: by its SHA-256 sum.
    """
    name = game.id if is_registered(game.id) else f"{type(game).__module__}:{type(game).__qualname__}"
    kept = {key: value for key, value in all_parameters(game).items() if key not in game.carries_over}
    return PlayedGame(id=name, parameters=kept)


@dataclass(frozen=True, eq=False)
class BoxActor:
    """One side's network.

    Attributes:
        layers: ReLU between them.
        mean, deviation: of what it sees of the state, `[d]`; logged: which of it is told as logarithms `[d]`.
        low, high: the box of its actions in the game's units `[w]`.
    """

    layers: Layers
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    logged: NDArray[np.bool_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def features(self, observations: NDArray) -> Numbers:
        """What the network is given, `[..., d]`."""
        return np.clip((told(observations, self.logged) - self.mean) / self.deviation, -CLIP, CLIP)

    def act(self, inputs: Numbers) -> Numbers:
        """Actions `[..., w]` in the game's units, of inputs `[..., d]` or more."""
        unit = 0.5 + 0.5 * np.tanh(forward(self.layers, inputs, relu))
        return np.clip(self.low + unit * (self.high - self.low), self.low, self.high)

    def unit(self, actions: Numbers) -> Numbers:
        """Actions as points of the unit box."""
        return (actions - self.low) / (self.high - self.low)

    def tensors(self, prefix: str) -> dict[str, NDArray]:
        """All of it, by name."""
        rest = {"mean": self.mean, "deviation": self.deviation, "low": self.low, "high": self.high}
        named = rest | {"logged": self.logged.astype(np.uint8)}
        return layer_tensors(self.layers, prefix) | {prefix + name: np.asarray(v) for name, v in named.items()}

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray], layers: int, prefix: str) -> BoxActor:
        """The inverse of `tensors`.

        Raises:
            BrokenDocumentError: one is missing, not finite, or of a shape that does not fit the others.
        """
        named = dict(tensors)
        if missing := [prefix + name for name in (*STATISTICS, *BOUNDS, "logged") if prefix + name not in named]:
            raise BrokenDocumentError(f"lacks {missing[0]}")
        flags = named[prefix + "logged"]
        refuse_unreal({name: array for name, array in named.items() if name.startswith(prefix) and array is not flags})
        made = cls(
            layers_from(named, layers, prefix), logged=flags.astype(bool),
            **{name: named[prefix + name] for name in (*STATISTICS, *BOUNDS)},
        )  # fmt: skip
        made.refuse_unlike(prefix.rstrip("."))
        return made

    def refuse_unlike(self, side: str) -> None:
        """Refuse parts that do not fit one another.

        Raises:
            BrokenDocumentError: naming the side.
        """
        seen, acted = (len(self.mean),), (widths(self.layers)[1],)
        shapes = [self.mean.shape, self.deviation.shape, self.logged.shape]
        if any(shape != seen for shape in shapes) or self.low.shape != acted or self.high.shape != acted:
            raise BrokenDocumentError(f"statistics or bounds of the {side} are not of its layers' widths")
        if not (self.deviation > 0).all() or not (self.low < self.high).all():
            raise BrokenDocumentError(f"a deviation of the {side} is not above 0, or a bound not below the other")


@dataclass(frozen=True, eq=False)
class PopulationPolicy:
    """What the leader does and how members answer.

    Attributes:
        leader, members: the networks; sees_leader: whether members see the leader's action.
        played: the game it was trained in, where that is known: of one that was trained, or was saved with it.
    """

    leader: BoxActor
    members: BoxActor
    sees_leader: bool = True
    played: PlayedGame | None = None

    def of_side(self, side: str) -> BoxActor:
        """The network of "leader" or "members"."""
        return {"leader": self.leader, "members": self.members}[side]

    def with_side(self, side: str, actor: BoxActor) -> PopulationPolicy:
        """The same, with another network of one side."""
        return replace(self, leader=actor) if side == "leader" else replace(self, members=actor)

    def lead(self, observations: NDArray) -> Numbers:
        """Leader's actions `[B, w]` for what it sees `[B, d]`."""
        return self.leader.act(self.leader.features(observations))

    def follow(self, observations: NDArray, leader: Numbers) -> Numbers:
        """Members' actions `[B, N, v]` for what they see of the state `[B, N, e]` and the leader's actions `[B, w]`."""
        return self.members.act(self.given(observations, leader))

    def given(self, observations: NDArray, leader: Numbers) -> Numbers:
        """What the members' network is given `[B, N, ...]`; arguments as of `follow`."""
        inputs = self.members.features(observations)
        if not self.sees_leader:
            return inputs
        shown = 2 * self.leader.unit(leader)[:, None, :] - 1
        return np.concatenate([inputs, np.broadcast_to(shown, (*inputs.shape[:2], shown.shape[2]))], axis=2)

    def play(self, game: PopulationGame, state: Any) -> tuple[Numbers, Numbers]:
        """Actions of both in a state."""
        leader = self.lead(game.observe_leader(state))
        return leader, self.follow(game.observe_members(state), leader)

    def data(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Description and tensors."""
        description = {"kind": KIND, "sees_leader": self.sees_leader}
        counts = {side: len(getattr(self, side).layers) for side in SIDES}
        return description | counts, self.leader.tensors("leader.") | self.members.tensors("members.")

    @classmethod
    def of(cls, description: Mapping[str, Any], tensors: Mapping[str, NDArray]) -> PopulationPolicy:
        """The inverse of `data`.

        Raises:
            BrokenDocumentError: tensors are missing, or do not fit one another.
        """
        leader, members = (BoxActor.of(tensors, description[side], f"{side}.") for side in SIDES)
        return cls(leader, members, sees_leader=description["sees_leader"])

    def save(self, folder: Path, game: PopulationGame | None = None) -> None:
        """Write both files, each atomically; with the game they were trained in, if that is given."""
        description, tensors = self.data()
        played = {"game": played_game(game).model_dump()} if game else {}
        write_data(folder, description | played, tensors)

    @classmethod
    def load(cls, folder: Path) -> PopulationPolicy:
        """Read both files.

        Raises:
            InvalidFieldError: the folder holds no such policy.
        """
        with readable(folder):
            description, tensors = read_data(folder, BothPolicies)
            return replace(cls.of(description.model_dump(), tensors), played=description.game)

    def check(self, game: PopulationGame, field: str) -> None:
        """Refuse policies that were trained in another game, or that take or give other numbers than this one's.

        Args:
            game: that they are to play; field: what is named when they are refused.

        Raises:
            InvalidFieldError: they cannot play it.
        """
        if self.played is not None and self.played != (wanted := played_game(game)):
            raise InvalidFieldError(
                field, f"play another game: {_difference(self.played, wanted)}", "a policy of this one"
            )
        acted = game.leader_actions.shape[0] if self.sees_leader else 0
        fits = (
            (self.leader, game.leader_space, game.leader_actions, 0),
            (self.members, game.member_space, game.member_actions, acted),
        )
        for side, (actor, space, actions, shown) in zip(SIDES, fits, strict=True):
            seen, given = space.shape[0], actions.shape[0]
            if len(actor.mean) != seen or widths(actor.layers) != (seen + shown, given):
                problem = f"play another game: the {side} take and give {widths(actor.layers)} numbers"
                raise InvalidFieldError(field, problem, f"{(seen + shown, given)}, as this one asks")
            if (actor.low < actions.low).any() or (actor.high > actions.high).any():
                raise InvalidFieldError(
                    field, f"act beyond the bounds of the {side}'s actions", "a policy of this game"
                )


def _difference(one: PlayedGame, other: PlayedGame) -> str:
    """In what two games differ, in words."""
    if one.id != other.id:
        return f"{one.id}, not {other.id}"
    for name in {**one.parameters, **other.parameters}:
        was, now = one.parameters.get(name), other.parameters.get(name)
        if was != now:
            return f"{name}={was}, not {now}"
    return "other parameters"
