"""An env runner that plays whole leader episodes, all environments in step.

RLlib's own runner moves every environment through Python objects one question at a time, starts episodes wherever
others end, and cuts what is unfinished when its batch is full. A leader that is asked once per observation has
episodes whose reward comes at the end: here a round plays one episode in every environment with nothing but arrays,
and hands over complete episodes. All open questions of all environments are answered in one forward pass; each is a
row of its episode.

Connectors between environment and module are not run (observations are tensors, actions go out as sampled), nor the
callbacks of single steps. `config.env_runners(env_runner_cls=SteppingEnvRunner)` brings RLlib's way back; its
pieces of episodes need `config.learners(add_default_connectors_to_learner_pipeline=True)`, too.

Private touches of RLlib: `_sample` is the method that `sample` (weights, timers, callbacks) wraps, and it must do its
part of the runner's counters (`_log_env_steps`, `_increase_sampled_metrics`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core import DEFAULT_AGENT_ID, DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.env.utils.infinite_lookback_buffer import InfiniteLookbackBuffer
from ray.rllib.utils.metrics import (
    EPISODE_DURATION_SEC_MEAN,
    EPISODE_LEN_MAX,
    EPISODE_LEN_MEAN,
    EPISODE_LEN_MIN,
    EPISODE_RETURN_MAX,
    EPISODE_RETURN_MEAN,
    EPISODE_RETURN_MIN,
)

from rllib_stackelberg.arrays import Arrays
from rllib_stackelberg.leader.actions import sampled
from rllib_stackelberg.leader.elicitation import Front
from rllib_stackelberg.leader.env import Observations, StackelbergPOMDP
from rllib_stackelberg.training.leaders.resumable import ResumableEnvRunner
from rllib_stackelberg.training.running.failures import EpisodesLostError

LENGTHS = {EPISODE_LEN_MEAN: "mean", EPISODE_LEN_MIN: "min", EPISODE_LEN_MAX: "max"}
RETURNS = {
    EPISODE_RETURN_MEAN: "mean",
    EPISODE_RETURN_MIN: "min",
    EPISODE_RETURN_MAX: "max",
    ("agent_episode_return_mean", DEFAULT_AGENT_ID): "mean",
    ("module_episode_return_mean", DEFAULT_MODULE_ID): "mean",
}
"""Names under which RLlib knows what episodes were like, and how each sums them up."""
REDUCED: dict[str, Callable[[NDArray], np.number]] = {"mean": np.mean, "min": np.min, "max": np.max}

SHOWN = ("actor", "critic", "mask")
OUTPUTS = (Columns.ACTION_LOGP, Columns.ACTION_DIST_INPUTS)
CREDIT = ("met", "paid")
"""What of the reward met each question (`Credit`), for a learner that asks for it; carried beside the outputs."""
CARRIED = (*OUTPUTS, *CREDIT)


class LeaderEnvRunner(ResumableEnvRunner):
    """Samples complete leader episodes, in rounds of one per environment."""

    def _sample(
        self,
        *,
        num_timesteps: int | None = None,
        num_episodes: int | None = None,
        explore: bool,
        random_actions: bool = False,
        force_reset: bool = False,
    ) -> list[SingleAgentEpisode]:
        """Play rounds until there are at least as many questions, or exactly as many episodes, as asked for."""
        episodes: list[SingleAgentEpisode] = []
        questions = 0
        while (questions < num_timesteps) if num_timesteps is not None else (len(episodes) < (num_episodes or 0)):
            envs = self.num_envs if num_episodes is None else min(self.num_envs, num_episodes - len(episodes))
            found = self._whole_round(envs, explore, random_actions)
            questions += sum(map(len, found))
            for index in range(len(found)):
                self._make_on_episode_callback("on_episode_end", index, found)
            episodes += found
        self.report_episodes(episodes)
        self._log_returns(episodes)
        self._log_env_steps(metric=self._metrics_num_env_steps_sampled, num_steps=questions)
        self._increase_sampled_metrics(questions, len(episodes))
        return episodes

    def _log_returns(self, episodes: list[SingleAgentEpisode]) -> None:
        """RLlib's metrics of episodes, over as many as its own runner keeps; one entry for all of them.

        An entry for each, as RLlib makes them, takes a sixth of the time of a short round.
        """
        kept = episodes[-self.config.metrics_num_episodes_for_smoothing :]
        lengths, returns = np.array(list(map(len, kept))), np.array([episode.get_return() for episode in kept])
        seconds = np.mean([episode.get_duration_s() for episode in kept])
        self.metrics.log_value(EPISODE_DURATION_SEC_MEAN, seconds, window=1)
        for names, values in ((LENGTHS, lengths), (RETURNS, returns)):
            for name, reduce in names.items():
                self.metrics.log_value(name, REDUCED[reduce](values), reduce=reduce, window=1)

    def _whole_round(self, envs: int, explore: bool, random_actions: bool) -> list[SingleAgentEpisode]:
        """A round that the game got through."""
        while True:
            try:
                return self._round(envs, explore, random_actions)
            except EpisodesLostError:
                continue

    def _round(self, envs: int, explore: bool, random_actions: bool) -> list[SingleAgentEpisode]:
        """One episode in each of the first environments."""
        env: StackelbergPOMDP = self.env.unwrapped
        if self._needs_initial_reset:
            env.reset(seed=self._seed)
            self._needs_initial_reset: bool = False
        else:
            env.begin(np.arange(envs))
        asked: list[Front] = []
        rows: list[Arrays] = []
        while len(live := env.live[env.live < envs]):
            front = self._asked(env, live)
            observations = env.observe(front)
            found = self._random(observations) if random_actions else self._act(observations, explore)
            found[Columns.REWARDS] = env.answer(front, found[Columns.ACTIONS])
            rows.append(observations | found)
            asked.append(front)
        columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
        owners, questions, _ = (np.concatenate(part) for part in zip(*asked, strict=True))
        wanted = self.config.learner_config_dict
        if wanted.get("direct_credit") or wanted.get("own_advantages"):  # it takes the reward's plays once more
            credit = env.elicitation.credit(owners, questions)
            parts = () if credit is None else zip(CREDIT, credit, strict=True)
            columns |= {name: part.astype(np.float32) for name, part in parts}
        return self._episodes(owners, columns, env.episode_infos()[:envs])

    def _asked(self, env: StackelbergPOMDP, live: NDArray[np.int64]) -> Front:
        """What the leader answers next, of what is open."""
        return env.front(live)

    def _random(self, observations: Observations) -> Arrays:
        rows = sampled(self.env.single_action_space, len(observations["actor"]), observations.get("mask"))
        return {Columns.ACTIONS: rows[:, 0].astype(np.int64) if self.module.discrete else rows.astype(np.float32)}

    @torch.no_grad()
    def _act(self, observations: Observations, explore: bool) -> Arrays:
        """What the leader's module answers; with the log-probabilities of sampled actions."""
        seen = {name: torch.from_numpy(values).to(self._device) for name, values in observations.items()}
        batch = {Columns.OBS: seen}
        found = self.module.forward_exploration(batch, t=0) if explore else self.module.forward_inference(batch)
        if Columns.ACTIONS not in found:
            distribution = self.module.get_exploration_action_dist_cls().from_logits(found[Columns.ACTION_DIST_INPUTS])
            distribution = distribution if explore else distribution.to_deterministic()
            found[Columns.ACTIONS] = distribution.sample()
            if explore:
                found[Columns.ACTION_LOGP] = distribution.logp(found[Columns.ACTIONS])
        kept = (Columns.ACTIONS, *OUTPUTS)
        return {name: found[name].cpu().numpy() for name in kept if name in found}

    def _episodes(
        self, asked: NDArray[np.int64], columns: Arrays, infos: list[dict[str, Any]]
    ) -> list[SingleAgentEpisode]:
        """Split the rows of a round, in the order they were played, by environment."""
        order = np.argsort(asked, kind="stable")
        ends = np.cumsum(np.bincount(asked, minlength=len(infos)))
        parts = [order[first:last] for first, last in zip([0, *ends[:-1]], ends, strict=True)]
        return [self._episode({name: v[part] for name, v in columns.items()}, infos[k]) for k, part in enumerate(parts)]

    def _episode(self, rows: Arrays, info: dict[str, Any]) -> SingleAgentEpisode:
        steps = len(rows[Columns.REWARDS])
        # An episode ends in an observation that nobody answers: the last question once more.
        shown = {name: np.concatenate([rows[name], rows[name][-1:]]) for name in SHOWN if name in rows}
        return SingleAgentEpisode(
            observations=InfiniteLookbackBuffer(shown),
            actions=InfiniteLookbackBuffer(rows[Columns.ACTIONS]),
            rewards=InfiniteLookbackBuffer(rows[Columns.REWARDS]),
            infos=InfiniteLookbackBuffer([*[{}] * steps, info]),
            extra_model_outputs={
                name: InfiniteLookbackBuffer(rows[name]) for name in (*OUTPUTS, *CREDIT) if name in rows
            },
            terminated=True,
            t_started=0,
            len_lookback_buffer=0,
        )


