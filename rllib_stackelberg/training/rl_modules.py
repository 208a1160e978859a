"""The leader's network: an actor that sees the game, a critic that may see the hidden state.

Two separate tanh networks over `Dict(actor, critic)` observations. The actor reads `actor` only, whatever the
critic does; env runners carry no critic. `critic="central"` (MAPPO's) reads both parts, `"local"` (PPO's) the
actor's. Values are predicted in payoff units, as offset + scale x network output, so payoffs of any size train
alike.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Discrete
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchCategorical, TorchDiagGaussian
from ray.rllib.core.rl_module.apis.inference_only_api import InferenceOnlyAPI
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from torch import nn

from rllib_stackelberg.policy import LeaderNetwork

FIRST_LOG_STD, LAST_LOG_STD = -1.0, -6.0
"""Spread of a Gaussian leader at the start and at the end of its schedule, in the unit box."""

INITIAL_OUTPUT_GAIN = 0.01
"""Of the actor's last layer: a fresh leader is close to indifferent."""


def tanh_network(sizes: list[int], gain: float) -> nn.Sequential:
    """Linear layers with tanh between them, orthogonal weights, zero biases."""
    layers: list[nn.Module] = []
    for k, (width_in, width_out) in enumerate(pairwise(sizes)):
        last = k == len(sizes) - 2
        layer = nn.Linear(width_in, width_out)
        nn.init.orthogonal_(layer.weight, gain if last else 2**0.5)
        nn.init.zeros_(layer.bias)
        layers += [layer] if last else [layer, nn.Tanh()]
    return nn.Sequential(*layers)


class LeaderModule(TorchRLModule, ValueFunctionAPI, InferenceOnlyAPI):
    """Actor and critic of a leader. `model_config` is `leader_model_config(...)`."""

    def setup(self) -> None:
        """Build the networks."""
        config = self.model_config
        actor_width = int(np.prod(self.observation_space["actor"].shape))
        critic_width = int(np.prod(self.observation_space["critic"].shape))
        self.discrete = isinstance(self.action_space, Discrete)
        outputs = int(self.action_space.n) if self.discrete else int(np.prod(self.action_space.shape))
        hidden = list(config["hidden"])
        self.pi = tanh_network([actor_width, *hidden, outputs], INITIAL_OUTPUT_GAIN)
        self.action_dist_cls = TorchCategorical if self.discrete else TorchDiagGaussian
        if not self.discrete:
            self.step_scale = float(config["step_scale"])
            self.register_buffer("log_std", torch.tensor(float(config["first_log_std"])))
        self.central = config["critic"] == "central"
        if not self.inference_only:
            self.vf = tanh_network([actor_width + (critic_width if self.central else 0), *hidden, 1], 1.0)
            self.offset, self.scale = float(config["value_offset"]), float(config["value_scale"])

    def get_non_inference_attributes(self) -> list[str]:
        """What env runners do without."""
        return ["vf"]

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {Columns.ACTION_DIST_INPUTS: self._distribution_inputs(batch)}

    def _distribution_inputs(self, batch: dict[str, Any]) -> torch.Tensor:
        outputs = self.pi(batch[Columns.OBS]["actor"])
        if self.discrete:
            return outputs
        outputs = 0.5 + self.step_scale * outputs  # from the middle of the unit box
        return torch.cat([outputs, self.log_std.expand_as(outputs)], dim=-1)

    def schedule_spread(self, steps: int) -> None:
        """Set the spread of a Gaussian leader after that many sampled environment steps."""
        if not self.discrete:
            first, last = self.model_config["first_log_std"], self.model_config["last_log_std"]
            done = min(1.0, steps / self.model_config["spread_steps"])
            self.log_std.fill_(first + done * (last - first))

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> torch.Tensor:
        """Value predictions, payoff units."""
        seen = batch[Columns.OBS]
        parts = [seen["actor"], seen["critic"]] if self.central else [seen["actor"]]
        return self.offset + self.scale * self.vf(torch.cat(parts, dim=-1)).squeeze(-1)

    def export(self) -> LeaderNetwork:
        """The actor as data."""
        linear = [layer for layer in self.pi if isinstance(layer, nn.Linear)]
        layers = [
            (layer.weight.detach().cpu().numpy().copy(), layer.bias.detach().cpu().numpy().copy()) for layer in linear
        ]
        if not self.discrete:
            weight, bias = layers[-1]
            layers[-1] = (weight * np.float32(self.step_scale), bias * np.float32(self.step_scale) + np.float32(0.5))
        return LeaderNetwork(tuple(layers), self.discrete)


def leader_model_config(payoff_range: tuple[float, float], critic: str, spread_steps: int) -> dict[str, Any]:
    """Defaults of the leader's networks.

    Args:
        payoff_range: of the leader; critic: "central" or "local".
        spread_steps: sampled environment steps after which a Gaussian leader's spread is at its smallest.
    """
    low, high = payoff_range
    return {
        "hidden": [64, 64],
        "critic": critic,
        "value_offset": (low + high) / 2,
        "value_scale": (high - low) / 2 if high > low else 1.0,
        "first_log_std": FIRST_LOG_STD,
        "last_log_std": LAST_LOG_STD,
        "spread_steps": spread_steps,
        # Adam moves every weight by about the learning rate, and an output that 64 features feed many times as far:
        # scaled, a step moves a coordinate by about the learning rate, which can be held against the spread.
        "step_scale": 1 / 32,
    }
