"""The policy of one agent that learns for itself: it sees its own observation and takes no masked action."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns

from rllib_stackelberg.training.independent.multi_agent import MASK
from rllib_stackelberg.training.leaders.rl_modules import LeaderModule


class PlayerModule(LeaderModule):
    """Actor and critic over `Dict(observation, action_mask)`; `model_config` as the leader's, with a local critic."""

    actor_part = "observation"

    def _distribution_inputs(self, batch: dict[str, Any]) -> torch.Tensor:
        inputs = super()._distribution_inputs(batch)
        if not self.discrete:
            return inputs
        # Finite, unlike minus infinity: an action of probability zero then adds zero to the entropy, not NaN.
        return torch.where(batch[Columns.OBS][MASK] > 0, inputs, torch.finfo(inputs.dtype).min)

    def greedy(self, seen: dict[str, NDArray]) -> Any:
        """The most likely action of one observation: an int, or a point of the unit box."""
        batch = {Columns.OBS: {name: torch.from_numpy(np.asarray(part)[None]) for name, part in seen.items()}}
        with torch.no_grad():
            inputs = self._distribution_inputs(batch)
        action = self.action_dist_cls.from_logits(inputs).to_deterministic().sample()[0]
        return int(action) if self.discrete else action.numpy()
