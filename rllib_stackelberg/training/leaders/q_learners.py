"""RLlib's SAC and DQN learners for leaders."""

from __future__ import annotations

import math

import torch
from ray.rllib.algorithms.dqn.torch.dqn_torch_learner import DQNTorchLearner
from ray.rllib.algorithms.sac.torch.sac_torch_learner import SACTorchLearner

from rllib_stackelberg.training.leaders.beginnings import Beginning
from rllib_stackelberg.training.leaders.learners import LeaderLearner


class LeaderDQNLearner(LeaderLearner, DQNTorchLearner):
    """DQN."""


class LeaderSACLearner(LeaderLearner, SACTorchLearner):
    """SAC."""

    def restart(self, beginning: Beginning | None = None) -> None:
        """Forget what was learned, the temperature too."""
        with torch.no_grad():
            for module_id, log_alpha in self.curr_log_alpha.items():
                log_alpha.fill_(math.log(self.config.get_config_for_module(module_id).initial_alpha))
        super().restart(beginning)
