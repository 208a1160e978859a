"""A leader of a population as an ordinary RLlib leader: PPO or IMPALA against members that play a given policy.

    config = leader_config("PPO", game="stackelberg/taxation-v0", members="runs/taxation-...")

The actor's outputs are what is squashed to the unit box (populations/leader_env.py): `leader_of` is it as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchDiagGaussian
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.tune.registry import register_env
from torch import nn

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.leader_env import PopulationLeaderEnv
from rllib_stackelberg.populations.policy import BoxActor, PopulationPolicy
from rllib_stackelberg.rules.held import rules_in
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import populated
from rllib_stackelberg.training.leaders.algorithms import PPO_TRAINING, algorithm_name, named_algorithm
from rllib_stackelberg.training.leaders.modules import layers_of
from rllib_stackelberg.training.populations.networks import layers
from rllib_stackelberg.training.running.ray_sessions import QUIET

ENV_NAME = "stackelberg_population_leader"
ON_POLICY = ("PPO", "IMPALA")
PLAYS = 8
FIRST_LOG_STD = -1.0
"""Spread of what is squashed."""


class PopulationLeaderModule(TorchRLModule, ValueFunctionAPI):
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
        mean = self.pi(batch[Columns.OBS])
        return {Columns.ACTION_DIST_INPUTS: torch.cat([mean, self.log_std.expand_as(mean)], dim=-1)}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> torch.Tensor:
        """Of discounted rewards."""
        return self.vf(batch[Columns.OBS]).squeeze(-1)


def make_population_leader_env(context: Mapping[str, Any]) -> PopulationLeaderEnv:
    """What RLlib calls on every env runner."""
    game = populated(rules_in(context))
    return PopulationLeaderEnv(game, context["members"], int(context.get("num_envs", 1)), int(context["seed"]))


register_env(ENV_NAME, make_population_leader_env)  # by whoever unpickles a configuration: it names what follows


class PopulationLeaderEnvRunner(SingleAgentEnvRunner):
    """Tells every environment which env runner it is on: RLlib does not pass that to a vector environment's maker."""

    def make_env(self) -> None:
        """As RLlib's; selects the runner's streams."""
        register_env(ENV_NAME, make_population_leader_env)  # again: this Ray may have been started since
        super().make_env()
        self.env.unwrapped.place(self.worker_index or 0)


def population_leader_config(
    name: str,
    config: AlgorithmConfig,
    game: PopulationGame,
    entries: Mapping[str, Any],
    members: str | Path | PopulationPolicy | None,
    seed: int,
) -> AlgorithmConfig:
    """What `leader_config` returns of a game with a population; entries are the game as a configuration holds it.

    Raises:
        InvalidFieldError: another algorithm, no policy of the members, or one of another game.
    """
    if name not in ON_POLICY:
        raise InvalidFieldError("algorithm", f"{name} does not lead a population", ", ".join(ON_POLICY))
    if members is None:
        raise InvalidFieldError("members", "is not given", "a folder with a policy of a population game")
    policy = members_policy(members, game)
    context = {**entries, "members": policy, "seed": seed}
    config.environment(ENV_NAME, env_config=context, normalize_actions=False, clip_actions=False)
    config.env_runners(
        gym_env_vectorize_mode="vector_entry_point", num_env_runners=0, num_envs_per_env_runner=PLAYS,
        rollout_fragment_length="auto", env_runner_cls=PopulationLeaderEnvRunner,
    )  # fmt: skip
    hidden = {"hidden": [len(weight) for weight, _ in policy.leader.layers[:-1]]}
    config.rl_module(rl_module_spec=RLModuleSpec(module_class=PopulationLeaderModule, model_config=hidden))
    config.debugging(seed=seed, **QUIET)
    return config


def members_policy(members: str | Path | PopulationPolicy, game: PopulationGame) -> PopulationPolicy:
    """Members of a game, given or from the folder of a run.

    Raises:
        InvalidFieldError: they are of another game, or the folder does not say of which.
    """
    policy = members if isinstance(members, PopulationPolicy) else PopulationPolicy.load(Path(members))
    if policy is not members and policy.played is None:
        allowed = "one saved by a run of this version, or a PopulationPolicy"
        raise InvalidFieldError("members", f"the policy in {members} does not say which game it is of", allowed)
    policy.check(game, "members")
    return policy


def tune_population_ppo(config: AlgorithmConfig) -> None:
    """Defaults of PPO: all plays for a hundred periods, rewards of order one."""
    config.training(**PPO_TRAINING)
    config.training(
        gamma=0.975, lr=1e-3, train_batch_size_per_learner=800, minibatch_size=200, num_epochs=6, vf_loss_coeff=0.01
    )


def leader_of(algo: Algorithm, policy: PopulationPolicy) -> BoxActor:
    """The leader that an algorithm has learned, as data; statistics and box of actions are those of its problem."""
    return replace(policy.leader, layers=tuple(layers_of(algo.get_module().pi)))


def config_of_population(
    algorithm: str | AlgorithmConfig, game: PopulationGame, entries: Mapping[str, Any], members: Any, seed: int
) -> AlgorithmConfig:
    """A leader of a population, by a named algorithm (with settings that are known to work) or as it is configured."""
    name = algorithm_name(algorithm)
    config = population_leader_config(name, named_algorithm(algorithm), game, entries, members, seed)
    if isinstance(algorithm, str) and name == "PPO":
        tune_population_ppo(config)
    return config
