"""Ties broken for the leader or against it where followers move several times in a play.

Which of its tied actions a follower takes at one row may change what is best at another. Rows are decided one after the
other, those furthest in the play first, each given what everybody does at the others, until nothing changes. For one
follower that forgets nothing that is backward induction, and exact; else what is found is no worse for the leader than
what lowest actions give, but perhaps not the best there is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.plays.paths import PathTable
from rllib_stackelberg.response.counterfactual import CounterfactualResponse
from rllib_stackelberg.response.counterfactual_engine import walk_back, weigh_paths
from rllib_stackelberg.response.response import Play
from rllib_stackelberg.response.tie_breaking import ROUNDS
from rllib_stackelberg.rules.ties import Ties, broken

Numbers = NDArray[np.float64]


def reported_paths(
    response: CounterfactualResponse, table: PathTable, episodes: NDArray[np.int64], play: Play, ties: Ties
) -> list[Numbers]:
    """Per learned turn the strategies `[N, rows, actions]` that are valued, ties broken by the rule.

    Args:
        response: of the followers, who split ties themselves if the rule is "uniform".
        table: one entry per given episode, or one for all; episodes: `[N]`, of the response.
        play: which; ties: the rule, of argmax play.
    """
    policies = [policy[episodes] for policy in response.policies(play)]
    if play != "argmax" or ties == "lowest" or ties == "uniform":
        return policies
    tied = [mask[episodes] for mask in response.tied()]
    for n in range(len(episodes)):
        own = [mask[n] for mask in tied]
        if any((mask.sum(axis=-1) > 1).any() for mask in own):
            entry = n if len(table.after) > 1 else 0
            settled = _Settling(response, table, entry, own, ties).found([policy[n] for policy in policies])
            for policy, new in zip(policies, settled, strict=True):
                policy[n] = new
    return policies


class _Settling:
    """One episode: who decides where, and what the leader gets from it."""

    def __init__(
        self,
        response: CounterfactualResponse,
        table: PathTable,
        entry: int,
        tied: Sequence[NDArray[np.bool_]],
        ties: Ties,
    ):
        self.response, self.table, self.entry, self.tied, self.ties = response, table, entry, tied, ties
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
        response, who = self.response, self.response.movers
        together = response.together([policy[None] for policy in policies])[0]
        weights = np.zeros(response.sums.weights.shape[1:])
        weigh_paths(self.table, self.entry, who, together, weights)
        utilities = np.zeros(together.shape)
        # The leader's payoffs in the place of the follower's.
        seen_by_leader = who._replace(agents=np.zeros_like(who.agents))
        rest = np.zeros(len(together)), np.zeros((len(together), 2))
        walk_back(self.table, self.entry, seen_by_leader, turn, together, weights[turn], utilities, *rest)
        return utilities[response.rows[turn], : policies[turn].shape[-1]]
