"""Plays of followers that learn no more, in games of several moves or with a memory: what they pay, and other actions.

One play each of many slots, or plays that go on from each other. A follower's k-th draw goes with the k-th move that
anybody makes, so plays that differ in one action have everything else in common up to there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.followers.learner import draw_play
from rllib_stackelberg.plays.outcomes import Policies
from rllib_stackelberg.plays.plays import Leader, Plays, play_out
from rllib_stackelberg.rules.game import StackelbergGame

NEVER = -1


class Changes(NamedTuple):
    """In each of N slots: which follower takes another action `[N]`, -1 for none, and which.

    nth: at that of its own moves in a play, or row: whenever it is there; -1: not so.
    """

    turn: Index
    nth: Index
    row: Index
    action: Index

    @classmethod
    def none(cls, slots: int) -> Changes:
        """Everybody plays on."""
        return cls(*np.full((4, slots), NEVER))


class Played(NamedTuple):
    """What plays paid `[N, agents]`, rows of each follower's moves `[N, M, moves]` (-1: none), states left `[N]`."""

    payoffs: Numbers
    rows: Index
    carried: Index


@dataclass(frozen=True, eq=False)
class FrozenFollowers:
    """Followers with strategies, and a leader that answers.

    Attributes:
        game: the game; leader: answers every play the moment it waits.
        policies: per learned turn `[samples, rows, actions]`.
    """

    game: StackelbergGame
    leader: Leader
    policies: Policies

    @property
    def certain(self) -> bool:
        """Whether nothing is drawn: one value of nature, and strategies that are sure."""
        sure = all(((policy == 0) | (policy == 1)).all() for policy in self.policies)
        return self.game.nature.size == 1 and sure

    def play(
        self, samples: Index, nature: Index, uniforms: NDArray[np.float64], changes: Changes, carried: Index
    ) -> Played:
        """One play in each slot.

        Args:
            samples: whose followers play, `[N]`.
            nature: `[N, width]`.
            uniforms: `[N, moves]`.
            changes: to their strategies.
            carried: states left by the plays before, `[N]`.
        """
        turns = self.game.learned_turns
        slots = np.arange(len(samples))
        made = np.zeros((len(slots), len(turns)), dtype=np.int64)
        rows = np.full((len(slots), len(turns), max((turn.times for turn in turns), default=1)), NEVER)

        def choose(slots: Index, turn: int, information: Index) -> Index:
            """What was learned, except where a change is tried."""
            drawn = uniforms[slots, made[slots].sum(axis=1)]
            actions = draw_play(self.policies[turn][samples[slots], information], drawn)
            nth = made[slots, turn]
            rows[slots, turn, nth] = information
            other = (changes.nth[slots] == nth) | (changes.row[slots] == information)
            made[slots, turn] += 1
            return np.where((changes.turn[slots] == turn) & other, changes.action[slots], actions)

        plays = Plays(self.game, len(slots))
        plays.begin(slots, nature, choose, carried)
        play_out(plays, self.leader, choose)
        return Played(plays.payoffs, rows, plays.carried)
