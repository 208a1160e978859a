"""Who is who in somebody else's environment: the leader, those that learn, those that play a fixed policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from rllib_stackelberg.aec.information import Information
from rllib_stackelberg.aec.spaces import MASK
from rllib_stackelberg.errors import InvalidFieldError

MOST_ROWS = 4096
"""Most rows of a learner whose observations are counted for it."""

MOST_DECLARED_ROWS = 65_536

Policy = Callable[[Any, Space, np.random.Generator], Any]
"""(observation as the environment gives it, action space, the play's own numbers) -> action."""


def uniform(observation: Any, actions: Space, rng: np.random.Generator) -> Any:
    """A policy: any action alike, of those an action mask allows where there is one."""
    if isinstance(actions, Box):
        return rng.uniform(actions.low, actions.high).astype(actions.dtype)
    assert isinstance(actions, Discrete)
    if isinstance(observation, Mapping) and MASK in observation:
        return int(actions.start) + int(rng.choice(np.flatnonzero(observation[MASK])))
    return int(actions.start) + int(rng.integers(int(actions.n)))


@dataclass(frozen=True)
class Roles:
    """Who is who in an environment.

    Attributes:
        leader: the agent that leads, at every turn of its own.
        learners: the agents that follow, each by learning its first turn of a play.
        policies: how the other agents play, and learners after their first turn.
        information: what a learner can know at that turn; by default every observation of a small finite space counts.
    """

    leader: str
    learners: Sequence[str]
    policies: Mapping[str, Policy] = field(default_factory=dict)
    information: Mapping[str, Information] = field(default_factory=dict)

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """The leader, the learners, the rest."""
        return (self.leader, *self.learners, *(agent for agent in self.policies if agent not in self.learners))

    def check(self, known: Sequence[str]) -> None:
        """Refuse roles that do not fit an environment's agents, by name."""
        named = {"leader": (self.leader,), "learners": self.learners}
        named |= {"policies": tuple(self.policies), "information": tuple(self.information)}
        for role, agents in named.items():
            for agent in agents:
                if agent not in known:
                    raise InvalidFieldError(f"roles.{role}", f"names {agent!r}", ", ".join(known))
        if self.leader in self.agents[1:]:
            raise InvalidFieldError("roles.leader", f"{self.leader} has another role, too", "one that only leads")
        for agent in self.information:
            if agent not in self.learners:
                raise InvalidFieldError("roles.information", f"{agent} is no learner", ", ".join(self.learners))
        for agent in known:
            if agent not in self.agents:
                raise InvalidFieldError("roles", f"leave out {agent}", "learners or policies for every other agent")

    def known_to(self, agent: str, space: Space) -> Information:
        """What the leader or a learner, which sees values of that space, can know: few things, of a learner.

        Raises:
            InvalidFieldError: a learner sees too many, and nothing says which of them count.
        """
        counted = Information.counted(space)
        if agent == self.leader:
            return counted or Information.fingerprint(space)
        found = self.information.get(agent, counted)
        most = MOST_DECLARED_ROWS if agent in self.information else MOST_ROWS
        if found is None or found.rows > most:
            many = "infinitely many" if found is None else f"{found.rows:,}"
            allowed = f"an Information of up to {MOST_DECLARED_ROWS:,} rows (counted for you up to {MOST_ROWS:,})"
            raise InvalidFieldError(f"roles.information[{agent!r}]", f"it may see {many} things", allowed)
        return found


def declared_range(payoffs: Mapping[str, tuple[float, float]], agent: str) -> tuple[float, float]:
    """Smallest and largest total payoff of an agent, refused by name if there are none."""
    if agent not in payoffs:
        raise InvalidFieldError("payoffs", f"leave out {agent}", "(smallest, largest) total of a play, per agent")
    low, high = payoffs[agent]
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise InvalidFieldError(f"payoffs[{agent!r}]", f"got {payoffs[agent]}", "two finite numbers, the smaller first")
    return low, high
