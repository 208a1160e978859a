"""RLlib's IMPALA and APPO learners for leaders: V-trace along whole episodes.

RLlib cuts a batch into rows of `rollout_fragment_length` steps and bootstraps where a row ends. Leader episodes are
short and paid at their end, so here a row never spans two of them: each episode is padded to full rows, whose padding
is masked.

An update is done when `update` returns. RLlib's learners hand it to a thread of theirs instead, where an error ends in
a run that waits for ever, and APPO's circular buffer draws batches without a seed; a learner process of its own
(`num_learners=1`) overlaps with sampling all the same. Batches are used `num_epochs` times.
"""

from __future__ import annotations

from typing import Any

import ray
from ray.rllib.algorithms.appo.torch.appo_torch_learner import APPOTorchLearner
from ray.rllib.algorithms.impala.torch.impala_torch_learner import IMPALATorchLearner
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.core.learner.learner import Learner
from ray.rllib.core.learner.training_data import TrainingData

from rllib_stackelberg.training.leaders.batches import PaddedEpisodes, SingleQuestions, WholeEpisodes
from rllib_stackelberg.training.leaders.learners import LeaderLearner


class WaitingLearner(Learner):
    """Mixed into a learner of RLlib's that would hand updates to a thread of its own."""

    def update(
        self, training_data: TrainingData, *, timesteps: dict[str, Any], return_state: bool = False, **kwargs: Any
    ) -> Any:
        """One batch; with `return_state` the weights after it are in the result, where RLlib looks for them."""
        result = Learner.update(self, training_data=training_data, timesteps=timesteps, **kwargs)
        if return_state:
            state = self.get_state(components=COMPONENT_RL_MODULE, inference_only=True)
            state[COMPONENT_RL_MODULE] = ray.put(state[COMPONENT_RL_MODULE])
            result["_rl_module_state_after_update"] = state
        return result


class VTraceLearner(WaitingLearner, LeaderLearner):
    """What both have in common."""

    def build(self) -> None:
        """Rows of one episode each, where episodes come whole."""
        super().build()
        if not self.config.add_default_connectors_to_learner_pipeline:
            self._learner_connector.append(WholeEpisodes())
            length = self.config.get_rollout_fragment_length()
            if length == 1:
                self._learner_connector.append(SingleQuestions())
            self._learner_connector.append(PaddedEpisodes(length))


class LeaderIMPALALearner(VTraceLearner, IMPALATorchLearner):
    """IMPALA."""


class LeaderAPPOLearner(VTraceLearner, APPOTorchLearner):
    """APPO."""
