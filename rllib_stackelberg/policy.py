"""A trained leader as data: a small network in safetensors + JSON that acts without ray or torch.

The network is the actor alone: observation -> tanh layers -> one output per choice (the largest is taken) or
per coordinate of the unit box (clipped, then stretched to the game's box). Never a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Callable
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


@dataclass(frozen=True, eq=False)
class LeaderNetwork:
    """The actor network.

    Attributes:
        layers: (weight `[out, in]`, bias `[out]`), tanh between them.
        discrete: whether outputs are scores of choices or coordinates.
    """

    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    discrete: bool

    def outputs(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores or coordinates, `[N, out]`."""
        hidden = np.asarray(observations, dtype=np.float64)
        for k, (weight, bias) in enumerate(self.layers):
            hidden = hidden @ weight.T.astype(np.float64) + bias
            if k < len(self.layers) - 1:
                hidden = np.tanh(hidden)
        return hidden

    def greedy(self, observations: NDArray[np.float32]) -> NDArray:
        """What a leader algorithm would output without exploring: indices `[N]` or unit-box points `[N, w]`."""
        outputs = self.outputs(observations)
        return argmax_play(outputs) if self.discrete else outputs

    def acting_in(self, game: StackelbergGame) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
        """Observations `[N, d]` -> actions `[N, width]` in the game's units."""
        return lambda observations: to_game_actions(game, self.greedy(observations))[0]

    def save(self, folder: Path) -> None:
        """Write both files, each atomically."""
        tensors: dict[str, NDArray[np.float32]] = {}
        for k, (weight, bias) in enumerate(self.layers):
            tensors |= {f"{k}.weight": np.ascontiguousarray(weight), f"{k}.bias": np.ascontiguousarray(bias)}
        description = {"format": FORMAT, "layers": len(self.layers), "discrete": self.discrete}
        write_atomically(folder / TENSORS, save(tensors))
        write_atomically(folder / DESCRIPTION, json.dumps(description).encode())

    @classmethod
    def load(cls, folder: Path) -> LeaderNetwork:
        """Read both files.

        Raises:
            InvalidFieldError: the folder holds no policy of this format.
        """
        try:
            description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            tensors = load_file(folder / TENSORS)
            layers = tuple((tensors[f"{k}.weight"], tensors[f"{k}.bias"]) for k in range(description["layers"]))
            if description["format"] != FORMAT:
                raise ValueError(f"format {description['format']}")
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise InvalidFieldError("run", f"{folder} holds no readable policy ({error})", "a run folder") from error
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
