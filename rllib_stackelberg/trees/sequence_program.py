"""Strong Stackelberg equilibrium of a tree as a mixed-integer program over sequences (Bosansky & Cermak 2015).

Variables: p of each pair of sequences that belong together (correlation_plans.py), among them the leader's realisation
plan r = p(., empty) and a pure plan f = p(empty, .) of the follower (zeros and ones); what the follower's information
sets I and sequences s are worth to it:

    maximise  sum over pairs of  payoff of the leader * p(pair)
    p is a correlation plan
    v(I of s) = slack(s) + sum over sets J that come after s of v(J) + sum over s' of r(s') * follower's payoff(s', s)
    0 <= slack(s) <= M(s) (1 - f(s))
    sum over pairs of  payoff of the follower * p(pair) = sum over sets J that come first of v(J) + what is paid before

The third and fourth rows say that actions which f takes are best against r. M(s) is what they can lack at most: a bound
of each sequence's own, from what either side can get there. The last row follows from them; without it, and with p of
leaves bounded by r and f alone as in the paper, the program's relaxation says little: with it a zero-sum game needs no
branching. NP-hard with chance or hidden moves (Letchford & Conitzer 2010). A pure commitment is the same program with r
of zeros and ones.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.commitment.integer_programs import solved
from rllib_stackelberg.errors import BeyondLimitsError
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.trees.correlation_plans import CorrelationPlans
from rllib_stackelberg.trees.sequence_form import EMPTY, SequenceForm

if TYPE_CHECKING:
    from scipy import optimize, sparse
else:
    optimize, sparse = LazyModule("scipy.optimize"), LazyModule("scipy.sparse")

SECONDS = 60.0
"""Time limit of the program."""

GAP = 1e-9
"""Share of the leader's range of payoffs that the solver may leave open."""


