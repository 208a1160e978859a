"""An env runner that steps population games side by side with nothing but arrays, locally or as a remote worker.

A period is two calls of networks, whatever the number of plays and members. Connectors and gymnasium environments
are not involved: observations go in as signed logarithms, actions come out as points of the unit box, exploration
noise is added here, from streams of its own for every play and independent for every member. What is returned are
pieces of plays as RLlib's `SingleAgentEpisode` with nested observations and actions. Of the user's callbacks those of
environments, of samples and of the ends of plays are called, the latter with the last piece of each.

Private touches of RLlib: `_check_component` says whether a caller of `get_state` wants the networks.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray import ObjectRef, get
from ray.rllib.callbacks.utils import make_callback
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.core.columns import Columns
from ray.rllib.env import INPUT_ENV_SINGLE_SPACES, INPUT_ENV_SPACES
from ray.rllib.env.env_context import EnvContext
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils import force_list
from ray.rllib.utils.checkpoints import Checkpointable
from ray.rllib.utils.framework import get_device
from ray.rllib.utils.metrics import (
    EPISODE_LEN_MEAN,
    EPISODE_RETURN_MEAN,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_EPISODES,
    NUM_EPISODES_LIFETIME,
    WEIGHTS_SEQ_NO,
)

from rllib_stackelberg.arrays import Arrays
from rllib_stackelberg.populations.play import ALL, PopulationPlays, logged, told
from rllib_stackelberg.rules.population import RUNNING
from rllib_stackelberg.rules.registry import populated, rules_of
from rllib_stackelberg.streams import Stream, Streams
from rllib_stackelberg.training.populations.buffer import pieces_of
from rllib_stackelberg.training.populations.modules import LEADER, MEMBERS, SHOWN, STATE
from rllib_stackelberg.training.running.checkpoints import COMPONENT_EPISODES
from rllib_stackelberg.training.running.failures import Failures, noting
from rllib_stackelberg.training.running.generations import own_episodes

MEMBERS_RETURN = "members_return_mean"
WINDOW = 20
"""Plays over which reported means are taken."""

ROWS = 40_000
"""Members who act and are played at a time: of more, what is computed meanwhile does not stay near the processor."""

EXPLORERS = {LEADER: Stream.LEADER, MEMBERS: Stream.FOLLOWER}


class PopulationEnvRunner(EnvRunner, Checkpointable):
    """Samples periods of plays that go on from call to call."""

    num_env_steps_sampled_lifetime: int
    _seen: Arrays

    def __init__(self, *, config: Any, **kwargs: Any):
        super().__init__(config=config, **kwargs)
        self.settings = self.config.population
        self.game = self.config.rules
        self.boxes = self.settings.boxes(self.game)
        self._logged = logged(self.game.leader_space), logged(self.game.member_space)
        self._callbacks = [cls() for cls in force_list(self.config.callbacks_class)]
        limits = self.config.env_config
        self.failures, self._survived = Failures(limits["most_failures"], limits["game_seconds"]), 0
        self.make_env()
        self.make_module()
        self._weights_seq_no = 0

    def make_env(self) -> None:
        """Begin the plays."""
        self._streams = Streams(self.config.seed or 0, worker=self.worker_index or 0)
        self.env = PopulationPlays(self.game, self._streams, range(self.config.num_envs_per_env_runner))
        context = EnvContext(self.config.env_config, self.worker_index or 0)
        self._call("on_environment_created", env=self.env, env_context=context)
        self._returns = np.zeros((2, len(self.env)))
        self._longest = np.full(len(self.env), np.inf)
        self._noise: list[dict[str, np.random.Generator]] = [{}] * len(self.env)
        self._all_began()

    def make_module(self) -> None:
        """Build both actors."""
        self.module = self.config.get_multi_rl_module_spec(spaces=self.get_spaces(), inference_only=True).build()
        gpus = self.config.num_gpus_per_env_runner if self.worker_index else self.config.num_gpus_per_learner
        self.device = get_device(self.config, gpus)
        for side in (LEADER, MEMBERS):
            self.module[side].to(self.device)

    def get_spaces(self) -> dict[str, Any]:
        """Of both modules."""
        spaces = {side: self.config.spaces_of(self.game, side) for side in (LEADER, MEMBERS)}
        return spaces | {INPUT_ENV_SPACES: spaces[LEADER], INPUT_ENV_SINGLE_SPACES: spaces[LEADER]}

    def assert_healthy(self) -> None:
        """There are plays and networks."""
        assert self.env is not None
        assert self.module is not None

    def stop(self) -> None:
        """Nothing to close."""

    def sample(self, *, num_timesteps: int | None = None, explore: bool = True, **kwargs: Any) -> list:
        """Play on: as many periods as asked for together, rounded up to whole ones of all plays.

        Args:
            num_timesteps: periods; by default this runner's share of an epoch. explore: with noise.
        """
        asked = num_timesteps or -(-self.settings.epoch_periods // max(1, self.config.num_env_runners))
        with noting(self.config.env_config["note"] if self.worker_index else ""):
            columns, endings = self.failures.survived(self._play_on, asked, explore, long=True)
        episodes = pieces_of(columns, endings, self.game.horizon)
        self._log(sum(map(len, episodes)))
        for index, episode in enumerate(episodes):
            if episode.is_done:
                self._call("on_episode_end", episode=episode, env=self.env, rl_module=self.module, env_index=index)
        self._call("on_sample_end", samples=episodes)
        return episodes

    def _play_on(self, periods: int, explore: bool) -> tuple[Arrays, NDArray[np.int64]]:
        """Columns by play and period `[B, T, ...]`, and why plays ended `[B, T]`; nothing, if the game fails."""
        if self.failures.count > self._survived:
            self._begin_instead()
        kept, rows = self._subset(), []
        for _ in range(-(-periods // len(self.env))):
            rows.append(self._period(kept, explore))
            self.num_env_steps_sampled_lifetime += len(self.env)
        return (
            {name: np.stack([found[name] for found, _ in rows], axis=1) for name in rows[0][0]},
            np.stack([endings for _, endings in rows], axis=1),
        )

    def _begin_instead(self) -> None:
        """The game has failed: make it anew, and begin plays that none has been."""
        given = self.config.env_config
        self.game = populated(rules_of(given["game"], given["game_config"]))
        self._begin(self.env.episodes)
        self._survived = self.failures.count

    def _begin(self, episodes: NDArray[np.int64]) -> None:
        """Begin all plays of the game anew, with numbers that none of their first so many beginnings had `[B]`."""
        self.env = PopulationPlays(self.game, self._streams, range(len(episodes)))
        self.env.restart_after(episodes)
        self._all_began()

    def skip(self, played: int) -> None:
        """Go on with plays that no runner of this number has had among so many periods of all.

        Args:
            played: periods.
        """
        self._begin(np.full(len(self.env), played))

    def _call(self, name: str, **given: Any) -> None:
        """Call what the user has set of a kind of callback."""
        functions = getattr(self.config, f"callbacks_{name}")
        given |= {"env_runner": self, "metrics_logger": self.metrics}
        make_callback(name, self._callbacks, functions, kwargs=given)

    def _subset(self) -> NDArray[np.int64]:
        """Which members of each play are kept of the coming periods `[B, M]`."""
        count, kept = self.game.members, self.settings.kept(self.game)
        if kept == count:
            return np.broadcast_to(np.arange(count), (len(self.env), count))
        return np.stack([generator.permutation(count)[:kept] for generator in self._subsets])

    def _period(self, kept: NDArray[np.int64], explore: bool) -> tuple[Arrays, NDArray[np.int64]]:
        """A period of all plays: columns by play, and why plays ended."""
        parts = [self._block(rows, kept[rows], explore) for rows in self.env.blocks(ROWS)]
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        endings = np.where(self._cut(), self.game.horizon, self.env.state.ending)
        self._report(np.flatnonzero(self.env.state.ending != RUNNING))
        if len(over := np.flatnonzero(endings != RUNNING)):
            self.env.restart(over)
            self._began_anew(over)
        return found, endings

    def _block(self, rows: slice, kept: NDArray[np.int64], explore: bool) -> Arrays:
        """A period of some plays: columns by play."""
        before = {side: seen[rows] for side, seen in self._seen.items()}
        leader, members = self._act(before, explore, rows)
        led, followed = (
            np.clip(box.low + unit * (box.high - box.low), box.low, box.high)
            for box, unit in zip(self.boxes, (leader, members), strict=True)
        )
        paid = self.env.step(led, followed, rows)
        after = self._observe(rows)
        found = {
            "leader": before[LEADER], "next_leader": after[LEADER], "leader_action": leader, "leader_reward": paid[0],
            "mean": before[MEMBERS].mean(axis=1), "next_mean": after[MEMBERS].mean(axis=1),
            "mean_action": members.mean(axis=1), "members": _of(before[MEMBERS], kept),
            "next_members": _of(after[MEMBERS], kept), "actions": _of(members, kept), "rewards": _of(paid[1], kept),
        }  # fmt: skip
        columns = {name: values.astype(np.float32) for name, values in found.items()}
        self._returns[:, rows] += paid[0], paid[1].mean(axis=1)
        for side, seen in after.items():
            self._seen[side][rows] = seen
        return columns

    def _observe(self, rows: slice = ALL) -> Arrays:
        """What both sides see in some plays, as signed logarithms."""
        state = self.env.state.take(rows)
        return {
            LEADER: told(self.game.observe_leader(state), self._logged[0]),
            MEMBERS: told(self.game.observe_members(state), self._logged[1]),
        }

    @torch.no_grad()
    def _act(self, seen: Arrays, explore: bool, rows: slice = ALL) -> tuple[NDArray, NDArray]:
        """Points of the unit box, `[B, w]` and `[B, N, v]`; members see what the leader does, noise and all."""
        leader = self._ask(LEADER, self._moved(seen[LEADER]), explore)
        leader = self._explored(LEADER, leader, explore, rows)
        shown = {STATE: self._moved(seen[MEMBERS]), SHOWN: self._moved(leader)}
        answers = self._ask(MEMBERS, shown, explore)
        return leader, self._explored(MEMBERS, answers, explore, rows)

    def _explored(self, side: str, actions: NDArray, explore: bool, rows: slice) -> NDArray:
        """Actions of a side, at random at first, then with noise, if it is one that learns."""
        if not explore or side not in self.settings.learning:
            return np.clip(actions, 0.0, 1.0)
        shape, draws = actions.shape[1:], [generators[side] for generators in self._noise[rows]]
        if self.num_env_steps_sampled_lifetime < self.settings.random_epochs * self.settings.epoch_periods:
            return np.stack([generator.random(shape) for generator in draws])
        noise = np.stack([generator.standard_normal(shape) for generator in draws])
        return np.clip(actions + self._spread() * noise, 0.0, 1.0)

    def _ask(self, side: str, seen: Any, explore: bool) -> NDArray[np.float64]:
        module = self.module[side]
        forward = module.forward_exploration if explore else module.forward_inference
        return forward({Columns.OBS: seen})[Columns.ACTIONS].cpu().numpy().astype(np.float64)

    def _moved(self, values: NDArray) -> torch.Tensor:
        """Where the networks are."""
        return torch.from_numpy(values.astype(np.float32)).to(self.device)

    def _spread(self) -> float:
        """Of exploration, at this time of the run."""
        epoch = self.num_env_steps_sampled_lifetime // self.settings.epoch_periods
        return self.settings.noise * self.settings.noise_decay ** (epoch // self.settings.rate_decay_epochs)

    def _cut(self) -> NDArray[np.bool_]:
        """Which plays are cut off after this period: those still under way whose time has come."""
        state = self.env.state
        return (state.ending == RUNNING) & (state.period >= self._longest)

    def _report(self, over: NDArray[np.int64]) -> None:
        """Report plays that have ended by themselves."""
        if not len(over):
            return
        for play in over:
            self.metrics.log_value(EPISODE_LEN_MEAN, int(self.env.state.period[play]), reduce="mean", window=WINDOW)
            for name, total in zip((EPISODE_RETURN_MEAN, MEMBERS_RETURN), self._returns[:, play], strict=True):
                self.metrics.log_value(name, float(total), reduce="mean", window=WINDOW)
        self.metrics.log_value(NUM_EPISODES, len(over), reduce="sum")
        self.metrics.log_value(NUM_EPISODES_LIFETIME, len(over), reduce="lifetime_sum")

    def _began_anew(self, rows: NDArray[np.int64]) -> None:
        for play in rows:
            self._noise[play] = self._explorers(play)
            self._longest[play] = self._length(play)
        self._returns[:, rows] = 0.0
        self._seen = self._observe()

    def _all_began(self) -> None:
        """As `_began_anew`; which members are kept is drawn by streams of these episodes, too."""
        self._subsets = [self.env.generator(play, Stream.MEMBERS) for play in range(len(self.env))]
        self._began_anew(np.arange(len(self.env)))

    def _length(self, play: int) -> float:
        """After how many periods a play is cut off."""
        if not self.settings.cutting:
            return np.inf
        return self.env.generator(play, Stream.CUTS).geometric(self.settings.cutting)

    def _explorers(self, play: int) -> dict[str, np.random.Generator]:
        return {side: self.env.generator(play, stream) for side, stream in EXPLORERS.items()}

    def _log(self, periods: int) -> None:
        self.metrics.log_value(NUM_ENV_STEPS_SAMPLED, periods, reduce="sum")
        self.metrics.log_value(NUM_ENV_STEPS_SAMPLED_LIFETIME, periods, reduce="lifetime_sum", with_throughput=True)
        self.metrics.log_value("game_failures", self.failures.count, reduce="max", window=1)

    def get_metrics(self) -> Any:
        """Since the last call."""
        return self.metrics.reduce()

    def get_state(
        self,
        components: str | Collection[str] | None = None,
        *,
        not_components: str | Collection[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Networks, counters, and how often plays have begun: after a restore all of them begin anew."""
        state: dict[str, Any] = {NUM_ENV_STEPS_SAMPLED_LIFETIME: self.num_env_steps_sampled_lifetime}
        if self._check_component(COMPONENT_RL_MODULE, components, not_components):
            state[COMPONENT_RL_MODULE] = self.module.get_state(**kwargs)
            state[WEIGHTS_SEQ_NO] = self._weights_seq_no
        if self._check_component(COMPONENT_EPISODES, components, not_components):
            state[COMPONENT_EPISODES] = {"worker": self.worker_index, "episodes": self.env.episodes.copy()}
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `get_state`; plays begin anew, on streams that none of this runner's has had."""
        if COMPONENT_RL_MODULE in state:
            number = state.get(WEIGHTS_SEQ_NO, 0)
            if number == 0 or self._weights_seq_no < number:
                weights = state[COMPONENT_RL_MODULE]
                self.module.set_state(get(weights) if isinstance(weights, ObjectRef) else weights)
            self._weights_seq_no = number or self._weights_seq_no
        self.num_env_steps_sampled_lifetime = int(
            state.get(NUM_ENV_STEPS_SAMPLED_LIFETIME) or self.num_env_steps_sampled_lifetime
        )
        played = own_episodes(self, state)
        if played is not None:
            self.env.restart_after(played["episodes"])
            self._all_began()

    def get_ctor_args_and_kwargs(self) -> tuple[tuple, dict[str, Any]]:
        """As it was made."""
        return (), {"config": self.config}

    def get_checkpointable_components(self) -> list[tuple[str, Any]]:
        """The networks."""
        return [(COMPONENT_RL_MODULE, self.module)]


def _of(values: NDArray, kept: NDArray[np.int64]) -> NDArray:
    """Of values by member `[B, N, ...]` those of some of them `[B, M]`."""
    return np.take_along_axis(values, kept.reshape(*kept.shape, *[1] * (values.ndim - 2)), axis=1)
