"""Strong Stackelberg equilibrium of a tree in which two players move, with chance (Bosansky & Cermak 2015).

A mixed-integer program over the sequence form (sequence_form.py). Variables: the leader's realisation plan r, a pure
plan f of the follower (zeros and ones), p of each pair of sequences that leads to leaves, and what the follower's
information sets I and sequences are worth to it:

    maximise  sum over pairs of  payoff of the leader * p(pair)
    r, f are plans;  0 <= p(pair) <= r(its sequence), f(its sequence);  sum over pairs of  reach(pair) * p(pair) = 1
    v(I of s) = slack(s) + sum over sets J that come after s of v(J) + sum over s' of r(s') * follower's payoff(s', s)
    0 <= slack(s) <= M(s) (1 - f(s))

The last rows say that actions which f takes are best against r. M(s) is what they can lack at most: a bound of each
sequence's own, from what either side can get there. NP-hard with chance or hidden moves (Letchford & Conitzer 2010). A
pure commitment is the same program with r of zeros and ones.

A program in floats is not believed: with the follower's plan found, r is solved for anew (a linear program), the
follower's best reply to it is computed in the tree, in rational arithmetic where r is made of simple fractions, and the
value is what that reply pays the leader. What the solver says no plan exceeds is held against it.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import block_array, coo_array, csr_array, diags_array

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.comparisons import typical_spread
from rllib_stackelberg.economics.commitment import EXACT_ENTRIES
from rllib_stackelberg.errors import BeyondLimitsError
from rllib_stackelberg.rules.solution import Method, StackelbergSolution
from rllib_stackelberg.trees.backward_induction import backward_induction_solve
from rllib_stackelberg.trees.best_reply import Reply, best_reply
from rllib_stackelberg.trees.normal_form import MOST_ENTRIES, answers, entries, follower_actions, normal_form_solve
from rllib_stackelberg.trees.sequence_form import EMPTY, SequenceForm, Sequences
from rllib_stackelberg.trees.tree import GameTree

MOST_SEQUENCES = 2_000
"""Most sequences of both players that are tried; how long it takes is another matter."""

SECONDS = 60.0
"""Time limit of the mixed-integer program."""

SPAN = 1e9
"""Largest ratio of payoff differences that a program in floats is trusted with."""

ACCURACY = 1e-6
"""Share of the leader's range of payoffs that the program may be off by: solvers take .999999 for one."""

TIED = 1e-9
"""Share of what the follower's payoffs typically differ by, up to which a reply to a plan in floats is best."""

SIMPLE = 10_000
"""Largest denominator of a probability that is taken for a simple fraction."""


def tree_methods(tree: GameTree, leader: int = 0, pure: bool = False) -> dict[str, Method]:
    """Ways to the optimal commitment in a tree, by name, the best one first.

    Args:
        tree: two players move; leader: which of them leads.
        pure: whether it commits to one action at each information set, not to probabilities.

    Raises:
        InvalidFieldError: other than two players move.

    >>> from rllib_stackelberg.trees.instances import kuhn_poker
    >>> {name: method.beyond for name, method in tree_methods(kuhn_poker()).items()}
    {'sequence-form': '', 'normal-form': ''}
    """
    form = SequenceForm.of(tree, leader)
    size, count = entries(form), form.leader.count + form.follower.count
    too_long = f"{count:,} sequences, more than {MOST_SEQUENCES:,}" if count > MOST_SEQUENCES else ""
    too_large = f"a normal form of {size:,} entries, more than {MOST_ENTRIES:,}" if size > MOST_ENTRIES else ""
    sequences = {"sequence-form": Method(lambda: sequence_form_solve(tree, leader, pure), too_long)}
    normal = {"normal-form": Method(lambda: normal_form_solve(tree, leader, pure), too_large)}
    found = normal | sequences if size <= EXACT_ENTRIES else sequences | normal
    if not pure:
        return found
    hidden = "chance moves" if tree.has_chance else "" if tree.perfect_information else "hidden moves"
    return {"backward-induction": Method(lambda: backward_induction_solve(tree, leader), hidden)} | found


def tree_solve(tree: GameTree, leader: int = 0, pure: bool = False) -> StackelbergSolution:
    """Optimal commitment by the best method: see `tree_methods`, and there for arguments.

    Raises:
        InvalidFieldError: other than two players move, or the tree is too large.

    >>> from rllib_stackelberg.trees.instances import centipede
    >>> tree_solve(centipede()).method, tree_solve(centipede(), pure=True).method[:18]
    ('reduced normal form, linear programs (Conitzer & Sandholm 2006)', 'backward induction')
    """
    found = tree_methods(tree, leader, pure)
    method = next((each for each in found.values() if not each.beyond), None)
    if method is None:
        raise BeyondLimitsError("tree", "; ".join(each.beyond for each in found.values()), "a smaller one")
    return method.solve()


