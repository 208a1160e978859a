"""The leader's network: an actor that sees the game, a critic that may see the hidden state.

Two separate tanh networks over `Dict(actor, critic)` observations. The actor reads `actor` only, whatever the
critic does, and plays nothing that a `mask` closes; env runners carry no critic. `critic="central"` (MAPPO's) reads
both parts, `"local"` (PPO's) the actor's. Where a game declares seats both networks are shared between followers
(seat_networks.py), unless `model_config={"seats": False}` says otherwise. Values are predicted in payoff units, as
offset + scale x network output, so payoffs of any size train alike.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchCategorical, TorchDiagGaussian
from ray.rllib.core.learner.utils import make_target_network
from ray.rllib.core.rl_module.apis import TARGET_NETWORK_ACTION_DIST_INPUTS, TargetNetworkAPI
from ray.rllib.core.rl_module.apis.inference_only_api import InferenceOnlyAPI
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from torch import nn

from rllib_stackelberg.leader.policy import LeaderNetwork, SeatNetwork
from rllib_stackelberg.networks import Layers
from rllib_stackelberg.training.leaders.batches import OF_FRONT, OF_QUESTION, distinct_rows
from rllib_stackelberg.training.leaders.distributions import ChoiceThenNumbers, held_near, only_open
from rllib_stackelberg.training.leaders.modules import LeaderRLModule, check_networks, copy_to_targets, layers_of
from rllib_stackelberg.training.leaders.seat_networks import SeatActor, SeatCritic

FIRST_LOG_STD, LAST_LOG_STD = -1.0, -6.0
"""Spread of a Gaussian leader at the start and at the end of its schedule, in the unit box."""

FIRST_EPSILON, LAST_EPSILON = 1.0, 0.02
"""Share of random answers of a leader that learns values, at the start and at the end of its schedule."""

STEP_FEATURES = 64
"""Features that feed an output of the networks whose learning rates the defaults are."""

INITIAL_OUTPUT_GAIN = 0.01
"""Of the actor's last layer: a fresh leader is close to indifferent."""


WORTH_SORTING = 512
"""Rows from which on it pays to look for those that are alike."""


def tanh_network(sizes: list[int]) -> nn.Sequential:
    """Linear layers with tanh between them."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(sizes):
        layers += [nn.Linear(width_in, width_out), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def start_afresh(network: nn.Module, gain: float) -> None:
    """Orthogonal weights, zero biases; `gain` is the last layer's."""
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    for layer in linear:
        nn.init.orthogonal_(layer.weight, gain if layer is linear[-1] else 2**0.5)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


NETWORK_DEFAULTS: dict[str, Any] = {
    "fcnet_hiddens": [64, 64],
    "first_log_std": FIRST_LOG_STD,
    "last_log_std": LAST_LOG_STD,
    # Adam moves every weight by about the learning rate, and an output that 64 features feed many times as far:
    # scaled, a step moves a coordinate by about the learning rate, which can be held against the spread.
    "step_scale": 1 / 32,
    # Of scores of choices that have numbers, which share a learning rate with them: a list of choices learns at 3e-3.
    "choice_scale": 0.3,
    # Scores of such choices are multiplied by more and more, so that choices become certain as numbers do.
    "last_sharpness": 30.0,
    "seats": True,
    "seat_units": 32,
    "first_epsilon": FIRST_EPSILON,
    "last_epsilon": LAST_EPSILON,
}
"""What `config.rl_module(model_config=...)` may change."""


class OwnNetworks(LeaderRLModule):
    """Networks that the project defines, with entries of a model configuration that they follow."""

    @classmethod
    def check_model_config(cls, given: Mapping[str, Any]) -> None:
        """Refuse what is neither RLlib's name for hidden layers nor one of `NETWORK_DEFAULTS`."""
        check_networks(given, NETWORK_DEFAULTS)

    @property
    def network_config(self) -> dict[str, Any]:
        """The model configuration with defaults."""
        return NETWORK_DEFAULTS | self.model_config

    @property
    def hidden(self) -> list[int]:
        """Widths of hidden layers."""
        return list(self.network_config["fcnet_hiddens"])

    @abstractmethod
    def _start_afresh(self) -> None:
        """Give all networks but targets their first weights, and begin the schedule."""

    def restart(self) -> None:
        """Forget everything learned, in a learner: in target networks, too, if there are any."""
        self._start_afresh()
        copy_to_targets(self)


