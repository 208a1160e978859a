"""What the PettingZoo AEC views of both contracts share: agents, spaces, seeds, rewards, a transcript.

Render modes: "ansi" returns the transcript so far; "human" prints it as it comes, and needs no display; "rgb_array"
draws it (drawing.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray
from pettingzoo import AECEnv
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from rllib_stackelberg.aec.drawing import picture
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.base import Rules, name_of
from rllib_stackelberg.terminal import Terminal

MODES = "ansi", "human", "rgb_array"


class Ordered(OrderEnforcingWrapper):
    """PettingZoo's wrapper against calls in the wrong order, which says what game it holds."""

    def __str__(self) -> str:
        return str(self.env)

    __repr__ = __str__


class AECView(AECEnv):
    """One play of a game, turn by turn. Subclasses set both kinds of spaces, begin plays, observe and step.

    Attributes:
        leader, followers: agent names.
    """

    metadata = {  # noqa: RUF012
        "render_modes": list(MODES), "render_fps": 1, "name": "stackelberg", "is_parallelizable": False,
    }  # fmt: skip
    action_spaces: dict[str, Any]
    observation_spaces: dict[str, Any]
    terminations: dict[str, bool]
    truncations: dict[str, bool]
    rewards: dict[str, float]
    _cumulative_rewards: dict[str, float]

    def __init__(self, game: Rules, render_mode: str | None = None):
        if render_mode not in (None, *MODES):
            raise InvalidFieldError("render_mode", f"got {render_mode!r}", f"None, {', '.join(MODES)}")
        super().__init__()
        self.metadata = {**self.metadata, "name": name_of(game)}
        self.render_mode = render_mode
        self.possible_agents = list(game.agents)
        self.leader, self.followers = game.leader, game.followers
        self._seeds = np.random.SeedSequence()
        self._lines: list[str] = []
        self._printed: list[str] = []
        self._totals: dict[str, float] = {}
        self._described = repr(game)

    def __str__(self) -> str:
        return self._described

    __repr__ = __str__

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
        for paid, amount in self.rewards.items():
            self._totals[paid] += amount
        if self.render_mode == "human":
            self._print(self._news())

    def render(self) -> str | NDArray[np.uint8] | None:
        """The transcript so far, in mode "ansi"; its picture, in mode "rgb_array"."""
        if self.render_mode == "human":
            self._print(self._lines)
        if self.render_mode == "rgb_array":
            return picture(str(self), self._lines, self._totals)
        return "\n".join(self._lines) if self.render_mode == "ansi" else None

    def _news(self) -> list[str]:
        """What there is to be shown of the transcript after a step."""
        return self._lines

    def _print(self, lines: list[str]) -> None:
        """What is new in lines, for people."""
        new = lines[len(self._printed) :] if lines[: len(self._printed)] == self._printed else lines
        if new:
            Terminal(soft_wrap=True).print("\n".join(new))
        self._printed = list(lines)

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
        self._totals, self._printed = dict.fromkeys(self.agents, 0.0), []
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict] = {agent: {} for agent in self.agents}
