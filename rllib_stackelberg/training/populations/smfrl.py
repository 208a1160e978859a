"""SMFRL, Stackelberg mean-field reinforcement learning, as an RLlib algorithm (Mi et al., arXiv 2403.12093).

    config = smfrl_config(game="stackelberg/taxation-v0", game_config={"households": 100, "caps": "box"})
    algo = config.build_algo()

What comes back is an ordinary `AlgorithmConfig`. An iteration is an epoch: `epoch_periods` periods of play into the
replay buffer, then `updates` gradient steps of either side. What the method is: losses.py; what may be set:
`PopulationSettings`. Known faults of the released code are not repeated: targets are copies that follow, the mean
state has a layer of its own, every action in training is a point of the unit box, and every member explores alone.

`through_members` departs from the paper where it matters: the paper's leader ascends for given answers of the members,
and the answers it will get to what it does next are no part of the gradient. Where a leader's action and the answer to
it work against each other (a levy on what members make), that leads to the end of the box instead of the Stackelberg
optimum (tests/training/populations/test_smfrl.py has both). The default is the paper's.

Private touches of RLlib: the arguments of `synchronous_parallel_sample` that its own algorithms use.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from gymnasium.spaces import Box, Dict
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig, NotProvided
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.execution.rollout_ops import synchronous_parallel_sample
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    REPLAY_BUFFER_SAMPLE_TIMER,
    TIMERS,
)

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.play import logged
from rllib_stackelberg.populations.policy import BoxActor, PopulationPolicy, played_game
from rllib_stackelberg.populations.settings import PopulationSettings
from rllib_stackelberg.rules.held import configured, rules_in
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import find_spec, populated, rules_of
from rllib_stackelberg.training.leaders.callbacks import others
from rllib_stackelberg.training.populations.buffer import MEMBER_REWARDS, new_rows
from rllib_stackelberg.training.populations.env_runners import PopulationEnvRunner
from rllib_stackelberg.training.populations.learner import SMFRLLearner
from rllib_stackelberg.training.populations.modules import LEADER, MEMBERS, SHOWN, STATE, LeaderSide, MembersSide
from rllib_stackelberg.training.populations.upkeep import PopulationUpkeep
from rllib_stackelberg.training.running.failures import fault_entries
from rllib_stackelberg.training.running.lost_runners import learn_once, survive_losses
from rllib_stackelberg.training.running.ray_sessions import QUIET

PASSED_ON = (
    "actor_hidden", "activation", "stackelberg", "mean_field", "centred", "recent", "averaging", "critics",
    "layer_norm", "critic_value",
)  # fmt: skip
"""Settings that networks are made by."""

POLICIES = "policies_as_data"
"""Folder in a checkpoint of RLlib's."""

BUFFER = "rllib_stackelberg.training.populations.buffer.PeriodEpisodeReplayBuffer"