class OneByOneEnvRunner(LeaderEnvRunner):
    """Answers one question of an episode after the other.

    For critics that say what an answer is worth and learn it from what they say of the next one (Q-learning with the
    followers' state): the payoff at the end depends on all answers, so that they must see those given before. Of
    questions that are answered together none sees the others' answers.
    """

    def _asked(self, env: StackelbergPOMDP, live: NDArray[np.int64]) -> Front:
        return env.posed(live)


class QuestionEnvRunner(LeaderEnvRunner):
    """Hands every question over as an episode of its own, paid all that the leader gets from there on.

    For learners from a replay buffer, which bootstrap from the next step. What the leader answers changes neither
    which question comes next nor what the actor sees at it: values of the actor's view would never learn from the
    payoff at the end.
    """

    def _sample(self, **kwargs: Any) -> list[SingleAgentEpisode]:
        return [question for episode in super()._sample(**kwargs) for question in questions_of(episode)]


def questions_of(episode: SingleAgentEpisode) -> list[SingleAgentEpisode]:
    """Every question of a whole episode as an episode of its own, paid what the whole one pays from there on."""
    shown, actions = episode.observations.data, episode.actions.data
    to_go = np.cumsum(episode.rewards.data[::-1])[::-1]
    return [
        SingleAgentEpisode(
            observations=InfiniteLookbackBuffer({name: values[[t, t]] for name, values in shown.items()}),
            actions=InfiniteLookbackBuffer(actions[t : t + 1]),
            rewards=InfiniteLookbackBuffer(to_go[t : t + 1]),
            infos=InfiniteLookbackBuffer([{}, {}]),
            terminated=True,
            t_started=0,
            len_lookback_buffer=0,
        )
        for t in range(len(episode))
    ]
