"""A trained leader as data: a small network in safetensors + JSON that acts without ray or torch.

The network is the actor alone: observation -> tanh layers -> one output per choice (the largest is taken) or
per coordinate of the unit box (clipped, then stretched to the game's box). Never a pickle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.tensors import refuse_unreal
from rllib_stackelberg.followers.learner import argmax_play
from rllib_stackelberg.leader.actions import to_game_actions
from rllib_stackelberg.networks import (
    Layers,
    LeaderPolicy,
    forward,
    layer_tensors,
    layers_from,
    read_data,
    readable,
    widths,
    write_data,
)
from rllib_stackelberg.rules.game import StackelbergGame


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

    def check(self, game: StackelbergGame) -> None:
        """Refuse a network that is not of this game's leader.

        Raises:
            InvalidFieldError: it takes or gives other numbers.
        """
        turn, seen = game.leader_turn, game.observation_spaces[0].shape[0]
        wanted = (seen, turn.choices if turn.discrete else turn.width)
        if widths(self.layers) != wanted or self.discrete != turn.discrete:
            kinds = {True: "choices", False: "coordinates"}
            problem = "the policy takes {} numbers and gives {} {}".format(*widths(self.layers), kinds[self.discrete])
            allowed = "one that takes {} and gives {} {}, as its game asks".format(*wanted, kinds[turn.discrete])
            raise InvalidFieldError("run", problem, allowed)
