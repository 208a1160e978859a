"""Env runners of leaders: what they tell their environments, what they report, and a state to go on from.

All this is in the classes themselves and not in callbacks, which are the user's. Reported under `env_runners` are
`leader_value` and `follower_regret`, means of the last `WINDOW` episodes, and `game_failures`, the most errors of the
game that an env runner has survived.

A state is all of what a runner would go on from: episodes, followers, streams and generators. RLlib's own state of an
env runner is its connectors and a counter of steps; what begins again after a restore without more is another run.

Private touches of RLlib: `_ongoing_episodes`, `_cached_to_module`, `_shared_data` and `_needs_initial_reset` are what a
runner carries from one call of `sample` to the next, `_reset_envs_and_episodes` begins them, `_module_to_env` holds the
connector with the answers that are kept, `_seed` is the runner's own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Space
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.rllib.env.single_agent_episode import SingleAgentEpisode

from rllib_stackelberg.training.leaders import environments
from rllib_stackelberg.training.leaders.connectors import RememberAnswers
from rllib_stackelberg.training.running.checkpoints import COMPONENT_EPISODES
from rllib_stackelberg.training.running.generations import own_episodes
from rllib_stackelberg.training.running.randomness import generator_states, seed_generators, set_generator_states

WINDOW = 256
"""Episodes over which reported values are means."""


class ResumableEnvRunner(SingleAgentEnvRunner):
    """RLlib's env runner; its state holds the environment's, and that of the generators of its process."""

    def make_env(self) -> None:
        """As RLlib's; the environment is told which runner it is on."""
        environments.name_leader_env()
        super().make_env()
        self.env.unwrapped.place(self.worker_index or 0, self.config.env_config["note"])

    def sample(self, **kwargs: Any) -> list[SingleAgentEpisode]:
        """As RLlib's; reports the errors of the game."""
        episodes = super().sample(**kwargs)
        self.metrics.log_value("game_failures", self.env.unwrapped.failures.count, reduce="max", window=1)
        return episodes

    def report_episodes(self, episodes: Sequence[SingleAgentEpisode]) -> None:
        """Report what those that have ended were worth, unless an error of the game cut them short.

        What is read is the last info of an episode, which describes it; nothing is trained on it.
        """
        infos = [episode.get_infos(-1) for episode in episodes if episode.is_terminated][-WINDOW:]
        if infos:  # one entry for all of them: entries cost more than the mean
            for name, entry in (("leader_value", "leader_value"), ("follower_regret", "regret")):
                self.metrics.log_value(name, np.mean([info[entry] for info in infos]), reduce="mean", window=WINDOW)

    def get_state(
        self,
        components: str | Collection[str] | None = None,
        *,
        not_components: str | Collection[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """With the component `leader_episodes`."""
        state = super().get_state(components, not_components=not_components, **kwargs)
        if self.env is not None and self._check_component(COMPONENT_EPISODES, components, not_components):
            state[COMPONENT_EPISODES] = {
                "worker": self.worker_index,
                "begun": not self._needs_initial_reset,
                "env": self.env.unwrapped.get_state(),
                "generators": generator_states(),
                "steps": self._get_steps(),
            }
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """With the component `leader_episodes`, if it is this runner's."""
        super().set_state(state)
        episodes = own_episodes(self, state)
        if episodes is None or self.env is None:
            return
        self.env.unwrapped.set_state(episodes["env"])
        self._needs_initial_reset: bool = not episodes["begun"]
        self._set_steps(episodes["steps"])
        set_generator_states(episodes["generators"])

    def skip(self, played: int) -> None:
        """Go on with episodes, and draws of actions, that no runner of this number has had among so many."""
        self.env.unwrapped.abandon(skipped=played, seed=self._seed)
        self._needs_initial_reset = False
        seed_generators(self._seed or 0, played)

    def _get_steps(self) -> dict[str, Any]:
        """What is carried from one call of `sample` to the next, beyond whole episodes."""
        return {}

    def _set_steps(self, steps: dict[str, Any]) -> None:
        """The inverse of `_get_steps`."""


class SteppingEnvRunner(ResumableEnvRunner):
    """With the episodes in progress, for a leader that is asked step by step."""

    def sample(self, **kwargs: Any) -> list[SingleAgentEpisode]:
        """As the parent's; reports the episodes, too."""
        episodes = super().sample(**kwargs)
        self.report_episodes(episodes)
        return episodes

    def _get_steps(self) -> dict[str, Any]:
        return {
            "episodes": [episode_data(episode) for episode in self._ongoing_episodes],
            "to_module": self._cached_to_module,
            "shared": self._shared_data,
            "answers": [connector.answers for connector in self._remembering()],
        }

    def _set_steps(self, steps: dict[str, Any]) -> None:
        spaces = self.env.single_observation_space, self.env.single_action_space
        self._ongoing_episodes = [episode_from(data, *spaces) for data in steps["episodes"]]
        self._shared_data = steps["shared"]
        self._cached_to_module = steps["to_module"]
        for connector, answers in zip(self._remembering(), steps["answers"], strict=True):
            connector.answers = answers

    def skip(self, played: int) -> None:
        """As the parent's, with the episodes begun."""
        super().skip(played)
        self._reset_envs_and_episodes(self.config.explore)

    def _remembering(self) -> list[RememberAnswers]:
        return [part for part in self._module_to_env.connectors if isinstance(part, RememberAnswers)]


def episode_data(episode: SingleAgentEpisode | None) -> dict[str, Any] | None:
    """A piece of an episode between two samples, which has no steps of its own yet, only a memory of those before."""
    if episode is None:
        return None
    return {
        "id_": episode.id_,
        "observations": episode.observations.data,
        "infos": episode.infos.data,
        "actions": episode.actions.data,
        "rewards": episode.rewards.data,
        "extra_model_outputs": {name: buffer.data for name, buffer in episode.extra_model_outputs.items()},
        "t_started": episode.t,
    }


def episode_from(
    data: dict[str, Any] | None, observation_space: Space, action_space: Space
) -> SingleAgentEpisode | None:
    """The inverse of `episode_data`."""
    if data is None:
        return None
    return SingleAgentEpisode(**data, observation_space=observation_space, action_space=action_space)


def start_elsewhere(runner: SingleAgentEnvRunner, played: int) -> None:
    """Let an env runner that has been started again skip what it may have played before, if it is one of these."""
    if isinstance(runner, ResumableEnvRunner):
        runner.skip(played)
