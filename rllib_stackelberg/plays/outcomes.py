"""Every outcome of a finite game against fixed leader answers, as one array.

Once a leader's answers are fixed, a play is decided by nature (types and chance) and by the followers' joint
action. The table of all of them, `[episode, nature, joint action]`, is what the response phase looks
utilities up in, and what exact values, equilibria and certificates are sums over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.comparisons import NEGLIGIBLE, beyond_rounding, exceeds, typical_spread
from rllib_stackelberg.plays import table_loops
from rllib_stackelberg.plays.grid import Grid
from rllib_stackelberg.plays.plays import Leader, Plays, play_out
from rllib_stackelberg.rules.game import StackelbergGame

Policies = Sequence[NDArray[np.float64]]
"""Per learned turn the mixed strategies `[S, rows, actions]`."""

TABLE_LIMIT = 4096
"""Most outcomes per leader episode that are tabulated."""

EXACT_LIMIT = 16_384
"""Most plays per leader episode of an exact reward phase or of an exact update that is played."""


@dataclass(frozen=True, eq=False)
class Profiles:
    """All (nature, joint action) pairs of a game.

    Attributes:
        nature: `[T, width]`; probabilities: `[T]`; joint: `[A, learned turns]` actions.
    """

    nature: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    joint: NDArray[np.int64]

    @staticmethod
    def count(game: StackelbergGame) -> int:
        """Number of pairs, without building them."""
        return game.nature.size * math.prod(turn.choices for turn in game.learned_turns)

    @classmethod
    def of(cls, game: StackelbergGame) -> Profiles:
        """Enumerate the pairs."""
        nature, probabilities = game.nature.support()
        sizes = [turn.choices for turn in game.learned_turns]
        joint = np.indices(sizes).reshape(len(sizes), -1).T if sizes else np.zeros((1, 0), dtype=np.int64)
        return cls(nature, probabilities, np.ascontiguousarray(joint))  # loops are compiled anew for another layout

    def __len__(self) -> int:
        return len(self.nature) * len(self.joint)

    @cached_property
    def strides(self) -> NDArray[np.int64]:
        """`joint[a] @ strides == a`."""
        return table_loops.joint_strides(self.joint.max(axis=0, initial=0) + 1)

    def grid(self, entries: int = 1) -> Grid:
        """The slots of so many entries in which all pairs are played."""
        return Grid(entries, len(self.nature), len(self.joint))

    def nature_at(self, slots: Index) -> Index:
        """Types and chance of each slot `[slots, width]`, slots running over a grid."""
        return self.nature[self.grid().nature_of(slots)]

    def choose(self, slots: Index, turn: int, _: Index) -> Index:
        """The action of each slot's profile, slots running over a grid (`plays.Choose`)."""
        return self.joint[self.grid().joint_of(slots), turn]