class SMFRLConfig(AlgorithmConfig):
    """Of `SMFRL`. `training(population=PopulationSettings(...))` sets how both sides learn."""

    def __init__(self, algo_class: type | None = None):
        super().__init__(algo_class=algo_class or SMFRL)
        self.population = PopulationSettings()
        self.multi_agent(policies={LEADER, MEMBERS}, policy_mapping_fn=lambda agent, episode, **_: agent)
        # There are no connectors: nothing to gather from env runners, and only weights to hand out.
        self.env_runners(num_env_runners=0, env_runner_cls=PopulationEnvRunner, merge_env_runner_states=False)
        self.framework("torch")
        self.callbacks(None)

    def training(self, *, population: PopulationSettings | Mapping[str, Any] = NotProvided, **kwargs: Any) -> Self:
        """RLlib's options, and `population`: settings, or some of them as a mapping."""
        super().training(**kwargs)
        if population is not NotProvided:
            given = population.model_dump() if isinstance(population, PopulationSettings) else dict(population)
            self.population = PopulationSettings.checked(**given)
            self.gamma, self.lr = self.population.gamma, self.population.rate
            self.num_envs_per_env_runner = self.population.plays
        return self

    def update_from_dict(self, config_dict: Mapping[str, Any]) -> Self:
        """As RLlib's; settings of the population that Ray Tune has chosen come as a mapping."""
        super().update_from_dict(dict(config_dict))
        if not isinstance(self.population, PopulationSettings):
            self.training(population=self.population)
        return self

    def callbacks(self, callbacks_class: Any = NotProvided, **functions: Any) -> Self:
        """As RLlib's; `PopulationUpkeep` stays the first of the classes."""
        if callbacks_class is not NotProvided:
            callbacks_class = [PopulationUpkeep, *others(callbacks_class, PopulationUpkeep)]
        return super().callbacks(callbacks_class, **functions)

    def rl_module(self, *, model_config: Any = NotProvided, rl_module_spec: Any = NotProvided, **kwargs: Any) -> Self:
        """As RLlib's, but for networks: those follow from the game and the settings of the population.

        Raises:
            InvalidFieldError: others are asked for.
        """
        allowed = "hidden, actor_hidden and activation of training(population=...)"
        for name, given in (("model_config", model_config), ("rl_module_spec", rl_module_spec)):
            if given is not NotProvided and given:
                raise InvalidFieldError(name, "does not shape the networks of SMFRL", allowed)
        return super().rl_module(**kwargs)

    @property
    def rules(self) -> PopulationGame:
        """The game of the environment configuration, made once in a process."""
        return populated(rules_in(self.env_config))

    @property
    def replay_buffer_config(self) -> dict[str, Any]:
        """What RLlib makes the buffer of."""
        if "game" not in self.env_config:
            return {}
        return {"type": BUFFER, "capacity": self.population.capacity(self.rules), "seed": self.seed or 0}

    def get_default_learner_class(self) -> type:
        """SMFRL's."""
        return SMFRLLearner

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """Of a module that nothing else is said of; there is none."""
        return RLModuleSpec(module_class=LeaderSide)

    def get_multi_rl_module_spec(self, *, inference_only: bool = False, **kwargs: Any) -> MultiRLModuleSpec:
        """Both sides' networks; what they see and do is the game's, not an environment's."""
        game = self.rules
        widths = {
            "leader_actions": game.leader_actions.shape[0],
            "mean_state": game.member_space.shape[0],
            "mean_action": game.member_actions.shape[0],
        }
        specs = {}
        for side, cls in ((LEADER, LeaderSide), (MEMBERS, MembersSide)):
            space, actions = self._of(game, side)
            seen, acted = self.spaces_of(game, side)
            own = {"state": space.shape[0], "actions": actions.shape[0], "hidden": self.population.hidden}
            rest = {name: getattr(self.population, name) for name in PASSED_ON}
            specs[side] = RLModuleSpec(
                module_class=cls, observation_space=seen, action_space=acted, inference_only=inference_only,
                model_config=widths | own | rest,
            )  # fmt: skip
        return MultiRLModuleSpec(rl_module_specs=specs, inference_only=inference_only)

    @staticmethod
    def _of(game: PopulationGame, side: str) -> tuple[Box, Box]:
        if side == LEADER:
            return game.leader_space, game.leader_actions
        return game.member_space, game.member_actions

    def spaces_of(self, game: PopulationGame, side: str) -> tuple[Any, Box]:
        """What a module sees, logarithms taken, and its actions, in the unit box; of one member, for members."""
        if side == LEADER:
            return _unbounded(game.leader_space.shape[0]), _unit(game.leader_actions.shape[0])
        seen = Dict({STATE: _unbounded(game.member_space.shape[0]), SHOWN: _unit(game.leader_actions.shape[0])})
        return seen, _unit(game.member_actions.shape[0])


def _unbounded(width: int) -> Box:
    return Box(-np.inf, np.inf, (width,), np.float32)


def _unit(width: int) -> Box:
    return Box(0.0, 1.0, (width,), np.float32)


