"""Independent learning: the leader and every follower are RLlib policies that learn at the same time.

A baseline, and not Stackelberg learning. Each policy sees its own observation and climbs its own payoff against what
the others happen to play now; nobody responds to a commitment. The leader's gradient takes followers as given, so it
never learns what a rule would make them do: where they come to rest, it is at something like a Nash equilibrium of
simultaneous play, and threats and promises that play does not reach are not learned at all. That is the difference
that a response phase inside the leader's environment makes.

Two values measure a leader learned this way: what its greedy answers are worth as a commitment, to followers that
respond by no-regret learning (`evaluate_policy`), and what it gets in the play that was learned.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.env.env_context import EnvContext
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner
from ray.tune.registry import register_env

from rllib_stackelberg.aec.environment import make_aec
from rllib_stackelberg.comparisons import standard_error
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.results import result_data
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.held import configured, rules_in
from rllib_stackelberg.rules.registry import finite, rules_of
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.streams import Purpose, Stream, Streams
from rllib_stackelberg.training.independent.multi_agent import ALL, AECMultiAgentEnv, check_play
from rllib_stackelberg.training.independent.players import PlayerModule
from rllib_stackelberg.training.leaders.algorithms import ANNEAL_UPDATES, FIRST_RATE, PPO_TRAINING, named_algorithm
from rllib_stackelberg.training.leaders.learners import LeaderPPOLearner
from rllib_stackelberg.training.leaders.rl_modules import problem_config
from rllib_stackelberg.training.running.lost_runners import SAMPLE_SECONDS, train_once
from rllib_stackelberg.training.running.ray_sessions import QUIET, ray_session, torch_threads

ENV_NAME = "stackelberg_play"
PARALLEL_PLAYS = 128
DISCRETE_RATE = 3e-3

EXACT_PLAYS = 4_096
"""Most joint values of types and chance over which greedy play is valued exactly."""

SAMPLED_PLAYS = 1_000
"""Plays that value it beyond."""


def make_play_env(context: EnvContext) -> AECMultiAgentEnv:
    """What RLlib calls on every env runner: one play of the game, every agent an RLlib agent."""
    game = finite(rules_in(context))
    return AECMultiAgentEnv(make_aec(game), worker=context.worker_index or 0)


class PlayEnvRunner(MultiAgentEnvRunner):
    """RLlib's; Ray forgets names of environments: they are told each time."""

    def make_env(self) -> None:
        """As RLlib's."""
        register_env(ENV_NAME, make_play_env)
        super().make_env()


def own_policy(agent_id: str, *args: Any, **kwargs: Any) -> str:
    """Every agent has the policy of its name."""
    return agent_id


