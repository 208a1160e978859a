"""Any game as a PettingZoo AEC environment: the rules at batch one.

Observations are a `Box`. An agent whose turns differ in their number of actions has the largest of their action sets
and sees `{"observation": Box, "action_mask": Box}`; so does a leader some of whose choices are not always open. A
leader's choice and numbers are a `Tuple` of both, and its mask is that of the choice. Types and chance are drawn at
`reset(seed)`. A game whose agents move at once (`simultaneous`) is a parallel environment, too:
`pettingzoo.make("parallel", ...)`, `make_parallel`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.conversions import aec_to_parallel_wrapper
from pettingzoo.utils.wrappers import ClipOutOfBoundsWrapper

from rllib_stackelberg.aec.population import PopulationAEC
from rllib_stackelberg.aec.spaces import MASK, SHOWN, ChoiceAndNumbers
from rllib_stackelberg.aec.view import AECView, Ordered
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.base import Rules
from rllib_stackelberg.rules.game import OVER, StackelbergGame
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import finite, make_rules


def make_aec(game: str | Rules, render_mode: str | None = None, **parameters: Any) -> AECEnv:
    """The wrapped AEC environment of a game (an id with its parameters, or a game already made) of either contract."""
    made = game if isinstance(game, Rules) else make_rules(game, **parameters)
    if isinstance(made, PopulationGame):
        return Ordered(ClipOutOfBoundsWrapper(PopulationAEC(made, render_mode)))
    return Ordered(StackelbergAEC(finite(made), render_mode))


class ParallelView(aec_to_parallel_wrapper):
    """PettingZoo's parallel environment of an AEC one, which says what game it holds."""

    def __str__(self) -> str:
        return str(self.aec_env)

    __repr__ = __str__


def make_parallel(game: str | Rules, render_mode: str | None = None, **parameters: Any) -> ParallelEnv:
    """The parallel environment of a game whose agents move at once; arguments as of `make_aec`.

    Raises:
        InvalidFieldError: they do not: somebody sees what another one has done.
    """
    env = make_aec(game, render_mode, **parameters)
    if not env.metadata["is_parallelizable"]:
        problem = f"agents of {env} move one after the other, and see what was done"
        raise InvalidFieldError("game", problem, 'an "aec" environment, or a game that is simultaneous, such as escape')
    return ParallelView(env)


class StackelbergAEC(AECView):
    """One play of a game of finite types, turn by turn.

    Attributes:
        game: the rules.
    """

    def __init__(self, game: StackelbergGame, render_mode: str | None = None):
        super().__init__(game, render_mode)
        self.metadata = {**self.metadata, "is_parallelizable": game.simultaneous}
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
        if self.render_mode == "human":
            self._print(self._lines)

    def observe(self, agent: str) -> np.ndarray | dict[str, np.ndarray]:
        """What the agent may see now; if its turns differ in their actions, with the mask of those it has now."""
        k = self.game.agents.index(agent)
        seen = self.game.observe(self.state_of_play, k)[0].astype(np.float32)
        if not self._masked(k):
            return seen
        mask = np.ones(self._choices(k), dtype=np.int8)
        if self._turn != OVER and self.game.turns[self._turn].agent == k:
            turn = self.game.turns[self._turn]
            mask[turn.choices :] = 0
            if turn.masked:
                mask[: turn.choices] = self.game.opened(self.state_of_play)[0]
        return {SHOWN: seen, MASK: mask}

    def _masked(self, agent: int) -> bool:
        """Whether the agent's discrete turns differ in how many actions they have, or not all are always open."""
        turns = [turn for turn in self.game.turns if turn.agent == agent]
        return any(turn.masked for turn in turns) or len({turn.choices for turn in turns if turn.discrete}) > 1

    def _choices(self, agent: int) -> int:
        """Most choices that the agent has at a turn."""
        return max((turn.choices for turn in self.game.turns if turn.agent == agent and turn.chooses), default=1)

    def _move(self, agent: str, action: Any) -> dict[str, float]:
        turn = self.game.turns[self._turn]
        actions = np.zeros((1, self.game.width))
        parts = action if isinstance(action, tuple) else (action,)
        actions[0, : turn.width] = np.concatenate([np.asarray(part, dtype=np.float64).reshape(-1) for part in parts])
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
        turns = [turn for turn in self.game.turns if turn.agent == agent]
        if all(turn.discrete for turn in turns):
            return Discrete(self._choices(agent))
        if len(turns) > 1:
            raise InvalidFieldError("turns", f"{self.game.agents[agent]} mixes kinds of actions", "one Box turn")
        box = turns[0].box
        numbers = Box(box.low, box.high, dtype=box.dtype)  # type: ignore[arg-type]
        return ChoiceAndNumbers((Discrete(turns[0].choices), numbers)) if turns[0].chooses else numbers

    def _observation_space(self, agent: int) -> Box | Dict:
        declared = self.game.observation_spaces[agent]
        shown = Box(declared.low, declared.high, dtype=np.float32)
        if not self._masked(agent):
            return shown
        return Dict({SHOWN: shown, MASK: Box(0, 1, (self._choices(agent),), np.int8)})
