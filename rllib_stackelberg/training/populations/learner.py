"""RLlib's learner with SMFRL's losses: two optimizers a side, targets that follow after every gradient step.

Private touch of RLlib: `_weights_seq_no` numbers the weights that env runners are sent; loaded ones are new ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from torch.optim.swa_utils import get_ema_multi_avg_fn

from rllib_stackelberg.errors import RunStoppedError
from rllib_stackelberg.populations.policy import BoxActor
from rllib_stackelberg.populations.settings import PopulationSettings
from rllib_stackelberg.training.populations.losses import (
    Ahead,
    Periods,
    leader_actor_loss,
    leader_critic_loss,
    members_actor_loss,
    members_critic_loss,
)
from rllib_stackelberg.training.populations.modules import LEADER, MEMBERS, SideModule

ACTOR, CRITIC = "actor", "critic"


class DivergedError(RunStoppedError):
    """A loss is no number."""


Weights = list[torch.Tensor]


def follow(own: Weights, copies: Weights, share: float) -> None:
    """Move copies a share of the way to what they are copies of."""
    get_ema_multi_avg_fn(1 - share)(copies, own, None)


class SMFRLLearner(TorchLearner):
    """Both sides' updates. An epoch is one call of `update`, with a minibatch for every update."""

    def build(self) -> None:
        """Make target networks."""
        super().build()
        self.module.foreach_module(lambda _, module: module.unwrapped().make_target_networks())
        self._targets = {side: self._followed(side) for side in (LEADER, MEMBERS)}
        self._epochs = self._updates = 0

    @property
    def settings(self) -> PopulationSettings:
        """Of the run."""
        return self.config.population

    @property
    def reward_factor(self) -> float:
        """What makes discounted sums be of order one: of rewards about one, or of independent ones about zero."""
        gamma = self.settings.gamma
        return math.sqrt(1 - gamma**2) if self.settings.centred else 1 - gamma

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Adam for the actor and Adam for the critic."""
        module = self.module[module_id].unwrapped()
        for name, network in ((ACTOR, module.pi), (CRITIC, module.qf)):
            rate = self._rate(module_id, name)
            params = list(network.parameters())
            optimizer = torch.optim.Adam(params, fused=True)
            self.register_optimizer(
                module_id=module_id, optimizer_name=name, optimizer=optimizer, params=params, lr_or_lr_schedule=rate
            )

    def observe(self, seen: Mapping[str, NDArray], rewards: Mapping[str, NDArray]) -> None:
        """Count new observations and rewards of each learning side in; of the other, its actor is used to the old."""
        for side in (LEADER, MEMBERS):
            module = self.module[side].unwrapped()
            before = module.reward_scale.measure
            module.reward_scale.take(rewards[side])
            if self.settings.popart:
                self._preserve(module, before)
            if side in self.settings.learning:
                module.normaliser.take(seen[side])

    def _preserve(self, module: SideModule, before: tuple[float, float]) -> None:
        """Let critics say of plays, in payoffs, what they said while rewards were measured as `before`."""
        (old_origin, old), (origin, unit) = before, module.reward_scale.measure
        shift = self.reward_factor * (old_origin - origin) / (1 - self.settings.gamma) / unit
        for critics in (module.qf, module.target_qf):
            critics.rescale(old / unit, shift)

    def load(self, actors: Mapping[str, BoxActor]) -> None:
        """Take over actors by side, and what they are used to see."""
        for side, actor in actors.items():
            self.module[side].unwrapped().load(actor)
        self._weights_seq_no += 1  # env runners take no weights of a number they have

    def compute_losses(self, *, fwd_out: dict[str, Any], batch: dict[str, Any]) -> dict[str, Any]:
        """Of the sides that learn; both see what either did."""
        leader, members = (self.module[side].unwrapped() for side in (LEADER, MEMBERS))
        periods = Periods.of(leader, members, batch[LEADER], batch[MEMBERS], self.reward_factor)
        found = {"periods": periods, "ahead": Ahead.of(leader, members, periods)}
        return {
            side: self.compute_loss_for_module(module_id=side, config=self.config, batch=found, fwd_out={})
            for side in self.settings.learning
        }

    def compute_loss_for_module(
        self, *, module_id: str, config: Any, batch: dict[str, Any], fwd_out: dict[str, Any]
    ) -> torch.Tensor:
        """Critic's and, once critics know something, actor's loss: their gradients do not mix."""
        leader, members = (self.module[side].unwrapped() for side in (LEADER, MEMBERS))
        settings, periods, ahead = self.settings, batch["periods"], batch["ahead"]
        if module_id == LEADER:
            critic = leader_critic_loss(leader, periods, ahead, settings.gamma)
        else:
            critic = members_critic_loss(members, periods, ahead, settings.gamma)
        self._note(module_id, "critic_loss", critic)
        if self._epochs < settings.critic_epochs:
            return critic
        if module_id == LEADER:
            penalty, through = settings.squash_penalty, settings.through_members
            actor = leader_actor_loss(leader, members, periods, penalty, through)
        else:
            actor = members_actor_loss(members, periods, settings.squash_penalty, settings.member_pull)
        self._note(module_id, "actor_loss", actor)
        return critic + actor

    def _note(self, side: str, name: str, loss: torch.Tensor) -> None:
        value = loss.item()
        if not math.isfinite(value):
            raise DivergedError(f"the {name.replace('_', ' ')} of the {side} is {value} in epoch {self._epochs}")
        self.metrics.log_value((side, name), value, window=self.settings.updates)

    def apply_gradients(self, gradients_dict: dict[Any, Any]) -> None:
        """Step the optimizers of all that has gradients, then let targets follow.

        RLlib's own looks at every gradient for numbers that are none, which takes as long as the gradients do; here
        losses are looked at instead.
        """
        self._updates += self._epochs >= self.settings.critic_epochs
        for side in self.settings.learning:
            for optimizer in (self.get_optimizer(side, name) for name in (ACTOR, CRITIC)):
                optimizer.step()
            for own, copies in self._targets[side]:
                follow(own, copies, self.settings.mixing)
            self._average(side)

    def _followed(self, side: str) -> list[tuple[Weights, Weights]]:
        """Weights and those of their targets: looking for them takes longer than moving them."""
        pairs = self.module[side].unwrapped().get_target_network_pairs()
        return [(list(network.parameters()), list(target.parameters())) for network, target in pairs]

    def _average(self, side: str) -> None:
        """Let the average of an actor follow it, if there is one."""
        module = self.module[side].unwrapped()
        if module.averaged_pi is not None:
            own, average = list(module.pi.parameters()), list(module.averaged_pi.parameters())
            follow(own, average, 1 / max(1.0, self.settings.averaging * self._updates))

    def after_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """Count the epoch; the learning rates fall by steps."""
        super().after_gradient_based_update(timesteps=timesteps)
        self._epochs += 1
        steps = self._epochs // self.settings.rate_decay_epochs
        for side in (LEADER, MEMBERS):
            for name in (ACTOR, CRITIC):
                for group in self.get_optimizer(side, name).param_groups:
                    group["lr"] = self._rate(side, name) * self._decay(side, name) ** steps

    def _rate(self, side: str, name: str) -> float:
        """Of Adam, at first."""
        if name == CRITIC:
            return self.settings.critic_rate
        return self.settings.rate * (self.settings.leader_pace if side == LEADER else 1.0)

    def _decay(self, side: str, name: str) -> float:
        """The factor of a rate at each of its steps."""
        if name == CRITIC:
            return self.settings.critic_rate_decay
        return self.settings.rate_decay * (self.settings.pace_decay if side == LEADER else 1.0)

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """With the numbers of epochs, and of updates of actors."""
        return super().get_state(*args, **kwargs) | {"epochs": self._epochs, "updates": self._updates}

    def set_state(self, state: dict[str, Any]) -> None:
        """With the numbers of epochs, and of updates of actors."""
        super().set_state(state)
        self._epochs = state.get("epochs", self._epochs)
        self._updates = state.get("updates", self._updates)
