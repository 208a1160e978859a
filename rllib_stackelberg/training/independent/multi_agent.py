"""Any PettingZoo AEC environment as an RLlib multi-agent environment.

Every agent sees `{"observation": flat Box}`, with an `"action_mask"` beside it if its actions are discrete, wherever
the environment keeps its masks (in the observation or in the info). Discrete actions count from 0; continuous ones
are points of the unit box, stretched to the agent's own.

RLlib's own wrapper is not used: a play whose agents end in different ways never ends there, agents come in an order
that differs between processes, and infos of the reset are lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space, flatten, flatten_space
from numpy.typing import NDArray
from pettingzoo import AECEnv
from ray.rllib.env.multi_agent_env import MultiAgentEnv

from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.leader.actions import stretch
from rllib_stackelberg.streams import environment_seed

ALL = "__all__"
MASK = "action_mask"
LONGEST_CHECK = 1_000
"""Turns after which a play that does not end has been checked enough."""

Step = tuple[dict, dict, dict, dict, dict]


class AECMultiAgentEnv(MultiAgentEnv):
    """One play of an AEC environment: each step is one agent's turn, and the agent to move next observes.

    A reward that falls on an agent while others move reaches it with its next observation, one from before its first
    action with the first observation after it. Agents that are out before the others are reported when the play is
    over, each with its last observation: RLlib takes a play to be over when all agents it has seen are out, even if
    another has yet to move. A play in which anybody was truncated is truncated; agents that were terminated say so.

    Attributes:
        env: the AEC environment; worker: which env runner it is on, part of its seed.
    """

    def __init__(self, env: AECEnv, worker: int = 0):
        super().__init__()
        self.env = env
        self.worker = worker
        self.metadata = dict(env.metadata)
        self.render_mode = getattr(env, "render_mode", None)  # PettingZoo does not oblige an environment to have one
        # A list in the environment's order: it names the agents everywhere, the same in every process.
        self.possible_agents = list(env.possible_agents)
        self.agents = list(self.possible_agents)
        self._spaces = {agent: env.action_space(agent) for agent in self.agents}
        self.action_spaces = {agent: policy_action_space(agent, space) for agent, space in self._spaces.items()}
        self.observation_spaces = {agent: self._observation_space(agent) for agent in self.agents}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """Start a play.

        Raises:
            RulesError: it is over before anybody has moved.
        """
        self.env.reset(seed=None if seed is None else environment_seed(seed, worker=self.worker), options=options)
        self._owed = dict.fromkeys(self.possible_agents, 0.0)
        self._acted: set[str] = set()
        self._out: Step = ({}, {}, {}, {}, {})
        observations, _, _, _, infos = self._advance()
        if not self.env.agents:
            raise RulesError(f"environment {self.name}: a whole play went by without anybody moving")
        return observations, infos

    def step(self, action_dict: dict[str, Any]) -> Step:
        """Take the turn of the agent to move.

        Raises:
            InvalidFieldError: its action is masked or out of range.
        """
        agent = self.env.agent_selection
        self._acted.add(agent)
        self.env.step(self._action(agent, action_dict[agent]))
        return self._advance()

    def render(self) -> Any:
        """What the environment renders."""
        return self.env.render()

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    @property
    def name(self) -> str:
        """Of the environment, for messages."""
        return str(self.metadata.get("name", type(self.env.unwrapped).__name__))

    def allowed(self, agent: str) -> NDArray[np.int8]:
        """Which actions the agent to move may take, `[choices]`."""
        return self._seen[agent][MASK]

    def _advance(self) -> Step:
        """Go on to the next agent that is still in, or to the end; agents met on the way are out."""
        while self.env.agents:
            agent = self.env.agent_selection
            observation, reward, terminated, truncated, info = self.env.last()
            seen = self._view(agent, observation, info)
            if not (terminated or truncated):
                self._seen = {agent: seen}
                flags = {ALL: False}
                return {agent: seen}, self._reward(agent, float(reward)), flags, dict(flags), {agent: dict(info)}
            paid = self._reward(agent, float(reward), last=True)[agent]
            for known, new in zip(self._out, (seen, paid, bool(terminated), bool(truncated), dict(info)), strict=True):
                known[agent] = new
            self.env.step(None)
        return self._over()

    def _reward(self, agent: str, reward: float, last: bool = False) -> dict[str, float]:
        """The reward to hand over now; what falls on an agent that has not acted waits, unless the play ends for it."""
        if agent not in self._acted and not last:
            self._owed[agent] += reward
            return {}
        owed, self._owed[agent] = self._owed[agent], 0.0
        return {agent: owed + reward}

    def _over(self) -> Step:
        """Everybody's last step.

        A truncated agent is so by the flag of the play alone: if every agent had one of its own, RLlib would take the
        play for terminated.
        """
        observations, rewards, terminated, truncated, infos = self._out
        cut_short = any(truncated[agent] and not terminated[agent] for agent in truncated)
        ends = {agent: True for agent, flag in terminated.items() if flag}
        return observations, rewards, {**ends, ALL: not cut_short}, {ALL: cut_short}, infos

    def _view(self, agent: str, observation: Any, info: dict[str, Any]) -> dict[str, NDArray]:
        """What the agent's policy sees."""
        space = self.env.observation_space(agent)
        mask = info.get(MASK)
        if masks_itself(space):
            observation = dict(observation)
            mask = observation.pop(MASK)
        seen = {"observation": np.asarray(flatten(unmasked(space), observation), dtype=np.float32)}
        if not np.isfinite(seen["observation"]).all():
            raise RulesError(f"environment {self.name}: the observation of {agent} is not finite")
        actions = self.action_spaces[agent]
        if isinstance(actions, Discrete):
            seen[MASK] = np.ones(int(actions.n), dtype=np.int8) if mask is None else np.asarray(mask, dtype=np.int8)
        return seen

    def _observation_space(self, agent: str) -> Dict:
        flat = flatten_space(unmasked(self.env.observation_space(agent)))
        if not isinstance(flat, Box):
            raise InvalidFieldError(f"observation_space of {agent}", f"is {flat}", "a space of fixed size")
        low, high = flat.low.astype(np.float32), flat.high.astype(np.float32)
        parts: dict[str, Space] = {"observation": Box(low, high, dtype=np.float32)}
        actions = self.action_spaces[agent]
        if isinstance(actions, Discrete):
            parts[MASK] = Box(0, 1, (int(actions.n),), np.int8)
        return Dict(parts)

    def _action(self, agent: str, action: Any) -> Any:
        """From the policy's action space to the environment's."""
        space = self._spaces[agent]
        if isinstance(space, Box):
            point = np.asarray(action, dtype=np.float64).reshape(space.shape)
            if not np.isfinite(point).all():
                raise InvalidFieldError(f"action of {agent}", f"got {point.tolist()}", "finite numbers")
            return stretch(space, point)[0].astype(space.dtype)
        allowed = self.allowed(agent)
        if not (0 <= int(action) < len(allowed) and allowed[int(action)]):
            may = ", ".join(str(k) for k in np.flatnonzero(allowed)) or "none"
            raise InvalidFieldError(f"action of {agent}", f"got {int(action)}", may)
        return int(action) + int(space.start)


