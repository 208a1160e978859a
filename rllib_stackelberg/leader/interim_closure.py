"""Asking the one question of a game whose rules know expected payoffs without a table of outcomes."""

from __future__ import annotations

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.leader.elicitation import AskedFirst
from rllib_stackelberg.response.interim import InterimTable, first_action, interim_of, open_any


class InterimClosure(AskedFirst):
    """Asks in one play of any types; the response then needs no play."""

    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        return first_action(slots, turn, information)

    def _open(self, envs: Index) -> None:
        if len(envs):
            open_any(self.plays, self._slots_of(envs).ravel())

    def table(self, envs: Index) -> InterimTable:
        """See `AskedFirst`."""
        return InterimTable(self.game, interim_of(self.game), self.answers.take(envs, self.question[envs]))