def sequence_form_solve(tree: GameTree, leader: int = 0, pure: bool = False) -> StackelbergSolution:
    """Strong Stackelberg equilibrium by mixed-integer program over sequences.

    Args:
        tree: two players move; leader: which of them leads.
        pure: whether it commits to one action at each information set, not to probabilities.

    Returns:
        Question keys are places in `tree.sets_of(leader)`; those that the leader does not come to itself are left out.

    Raises:
        InvalidFieldError: other than two players move, or there are too many sequences, or the time is up before
            anything has been found.

    >>> from rllib_stackelberg.trees.instances import kuhn_poker
    >>> round(sequence_form_solve(kuhn_poker()).leader_value * 18, 6)
    -1.0
    """
    form = SequenceForm.of(tree, leader)
    count = form.leader.count + form.follower.count
    if count > MOST_SEQUENCES:
        raise BeyondLimitsError("tree", f"has {count:,} sequences", f"up to {MOST_SEQUENCES:,}; or train a leader")
    program = SequenceProgram(form, pure)
    plan, taken, bound = program.solve()
    reply, plan, exact = verified(form, plan if pure else program.improved(plan, taken))
    value = float(reply.leader_value)
    return StackelbergSolution(
        leader_value=value,
        follower_values=(float(reply.value),),
        leader_strategy=answers(form, plan, pure),
        method=f"mixed-integer program over sequences (Bosansky & Cermak 2015){', pure' if pure else ''}",
        tie_break="leader",
        doubt=_doubt(tree, leader, value, bound),
        details={
            "follower_strategy": follower_actions(form, reply.plan(form.follower)),
            "bound": bound,
            "reply_in_fractions": exact,
        },
    )


def verified(form: SequenceForm, plan: Numbers) -> tuple[Reply, Numbers, bool]:
    """The follower's best reply to a leader's plan, that plan, and whether the reply is exact.

    If the plan is one of simple fractions but for rounding, these are taken, and nothing is rounded any more; unless
    that parts what was tied.
    """
    slack = TIED * typical_spread(form.numbers[:, 2] / form.numbers[:, 0])
    rounded = best_reply(form.follower, form.against(plan).tolist(), slack)
    simple = _simple(form.leader, plan)
    exact = best_reply(form.follower, form.exactly_against(simple))
    worse = TIED * typical_spread(form.numbers[:, 1] / form.numbers[:, 0])
    if float(exact.leader_value) < rounded.leader_value - worse:
        return rounded, plan, False
    return exact, np.array([float(share) for share in simple]), True


def _simple(leader: Sequences, plan: Numbers) -> list[Fraction]:
    """The plan with shares at each information set that are simple fractions, and sum to one exactly."""
    found = [Fraction(0)] * leader.count
    found[EMPTY] = Fraction(1)
    strategy = leader.strategy(plan)
    for place, (own, before) in enumerate(zip(leader.sets, leader.before, strict=True)):
        if own in strategy:
            shares = [Fraction(share).limit_denominator(SIMPLE) for share in strategy[own]]
            for sequence, share in zip(leader.actions(place), shares, strict=True):
                found[sequence] = found[before] * share / sum(shares)
    return found


def _doubt(tree: GameTree, leader: int, value: float, bound: float) -> str:
    """Why a value is not certain."""
    for player, paid in enumerate(tree.paid.T):
        if np.ptp(paid) > SPAN * typical_spread(paid):
            return f"payoffs of {tree.players[player]} span more than {SPAN:g} times what they typically differ by"
    if bound > value + ACCURACY * np.ptp(tree.paid[:, leader]):
        return f"another commitment may be worth up to {bound:.9g}"
    return ""


