"""`leader_config`: any RLlib algorithm set up to train a Stackelberg leader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import Learner
from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.held import configured
from rllib_stackelberg.rules.own_games import located
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import finite, rules_of
from rllib_stackelberg.runs.algorithms import check_algorithm
from rllib_stackelberg.training.leaders.algorithms import SETUPS, LeaderProblem, LeaderSetup, algorithm_name
from rllib_stackelberg.training.leaders.configs import begun
from rllib_stackelberg.training.leaders.connectors import remember_answers
from rllib_stackelberg.training.leaders.environments import LEADER_ENV
from rllib_stackelberg.training.leaders.resumable import SteppingEnvRunner
from rllib_stackelberg.training.leaders.rl_modules import problem_config
from rllib_stackelberg.training.populations.side_configs import population_leader_config
from rllib_stackelberg.training.running.failures import fault_entries
from rllib_stackelberg.training.running.lost_runners import survive_losses
from rllib_stackelberg.training.running.ray_sessions import QUIET


def leader_config(
    algorithm: str | AlgorithmConfig = "PPO",
    *,
    game: str | type[StackelbergGame] | type[PopulationGame],
    game_config: Mapping[str, Any] | None = None,
    members: str | Path | PopulationPolicy | None = None,
    followers: Learner | tuple[Learner, ...] | str | None = None,
    critic: Literal["central", "local"] | None = None,
    seed: int = 0,
    **settings: Any,
) -> AlgorithmConfig:
    """As `rllib_stackelberg.leader_config`, which says what everything means."""
    game, game_config = located(game) if isinstance(game, str) else game, dict(game_config or {})
    rules = rules_of(game, game_config)
    if isinstance(rules, PopulationGame):
        refuse_for_populations(followers=followers, critic=critic, **settings)
        return population_leader_config(algorithm, rules, configured(game, game_config, rules), members, seed)
    if members is not None:
        raise InvalidFieldError("members", f"{name_of(rules)} has no population", "no members")
    if followers is not None:
        settings["followers"] = followers
    checked = LeaderSettings.checked(**{"response_updates": finite(rules).response_updates} | settings)
    return config_for(algorithm, finite(rules), configured(game, game_config, rules), checked, critic, seed)


def config_for(
    algorithm: str | AlgorithmConfig,
    game: StackelbergGame,
    entries: Mapping[str, Any],
    settings: LeaderSettings,
    critic: Literal["central", "local"] | None,
    seed: int,
) -> AlgorithmConfig:
    """As `leader_config`, of a game that is made and settings that are checked.

    Args:
        algorithm, critic, seed: as of `leader_config`.
        game: the game.
        entries: it again, as a configuration holds it (rules/held.py).
        settings: how its followers respond.
    """
    if critic not in ("central", "local", None):
        raise InvalidFieldError("critic", f"got {critic!r}", "central or local")
    name = algorithm_name(algorithm)
    check_algorithm(name, game, settings, critic)
    probe = StackelbergPOMDP(game, settings)
    problem, setup = LeaderProblem(game, probe.settings), SETUPS[name]
    facts = problem_config(tuple(game.payoff_range[0]), critic or "central", probe.seat_layout)
    config = begun(name, algorithm if isinstance(algorithm, AlgorithmConfig) else None, facts)
    _set_environment(config, probe, {**entries, "settings": settings.model_dump()}, seed)
    _set_sampling(config, problem, setup)
    config.training(gamma=1.0)
    config.learners(add_default_connectors_to_learner_pipeline=not (problem.once and setup.whole_episodes))
    config.debugging(seed=seed, **QUIET)
    if isinstance(algorithm, str):
        setup.tune(config, problem)
    return config


def refuse_for_populations(**given: Any) -> None:
    """Refuse, by name, what a leader of a population has no use for."""
    for name, value in given.items():
        if value is not None:
            raise InvalidFieldError(name, "is for games of finite types", "nothing in a game with a population")


def _set_environment(config: AlgorithmConfig, probe: StackelbergPOMDP, problem: dict[str, Any], seed: int) -> None:
    """The leader's environment, as `make_leader_env` is told of it."""
    config.environment(
        LEADER_ENV,
        env_config=problem | {"seed": seed} | fault_entries(),
        observation_space=probe.single_observation_space,
        action_space=probe.single_action_space,
        normalize_actions=False,
        clip_actions=False,
    )


def _set_sampling(config: AlgorithmConfig, problem: LeaderProblem, setup: LeaderSetup) -> None:
    """Env runners: how many episodes side by side, what survives their loss, and what they report."""
    plain = setup.config()
    config.env_runners(gym_env_vectorize_mode="vector_entry_point", rollout_fragment_length="auto")
    if config.num_envs_per_env_runner == plain.num_envs_per_env_runner:
        config.env_runners(num_envs_per_env_runner=problem.parallel_episodes)
    if config.num_env_runners == plain.num_env_runners:
        config.env_runners(num_env_runners=0)
    if config.env_runner_cls is None:
        config.env_runners(env_runner_cls=setup.runner if problem.once else SteppingEnvRunner)
    if not problem.once:
        config.env_runners(module_to_env_connector=remember_answers)
    survive_losses(config)
    if not config.evaluation_config:
        config.evaluation(evaluation_config=AlgorithmConfig.overrides(explore=False))  # of the greedy leader
    config.callbacks(config.callbacks_class)
