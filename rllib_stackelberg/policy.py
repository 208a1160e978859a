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
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files import write_atomically
from rllib_stackelberg.followers.learner import argmax_play
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.leader_env import to_game_actions

TENSORS, DESCRIPTION = "policy.safetensors", "policy.json"
FORMAT = 1


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
    """The inverse of `layer_tensors`."""
    return tuple((tensors[f"{prefix}{k}.weight"], tensors[f"{prefix}{k}.bias"]) for k in range(count))


def write_data(folder: Path, description: dict[str, Any], tensors: dict[str, NDArray]) -> None:
    """Write both files of a policy, each atomically."""
    write_atomically(folder / TENSORS, save(tensors))
    write_atomically(folder / DESCRIPTION, json.dumps({"format": FORMAT, **description}).encode())


def read_data(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Description and tensors of a policy; call it in `readable`."""
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    tensors = load_file(folder / TENSORS)
    if description["format"] != FORMAT:
        raise ValueError(f"format {description['format']}")
    return description, tensors


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Reading a policy.

    Raises:
        InvalidFieldError: the folder holds none that can be read.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
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
            description, tensors = read_data(folder)
            layers = layers_from(tensors, description["layers"])
        return cls(layers, bool(description["discrete"]))


def load_policy(run: str | Path) -> Callable[[Any], Any]:
    """The trained leader of a run folder as a function observation -> action, in the game's units.

    The observation is the leader's own (`observe("leader_0")["observation"]` in the AEC view), shape `[d]`; the
    action is an int or an array, as the AEC view takes it. Needs neither ray nor torch.
    """
    from rllib_stackelberg.run_folder import RunFolder

    folder = RunFolder(Path(run))
    game, network = folder.game(), LeaderNetwork.load(folder.path)
    act = network.acting_in(game)

    def policy(observation: Any) -> Any:
        action = act(np.asarray(observation, dtype=np.float32)[None])[0]
        return int(action[0]) if network.discrete else action

    return policy
