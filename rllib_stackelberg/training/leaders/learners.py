"""RLlib's PPO learner for leaders, and what every leader's learner does: explore by a schedule, start afresh.

A good continuous answer often lies at the edge of what followers accept, where a step too far loses everything. A
Gaussian leader keeps about three spreads away from such an edge, so its spread must shrink, slowly enough that the
mean can follow (a clipped policy moves about a quarter of its spread per batch), and the learning rate with it. A
learned spread does neither reliably: few samples fall over the edge, and coordinates that do not matter widen.

Private touches of RLlib: `_make_batch_if_necessary` counts the rows of episodes, not those that connectors let through,
and a "full batch" of that count repeats the rows in place of taking a gradient step per epoch. What
`_create_iterator_if_necessary` returns are minibatches; RLlib's own draw their shuffle without a seed. `_params` and
`_module_optimizers` are parameters and optimizers, `_lr_scheduler_classes` and `_grad_scalers` what else may step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import torch
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.connectors.learner.general_advantage_estimation import GeneralAdvantageEstimation
from ray.rllib.core.learner.torch.torch_learner import TorchLearner

from rllib_stackelberg.streams import Stream, Streams
from rllib_stackelberg.training.leaders.batches import (
    DirectCredit,
    NothingToLearnError,
    OwnAdvantages,
    RealRows,
    ResponseRows,
    WholeEpisodes,
    WholeQuestions,
    minibatches,
)
from rllib_stackelberg.training.leaders.beginnings import Beginning

SCATTERED = 0.2
"""Share of the schedule that a leader skips who begins afresh at a random answer: it looks around there first."""

CREDITED = 2 / 3
"""Share of the schedule over which the weight of direct credit falls to 0."""


class LeaderLearner(TorchLearner):
    """Mixed into a learner of RLlib: leader modules' exploration and learning rate follow a schedule.

    `learner_config_dict={"anneal_updates": N}`: number of batches of new episodes the schedule takes;
    `"updates_per_batch"`: `update` calls for each of them (1). The learning rate of the configuration is the first
    one; later rates are in proportion to the spread.
    """

    def build(self) -> None:
        """Begin the schedule.

        RLlib turns PyTorch's deterministic algorithms on with the seed, and PyTorch then fills all memory that it takes
        before it writes results there: a tenth of an iteration. What is computed does not depend on it.
        """
        super().build()
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        self._updates, self._end = 0, 1.0

    def _make_batch_if_necessary(self, training_data: Any) -> Any:
        batch = super()._make_batch_if_necessary(training_data)
        batch.count = max(len(rows) for rows in batch.policy_batches.values())
        return batch

    def apply_gradients(self, gradients_dict: dict[Any, torch.Tensor]) -> None:
        """As RLlib's, which looks at every gradient twice for what is not finite: here at the sum of all of them.

        Where that is not finite, or more than optimizers takes a step, it is RLlib's turn.
        """
        plain = self._lr_scheduler_classes is None and self._grad_scalers is None
        sums = [gradient.sum() for gradient in gradients_dict.values()]
        if not (plain and sums and math.isfinite(torch.stack(sums).sum())):
            super().apply_gradients(gradients_dict)
            return
        for name, gradient in gradients_dict.items():
            self._params[name].grad = gradient
        for module_id, names in self._module_optimizers.items():
            for name in names:
                self.get_optimizer(module_id, name).step()

    def after_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """Move every module along its schedule; runners receive what they explore by with the next weights."""
        super().after_gradient_based_update(timesteps=timesteps)
        self._updates += 1
        self._anneal()

    def restart(self, beginning: Beginning | None = None) -> None:
        """Forget what was learned, weights and optimizers, and begin the schedule anew.

        A leader that is asked one question for numbers begins at a random answer, and a part into its schedule: what
        was missed from the middle of the box would be missed again.

        Args:
            beginning: where such a leader begins instead.
        """
        given, self._updates, self._end = self.config.learner_config_dict, 0, 1.0
        if given.get("scattered"):
            whole = given.get("anneal_updates", 0) * given.get("updates_per_batch", 1)
            self._updates = round((SCATTERED if beginning is None else beginning.skipped) * whole)
            self._end = 1.0 if beginning is None else beginning.end
        for module_id, module in self.module.items():
            with torch.no_grad():
                module.unwrapped().restart()
            if given.get("scattered"):
                module.unwrapped().scatter(beginning and beginning.point)
            for _, optimizer in self.get_optimizers_for_module(module_id):
                optimizer.state.clear()
        self._anneal()

    @property
    def done(self) -> float:
        """Share of the schedule that is over; it goes on beyond 1."""
        given = self.config.learner_config_dict
        return float(self._updates / given.get("updates_per_batch", 1) / given.get("anneal_updates", math.inf))

    def _anneal(self) -> None:
        done = self.done
        for module_id, module in self.module.items():
            module.unwrapped().end = self._end
            factor = module.unwrapped().anneal(done)
            if not isinstance(self.config.lr, float) or (factor == 1.0 and self._updates):
                continue  # RLlib's own schedule, or nothing to anneal
            for _, optimizer in self.get_optimizers_for_module(module_id):
                for group in optimizer.param_groups:
                    group["lr"] = self.config.lr * factor

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """With the place in the schedule."""
        return super().get_state(*args, **kwargs) | {"updates": self._updates, "end": self._end}

    def set_state(self, state: dict[str, Any]) -> None:
        """With the place in the schedule."""
        super().set_state(state)
        self._updates = state.get("updates", self._updates)
        self._end = state.get("end", self._end)


class LeaderPPOLearner(LeaderLearner, PPOTorchLearner):
    """PPO.

    `learner_config_dict["response_transitions"]`: share of the response phase's rows that reach the loss;
    `"direct_credit"`: first weight of `DirectCredit` (0); `"own_advantages"`: whether answers are judged by
    `OwnAdvantages` instead; `"minibatch_rows"`: rows of a gradient step, about, of whole episodes (all, if RLlib's
    `minibatch_size` and this are None), which are those of whole questions if the module takes them.
    """

    def build(self) -> None:
        """Let only real rows reach the loss: of whole episodes there are no others (see batches.py)."""
        super().build()
        share = self.config.learner_config_dict.get("response_transitions", 1.0)
        self._streams = Streams(self.config.seed or 0)
        self._thinning = ResponseRows(share, self.config.seed or 0)
        self._credit = DirectCredit(0.0)
        self._weigh_credit()
        if self.config.add_default_connectors_to_learner_pipeline:
            self._learner_connector.append(RealRows())
            if self._thinning.share < 1:
                self._learner_connector.append(self._thinning)
        else:
            self._learner_connector.append(WholeEpisodes())
            if self.config.learner_config_dict.get("own_advantages"):
                self._learner_connector.append(OwnAdvantages())
                return
            self._learner_connector.append(
                GeneralAdvantageEstimation(gamma=self.config.gamma, lambda_=self.config.lambda_)
            )
            self._learner_connector.append(self._credit)

    def _create_iterator_if_necessary(
        self, *, training_data: Any, num_epochs: int = 1, minibatch_size: int | None = None, **kwargs: Any
    ) -> Iterable[Any]:
        if minibatch_size or self.config.add_default_connectors_to_learner_pipeline:
            given = {"num_epochs": num_epochs, "minibatch_size": minibatch_size}
            return super()._create_iterator_if_necessary(training_data=training_data, **given, **kwargs)
        batch = self._make_batch_if_necessary(training_data)
        rows = self.config.learner_config_dict.get("minibatch_rows")
        if not rows:
            return itertools.repeat(batch, num_epochs)  # RLlib's iterator copies all of it in every epoch
        rng = self._streams.generator(0, self._updates, Stream.MINIBATCHES)
        if all(module.unwrapped().takes_questions for module in self.module.values()):
            return WholeQuestions(batch).minibatches(num_epochs, rows, rng)
        return minibatches(batch, num_epochs, rows, rng)

    def _anneal(self) -> None:
        super()._anneal()
        self._weigh_credit()

    def _weigh_credit(self) -> None:
        """What is left of direct credit at this place in the schedule."""
        first = float(self.config.learner_config_dict.get("direct_credit", 0.0))
        self._credit.weight = first * max(0.0, 1 - self.done / CREDITED)

    def update(self, **kwargs: Any) -> Any:
        """RLlib's; a batch of which nothing is left to learn from changes nothing."""
        try:
            return super().update(**kwargs)
        except NothingToLearnError:
            return self.metrics.reduce()

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """With the place in the stream of dropped rows."""
        return super().get_state(*args, **kwargs) | {"batches": self._thinning.batches}

    def set_state(self, state: dict[str, Any]) -> None:
        """With the place in the stream of dropped rows."""
        super().set_state(state)
        self._thinning.batches = state.get("batches", self._thinning.batches)
        self._weigh_credit()
