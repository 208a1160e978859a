"""`leader_config`: any RLlib algorithm set up to train a Stackelberg leader."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from gymnasium.spaces import Discrete
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.tune.registry import register_env

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import Learner
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.leader_env import StackelbergPOMDP
from rllib_stackelberg.options import GAME_SECONDS, MOST_FAILURES
from rllib_stackelberg.registry import make_game
from rllib_stackelberg.settings import LeaderSettings
from rllib_stackelberg.training.callbacks import LeaderMetrics
from rllib_stackelberg.training.connectors import remember_answers
from rllib_stackelberg.training.env_runners import LeaderEnvRunner
from rllib_stackelberg.training.failures import Failures, WorkerLeaderEnv
from rllib_stackelberg.training.learners import LeaderPPOLearner
from rllib_stackelberg.training.losses import survive_losses
from rllib_stackelberg.training.resumable import SteppingEnvRunner
from rllib_stackelberg.training.rl_modules import LeaderModule, leader_model_config

ENV_NAME = "stackelberg_leader"
PARALLEL_EPISODES = 128
LONG_EPISODES = 32
"""In parallel where an episode is played rather than looked up, or its response is long."""

ANNEAL_UPDATES = 150
"""Batches over which a Gaussian leader's spread and learning rate shrink."""
FIRST_RATE = 1e-2
MOST_QUESTIONS = 8
"""Questions per episode that the default batch allows for."""


def make_leader_env(context: Mapping[str, Any]) -> StackelbergPOMDP:
    """What RLlib calls on every env runner: a batch of leader episodes carrying its own followers."""
    settings = LeaderSettings.checked(**context["settings"])
    envs, seed = int(context.get("num_envs", 1)), int(context["seed"])
    make = partial(game_of, context["game"], context["game_config"])
    return WorkerLeaderEnv(make, settings, envs, seed, Failures(context["most_failures"], context["game_seconds"]))


def game_of(game: str | type[StackelbergGame], game_config: Mapping[str, Any]) -> StackelbergGame:
    """A game by id, "package.module:ClassName" or class."""
    return game(**game_config) if isinstance(game, type) else make_game(game, **game_config)


def leader_config(
    algorithm: str | AlgorithmConfig = "PPO",
    *,
    game: str | type[StackelbergGame],
    game_config: Mapping[str, Any] | None = None,
    followers: Learner | tuple[Learner, ...] | str | None = None,
    critic: Literal["central", "local"] = "central",
    seed: int = 0,
    **settings: Any,
) -> AlgorithmConfig:
    """An RLlib configuration that trains the leader of a game.

    What comes back is an ordinary `AlgorithmConfig`: change anything, `build_algo()`, hand it to Ray Tune.

    Args:
        algorithm: name ("PPO") or a configuration to start from.
        game: id, "package.module:ClassName", or a game class (which then need not be importable on workers).
        game_config: the game's constructor parameters.
        followers: learner(s) or their command-line form; multiplicative weights by default.
        critic: "central" sees the hidden state, "local" what the actor sees.
        seed: of the run: followers' streams, types, chance, and RLlib's own.
        settings: further fields of `LeaderSettings` (response_updates, leader_queries, response_transitions, ...).

    Raises:
        InvalidFieldError: anything that cannot work, by name, before a process is started.
    """
    if followers is not None:
        settings["followers"] = followers
    checked = LeaderSettings.checked(**settings)
    game_config = dict(game_config or {})
    made = game_of(game, game_config)
    if critic not in ("central", "local"):
        raise InvalidFieldError("critic", f"got {critic!r}", "central or local")
    if checked.response_transitions < 1 and algorithm != "PPO":
        raise InvalidFieldError("response_transitions", "is the work of this project's PPO learner", '1, or "PPO"')
    probe = StackelbergPOMDP(made, checked)
    config = named_algorithm(algorithm)
    register_env(ENV_NAME, make_leader_env)
    env_config = {
        "game": game,
        "game_config": game_config,
        "settings": checked.model_dump(),
        "seed": seed,
        "note": f"broken-game-{uuid.uuid4().hex}",
        "most_failures": MOST_FAILURES,
        "game_seconds": GAME_SECONDS,
    }
    low, high = (float(x) for x in made.payoff_range[0])
    config.environment(
        ENV_NAME,
        env_config=env_config,
        observation_space=probe.single_observation_space,
        action_space=probe.single_action_space,
        normalize_actions=False,
        clip_actions=False,
    )
    config.env_runners(
        gym_env_vectorize_mode="vector_entry_point",
        num_env_runners=0,
        num_envs_per_env_runner=parallel_episodes(made, checked),
        rollout_fragment_length="auto",
    )
    survive_losses(config)
    config.rl_module(
        rl_module_spec=RLModuleSpec(
            module_class=LeaderModule,
            model_config=leader_model_config((low, high), critic),
        )
    )
    config.callbacks(LeaderMetrics)
    config.debugging(seed=seed, log_level="ERROR")
    config.training(gamma=1.0)
    if checked.leader_queries == "every_turn":
        config.env_runners(module_to_env_connector=remember_answers, env_runner_cls=SteppingEnvRunner)
    else:
        config.env_runners(env_runner_cls=LeaderEnvRunner)
    if isinstance(config, PPOConfig) and isinstance(algorithm, str):
        _tune_ppo(config, made, checked)
    return config


