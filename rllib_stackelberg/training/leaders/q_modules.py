"""Networks of leaders that learn values of answers: soft actor-critic, and Q-learning.

RLlib's default modules compute losses' inputs from encoders and heads; here an encoder picks parts of the leader's
observation and has no parameters, and a head is a network in payoff units.

Private touch of RLlib: `TorchSquashedGaussian._squash`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from ray.rllib.algorithms.dqn.dqn_learner import QF_PREDS
from ray.rllib.algorithms.dqn.torch.default_dqn_torch_rl_module import DefaultDQNTorchRLModule
from ray.rllib.algorithms.sac.torch.default_sac_torch_rl_module import DefaultSACTorchRLModule
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import (
    TorchCategorical,
    TorchDeterministic,
    TorchSquashedGaussian,
)
from ray.rllib.core.models.base import ENCODER_OUT
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from torch import nn

from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.training.leaders.modules import layers_of
from rllib_stackelberg.training.leaders.rl_modules import INITIAL_OUTPUT_GAIN, OwnNetworks, start_afresh, tanh_network

FIRST_LOG_STD = -1.0
"""Of a squashed Gaussian leader at the start."""


class Parts(nn.Module):
    """Parts of an observation side by side, and the action where there is one."""

    def __init__(self, *names: str, with_action: bool = False):
        super().__init__()
        self.names = names
        self.with_action = with_action

    def forward(self, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """As an encoder of RLlib."""
        parts = [batch[Columns.OBS][name] for name in self.names]
        parts += [batch[Columns.ACTIONS]] if self.with_action else []
        return {ENCODER_OUT: torch.cat(parts, dim=-1)}


class PayoffNetwork(nn.Module):
    """A network whose outputs are offset + scale x its last layer's."""

    def __init__(self, sizes: list[int], config: dict[str, Any]):
        super().__init__()
        self.network = tanh_network(sizes)
        self.offset, self.scale = float(config["value_offset"]), float(config["value_scale"])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Payoff units."""
        return self.offset + self.scale * self.network(inputs)


class UnitGaussian(TorchSquashedGaussian):
    """A Gaussian squashed into the unit box, whose greedy action is squashed, too: RLlib's is the bare mean."""

    def to_deterministic(self) -> TorchDeterministic:
        """The squashed mean."""
        return TorchDeterministic(loc=self._squash(self.loc))


def _width(space: Any) -> int:
    return int(np.prod(space.shape))


class LeaderSACModule(OwnNetworks, DefaultSACTorchRLModule):
    """An actor that sees the game, twin critics that may see the hidden state. `model_config` as `LeaderModule`'s."""

    def __init__(self, *args: Any, **kwargs: Any):
        TorchRLModule.__init__(self, *args, **kwargs)  # RLlib's own goes on to a catalogue of encoders for boxes

    def setup(self) -> None:
        """Build the networks."""
        config, choices, hidden = self.network_config, self.outputs, self.hidden
        self.twin_q = True
        self.pi_encoder = Parts("actor")
        self.pi = tanh_network([self.actor_width, *hidden, choices if self.discrete else 2 * choices])
        self.action_dist_cls = TorchCategorical
        if not self.discrete:
            self.action_dist_cls = UnitGaussian.get_partial_dist_cls(low=0.0, high=1.0)
        if not self.inference_only:
            seen = ("actor", "critic") if config["critic"] == "central" else ("actor",)
            width = sum(_width(self.observation_space[name]) for name in seen)
            sizes = [width, *hidden, choices] if self.discrete else [width + choices, *hidden, 1]
            for name in ("qf", "qf_twin"):
                setattr(self, f"{name}_encoder", Parts(*seen, with_action=not self.discrete))
                setattr(self, name, PayoffNetwork(sizes, config))
        self._start_afresh()

    def _start_afresh(self) -> None:
        start_afresh(self.pi, INITIAL_OUTPUT_GAIN)
        if not self.discrete:
            last = self.pi[-1]
            assert isinstance(last, nn.Linear)
            with torch.no_grad():
                last.bias.chunk(2)[1].fill_(FIRST_LOG_STD)
        if not self.inference_only:
            for critic in (self.qf, self.qf_twin):
                start_afresh(critic.network, INITIAL_OUTPUT_GAIN)

    def anneal(self, done: float) -> float:
        """Nothing: the temperature is learned."""
        return 1.0

    def export(self) -> LeaderNetwork:
        """The actor as data: a squashed mean is a layer more."""
        layers = list(layers_of(self.pi))
        if not self.discrete:
            weight, bias = layers[-1]
            width = len(bias) // 2
            half = np.float32(0.5)
            layers[-1] = (weight[:width], bias[:width])
            layers.append((half * np.eye(width, dtype=np.float32), np.full(width, half)))
        return LeaderNetwork(tuple(layers), self.discrete)


class LeaderDQNModule(OwnNetworks, DefaultDQNTorchRLModule):
    """Values of the leader's choices at what the game shows it: actor and critic in one.

    `model_config` as `LeaderModule`'s, and the first and last share of random answers.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        TorchRLModule.__init__(self, *args, **kwargs)

    def setup(self) -> None:
        """Build the network."""
        self.uses_dueling, self.uses_double_q, self.num_atoms = False, True, 1
        self.encoder = Parts("actor")
        self.af = PayoffNetwork([self.actor_width, *self.hidden, self.outputs], self.network_config)
        self.action_dist_cls = TorchCategorical
        self.register_buffer("epsilon", torch.tensor(1.0))
        self._start_afresh()

    def _start_afresh(self) -> None:
        start_afresh(self.af.network, INITIAL_OUTPUT_GAIN)
        self.anneal(0.0)

    def anneal(self, done: float) -> float:
        """Set the share of random answers when that share of its schedule is over; the learning rate stays."""
        first, last = self.network_config["first_epsilon"], self.network_config["last_epsilon"]
        self.epsilon.fill_(first + min(1.0, done) * (last - first))
        return 1.0

    def _forward_exploration(self, batch: dict[str, Any], t: int = 0) -> dict[str, Any]:
        values = self.compute_q_values(batch)[QF_PREDS]
        drawn = torch.randint(values.shape[-1], values.shape[:1], device=values.device)
        explores = torch.rand(values.shape[:1], device=values.device) < self.epsilon
        return {Columns.ACTIONS: torch.where(explores, drawn, values.argmax(dim=-1))}

    def export(self) -> LeaderNetwork:
        """The network as data: the leader takes the choice of the largest value."""
        return LeaderNetwork(layers_of(self.af.network), discrete=True)