def policy_action_space(agent: str, space: Space) -> Discrete | Box:
    """What a policy outputs for an agent with that action space."""
    if isinstance(space, Discrete):
        return Discrete(int(space.n))
    if isinstance(space, Box) and space.is_bounded() and np.issubdtype(space.dtype, np.floating):
        return Box(0.0, 1.0, (int(np.prod(space.shape)),), np.float32)
    raise InvalidFieldError(f"action_space of {agent}", f"is {space}", "Discrete, or a bounded Box of floats")


def masks_itself(space: Space) -> bool:
    """Whether observations of this space carry the mask."""
    return isinstance(space, Dict) and MASK in space.spaces


def unmasked(space: Space) -> Space:
    """The space of an observation without its mask."""
    if not masks_itself(space):
        return space
    return Dict({name: part for name, part in space.items() if name != MASK})  # type: ignore[attr-defined]


def check_play(env: AECMultiAgentEnv, seed: int = 0) -> None:
    """Play once at random, within the masks, and refuse what RLlib would stumble over later.

    RLlib's own check of environments acts outside the masks.

    Raises:
        RulesError: naming the agent whose observation or reward is wrong.
    """
    generator = np.random.default_rng(environment_seed(seed))
    observations, _ = env.reset(seed=seed)
    for _ in range(LONGEST_CHECK):
        for agent, seen in observations.items():
            if not env.observation_spaces[agent].contains(seen):
                raise RulesError(f"environment {env.name}: {agent} observes {seen}, outside its observation space")
        agent = next(iter(observations))
        space = env.action_spaces[agent]
        if isinstance(space, Discrete):
            action: Any = generator.choice(np.flatnonzero(env.allowed(agent)))
        else:
            action = generator.random(space.shape)
        observations, rewards, terminated, truncated, _ = env.step({agent: action})
        wrong = [agent for agent, reward in rewards.items() if not np.isfinite(reward)]
        if wrong:
            raise RulesError(f"environment {env.name}: the reward of {wrong[0]} is not finite")
        if terminated[ALL] or truncated[ALL]:
            return