def named_algorithm(algorithm: str | AlgorithmConfig) -> AlgorithmConfig:
    """An RLlib configuration by name, or the one given."""
    if isinstance(algorithm, AlgorithmConfig):
        return algorithm
    kind = getattr(importlib.import_module("ray.rllib.algorithms"), f"{algorithm}Config", None)
    if kind is None:
        raise InvalidFieldError("algorithm", f"RLlib has no {algorithm!r}", "PPO, or an AlgorithmConfig")
    return kind()


def parallel_episodes(game: StackelbergGame, settings: LeaderSettings) -> int:
    """Environments of a runner."""
    long = settings.leader_queries == "once" and (settings.in_play(game) or settings.long_response(game))
    return LONG_EPISODES if long else PARALLEL_EPISODES


def batch_size(game: StackelbergGame) -> int:
    """Rows of a default batch: about every parallel episode once."""
    return PARALLEL_EPISODES * min(game.turns[game.leader_turn].keys, MOST_QUESTIONS)


def _tune_ppo(config: PPOConfig, game: StackelbergGame, settings: LeaderSettings) -> None:
    """Defaults for short episodes whose reward comes at the end: small batches, one gradient step an epoch."""
    whole_episodes = settings.leader_queries == "once"
    long = whole_episodes and settings.in_play(game)
    # One round of short episodes, whatever its number of rows, is a batch; of long ones it is several.
    one_round = whole_episodes and not long
    low, high = (float(x) for x in game.payoff_range[0])
    scale = (high - low) / 2 if high > low else 1.0
    batch = batch_size(game)
    discrete = isinstance(game.turns[game.leader_turn].actions, Discrete)
    config.training(
        learner_class=LeaderPPOLearner,
        lr=3e-3 if discrete else FIRST_RATE,
        learner_config_dict={"response_transitions": settings.response_transitions}
        | ({} if discrete else {"anneal_updates": ANNEAL_UPDATES}),
        train_batch_size_per_learner=PARALLEL_EPISODES if one_round else batch,
        minibatch_size=batch if long else None,  # one step an epoch, whatever was dropped
        num_epochs=8,
        lambda_=0.95,
        clip_param=0.2,
        entropy_coeff=0.0,
        use_kl_loss=False,
        grad_clip=1.0,
        # The critic's loss is in payoff units squared: bring it back to order one, and never clip it.
        vf_loss_coeff=0.5 / scale**2,
        vf_clip_param=float("inf"),
    )
    config.learners(add_default_connectors_to_learner_pipeline=not whole_episodes)