class SMFRL(Algorithm):
    """A leader and a population that learn together."""

    @classmethod
    def get_default_config(cls) -> SMFRLConfig:
        """Its defaults."""
        return SMFRLConfig()

    @property
    def algorithms(self) -> dict[str, Algorithm]:
        """Itself: what trains both sides is one algorithm."""
        return {"": self}

    def own_state(self) -> dict[str, Any]:
        """What a generation holds besides RLlib's state: nothing."""
        return {}

    @property
    def buffered(self) -> SMFRL:
        """Itself, which has the replay buffer."""
        return self

    @property
    def epoch(self) -> int:
        """How many have been sampled."""
        sampled = self.metrics.peek((ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME), default=0)
        return int(sampled) // self.config.population.epoch_periods

    def training_step(self) -> None:
        """An epoch: play, remember, learn, and hand out what was learned."""
        with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
            episodes, results = synchronous_parallel_sample(
                worker_set=self.env_runner_group,
                concat=True,
                sample_timeout_s=self.config.sample_timeout_s,
                _uses_new_env_runners=True,
                _return_metrics=True,
            )
        self.metrics.aggregate(results, key=ENV_RUNNER_RESULTS)
        if not episodes:  # all env runners were lost
            return
        self.local_replay_buffer.add(episodes)
        self._count(episodes)
        if self.epoch > self.config.population.random_epochs:
            self._learn()
        self.env_runner_group.sync_weights(from_worker_or_learner_group=self.learner_group, inference_only=True)

    def _count(self, episodes: list[Any]) -> None:
        seen = {side: new_rows(episodes, side) for side in (LEADER, MEMBERS)}
        rewards = {
            LEADER: np.concatenate([episode.rewards.data for episode in episodes]),
            MEMBERS: np.concatenate([episode.extra_model_outputs[MEMBER_REWARDS].data for episode in episodes]),
        }
        self.learner_group.foreach_learner(lambda learner: learner.observe(seen, rewards))

    def _learn(self) -> None:
        settings = self.config.population
        count = settings.batch * settings.updates
        with self.metrics.log_time((TIMERS, REPLAY_BUFFER_SAMPLE_TIMER)):
            rows = self.local_replay_buffer.sample_periods(
                count, settings.batch_members, settings.n_step, settings.gamma
            )
        batch = MultiAgentBatch(dict(zip((LEADER, MEMBERS), map(SampleBatch, rows), strict=True)), env_steps=count)
        with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
            results = self.learner_group.update(batch=batch, minibatch_size=settings.batch, num_epochs=1)
        self.metrics.aggregate(results, key=LEARNER_RESULTS)

    def policy(self) -> PopulationPolicy:
        """What both sides have learned, as data."""
        game, settings = self.config.rules, self.config.population
        boxes, spaces = settings.boxes(game), (game.leader_space, game.member_space)
        modules = self.env_runner_group.local_env_runner.module
        leader, members = (
            modules[side].export(box.low, box.high, logged(space))
            for side, box, space in zip((LEADER, MEMBERS), boxes, spaces, strict=True)
        )
        return PopulationPolicy(leader, members, sees_leader=settings.stackelberg, played=played_game(game))

    def start_from(self, policy: PopulationPolicy) -> None:
        """Both sides act as in a policy; critics are as they were.

        Raises:
            InvalidFieldError: it was trained in another game.
        """
        policy.check(self.config.rules, "policy")
        self._load({LEADER: policy.leader, MEMBERS: policy.members})

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """As RLlib's; with both sides' policies, as data. What is replayed is not in it."""
        super().save_checkpoint(checkpoint_dir)
        folder = Path(checkpoint_dir) / POLICIES
        folder.mkdir()
        self.policy().save(folder, self.config.rules)

    def act_as(self, side: str, actor: BoxActor) -> None:
        """A side acts as one that was trained elsewhere.

        Args:
            side: "leader" or "members".
            actor: its network.
        """
        self._load({side: actor})

    def _load(self, actors: Mapping[str, BoxActor]) -> None:
        self.learner_group.foreach_learner(lambda learner: learner.load(actors))
        self.env_runner_group.sync_weights(from_worker_or_learner_group=self.learner_group, inference_only=True)

    def iterate(self) -> dict[str, Any]:
        """An epoch; returns what RLlib reports.

        Raises:
            RulesError: the game broke its rules, failed too often or did not return, in whatever process.
            RunnersLostError: no env runner is left, or one does not answer.
        """
        return learn_once(self, played)


def played(result: Mapping[str, Any]) -> bool:
    """Whether an iteration of RLlib has played: without env runners there is none."""
    return bool(result.get(ENV_RUNNER_RESULTS, {}).get(NUM_ENV_STEPS_SAMPLED, 0) > 0)


def smfrl_config(
    *,
    game: str | type[PopulationGame],
    game_config: Mapping[str, Any] | None = None,
    seed: int = 0,
    **settings: Any,
) -> SMFRLConfig:
    """An RLlib configuration that trains both sides of a population game by SMFRL.

    Args:
        game: id, "package.module:ClassName", or a game class.
        game_config: its constructor parameters.
        seed: of the run: plays, exploration, replay, and RLlib's own.
        settings: fields of `PopulationSettings` that differ from the defaults of the game, if it is named.

    Raises:
        InvalidFieldError: anything that cannot work, by name, before a process is started.
    """
    given = game_config or {}
    made = populated(rules_of(game, given))
    defaults = find_spec(game).defaults.settings if isinstance(game, str) else {}
    checked = PopulationSettings.of(made, **defaults | settings)
    checked.boxes(made)
    checked.capacity(made)
    return config_for(configured(game, given, made), checked, seed)


def config_for(entries: Mapping[str, Any], settings: PopulationSettings, seed: int) -> SMFRLConfig:
    """As `smfrl_config`, of a game as a configuration holds it (rules/held.py) and settings that are checked."""
    config = SMFRLConfig()
    config.environment(env_config={**entries, **fault_entries()})
    config.training(population=settings)
    survive_losses(config)
    config.debugging(seed=seed, **QUIET)
    return config