class LeaderModule(OwnNetworks, ValueFunctionAPI, InferenceOnlyAPI):
    """Actor and critic of a leader. `model_config`: `problem_config(...)` and changes of `NETWORK_DEFAULTS`."""

    takes_questions = True

    def setup(self) -> None:
        """Build the networks."""
        config = self.network_config
        self.central = config["critic"] == "central"
        self.layout = config.get("layout") if config["seats"] else None
        self.pi = self._actor()
        self.action_dist_cls = self._distribution()
        if not self.discrete:
            self.register_buffer("log_std", torch.tensor(float(config["first_log_std"])))
            self.register_buffer("sharpness", torch.tensor(1.0))
        if not self.inference_only:
            self.vf = self._critic()
            self.offset, self.scale = float(config["value_offset"]), float(config["value_scale"])
        self._start_afresh()

    def _actor(self) -> Any:
        if self.layout is None:
            return tanh_network([self.actor_width, *self.hidden, self.outputs])
        followers, units = len(self.layout["actor"]), int(self.network_config["seat_units"])
        said = (self.choices // followers, self.numbers) if self.choices else (0, self.numbers // followers)
        return SeatActor(self.layout, self.actor_width, units, *said)

    def _critic(self) -> Any:
        if self.layout is not None:
            return SeatCritic(self.layout, self.actor_width, int(self.network_config["seat_units"]), self.critic_parts)
        width = sum(int(np.prod(self.observation_space[part].shape)) for part in self.critic_parts)
        return tanh_network([width, *self.hidden, 1])

    @property
    def critic_parts(self) -> tuple[str, ...]:
        """Of the observation: what the critic reads.

        All questions of a front share the hidden state, and an episode pays for all of them; but which of them are
        asked says what was answered before, which is more than the hidden state tells of a large game. A critic of
        fronts alone sticks in local optima that this one leaves.
        """
        return (self.actor_part, "critic") if self.central else (self.actor_part,)

    def _distribution(self) -> Any:
        if self.discrete:
            return TorchCategorical
        return ChoiceThenNumbers.get_partial_dist_cls(choices=self.choices) if self.choices else TorchDiagGaussian

    @property
    def scales(self) -> tuple[float, float]:
        """What outputs are multiplied by: scores of choices, and numbers.

        The fewer features feed an output, the less far a step of the optimizer moves it: of networks shared between
        seats, which are narrower, both are larger in proportion.
        """
        config = self.network_config
        wider = 1.0 if self.layout is None else STEP_FEATURES / config["seat_units"]
        return (1.0 if self.discrete else config["choice_scale"]) * wider, config["step_scale"] * wider

    def _start_afresh(self) -> None:
        start_afresh(self.pi, INITIAL_OUTPUT_GAIN)
        if not self.inference_only:
            start_afresh(self.vf, 1.0)
        self.anneal(0.0)

    def scatter(self, point: NDArray[np.float64] | None = None) -> None:
        """Begin at a random answer instead of the middle of the unit box: another leader may climb another hill.

        Args:
            point: where to begin instead, `[numbers]`.
        """
        last = [layer for layer in self.pi.modules() if isinstance(layer, nn.Linear)][-1]
        with torch.no_grad():
            given = point is not None and self.layout is None  # seats share what is said of each
            begun = torch.as_tensor(point, dtype=last.bias.dtype) if given else torch.rand_like(last.bias)
            last.bias.copy_((begun - 0.5) / self.scales[1])
        copy_to_targets(self)

    def get_non_inference_attributes(self) -> list[str]:
        """What env runners do without."""
        return ["vf"]

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {Columns.ACTION_DIST_INPUTS: self._distribution_inputs(batch)}

    def _distribution_inputs(self, batch: dict[str, Any]) -> torch.Tensor:
        inputs = self._inputs_of(self.pi, batch[Columns.OBS])
        return inputs.index_select(0, batch[OF_QUESTION]) if OF_QUESTION in batch else inputs

    def _inputs_of(self, actor: nn.Module, seen: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Of scores and coordinates that an actor puts out, what the distribution takes; closed choices closed."""
        outputs, choices = self._said(actor, seen[self.actor_part]), self.choices
        of_choices, of_numbers = self.scales
        found = []
        if choices:
            scores = of_choices * outputs[..., :choices]
            scores = scores if self.discrete else self.sharpness * scores
            found.append(only_open(scores, seen["mask"]) if self.masked else scores)
        if self.numbers:
            means = 0.5 + of_numbers * outputs[..., choices:]  # from the middle of the unit box
            found.append(held_near(means, self.log_std))
            found.append(self.log_std.expand(*outputs.shape[:-1], self.numbers))
        return torch.cat(found, dim=-1)

    def _said(self, actor: nn.Module, seen: torch.Tensor) -> torch.Tensor:
        """What an actor puts out; episodes ask much the same questions, and each kind of row is looked at once."""
        if self.layout is None or seen.ndim != 2 or len(seen) < WORTH_SORTING:
            return actor(seen)
        first, kind = distinct_rows(seen)
        return actor(seen.index_select(0, first)).index_select(0, kind)

    def anneal(self, done: float) -> float:
        """Set the spread of a Gaussian leader when that share of its schedule is over.

        Returns:
            what the first learning rate is to be multiplied by: the spread relative to the first one, or 1.
        """
        if self.discrete:
            return 1.0
        first, last = self.network_config["first_log_std"], self.network_config["last_log_std"]
        fallen = min(self.end, done) * (last - first)
        self.log_std.fill_(first + fallen)
        self.sharpness.fill_(self.network_config["last_sharpness"] ** min(1.0, done))
        return math.exp(fallen)

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> torch.Tensor:
        """Value predictions, payoff units."""
        seen = batch[Columns.OBS]
        if OF_QUESTION in batch:
            places = {"critic": batch[OF_FRONT], self.actor_part: batch[OF_QUESTION]}
            seen = {part: seen[part].index_select(0, place) for part, place in places.items()}
        parts = [seen[part] for part in self.critic_parts]
        values = self.vf(torch.cat(parts, dim=-1)) if self.layout is None else self.vf(*parts)
        return self.offset + self.scale * values.squeeze(-1)

    def export(self) -> LeaderNetwork:
        """The actor as data."""
        if self.layout is None:
            choices = 0 if self.discrete else self.choices
            return LeaderNetwork(self._scaled(layers_of(self.pi), self.choices), self.discrete, choices)
        actor: Any = self.pi
        layers = self._scaled(actor.layers(), actor.choices)
        return SeatNetwork(layers, self.discrete, actor.choices, np.array(self.layout["actor"]))

    def _scaled(self, layers: Layers, choices: int) -> Layers:
        """Layers whose last one puts out what the distribution is given: so many scores, then coordinates."""
        *before, (weight, bias) = layers
        of_choices, of_numbers = self.scales
        scale = np.where(np.arange(len(bias)) < choices, of_choices, of_numbers).astype(np.float32)
        middle = np.where(np.arange(len(bias)) < choices, 0.0, 0.5).astype(np.float32)
        return (*before, (weight * scale[:, None], bias * scale + middle))


class TargetLeaderModule(LeaderModule, TargetNetworkAPI):
    """For APPO: with a copy of the actor that follows it."""

    def make_target_networks(self) -> None:
        """Make the copy (the learner calls it)."""
        self.target_pi = make_target_network(self.pi)

    def get_target_network_pairs(self) -> list[tuple[nn.Module, nn.Module]]:
        """Actor and copy."""
        return [(self.pi, self.target_pi)]

    def get_non_inference_attributes(self) -> list[str]:
        """What env runners do without."""
        return [*super().get_non_inference_attributes(), "target_pi"]

    def forward_target(self, batch: dict[str, Any]) -> dict[str, Any]:
        """What the copy says."""
        return {TARGET_NETWORK_ACTION_DIST_INPUTS: self._inputs_of(self.target_pi, batch[Columns.OBS])}


def problem_config(
    payoff_range: tuple[float, float], critic: str, layout: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What networks must know of the problem, as entries of their model configuration.

    Args:
        payoff_range: of the leader; critic: "central" or "local"; layout: which entries speak of which follower
            (`StackelbergPOMDP.seat_layout`), where the game declares it.
    """
    low, high = map(float, payoff_range)
    known: dict[str, Any] = {
        "critic": critic,
        "value_offset": (low + high) / 2,
        "value_scale": (high - low) / 2 if high > low else 1.0,
    }
    return known if layout is None else known | {"layout": dict(layout)}
