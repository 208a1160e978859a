"""RLlib learners for leaders with continuous actions: exploration follows a schedule.

A good continuous answer often lies at the edge of what followers accept, where a step too far loses everything. A
Gaussian leader keeps about three spreads away from such an edge, so its spread must shrink, slowly enough that the
mean can follow (a clipped policy moves about a quarter of its spread per batch), and the learning rate with it. A
learned spread does neither reliably: few samples fall over the edge, and coordinates that do not matter widen.
"""

from __future__ import annotations

from typing import Any

from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.connectors.learner.general_advantage_estimation import GeneralAdvantageEstimation
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

from rllib_stackelberg.training.batches import RealRows, WholeEpisodes


class LeaderPPOLearner(PPOTorchLearner):
    """PPO whose leader module is told how many steps have been sampled."""

    def build(self) -> None:
        """Let only real rows reach the loss: of whole episodes there are no others (see batches.py)."""
        super().build()
        if self.config.add_default_connectors_to_learner_pipeline:
            self._learner_connector.append(RealRows())
        else:
            self._learner_connector.append(WholeEpisodes())
            self._learner_connector.append(
                GeneralAdvantageEstimation(gamma=self.config.gamma, lambda_=self.config.lambda_)
            )

    def after_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """Move the spread of every module along its schedule; runners receive it with the next weights."""
        super().after_gradient_based_update(timesteps=timesteps)
        for _, module in self.module.items():
            module.unwrapped().schedule_spread(timesteps.get(NUM_ENV_STEPS_SAMPLED_LIFETIME, 0))
