"""One side of a population as an ordinary problem of RLlib: PPO, APPO or IMPALA against the other side as it is.

    config = leader_config("PPO", game="stackelberg/taxation-v0", members="runs/taxation-...")

The actor's outputs are what is squashed to the unit box (populations/side_env.py); upkeep.py has it as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.runs.algorithms import find_algorithm
from rllib_stackelberg.training.leaders.algorithms import PPO_TRAINING, SAMPLE_WAIT_S, named_algorithm
from rllib_stackelberg.training.populations.side_runners import (
    LEADER_ENV,
    MEMBERS_ENV,
    SideAPPOLearner,
    SideEnvRunner,
    SideIMPALALearner,
    SideModule,
    TargetSideModule,
)
from rllib_stackelberg.training.populations.upkeep import SideUpkeep
from rllib_stackelberg.training.running.failures import fault_entries
from rllib_stackelberg.training.running.lost_runners import survive_losses
from rllib_stackelberg.training.running.ray_sessions import QUIET

ON_POLICY = ("PPO", "APPO", "IMPALA")
PLAYS = 8
SEATS = 8
"""Members of each play who learn, for all of them."""

ENVIRONMENTS = {"leader": (LEADER_ENV, 1), "members": (MEMBERS_ENV, SEATS)}
"""Of a side: name of the environment, and how many learn in a play."""

GAMMA = 0.975
PERIODS = 100
"""Of every play in a batch."""

FRAGMENT = 50
"""Periods in a row of V-trace."""


def side_config(
    algorithm: str | AlgorithmConfig,
    side: str,
    entries: Mapping[str, Any],
    policy: PopulationPolicy,
    game: PopulationGame,
    seed: int,
) -> AlgorithmConfig:
    """A configuration that trains one side.

    Args:
        algorithm: by name, with settings that are known to work, or as it is configured.
        side: "leader" or "members".
        entries: the game, as a configuration holds it (rules/held.py).
        policy: of both sides; it fits the game.
        game: the rules.
        seed: of the run.

    Raises:
        InvalidFieldError: another algorithm.
    """
    name = algorithm if isinstance(algorithm, str) else getattr(algorithm.algo_class, "__name__", "no algorithm")
    name = find_algorithm(name).name
    if name not in ON_POLICY:
        raise InvalidFieldError("algorithm", f"{name} does not train a side of a population", ", ".join(ON_POLICY))
    config = named_algorithm(algorithm)
    env, seats = ENVIRONMENTS[side]
    seats = min(seats, game.members)
    context = {**entries, **fault_entries(), "policy": policy, "side": side, "seats": seats, "seed": seed}
    config.environment(env, env_config=context, normalize_actions=False, clip_actions=False)
    config.env_runners(
        gym_env_vectorize_mode="vector_entry_point", num_env_runners=0, num_envs_per_env_runner=PLAYS * seats,
        rollout_fragment_length="auto", env_runner_cls=SideEnvRunner,
    )  # fmt: skip
    hidden = {"hidden": [len(weight) for weight, _ in policy.of_side(side).layers[:-1]]}
    module = TargetSideModule if name == "APPO" else SideModule
    config.rl_module(rl_module_spec=RLModuleSpec(module_class=module, model_config=hidden))
    config.callbacks(SideUpkeep)
    config.debugging(seed=seed, **QUIET)
    survive_losses(config)
    if isinstance(algorithm, str):
        TUNED[name](config, PLAYS * seats)
    return config


def tune_ppo(config: AlgorithmConfig, envs: int) -> None:
    """Defaults of PPO: all plays for a hundred periods, rewards of order one."""
    config.training(**PPO_TRAINING)
    rows = PERIODS * envs
    config.training(
        gamma=GAMMA, lr=1e-3, train_batch_size_per_learner=rows, minibatch_size=rows // 4, num_epochs=6,
        vf_loss_coeff=0.01,
    )  # fmt: skip


def tune_impala(config: Any, envs: int) -> None:
    """As PPO's, in shorter pieces; learning is in the main process, and an iteration is an update."""
    config.env_runners(rollout_fragment_length=FRAGMENT)
    config.learners(num_learners=0, learner_class=SideIMPALALearner)
    config.reporting(min_time_s_per_iteration=0, min_sample_timesteps_per_iteration=1)
    config.training(
        gamma=GAMMA, lr=1e-3, train_batch_size_per_learner=FRAGMENT * envs, num_epochs=6, entropy_coeff=0.0,
        grad_clip=1.0, vf_loss_coeff=0.01, broadcast_interval=0, timeout_s_sampler_manager=SAMPLE_WAIT_S,
    )  # fmt: skip


def tune_appo(config: Any, envs: int) -> None:
    """As IMPALA's; the copy of the actor that ratios are clipped to is the one that played the batch."""
    tune_impala(config, envs)
    config.learners(learner_class=SideAPPOLearner)
    config.training(
        clip_param=0.2, use_circular_buffer=False, circular_buffer_num_batches=1,
        circular_buffer_iterations_per_batch=1, target_network_update_freq=0, tau=1.0,
    )  # fmt: skip


TUNED = {"PPO": tune_ppo, "APPO": tune_appo, "IMPALA": tune_impala}


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


def population_leader_config(
    algorithm: str | AlgorithmConfig, game: PopulationGame, entries: Mapping[str, Any], members: Any, seed: int
) -> AlgorithmConfig:
    """What `leader_config` returns of a game with a population.

    Args:
        algorithm, entries, game, seed: as of `side_config`.
        members: who answers: a folder with a policy of a population game, or the policy.

    Raises:
        InvalidFieldError: another algorithm, no policy of the members, or one of another game.
    """
    if members is None:
        raise InvalidFieldError("members", "is not given", "a folder with a policy of a population game")
    return side_config(algorithm, "leader", entries, members_policy(members, game), game, seed)