@dataclass(frozen=True, eq=False)
class OutcomeTable:
    """Payoffs of all profiles against the answers of B leader episodes.

    Attributes:
        game: the game.
        profiles: what the axes T (nature) and A (joint action) stand for.
        payoffs: `[B, T, A, agents]`.
        information: `[B, T, A, learned turns]`, row of each learned turn, -1 where it is not reached.
    """

    game: StackelbergGame
    profiles: Profiles
    payoffs: NDArray[np.float64]
    information: NDArray[np.int64]

    @classmethod
    def from_plays(cls, plays: Plays, profiles: Profiles, episodes: NDArray[np.int64]) -> OutcomeTable:
        """Read the table off plays whose slots run over (episode, nature, joint action)."""
        shape = profiles.grid(len(plays.payoffs) // len(profiles)).shape
        payoffs = plays.payoffs.reshape(*shape, plays.payoffs.shape[1])[episodes]
        information = plays.information.reshape(*shape, plays.information.shape[1])[episodes]
        return cls(plays.game, profiles, payoffs, information)

    def entry(self, episode: int) -> OutcomeTable:
        """The table of one episode."""
        one = slice(episode, episode + 1)
        return OutcomeTable(self.game, self.profiles, self.payoffs[one], self.information[one])

    @cached_property
    def simultaneous(self) -> bool:
        """Whether every follower moves once in every play, its information untouched by followers' moves."""
        first = self.information[:, :, :1]
        return bool((first >= 0).all() and (self.information == first).all())

    @cached_property
    def arrays(self) -> table_loops.Outcomes:
        """What the compiled loops work on."""
        return table_loops.Outcomes(
            self.profiles.probabilities,
            self.profiles.joint,
            np.ascontiguousarray(self.payoffs),
            np.ascontiguousarray(self.information),
        )

    def entries(self, episodes: int) -> NDArray[np.int64]:
        """Which entry of the table each of a number of episodes reads: its own, or the only one."""
        return np.arange(episodes) if len(self.payoffs) > 1 else np.zeros(episodes, dtype=np.int64)

    def distribution(self, policies: Policies) -> NDArray[np.float64]:
        """Probability of every profile when each follower plays its own mixed strategy: `[S, T, A]`.

        A follower that does not move in a play is counted there with action 0.
        """
        strategies = max([len(self.payoffs), *(len(policy) for policy in policies)])
        play = np.empty((strategies, *self.payoffs.shape[1:3]))
        play[:] = self.profiles.probabilities[:, None]
        entries = self.entries(strategies)
        for turn, policy in enumerate(policies):
            own = np.arange(strategies) if len(policy) > 1 else np.zeros(strategies, dtype=np.int64)
            table_loops.weigh_all(play, np.ascontiguousarray(policy), own, self.arrays, entries, turn)
        return play

    def values(self, distribution: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected payoffs of all agents, `[S, agents]`; summed in profile order whatever the batch."""
        weighted = distribution[..., None] * self.payoffs
        return np.cumsum(weighted.reshape(len(weighted), -1, weighted.shape[-1]), axis=1)[:, -1]

    def deviations(self, distribution: NDArray[np.float64], turn: int, agent: int | None = None) -> Deviations:
        """What a follower gets from each fixed action at each of its rows, the others as recorded.

        Args:
            distribution: play `[S, T, A]`; turn: of the follower.
            agent: whose payoffs are added up instead of the follower's (0: the leader's).
        """
        info, samples = self.game.learned_turns[turn], len(distribution)
        found = Deviations(
            reach=np.zeros((samples, info.keys)),
            realised=np.zeros((samples, info.keys)),
            fixed=np.zeros((samples, info.keys, info.choices)),
        )
        stride, whose = int(self.profiles.strides[turn]), info.agent if agent is None else agent
        table_loops.gather_all(
            np.ascontiguousarray(distribution), self.arrays, self.entries(samples), turn, whose, stride, *found
        )
        return found

    @cached_property
    def spreads(self) -> NDArray[np.float64]:
        """What payoffs typically differ by, `[agents]`; what they are, where they differ by rounding alone."""
        own = np.moveaxis(self.payoffs, -1, 0)
        return np.array([typical_spread(paid) or abs(float(np.median(paid))) for paid in own])

    def gains(self, distribution: NDArray[np.float64], turn: int, share: float = NEGLIGIBLE) -> NDArray[np.float64]:
        """Interim gain of a follower's best fixed action over play, given its row: `[S, rows]`.

        0 where a row is not reached, and where there is no more to gain than rounding explains (comparisons.py).

        Args:
            distribution: play `[S, T, A]`; turn: of the follower.
            share: of what payoffs typically differ by, that counts as nothing.
        """
        reach, gains, sizes, slack = self._compared(distribution, turn, share)
        best = beyond_rounding(gains, sizes, slack).max(axis=-1)
        return np.divide(best, reach, out=np.zeros_like(best), where=reach > 0)

    def equals(self, distribution: NDArray[np.float64], turn: int, share: float = NEGLIGIBLE) -> NDArray[np.bool_]:
        """Which fixed actions are worth as much to a follower as play, at rows that are reached: `[S, rows, actions]`.

        Arguments as of `gains`: what counts as nothing to gain there counts as equal here.
        """
        reach, gains, sizes, slack = self._compared(distribution, turn, share)
        return ~exceeds(np.abs(gains), 0.0, sizes, slack) & (reach > 0)[..., None]

    def lacking(self, policies: Policies, margin: float) -> NDArray[np.float64]:
        """What followers, in expectation and summed, lack to prefer the action they play by a margin: `[S]`."""
        play = self.distribution(policies)
        missing = np.zeros(len(play))
        for turn, policy in enumerate(policies):
            found = self.deviations(play, turn)
            taken = np.arange(policy.shape[-1]) == policy.argmax(axis=-1)[..., None]
            others = np.where(taken, -np.inf, found.fixed).max(axis=-1)
            missing += np.maximum(others + margin * found.reach - found.realised, 0).sum(axis=1)
        return missing

    def margins(self, distribution: NDArray[np.float64], turn: int) -> NDArray[np.float64]:
        """By how much a follower prefers play to every other action, given its row: `[S, rows]`.

        Infinite at rows that are not reached, or have no other action; negative where another action is better.
        """
        reach, gains, _, _ = self._compared(distribution, turn, 0.0)
        # Of what is played the gain is zero, in play that is certain; the next best one is what it is preferred to.
        most = np.partition(gains, -2, axis=-1)[..., -2] if gains.shape[-1] > 1 else np.full(reach.shape, -np.inf)
        best = gains.max(axis=-1)
        other = np.where(best > 0, best, most)
        return np.where(reach > 0, 0.0 - np.divide(other, reach, out=np.zeros_like(reach), where=reach > 0), np.inf)

    def _compared(
        self, distribution: NDArray[np.float64], turn: int, share: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Of `gains`: probability of each row, gain of each fixed action, its size, and the slack of the row.

        Added up are differences of payoffs in the same outcome: what is paid whatever the follower does hides nothing.
        """
        info, samples = self.game.learned_turns[turn], len(distribution)
        reach = np.zeros((samples, info.keys))
        gains, sizes = np.zeros((2, samples, info.keys, info.choices))
        play, stride = np.ascontiguousarray(distribution), int(self.profiles.strides[turn])
        entries = self.entries(samples)
        table_loops.gather_gains(play, self.arrays, entries, turn, info.agent, stride, reach, gains, sizes)
        return reach, gains, sizes, share * self.spreads[info.agent] * reach[..., None]


def tabulate(game: StackelbergGame, actions: NDArray[np.float64]) -> OutcomeTable:
    """Outcomes against leader tables `[B, questions, leader width]`, in the game's units."""
    profiles = Profiles.of(game)
    grid = profiles.grid(len(actions))

    def leader(plays: Plays, slots: Index) -> Numbers:
        """What the table of a slot answers."""
        return actions[grid.entry_of(slots), plays.question[slots]]

    return outcomes_against(game, leader, len(actions), profiles)


def outcomes_against(
    game: StackelbergGame, leader: Leader, entries: int = 1, profiles: Profiles | None = None
) -> OutcomeTable:
    """Outcomes against a leader; slots run over (entry of the table, profile)."""
    profiles = profiles or Profiles.of(game)
    plays, slots = Plays(game, entries * len(profiles)), profiles.grid(entries).slots()
    plays.begin(slots, profiles.nature_at(slots), profiles.choose)
    play_out(plays, leader, profiles.choose)
    return OutcomeTable.from_plays(plays, profiles, np.arange(entries))


class Deviations(NamedTuple):
    """Payoffs of one follower against a distribution over profiles, each weighted by the row's probability.

    Attributes:
        reach: probability of each row, `[S, rows]`.
        realised: payoff as played, `[S, rows]`.
        fixed: payoff of each fixed action instead, `[S, rows, actions]`.
    """

    reach: NDArray[np.float64]
    realised: NDArray[np.float64]
    fixed: NDArray[np.float64]
