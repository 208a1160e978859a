"""A trained leader as data: a small network in safetensors + JSON that acts without ray or torch.

The network is the actor alone: observation -> tanh layers -> one output per choice (the largest is taken) or
per coordinate of the unit box (clipped, then stretched to the game's box). Never a pickle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.spaces import Discrete
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

if TYPE_CHECKING:
    from rllib_stackelberg.runs.folder import RunFolder


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
    from rllib_stackelberg.runs.folder import RunFolder

    folder = RunFolder(Path(run), game)
    network = LeaderNetwork.of_run(folder)
    act = network.acting_in(folder.game())

    def policy(observation: Any) -> Any:
        action = act(np.asarray(observation, dtype=np.float32)[None])[0]
        return int(action[0]) if network.discrete else action

    return policy
