"""The two RLModules of SMFRL: "leader" and "members", each an actor, a critic, their targets and a normaliser.

Observations come as signed logarithms where they are unbounded (populations/play.py) and are normalised here, by
statistics that are part of the module's state. Actions are points of the unit box, everywhere in training: in the
buffer, in critics and as actors output them. `setup` reads the model configuration that smfrl.py writes.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.utils import make_target_network
from ray.rllib.core.rl_module.apis import TargetNetworkAPI
from ray.rllib.core.rl_module.apis.inference_only_api import InferenceOnlyAPI
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from torch import Tensor, nn

from rllib_stackelberg.populations.policy import BoxActor
from rllib_stackelberg.training.leaders.modules import layers_of
from rllib_stackelberg.training.populations.networks import Critics, Normaliser, RewardScale, UnitActor

LEADER, MEMBERS = "leader", "members"
STATE, SHOWN = "state", "leader"
"""Parts of a member's observation: its own state, and the leader's action."""

SETTLED = 1e8
"""Observations that the statistics of a loaded actor count as."""


class SideModule(TorchRLModule, TargetNetworkAPI, InferenceOnlyAPI):
    """One side. `model_config`: widths (`state`, `actions`, of the `mean_state` and `mean_action`), `hidden`,
    `activation`, `critics`, `critic_value` and `layer_norm` of critics, `actor_hidden`, `averaging`, `recent`, and
    the switches `stackelberg`, `mean_field` and `centred`.

    Attributes:
        pi: the actor that learns, and explores; averaged_pi: its average, by which snapshots act, if there is one;
            qf: the critics.
    """

    pi: UnitActor
    averaged_pi: UnitActor | None
    qf: Critics

    def setup(self) -> None:
        """Build the networks."""
        config = self.model_config
        self.normaliser = Normaliser(config["state"])
        self.pi = UnitActor(config["state"] + self.shown, config["actor_hidden"], config["actions"])
        self.averaged_pi = deepcopy(self.pi).requires_grad_(False) if config["averaging"] else None
        if not self.inference_only:
            self.reward_scale = RewardScale(config["centred"], config["recent"])
            means = {name: config[name] if config["mean_field"] else 0 for name in ("mean_state", "mean_action")}
            own = config["state"] + self.shown + config["actions"]
            given = {name: config[name] for name in ("activation", "layer_norm")}
            self.qf = Critics(config["critics"], own, config["hidden"], config["critic_value"], **means, **given)

    @property
    def shown(self) -> int:
        """How many numbers of the leader's action this side sees."""
        return 0

    @property
    def acting(self) -> UnitActor:
        """What acts without exploring, and is saved: the average, if there is one, else the actor."""
        return self.pi if self.averaged_pi is None else self.averaged_pi

    def make_target_networks(self) -> None:
        """Copies that follow (the learner calls it)."""
        self.target_pi, self.target_qf = make_target_network(self.pi), make_target_network(self.qf)

    def get_target_network_pairs(self) -> list[tuple[nn.Module, nn.Module]]:
        """Networks and their copies."""
        return [(self.pi, self.target_pi), (self.qf, self.target_qf)]

    def forward_target(self, batch: dict[str, Any]) -> dict[str, Any]:
        """What the actor's copy does."""
        return {Columns.ACTIONS: self.target_pi(self.inputs(batch[Columns.OBS]))}

    def get_non_inference_attributes(self) -> list[str]:
        """What env runners do without."""
        return ["qf", "target_pi", "target_qf", "reward_scale"]

    def inputs(self, seen: Any) -> Tensor:
        """What the actor is given."""
        return self.normaliser(seen)

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {Columns.ACTIONS: self.acting(self.inputs(batch[Columns.OBS]))}

    def _forward_exploration(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        # By the actor itself: critics must know what it does, which its average never has done.
        return {Columns.ACTIONS: self.pi(self.inputs(batch[Columns.OBS]))}

    def forward_train(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Nothing: losses need both sides at once (training/populations/losses.py).

        RLlib's own first tells every layer that it is in training. None does otherwise then, and it takes a while.
        """
        return {}

    def export(self, low: Any, high: Any, logged: Any) -> BoxActor:
        """The actor as data, for a box of actions."""
        parts = (self.normaliser.mean, self.normaliser.deviation)
        mean, deviation = (part.detach().cpu().numpy().astype(np.float64) for part in parts)
        return BoxActor(tuple(layers_of(self.acting.network)), mean, deviation, logged, low, high)

    def load(self, actor: BoxActor) -> None:
        """Take over an actor and its statistics, which no longer move much."""
        for network in {self.pi, self.target_pi, self.acting}:
            linear = [layer for layer in network.network if isinstance(layer, nn.Linear)]
            with torch.no_grad():
                for layer, (weight, bias) in zip(linear, actor.layers, strict=True):
                    layer.weight.copy_(torch.from_numpy(weight))
                    layer.bias.copy_(torch.from_numpy(bias))
        self.normaliser.mean.copy_(torch.from_numpy(actor.mean))
        self.normaliser.variance.copy_(torch.from_numpy(actor.deviation**2))
        self.normaliser.count.fill_(SETTLED)


class LeaderSide(SideModule):
    """The leader: pi_L(s_g), Q_L(s_g, a_g, mean state, mean action)."""


class MembersSide(SideModule):
    """Every member: pi_F(s_i, a_g), Q_F(s_i, a_g, a_i, mean state, mean action); without Stackelberg without a_g."""

    @property
    def shown(self) -> int:
        """The leader's action, if it is seen."""
        return self.model_config["leader_actions"] if self.model_config["stackelberg"] else 0

    def inputs(self, seen: dict[str, Tensor]) -> Tensor:
        """Own states `[R, M, e]` and the leader's actions `[R, w]` side by side."""
        return self.joined(self.normaliser(seen[STATE]), seen[SHOWN])

    def joined(self, states: Tensor, leader: Tensor) -> Tensor:
        """Normalised states `[R, M, e]` and the leader's actions `[R, w]`, as far as they are seen: `[R, M, ...]`."""
        if not self.shown:
            return states
        return torch.cat([states, (2 * leader - 1)[:, None].expand(*states.shape[:2], leader.shape[-1])], dim=-1)
