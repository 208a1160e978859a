"""What the PettingZoo AEC views of both contracts share: agents, spaces, seeds, rewards, a transcript."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Space
from pettingzoo import AECEnv

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules import Rules, name_of


class AECView(AECEnv):
    """One play of a game, turn by turn. Subclasses set both kinds of spaces, begin plays, observe and step.

    Attributes:
        leader, followers: agent names.
    """

    metadata = {"render_modes": ["ansi"], "name": "stackelberg", "is_parallelizable": False}  # noqa: RUF012
    action_spaces: dict[str, Any]
    observation_spaces: dict[str, Any]
    terminations: dict[str, bool]
    truncations: dict[str, bool]
    rewards: dict[str, float]
    _cumulative_rewards: dict[str, float]

    def __init__(self, game: Rules, render_mode: str | None = None):
        if render_mode not in (None, "ansi"):
            raise InvalidFieldError("render_mode", f"got {render_mode!r}", "None or 'ansi'")
        super().__init__()
        self.metadata = {**self.metadata, "name": name_of(game)}
        self.render_mode = render_mode
        self.possible_agents = list(game.agents)
        self.leader, self.followers = game.leader, game.followers
        self._seeds = np.random.SeedSequence()
        self._lines: list[str] = []

    def observation_space(self, agent: str) -> Space:
        """The agent's observation space, always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space:
        """The agent's action space, always the same object."""
        return self.action_spaces[agent]

    def step(self, action: Any) -> None:
        """Take the selected agent's turn. An action out of range is refused by name."""
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self.rewards = self._move(agent, action)
        self._cumulative_rewards[agent] = 0.0
        self._accumulate_rewards()

    def render(self) -> str | None:
        """The transcript so far, in mode "ansi"."""
        return "\n".join(self._lines) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Nothing to release."""

    def _move(self, agent: str, action: Any) -> dict[str, float]:
        """What everybody is paid for it; selects who is next."""
        raise NotImplementedError

    def _seed(self, seed: int | None) -> None:
        if seed is not None:
            self._seeds = np.random.SeedSequence(seed)

    def _generator(self) -> np.random.Generator:
        """Where the numbers of the next play come from."""
        return np.random.default_rng(self._seeds.spawn(1)[0])

    def _begin(self) -> None:
        """Everybody is there and has got nothing."""
        self.agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict] = {agent: {} for agent in self.agents}
