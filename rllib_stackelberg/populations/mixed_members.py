"""Populations of which a share does not adopt the policy: what a policy is worth when not everybody follows it.

A policy of either side is anything that can `lead` and `follow`, such as a `PopulationPolicy`. In `MixedMembers` some
members follow another one; who, is drawn once, and holds for every play and period, so that plays may be taken in any
order and number. The rules know nothing of it: it stands wherever the policy would, in evaluations for instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.population import PopulationGame


class Members(Protocol):
    """How members act."""

    def follow(self, observations: NDArray, leader: Numbers) -> Numbers:
        """Actions `[B, N, v]`, for what members see of the state `[B, N, e]` and the leader's actions `[B, w]`."""


class BothSides(Members, Protocol):
    """How the leader acts, too."""

    def lead(self, observations: NDArray) -> Numbers:
        """Actions `[B, w]`, for what the leader sees `[B, d]`."""


@dataclass(frozen=True, eq=False)
class FixedMembers:
    """Members who do the same whatever they see.

    Attributes:
        actions: of each, in the game's units `[v]`.
    """

    actions: NDArray[np.float64]

    @classmethod
    def of(cls, game: PopulationGame, actions: ArrayLike) -> FixedMembers:
        """Members of a game.

        Raises:
            InvalidFieldError: the actions are none of the game's.
        """
        given, space = np.atleast_1d(np.asarray(actions, dtype=np.float64)), game.member_actions
        if not space.contains(given):
            allowed = f"{len(space.low)} numbers, from {space.low.tolist()} to {space.high.tolist()}"
            raise InvalidFieldError("actions", f"got {given.tolist()}", allowed)
        return cls(given)

    def follow(self, observations: NDArray, leader: Numbers) -> Numbers:
        """The fixed actions, of everybody."""
        return np.tile(self.actions, (*observations.shape[:2], 1))


@dataclass(frozen=True, eq=False)
class MixedMembers:
    """A policy that some members do not adopt.

    Attributes:
        policy: of the leader, and of those who adopt it; others: of those who do not.
        apart: who does not `[N]`.
    """

    policy: BothSides
    others: Members
    apart: NDArray[np.bool_]

    @classmethod
    def drawn(
        cls, policy: BothSides, others: Members, share: float, members: int, generator: np.random.Generator
    ) -> MixedMembers:
        """A share of the members, to the nearest number, chosen by a generator.

        A larger share drawn by an equal generator contains the smaller one.

        Raises:
            InvalidFieldError: the share is none.
        """
        if not 0 <= share <= 1:
            raise InvalidFieldError("share", f"got {share}", "a number in [0, 1]")
        apart = np.zeros(members, dtype=bool)
        apart[generator.permutation(members)[: round(share * members)]] = True
        return cls(policy, others, apart)

    def lead(self, observations: NDArray) -> Numbers:
        """The leader's actions `[B, w]`, for what it sees `[B, d]`."""
        return self.policy.lead(observations)

    def follow(self, observations: NDArray, leader: Numbers) -> Numbers:
        """Members' actions `[B, N, v]`, each by its policy."""
        adopted = self.policy.follow(observations, leader)
        return np.where(self.apart[:, None], self.others.follow(observations, leader), adopted)

    def play(self, game: PopulationGame, state: Any) -> tuple[Numbers, Numbers]:
        """Actions of both sides in a state."""
        leader = self.lead(game.observe_leader(state))
        return leader, self.follow(game.observe_members(state), leader)
