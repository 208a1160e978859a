"""A trained leader as data: a small network in safetensors + JSON that acts without ray or torch.

The network is the actor alone: observation -> tanh layers -> one output per choice (the largest is taken) or
per coordinate of the unit box (clipped, then stretched to the game's box). Never a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors.numpy import save

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import BrokenDocumentError, parsed
from rllib_stackelberg.files.folder import Folder, write_atomically
from rllib_stackelberg.files.tensors import arrays, refuse_unreal
from rllib_stackelberg.followers.learner import argmax_play
from rllib_stackelberg.leader_env import to_game_actions
from rllib_stackelberg.records import LeaderPolicy, Record
from rllib_stackelberg.rules.game import StackelbergGame

if TYPE_CHECKING:
    from rllib_stackelberg.run_folder import RunFolder

TENSORS, DESCRIPTION = "policy.safetensors", "policy.json"
FORMAT = 1
LARGEST_POLICY = 256 * 2**20
"""Bytes of its tensors."""

Described = TypeVar("Described", bound=Record)


Layers = tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
"""(weight `[out, in]`, bias `[out]`) each."""


def forward(layers: Layers, inputs: Any, between: Callable[[Any], Any]) -> NDArray[np.float64]:
    """Outputs `[..., out]` of linear layers for inputs `[..., in]`, with an activation between them."""
    hidden = np.asarray(inputs, dtype=np.float64)
    for k, (weight, bias) in enumerate(layers):
        hidden = hidden @ weight.T.astype(np.float64) + bias
        if k < len(layers) - 1:
            hidden = between(hidden)
    return hidden


def layer_tensors(layers: Layers, prefix: str = "") -> dict[str, NDArray]:
    """Layers as named tensors."""
    named: dict[str, NDArray] = {}
    for k, (weight, bias) in enumerate(layers):
        named |= {f"{prefix}{k}.weight": np.ascontiguousarray(weight), f"{prefix}{k}.bias": np.ascontiguousarray(bias)}
    return named


def layers_from(tensors: dict[str, NDArray], count: int, prefix: str = "") -> Layers:
    """The inverse of `layer_tensors`.

    Raises:
        BrokenDocumentError: one is missing, or they do not follow one another.
    """
    found: list[tuple[NDArray, NDArray]] = []
    for k in range(count):
        names = (f"{prefix}{k}.weight", f"{prefix}{k}.bias")
        if missing := [name for name in names if name not in tensors]:
            raise BrokenDocumentError(f"{TENSORS} lacks {missing[0]}")
        weight, bias = (tensors[name] for name in names)
        wide = len(found[-1][1]) if found else None
        if weight.ndim != 2 or bias.shape != weight.shape[:1] or wide not in (None, weight.shape[1]) or not bias.size:
            raise BrokenDocumentError(f"layer {prefix}{k} has weights {weight.shape} and biases {bias.shape}")
        found.append((weight, bias))
    return tuple(found)


def widths(layers: Layers) -> tuple[int, int]:
    """How many numbers layers take, and how many they give."""
    return layers[0][0].shape[1], len(layers[-1][1])


def write_data(folder: Path, description: dict[str, Any], tensors: dict[str, NDArray]) -> None:
    """Write both files of a policy, each atomically."""
    write_atomically(folder / TENSORS, save(tensors))
    write_atomically(folder / DESCRIPTION, json.dumps({"format": FORMAT, **description}).encode())


def read_data(folder: Path, model: type[Described]) -> tuple[Described, dict[str, NDArray]]:
    """Description, which fits the model, and tensors of a policy; call it in `readable`."""
    held = Folder(folder)
    return model.model_validate(parsed(held.read(DESCRIPTION))), arrays(held.read(TENSORS, LARGEST_POLICY))


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Reading a policy.

    Raises:
        InvalidFieldError: the folder holds none that can be read.
    """
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{DESCRIPTION}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise InvalidFieldError("run", f"{folder} holds no readable policy ({problem})", "a run folder") from error
    except (OSError, BrokenDocumentError) as error:
        raise InvalidFieldError("run", f"{folder} holds no readable policy ({error})", "a run folder") from error


@dataclass(frozen=True, eq=False)
class LeaderNetwork:
    """The actor network.

    Attributes:
        layers: tanh between them.
        discrete: whether outputs are scores of choices or coordinates.
    """

    layers: Layers
    discrete: bool

    def outputs(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores or coordinates, `[N, out]`."""
        return forward(self.layers, observations, np.tanh)

    def greedy(self, observations: NDArray[np.float32]) -> NDArray:
        """What a leader algorithm would output without exploring: indices `[N]` or unit-box points `[N, w]`."""
        outputs = self.outputs(observations)
        return argmax_play(outputs) if self.discrete else outputs

    def acting_in(self, game: StackelbergGame) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
        """Observations `[N, d]` -> actions `[N, width]` in the game's units."""
        return lambda observations: to_game_actions(game, self.greedy(observations))[0]

    def save(self, folder: Path) -> None:
        """Write both files, each atomically."""
        write_data(folder, {"layers": len(self.layers), "discrete": self.discrete}, layer_tensors(self.layers))

    @classmethod
    def load(cls, folder: Path) -> LeaderNetwork:
        """Read both files.

        Raises:
            InvalidFieldError: the folder holds no policy of this format.
        """
        with readable(folder):
            description, tensors = read_data(folder, LeaderPolicy)
            refuse_unreal(tensors)
            layers = layers_from(tensors, description.layers)
        return cls(layers, description.discrete)

    @classmethod
    def of_run(cls, folder: RunFolder) -> LeaderNetwork:
        """The trained leader of a run, which fits its game.

        Raises:
            InvalidFieldError: the folder holds no policy, or one of another game.
        """
        network = cls.load(folder.path)
        network.check(folder.game())
        return network

    def check(self, game: StackelbergGame) -> None:
        """Refuse a network that is not of this game's leader.

        Raises:
            InvalidFieldError: it takes or gives other numbers.
        """
        turn, seen = game.turns[game.leader_turn], game.observation_spaces[0].shape[0]
        discrete = isinstance(turn.actions, Discrete)
        wanted = (seen, turn.choices if discrete else turn.width)
        if widths(self.layers) != wanted or self.discrete != discrete:
            kinds = {True: "choices", False: "coordinates"}
            problem = "the policy takes {} numbers and gives {} {}".format(*widths(self.layers), kinds[self.discrete])
            allowed = "one that takes {} and gives {} {}, as its game asks".format(*wanted, kinds[discrete])
            raise InvalidFieldError("run", problem, allowed)


def load_policy(run: str | Path, game: str | None = None) -> Callable[[Any], Any]:
    """The trained leader of a run folder as a function observation -> action, in the game's units.

    The observation is the leader's own (`observe("leader_0")` in the AEC view), shape `[d]`; the
    action is an int or an array, as the AEC view takes it. Needs neither ray nor torch.

    Args:
        run: its folder; game: the game's class, where it is not a registered one: code that you trust.

    Raises:
        InvalidFieldError: no such run, no policy of its game, or a game that is to be named.
    """
    from rllib_stackelberg.run_folder import RunFolder

    folder = RunFolder(Path(run), game)
    network = LeaderNetwork.of_run(folder)
    act = network.acting_in(folder.game())

    def policy(observation: Any) -> Any:
        action = act(np.asarray(observation, dtype=np.float32)[None])[0]
        return int(action[0]) if network.discrete else action

    return policy