class SequenceProgram:
    """The mixed-integer program. Variables stand in this order: r, f, p, v, slack; payoffs are scaled to 0..1.

    Attributes:
        form: the game; pure: whether r is of zeros and ones.
    """

    def __init__(self, form: SequenceForm, pure: bool):
        self.form, self.pure = form, pure
        reach, *payoffs = form.numbers.T
        self._reach = reach
        self._low, self._unit, self._paid = [], [], []
        for paid in payoffs:
            each = paid / reach
            self._low.append(float(each.min()))
            self._unit.append(float(np.ptp(each)) or 1.0)
            self._paid.append((paid - self._low[-1] * reach) / self._unit[-1])

    @cached_property
    def _theirs(self) -> csr_array:
        """The follower's scaled payoffs, `[leader sequences, follower sequences]`."""
        shape = self.form.leader.count, self.form.follower.count
        return coo_array((self._paid[1], tuple(self.form.pairs.T)), shape=shape).tocsr()

    @cached_property
    def _worth(self) -> tuple[csr_array, csr_array]:
        """Rows of what the follower's sequences are worth, the empty one left out: columns of v, and of r (taken off).

        `v(I of s) - sum of v(J) - sum of r * payoff = slack(s)`.
        """
        follower = self.form.follower
        entries = [(s - 1, place, 1.0) for place in range(len(follower.sets)) for s in follower.actions(place)]
        entries += [(before - 1, place, -1.0) for place, before in enumerate(follower.before) if before != EMPTY]
        rows, columns, values = zip(*entries, strict=True)
        worth = csr_array((values, (rows, columns)), shape=(follower.count - 1, len(follower.sets)))
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

    def solve(self) -> tuple[Numbers, Numbers, float]:
        """The leader's plan, the follower's plan, and what no commitment's value exceeds, in the game's units.

        Raises:
            BeyondLimitsError: nothing has been found in time.
        """
        leader, follower, pairs = self.form.leader, self.form.follower, len(self.form.pairs)
        worth, paid = self._worth
        ends = [coo_array((np.ones(pairs), (np.arange(pairs), own))) for own in self.form.pairs.T]
        own, other = (
            csr_array((end.data, end.coords), shape=(pairs, player.count))
            for end, player in zip(ends, (leader, follower), strict=True)
        )
        same, slack = diags_array(np.ones(pairs)), follower.count - 1
        chosen = csr_array((self._lacking, (np.arange(slack), 1 + np.arange(slack))), shape=(slack, follower.count))
        rows = block_array(
            [
                [leader.flow, None, None, None, None],
                [None, follower.flow, None, None, None],
                [-own, None, same, None, None],
                [None, -other, same, None, None],
                [None, None, csr_array(self._reach[None]), None, None],
                [-paid, None, None, worth, -diags_array(np.ones(slack))],
                [None, chosen, None, None, diags_array(np.ones(slack))],
            ],
            format="csr",
        )
        starts = [np.eye(1 + len(player.sets))[0] for player in (leader, follower)]
        high = np.concatenate([*starts, np.zeros(2 * pairs), [1.0], np.zeros(slack), self._lacking])
        low = np.concatenate([*starts, np.full(2 * pairs, -np.inf), [1.0], np.zeros(slack), np.full(slack, -np.inf)])
        sizes = [leader.count, follower.count, pairs, len(follower.sets), slack]
        found = milp(
            np.concatenate([np.zeros(sum(sizes[:2])), -self._paid[0], np.zeros(sum(sizes[3:]))]),
            constraints=LinearConstraint(rows, low, high),
            integrality=np.repeat([int(self.pure), 1, 0, 0, 0], sizes),
            bounds=Bounds(np.zeros(sum(sizes)), np.repeat([1.0, 1.0, 1.0, np.inf, np.inf], sizes)),
            options={"mip_rel_gap": TIED, "time_limit": SECONDS},
        )
        if found.x is None:
            allowed = "a smaller one, or train a leader"
            raise BeyondLimitsError("tree", f"has not been solved in {SECONDS:g} s ({found.message})", allowed)
        r, f, *_ = np.split(found.x, np.cumsum(sizes)[:-1])
        bound = self._low[0] - self._unit[0] * float(found.mip_dual_bound)
        return (np.round(r) if self.pure else r), np.round(f), bound

    def improved(self, plan: Numbers, taken: Numbers) -> Numbers:
        """The leader's best plan of those to which that plan of the follower is a best reply; the given one if none."""
        leader, follower = self.form.leader, self.form.follower
        worth, paid = self._worth
        slack = np.where(taken[1:] > 0, 0.0, np.inf)
        pays = np.zeros(leader.count)
        np.add.at(pays, self.form.pairs[:, 0], self._paid[0] * taken[self.form.pairs[:, 1]])
        rows = block_array([[leader.flow, None, None], [-paid, worth, -diags_array(np.ones(len(slack)))]], format="csr")
        size = len(follower.sets) + len(slack)
        found = linprog(
            np.concatenate([-pays, np.zeros(size)]),
            A_eq=rows,
            b_eq=np.concatenate([np.eye(1 + len(leader.sets))[0], np.zeros(len(slack))]),
            bounds=[(0.0, 1.0)] * leader.count
            + [(0.0, None)] * len(follower.sets)
            + [(0.0, None if room else 0.0) for room in slack],
            method="highs-ds",
        )
        return plan if found.x is None else np.maximum(found.x[: leader.count], 0.0)