def independent_config(
    algorithm: str | AlgorithmConfig = "PPO",
    *,
    game: str | type[StackelbergGame],
    game_config: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> AlgorithmConfig:
    """An RLlib configuration in which the leader and every follower of a game learn at the same time.

    One policy per agent, of the agent's name; each sees its own observation, followers their types in it. What comes
    back is an ordinary `AlgorithmConfig`.

    Args:
        algorithm: name ("PPO") or a configuration to start from.
        game: id, "package.module:ClassName", or a game class (which then need not be importable on workers).
        game_config: the game's constructor parameters.
        seed: of the run: types, chance, and RLlib's own.

    Raises:
        InvalidFieldError: anything that cannot work, by name, before a process is started.
        RulesError: the game breaks its rules in a first random play.
    """
    game_config = dict(game_config or {})
    made = finite(rules_of(game, game_config))
    config = named_algorithm(algorithm)
    register_env(ENV_NAME, make_play_env)  # again: this Ray may have been started since
    probe = AECMultiAgentEnv(make_aec(made))
    check_play(probe, seed)
    config.environment(
        ENV_NAME,
        env_config=configured(game, game_config, made),
        normalize_actions=False,
        clip_actions=False,
        disable_env_checking=True,  # RLlib's check acts outside the masks; check_play has played within them
    )
    # Whole fragments, not whole episodes: for those RLlib resets with the first seed at every call.
    config.env_runners(
        env_runner_cls=PlayEnvRunner,
        num_env_runners=0,
        num_envs_per_env_runner=PARALLEL_PLAYS,
        rollout_fragment_length="auto",
        batch_mode="truncate_episodes",
        sample_timeout_s=SAMPLE_SECONDS,
    )
    config.fault_tolerance(restart_failed_env_runners=False, restart_failed_sub_environments=False)
    config.multi_agent(policies=list(probe.possible_agents), policy_mapping_fn=own_policy)
    config.rl_module(rl_module_spec=player_specs(probe, made))
    config.debugging(seed=seed, **QUIET)
    config.training(gamma=1.0)
    if isinstance(config, PPOConfig) and isinstance(algorithm, str):
        _tune_ppo(config, made)
    return config


def player_specs(env: AECMultiAgentEnv, game: StackelbergGame) -> MultiRLModuleSpec:
    """A policy for every agent, in the environment's order."""
    return MultiRLModuleSpec(
        rl_module_specs={
            agent: RLModuleSpec(
                module_class=PlayerModule,
                observation_space=env.observation_spaces[agent],
                action_space=env.action_spaces[agent],
                model_config=problem_config(payoff_range, "local"),
            )
            for agent, payoff_range in zip(env.possible_agents, payoff_ranges(game), strict=True)
        }
    )


def payoff_ranges(game: StackelbergGame) -> list[tuple[float, float]]:
    """Smallest and largest payoff of every agent."""
    return [(float(low), float(high)) for low, high in game.payoff_range]


def _tune_ppo(config: PPOConfig, game: StackelbergGame) -> None:
    """The leader's defaults (config.py), per policy where they depend on its actions or payoffs."""
    batch = PARALLEL_PLAYS * len(game.turns)
    config.learners(learner_class=LeaderPPOLearner, learner_config_dict={"anneal_updates": ANNEAL_UPDATES})
    config.training(
        lr=FIRST_RATE,
        train_batch_size_per_learner=batch,
        # A row per play of an agent that moves once: an epoch is one step. (None would be the rows of all agents, and
        # one step several epochs of every policy.)
        minibatch_size=PARALLEL_PLAYS,
        # RLlib would shuffle the policies' rows in the order of a set of names, which differs between processes.
        shuffle_batch_per_epoch=False,
        **PPO_TRAINING,
    )
    own = {}
    for k, (low, high) in enumerate(payoff_ranges(game)):
        scale = (high - low) / 2 if high > low else 1.0
        discrete = all(turn.discrete for turn in game.turns if turn.agent == k)
        own[game.agents[k]] = PPOConfig.overrides(
            lr=DISCRETE_RATE if discrete else FIRST_RATE, vf_loss_coeff=0.5 / scale**2
        )
    config.rl_module(algorithm_config_overrides_per_module=own)


def train_independent(options: TrainOptions) -> dict[str, Any]:
    """Train every agent for itself, then value the leader that comes of it.

    Args:
        options: game, parameters, seed, budget, env runners; `settings` say how followers respond in the valuation.

    Returns:
        What `evaluate` returns of the leader's greedy answers as a commitment, and `joint_value`, `joint_error`,
        `joint_values`: payoffs of the learned greedy play of all (leader's, its standard error, everybody's);
        `mean_returns`: of exploring play, by agent; `episodes`, `iterations`, `seconds`.

    Raises:
        InvalidFieldError: options that mean nothing here.
        RulesError: the game broke its rules (on a remote env runner RLlib tells no more than that the runner died).
    """
    asked = options.stop_at_optimum and "stop_at_optimum" in options.model_fields_set
    if options.restart_after is not None or asked:
        field = "stop_at_optimum" if asked else "restart_after"
        raise InvalidFieldError(field, "independent learners have no certified optimum to go by", "its default")
    game, settings = options.rules, options.resolved_settings
    with ray_session(options.num_env_runners, options.ray_address), torch_threads():
        config = independent_config(options.algo, game=options.game, game_config=options.params, seed=options.seed)
        config.env_runners(num_env_runners=options.num_env_runners)
        algo = config.build_algo()
        try:
            training = _train(algo, options)
            players = {agent: algo.get_module(agent) for agent in game.agents}
        finally:
            algo.stop()
    leader = players[game.leader].export().acting_in(game)
    strategy, found = evaluate_policy(game, leader, settings, options.seed)
    values, error = joint_payoffs(game, players, options.seed)
    joint = {"joint_value": values[0], "joint_error": error, "joint_values": values}
    return result_data(game, strategy, found) | joint | training


def _train(algo: Algorithm, options: TrainOptions) -> dict[str, Any]:
    started, iteration, result = time.monotonic(), 0, {}
    while not options.finished(iteration, time.monotonic() - started):
        result = train_once(algo)
        iteration += 1
    runners = result["env_runners"]
    returns = runners.get("agent_episode_returns_mean", {})
    return {
        "mean_returns": {agent: float(value) for agent, value in returns.items()},
        "episodes": int(runners.get("num_episodes_lifetime", 0)),
        "iterations": iteration,
        "seconds": time.monotonic() - started,
    }


def joint_payoffs(
    game: StackelbergGame, players: Mapping[str, PlayerModule], seed: int = 0
) -> tuple[list[float], float]:
    """Expected payoffs of everybody's greedy play: exact over types and chance, or the mean of sampled plays.

    Returns:
        payoffs by agent, and the standard error of the leader's (0 where exact).
    """
    env = AECMultiAgentEnv(make_aec(game))
    if exact := game.nature.size <= EXACT_PLAYS:
        nature, weights = game.nature.support()
    else:
        shape = (SAMPLED_PLAYS, len(game.nature.blocks))
        uniforms = Streams(seed, Purpose.REPORT).uniforms(0, 0, Stream.REWARD, shape)
        nature, weights = game.nature.values(game.nature.draw(uniforms)), np.full(SAMPLED_PLAYS, 1 / SAMPLED_PLAYS)
    payoffs = np.array([greedy_play(env, players, row) for row in nature])
    error = 0.0 if exact else float(standard_error(payoffs[:, 0]))
    return (weights @ payoffs).tolist(), error


def greedy_play(env: AECMultiAgentEnv, players: Mapping[str, PlayerModule], nature: NDArray[np.int64]) -> list[float]:
    """Payoffs by agent of one play with given types and chance moves."""
    total = dict.fromkeys(env.possible_agents, 0.0)
    observations, _ = env.reset(options={"nature": nature})
    over = False
    while not over:
        actions = {agent: players[agent].greedy(seen) for agent, seen in observations.items()}
        observations, rewards, terminated, truncated, _ = env.step(actions)
        for agent, reward in rewards.items():
            total[agent] += reward
        over = terminated[ALL] or truncated[ALL]
    return list(total.values())
