"""Ties broken for the leader or against it where followers move several times in a play.

Which of its tied actions a follower takes at one row may change what is best at another. Rows are decided one after the
other, those furthest in the play first, each given what everybody does at the others, until nothing changes. For one
follower that forgets nothing that is backward induction, and exact; else what is found is no worse for the leader than
what lowest actions give, but perhaps not the best there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.plays.paths import PathTable
from rllib_stackelberg.response.counterfactual_engine import Movers, side_by_side, walk_back, weigh_paths
from rllib_stackelberg.response.tie_breaking import ROUNDS
from rllib_stackelberg.rules.ties import Ties, broken


class Settling(NamedTuple):
    """Whose ties are broken, and how.

    Attributes:
        who: the followers as arrays.
        rows: of each, among the rows of all.
        ties: the rule.
    """

    who: Movers
    rows: Sequence[slice]
    ties: Ties


def settled_paths(
    table: PathTable, settling: Settling, tied: Sequence[NDArray[np.bool_]], policies: Sequence[Numbers]
) -> list[Numbers]:
    """What followers play among tied actions, for the leader or against it: per learned turn `[N, rows, actions]`.

    Args:
        table: one entry per episode, or one for all.
        settling: whose ties, and the rule.
        tied: per learned turn which actions are equally good, `[N, rows, actions]`.
        policies: the lowest of them.
    """
    found = [policy.copy() for policy in policies]
    for n in range(len(found[0])):
        own = [mask[n] for mask in tied]
        if any((mask.sum(axis=-1) > 1).any() for mask in own):
            entry = n if len(table.after) > 1 else 0
            settled = _Episode(table, entry, settling, own).found([policy[n] for policy in policies])
            for policy, new in zip(found, settled, strict=True):
                policy[n] = new
    return found


class _Episode:
    """One episode: who decides where, and what the leader gets from it."""

    def __init__(self, table: PathTable, entry: int, settling: Settling, tied: Sequence[NDArray[np.bool_]]):
        self.table, self.entry, self.tied = table, entry, tied
        self.who, self.rows, self.ties = settling
        self.order = [
            (turn, int(row))
            for turn, row in self._furthest_first()
            if tied[turn][row].sum() > 1
        ]  # fmt: skip

    def _furthest_first(self) -> list[tuple[int, int]]:
        """(learned turn, row) by the move of a play at which it comes up, the last ones first."""
        mover, row = self.table.mover[self.entry, 0], self.table.row[self.entry, 0]
        depth: dict[tuple[int, int], int] = {}
        for move in range(mover.shape[-1]):
            for turn, own in np.unique(np.stack([mover[..., move].ravel(), row[..., move].ravel()]), axis=1).T.tolist():
                if turn >= 0:
                    depth[turn, own] = move
        return sorted(depth, key=lambda place: -depth[place])

    def found(self, policies: list[Numbers]) -> list[Numbers]:
        """From lowest actions `[rows, actions]` to those of the rule."""
        now = [policy.copy() for policy in policies]
        for _ in range(ROUNDS):
            changed = False
            for turn, row in self.order:
                worth = self._leader(now, turn)[row]
                chosen = broken(self.tied[turn][row], worth, self.ties)
                gained = (chosen - now[turn][row]) @ worth
                if gained > 0 if self.ties == "leader" else gained < 0:
                    now[turn][row], changed = chosen, True
            if not changed:
                break
        return now

    def _leader(self, policies: Sequence[Numbers], turn: int) -> Numbers:
        """What the leader gets from each action of a follower at each row, weighted by the others' way there."""
        together = side_by_side([policy[None] for policy in policies], self.rows)[0]
        weights = np.zeros((len(self.who.first) + 1, *self.table.mover.shape[2:4]))
        weigh_paths(self.table, self.entry, self.who, together, weights)
        utilities = np.zeros(together.shape)
        # The leader's payoffs in the place of the follower's.
        seen_by_leader = self.who._replace(agents=np.zeros_like(self.who.agents))
        rest = np.zeros(len(together)), np.zeros((len(together), 2))
        walk_back(self.table, self.entry, seen_by_leader, turn, together, weights[turn], utilities, *rest)
        return utilities[self.rows[turn], : policies[turn].shape[-1]]
