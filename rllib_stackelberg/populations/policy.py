"""Both sides of a population game as data: two small networks that act without ray or torch.

Each sees numbers that are told as logarithms where they have no bound (populations/play.py), less a mean, over a
deviation, cut at `CLIP`; between linear layers is a ReLU, and the outputs are squashed to the unit box,
(1 + tanh x) / 2, which is stretched to the box of actions. One network acts for every member. Files as in policy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.policy import Layers, forward, layer_tensors, layers_from, read_data, readable, write_data
from rllib_stackelberg.populations.game import Floats, PopulationGame
from rllib_stackelberg.populations.play import told

CLIP = 5.0
"""How many deviations from the mean are told apart."""

KIND = "population"
SIDES = ("leader", "members")


def relu(values: Floats) -> Floats:
    """The larger of each and 0."""
    return np.maximum(values, 0.0)


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

    def features(self, observations: NDArray) -> Floats:
        """What the network is given, `[..., d]`."""
        return np.clip((told(observations, self.logged) - self.mean) / self.deviation, -CLIP, CLIP)

    def act(self, inputs: Floats) -> Floats:
        """Actions `[..., w]` in the game's units, of inputs `[..., d]` or more."""
        unit = 0.5 + 0.5 * np.tanh(forward(self.layers, inputs, relu))
        return np.clip(self.low + unit * (self.high - self.low), self.low, self.high)

    def unit(self, actions: Floats) -> Floats:
        """Actions as points of the unit box."""
        return (actions - self.low) / (self.high - self.low)

    def tensors(self, prefix: str) -> dict[str, NDArray]:
        """All of it, by name."""
        rest = {"mean": self.mean, "deviation": self.deviation, "low": self.low, "high": self.high}
        named = rest | {"logged": self.logged.astype(np.uint8)}
        return layer_tensors(self.layers, prefix) | {prefix + name: np.asarray(v) for name, v in named.items()}

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray], layers: int, prefix: str) -> BoxActor:
        """The inverse of `tensors`."""
        rest = {name: tensors[prefix + name] for name in ("mean", "deviation", "low", "high")}
        found = layers_from(dict(tensors), layers, prefix)
        return cls(found, logged=tensors[prefix + "logged"].astype(bool), **rest)


@dataclass(frozen=True, eq=False)
class PopulationPolicy:
    """What the leader does and how members answer.

    Attributes:
        leader, members: the networks; sees_leader: whether members see the leader's action.
    """

    leader: BoxActor
    members: BoxActor
    sees_leader: bool = True

    def lead(self, observations: NDArray) -> Floats:
        """Leader's actions `[B, w]` for what it sees `[B, d]`."""
        return self.leader.act(self.leader.features(observations))

    def follow(self, observations: NDArray, leader: Floats) -> Floats:
        """Members' actions `[B, N, v]` for what they see of the state `[B, N, e]` and the leader's actions `[B, w]`."""
        inputs = self.members.features(observations)
        if self.sees_leader:
            shown = 2 * self.leader.unit(leader)[:, None, :] - 1
            inputs = np.concatenate([inputs, np.broadcast_to(shown, (*inputs.shape[:2], shown.shape[2]))], axis=2)
        return self.members.act(inputs)

    def play(self, game: PopulationGame, state: Any) -> tuple[Floats, Floats]:
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
        """The inverse of `data`."""
        leader, members = (BoxActor.of(tensors, description[side], f"{side}.") for side in SIDES)
        return cls(leader, members, sees_leader=bool(description["sees_leader"]))

    def save(self, folder: Path) -> None:
        """Write both files, each atomically."""
        write_data(folder, *self.data())

    @classmethod
    def load(cls, folder: Path) -> PopulationPolicy:
        """Read both files.

        Raises:
            InvalidFieldError: the folder holds no such policy.
        """
        with readable(folder):
            description, tensors = read_data(folder)
            if description.get("kind") != KIND:
                raise InvalidFieldError("run", "the policy is of a leader alone", "that of a population game")
            return cls.of(description, tensors)