class SequenceProgram:
    """The mixed-integer program. Variables stand in this order: p, v, slack; payoffs are scaled to 0..1.

    Attributes:
        form: the game; pure: whether r is of zeros and ones.
    """

    def __init__(self, form: SequenceForm, pure: bool):
        self.form, self.pure = form, pure
        reach, *payoffs = form.numbers.T
        self._low, self._unit, self._paid = [], [], []
        for paid in payoffs:
            each = paid / reach
            self._low.append(float(each.min()))
            self._unit.append(float(np.ptp(each)) or 1.0)
            self._paid.append((paid - self._low[-1] * reach) / self._unit[-1])

    @cached_property
    def _theirs(self) -> sparse.csr_array:
        """The follower's scaled payoffs, `[leader sequences, follower sequences]`."""
        shape = self.form.leader.count, self.form.follower.count
        return sparse.coo_array((self._paid[1], tuple(self.form.pairs.T)), shape=shape).tocsr()

    @cached_property
    def _worth(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Rows of what the follower's sequences are worth, the empty one left out: columns of v, and of r (taken off).

        `v(I of s) - sum of v(J) - sum of r * payoff = slack(s)`.
        """
        follower = self.form.follower
        entries = [(s - 1, place, 1.0) for place in range(len(follower.sets)) for s in follower.actions(place)]
        entries += [(before - 1, place, -1.0) for place, before in enumerate(follower.before) if before != EMPTY]
        rows, columns, values = zip(*entries, strict=True)
        worth = sparse.csr_array((values, (rows, columns)), shape=(follower.count - 1, len(follower.sets)))
        return worth, self._theirs.T.tocsr()[1:]

    @cached_property
    def _lacking(self) -> Numbers:
        """M: what each of the follower's sequences can lack of the best one at its information set."""
        follower, paid = self.form.follower, self._theirs.toarray()
        after_low, after_high, most = np.zeros((3, follower.count))
        for place in reversed(range(len(follower.sets))):
            actions = list(follower.actions(place))
            own, low, high = paid[:, actions], after_low[actions], after_high[actions]
            # What one action pays at once more than another, over plans of the leader; then what may come after.
            gains = np.stack([self._most(own - own[:, [k]]) + high - low[k] for k in range(len(actions))])
            most[actions] = np.maximum(gains.max(axis=1), 0.0)
            after_low[follower.before[place]] += (low - self._most(-own)).max()
            after_high[follower.before[place]] += (high + self._most(own)).max()
        return most[1:]

    def _most(self, paid: Numbers) -> Numbers:
        """Largest sum over a plan of the leader of what its sequences pay, `[leader sequences, n]` -> `[n]`."""
        total = paid.copy()
        for place in reversed(range(len(self.form.leader.sets))):
            actions = list(self.form.leader.actions(place))
            total[self.form.leader.before[place]] += total[actions].max(axis=0)
        return total[EMPTY]

    @property
    def unit(self) -> float:
        """The leader's range of payoffs."""
        return self._unit[0]

    def solve(self, relaxed: bool = False) -> tuple[Numbers, Numbers, float]:
        """The leader's plan, the follower's plan, and what no commitment's value exceeds, in the game's units.

        Args:
            relaxed: solve the linear program that is left if f need not be zeros and ones: the plan is not the best
                one unless it is worth the bound.

        Raises:
            BeyondLimitsError: nothing has been found in time.
        """
        plans = CorrelationPlans.of(self.form)
        pairs, slack, sets = plans.equations.shape[1], self.form.follower.count - 1, len(self.form.follower.sets)
        rows, low, high = self._rows(plans)
        whole = np.zeros(pairs + sets + slack)
        whole[plans.follower] = not relaxed
        whole[plans.leader] = np.maximum(whole[plans.leader], self.pure)
        pays = np.zeros(pairs)
        pays[plans.leaves] = -self._paid[0]
        found = solved(
            c=np.concatenate([pays, np.zeros(sets + slack)]),
            constraints=optimize.LinearConstraint(rows, low, high),
            integrality=whole,
            bounds=optimize.Bounds(np.zeros(len(whole)), np.repeat([1.0, np.inf, np.inf], [pairs, sets, slack])),
            options={"mip_rel_gap": GAP, "time_limit": SECONDS},
        )
        if found.x is None:
            allowed = "a smaller one, or train a leader"
            raise BeyondLimitsError("tree", f"has not been solved in {SECONDS:g} s ({found.message})", allowed)
        r, f = found.x[plans.leader], np.round(found.x[plans.follower])
        bound = self._low[0] - self._unit[0] * float(found.fun if relaxed else found.mip_dual_bound)
        return (np.round(r) if self.pure else r), f, bound

    def _rows(self, plans: CorrelationPlans) -> tuple[sparse.csr_array, Numbers, Numbers]:
        """All rows, and what they are at least and at most."""
        follower, pairs = self.form.follower, plans.equations.shape[1]
        worth, paid = self._worth
        slack = follower.count - 1
        places = np.arange(slack)
        own = _spread_out(paid, plans.leader, pairs)
        chosen = sparse.csr_array((self._lacking, (places, plans.follower[1:])), shape=(slack, pairs))
        first = sparse.csr_array((np.asarray(follower.before) == EMPTY).astype(float)[None])
        at_once = _spread_out(self._theirs.T.tocsr()[[EMPTY]], plans.leader, pairs)
        theirs = sparse.csr_array(
            (self._paid[1], (np.zeros(len(plans.leaves), dtype=int), plans.leaves)), shape=(1, pairs)
        )
        rows = sparse.block_array(
            [
                [plans.equations, None, None],
                [-own, worth, -sparse.diags_array(np.ones(slack))],
                [chosen, None, sparse.diags_array(np.ones(slack))],
                [theirs - at_once, -first, None],
            ],
            format="csr",
        )
        start = np.eye(plans.equations.shape[0])[0]
        low = np.concatenate([start, np.zeros(slack), np.full(slack, -np.inf), [0.0]])
        high = np.concatenate([start, np.zeros(slack), self._lacking, [0.0]])
        return rows, low, high

    def improved(self, plan: Numbers, taken: Numbers) -> Numbers:
        """The leader's best plan of those to which that plan of the follower is a best reply; the given one if none."""
        leader, follower = self.form.leader, self.form.follower
        worth, paid = self._worth
        slack = np.where(taken[1:] > 0, 0.0, np.inf)
        pays = np.zeros(leader.count)
        np.add.at(pays, self.form.pairs[:, 0], self._paid[0] * taken[self.form.pairs[:, 1]])
        rows = sparse.block_array(
            [[leader.flow, None, None], [-paid, worth, -sparse.diags_array(np.ones(len(slack)))]], format="csr"
        )
        size = len(follower.sets) + len(slack)
        found = optimize.linprog(
            np.concatenate([-pays, np.zeros(size)]),
            A_eq=rows,
            b_eq=np.concatenate([np.eye(1 + len(leader.sets))[0], np.zeros(len(slack))]),
            bounds=[(0.0, 1.0)] * leader.count
            + [(0.0, None)] * len(follower.sets)
            + [(0.0, None if room else 0.0) for room in slack],
            method="highs-ds",
        )
        return plan if found.x is None else np.maximum(found.x[: leader.count], 0.0)


def _spread_out(rows: sparse.csr_array, columns: Index, count: int) -> sparse.csr_array:
    """The rows with their columns moved to others, of so many."""
    entries = rows.tocoo()
    return sparse.csr_array((entries.data, (entries.row, columns[entries.col])), shape=(rows.shape[0], count))
