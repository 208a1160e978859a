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

from rllib_stackelberg.aec_view import AECView
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.game import OVER, StackelbergGame
from rllib_stackelberg.populations.aec import PopulationAEC
from rllib_stackelberg.populations.game import PopulationGame
from rllib_stackelberg.registry import finite, make_rules
from rllib_stackelberg.rules import Rules


def make_aec(game: str | Rules, render_mode: str | None = None, **parameters: Any) -> AECEnv:
    """The wrapped AEC environment of a game (an id with its parameters, or a game already made) of either contract."""
    made = game if isinstance(game, Rules) else make_rules(game, **parameters)
    if isinstance(made, PopulationGame):
        return wrappers.OrderEnforcingWrapper(wrappers.ClipOutOfBoundsWrapper(PopulationAEC(made, render_mode)))
    return wrappers.OrderEnforcingWrapper(StackelbergAEC(finite(made), render_mode))


class StackelbergAEC(AECView):
    """One play of a game of finite types, turn by turn.

    Attributes:
        game: the rules.
    """

    def __init__(self, game: StackelbergGame, render_mode: str | None = None):
        super().__init__(game, render_mode)
        self.game = game
        self.action_spaces = {agent: self._action_space(k) for k, agent in enumerate(game.agents)}
        self.observation_spaces = {agent: self._observation_space(k) for k, agent in enumerate(game.agents)}
        self._carried = 0

    def reset(self, seed: int | None = None, options: dict | None = None) -> None:
        """Draw types and chance and start a play. `options={"nature": [...]}` hands them in instead.

        A game with memory goes on where the last play left it, `options={"carried": k}` elsewhere; a seed starts it
        from the beginning.
        """
        self._seed(seed)
        self._carried = self._carried if seed is None else 0
        self._carried = int((options or {}).get("carried", self._carried))
        nature = np.asarray((options or {}).get("nature", ()), dtype=np.int64)
        if not nature.size:
            uniforms = self._generator().random((1, len(self.game.nature.blocks)))
            nature = self.game.nature.values(self.game.nature.draw(uniforms))
        self.nature = nature.reshape(1, self.game.nature.width)
        self.state_of_play = self.game.begin(self.nature, np.array([self._carried]))
        self._begin()
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

    def _move(self, agent: str, action: Any) -> dict[str, float]:
        turn = self.game.turns[self._turn]
        actions = np.zeros((1, self.game.width))
        actions[0, : turn.width] = np.asarray(action, dtype=np.float64).reshape(-1)
        key = int(self.game.information(self.state_of_play)[0])
        self.state_of_play, payoffs = self.game.step(self.state_of_play, actions)
        shown = self.game.describe_action(turn, key, actions[0, : turn.width])
        self._lines.append(f"{agent} {turn.name}: {shown}")
        self._select()
        return dict(zip(self.agents, payoffs[0].tolist(), strict=True))

    def _select(self) -> None:
        self._turn = int(self.game.turn(self.state_of_play)[0])
        if self._turn == OVER:
            self.terminations = dict.fromkeys(self.agents, True)
            self._carried = int(self.game.carried(self.state_of_play)[0])
            self.agent_selection = self.agents[0]
            self._lines.append("over")
        else:
            self.agent_selection = self.game.agents[self.game.turns[self._turn].agent]

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
