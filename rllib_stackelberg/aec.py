"""Any game as a PettingZoo AEC environment: the rules at batch one.

Observations are `{"observation": Box}`, with an `"action_mask"` beside it for agents with discrete actions (an
agent with several kinds of turn has the largest of their action sets, masked). Types and chance are drawn at
`reset(seed)`. `render_mode="ansi"` returns the transcript so far.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space
from pettingzoo import AECEnv
from pettingzoo.utils import wrappers

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.game import OVER, StackelbergGame
from rllib_stackelberg.registry import make_game


def make_aec(game: str | StackelbergGame, render_mode: str | None = None, **parameters: Any) -> AECEnv:
    """The wrapped AEC environment of a game (an id with its parameters, or a game already made)."""
    made = game if isinstance(game, StackelbergGame) else make_game(game, **parameters)
    return wrappers.OrderEnforcingWrapper(StackelbergAEC(made, render_mode))


class StackelbergAEC(AECEnv):
    """One play of a game, turn by turn.

    Attributes:
        game: the rules; leader, followers: agent names.
    """

    metadata = {"render_modes": ["ansi"], "name": "stackelberg", "is_parallelizable": False}  # noqa: RUF012

    def __init__(self, game: StackelbergGame, render_mode: str | None = None):
        if render_mode not in (None, "ansi"):
            raise InvalidFieldError("render_mode", f"got {render_mode!r}", "None or 'ansi'")
        super().__init__()
        self.game = game
        self.metadata = {**self.metadata, "name": game.id or type(game).__name__}
        self.render_mode = render_mode
        self.possible_agents = list(game.agents)
        self.leader, self.followers = game.leader, game.followers
        self.action_spaces = {agent: self._action_space(k) for k, agent in enumerate(game.agents)}
        self.observation_spaces = {agent: self._observation_space(k) for k, agent in enumerate(game.agents)}
        self._seeds = np.random.SeedSequence()
        self._lines: list[str] = []
        self._carried = 0

    def observation_space(self, agent: str) -> Space:
        """The agent's observation space, always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space:
        """The agent's action space, always the same object."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict | None = None) -> None:
        """Draw types and chance and start a play. `options={"nature": [...]}` hands them in instead.

        A game with memory goes on where the last play left it, `options={"carried": k}` elsewhere; a seed starts it
        from the beginning.
        """
        if seed is not None:
            self._seeds = np.random.SeedSequence(seed)
            self._carried = 0
        self._carried = int((options or {}).get("carried", self._carried))
        nature = np.asarray((options or {}).get("nature", ()), dtype=np.int64)
        if not nature.size:
            generator = np.random.default_rng(self._seeds.spawn(1)[0])
            uniforms = generator.random((1, len(self.game.nature.blocks)))
            nature = self.game.nature.values(self.game.nature.draw(uniforms))
        self.nature = nature.reshape(1, self.game.nature.width)
        self.state_of_play = self.game.begin(self.nature, np.array([self._carried]))
        self.agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict] = {agent: {} for agent in self.agents}
        types = self.nature[0, : self.game.prior.width].tolist()
        self._lines = [f"types {types}  chance {self.nature[0, self.game.prior.width :].tolist()}"]
        self._select()

    def observe(self, agent: str) -> dict[str, np.ndarray]:
        """What the agent may see now, and the mask of its current (or else every) action."""
        k = self.game.agents.index(agent)
        seen = {"observation": self.game.observe(self.state_of_play, k)[0].astype(np.float32)}
        actions = self.action_spaces[agent]
        if isinstance(actions, Discrete):
            mask = np.ones(int(actions.n), dtype=np.int8)
            if self._turn != OVER and self.game.turns[self._turn].agent == k:
                mask[self.game.turns[self._turn].choices :] = 0
            seen["action_mask"] = mask
        return seen

    def step(self, action: Any) -> None:
        """Take the selected agent's turn. An action out of range is refused by name."""
        if self.terminations[self.agent_selection] or self.truncations[self.agent_selection]:
            self._was_dead_step(action)
            return
        turn = self.game.turns[self._turn]
        actions = np.zeros((1, self.game.width))
        actions[0, : turn.width] = np.asarray(action, dtype=np.float64).reshape(-1)
        self.state_of_play, payoffs = self.game.step(self.state_of_play, actions)
        self._cumulative_rewards[self.agent_selection] = 0.0
        self.rewards = dict(zip(self.agents, payoffs[0].tolist(), strict=True))
        shown = ", ".join(f"{value:g}" for value in actions[0, : turn.width])
        self._lines.append(f"{self.agent_selection} {turn.name}: {shown}")
        self._select()
        self._accumulate_rewards()

    def _select(self) -> None:
        self._turn = int(self.game.turn(self.state_of_play)[0])
        if self._turn == OVER:
            self.terminations = dict.fromkeys(self.agents, True)
            self._carried = int(self.game.carried(self.state_of_play)[0])
            self.agent_selection = self.agents[0]
            self._lines.append("over")
        else:
            self.agent_selection = self.game.agents[self.game.turns[self._turn].agent]

    def render(self) -> str | None:
        """The transcript so far, in mode "ansi"."""
        return "\n".join(self._lines) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Nothing to release."""

    def _action_space(self, agent: int) -> Space:
        spaces = [turn.actions for turn in self.game.turns if turn.agent == agent]
        if all(isinstance(space, Discrete) for space in spaces):
            return Discrete(max((int(space.n) for space in spaces), default=1))  # type: ignore[union-attr]
        if len(spaces) > 1:
            raise InvalidFieldError("turns", f"{self.game.agents[agent]} mixes kinds of actions", "one Box turn")
        low, high = spaces[0].low, spaces[0].high  # type: ignore[union-attr]
        return Box(low, high, dtype=spaces[0].dtype)  # type: ignore[arg-type]

    def _observation_space(self, agent: int) -> Dict:
        declared = self.game.observation_spaces[agent]
        parts: dict[str, Space] = {"observation": Box(declared.low, declared.high, dtype=np.float32)}
        actions = self.action_spaces[self.game.agents[agent]]
        if isinstance(actions, Discrete):
            parts["action_mask"] = Box(0, 1, (int(actions.n),), np.int8)
        return Dict(parts)
