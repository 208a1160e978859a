"""Networks and env runners of one side that RLlib's on-policy algorithms train against the other as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.algorithms.appo.torch.appo_torch_learner import APPOTorchLearner
from ray.rllib.algorithms.impala.torch.impala_torch_learner import IMPALATorchLearner
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchDiagGaussian
from ray.rllib.core.learner.utils import make_target_network
from ray.rllib.core.rl_module.apis import TARGET_NETWORK_ACTION_DIST_INPUTS, TargetNetworkAPI
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.tune.registry import register_env
from torch import nn

from rllib_stackelberg.populations.side_env import PopulationLeaderEnv, PopulationMembersEnv, SideEnv
from rllib_stackelberg.rules.held import rules_in
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import populated, rules_of
from rllib_stackelberg.training.leaders.async_learners import WaitingLearner
from rllib_stackelberg.training.populations.networks import layers
from rllib_stackelberg.training.running.checkpoints import COMPONENT_EPISODES
from rllib_stackelberg.training.running.failures import Failures, noting
from rllib_stackelberg.training.running.generations import own_episodes
from rllib_stackelberg.training.running.randomness import generator_states, set_generator_states

FIRST_LOG_STD = -1.0
"""Spread of what is squashed."""


class SideModule(TorchRLModule, ValueFunctionAPI):
    """Actor and critic, ReLU between layers, with a spread that is learned. `model_config`: `hidden`."""

    def setup(self) -> None:
        """Build the networks."""
        hidden = self.model_config["hidden"]
        seen, acted = self.observation_space.shape[0], self.action_space.shape[0]
        self.pi, self.vf = layers([seen, *hidden, acted]), layers([seen, *hidden, 1])
        last = self.pi[-1]
        assert isinstance(last, nn.Linear)
        nn.init.uniform_(last.weight, -3e-3, 3e-3)
        nn.init.zeros_(last.bias)
        self.log_std = nn.Parameter(torch.full((acted,), FIRST_LOG_STD))
        self.action_dist_cls = TorchDiagGaussian

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {Columns.ACTION_DIST_INPUTS: self._distribution(self.pi, batch)}

    def _distribution(self, actor: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
        mean = actor(batch[Columns.OBS])
        return torch.cat([mean, self.log_std.expand_as(mean)], dim=-1)

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> torch.Tensor:
        """Of discounted rewards."""
        return self.vf(batch[Columns.OBS]).squeeze(-1)


class TargetSideModule(SideModule, TargetNetworkAPI):
    """For APPO: with a copy of the actor that follows it."""

    def make_target_networks(self) -> None:
        """Make the copy (the learner calls it)."""
        self.target_pi = make_target_network(self.pi)

    def get_target_network_pairs(self) -> list[tuple[nn.Module, nn.Module]]:
        """Actor and copy."""
        return [(self.pi, self.target_pi)]

    def forward_target(self, batch: dict[str, Any]) -> dict[str, Any]:
        """What the copy says."""
        return {TARGET_NETWORK_ACTION_DIST_INPUTS: self._distribution(self.target_pi, batch)}


class SideIMPALALearner(WaitingLearner, IMPALATorchLearner):
    """IMPALA, whose updates are done when they return."""


class SideAPPOLearner(WaitingLearner, APPOTorchLearner):
    """APPO, whose updates are done when they return."""


LEADER_ENV, MEMBERS_ENV = "stackelberg_population_leader", "stackelberg_population_members"


def make_population_leader_env(context: Mapping[str, Any]) -> PopulationLeaderEnv:
    """What RLlib calls on every env runner for the leader."""
    plays = int(context.get("num_envs", 1))
    return PopulationLeaderEnv(populated(rules_in(context)), context["policy"], plays, int(context["seed"]))


def make_population_members_env(context: Mapping[str, Any]) -> PopulationMembersEnv:
    """What RLlib calls on every env runner for members."""
    seats = int(context["seats"])
    plays = max(1, int(context.get("num_envs", 1)) // seats)
    return PopulationMembersEnv(populated(rules_in(context)), context["policy"], plays, seats, int(context["seed"]))


def name_environments() -> None:
    """Tell Ray which environments configurations mean; a Ray that is started later has to be told again."""
    register_env(LEADER_ENV, make_population_leader_env)
    register_env(MEMBERS_ENV, make_population_members_env)


name_environments()  # by whoever unpickles a configuration, too: it names what stands here


class SideEnvRunner(SingleAgentEnvRunner):
    """RLlib's env runner; its state says how often plays have begun: after a restore all of them begin anew.

    RLlib does not tell a vector environment's maker on which env runner it is; that is told here.
    """

    def make_env(self) -> None:
        """As RLlib's; selects the runner's streams."""
        name_environments()
        limits = self.config.env_config
        self.failures, self._survived = Failures(limits["most_failures"], limits["game_seconds"]), 0
        with self._noting():
            self.failures.survived(super().make_env, long=True)
        self.problem.place(self.worker_index or 0)

    @property
    def problem(self) -> SideEnv:
        """The side's, which it plays."""
        return self.env.unwrapped

    def sample(self, **kwargs: Any) -> list[Any]:
        """As RLlib's; errors of the game cost the plays under way, or end the run."""
        with self._noting():
            episodes = self.failures.survived(self._play_on, kwargs, long=True)
        self.metrics.log_value("game_failures", self.failures.count, reduce="max", window=1)
        return episodes

    def _play_on(self, kwargs: dict[str, Any]) -> list[Any]:
        if self.failures.count > self._survived:
            given = self.config.env_config
            self.begin_after(self.problem.episodes, populated(rules_of(given["game"], given["game_config"])))
            self._survived = self.failures.count
        return super().sample(**kwargs)

    def _noting(self) -> AbstractContextManager[None]:
        return noting(self.config.env_config["note"] if self.worker_index else "")

    def begin_after(self, episodes: NDArray[np.int64], game: PopulationGame | None = None) -> None:
        """Begin all plays anew; arguments as of `SideEnv.begin_after`."""
        self.problem.begin_after(episodes, game)
        self._needs_initial_reset: bool = True

    def skip(self, played: int) -> None:
        """Go on with plays that no runner of this number has had among so many periods of all."""
        self.begin_after(np.full(self.problem.plays, played))

    def get_state(
        self,
        components: str | Collection[str] | None = None,
        *,
        not_components: str | Collection[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """With how often plays have begun, and the generators of the process."""
        state = super().get_state(components, not_components=not_components, **kwargs)
        if self.env is not None and self._check_component(COMPONENT_EPISODES, components, not_components):
            told = {"worker": self.worker_index, "episodes": self.problem.episodes.copy()}
            state[COMPONENT_EPISODES] = told | {"generators": generator_states()}
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse, of what is this runner's."""
        super().set_state(state)
        played = own_episodes(self, state)
        if played is not None and self.env is not None:
            self.begin_after(played["episodes"])
            set_generator_states(played["generators"])
