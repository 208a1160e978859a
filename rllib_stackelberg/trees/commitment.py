"""Optimal commitment in a tree in which two players move.

Three ways: backward induction where it is enough (pure commitment, perfect information, no chance), the reduced normal
form where it is small, exactly, and a mixed-integer program over sequences (sequence_program.py).

A program in floats is not believed: with the follower's plan found, the leader's is solved for anew (a linear program),
the follower's best reply to it is computed in the tree, in rational arithmetic where the leader's plan is made of
simple fractions, and the value is what that reply pays the leader. What the solver says no plan exceeds is held
against it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.commitment.bimatrix import EXACT_ENTRIES
from rllib_stackelberg.comparisons import typical_spread
from rllib_stackelberg.errors import BeyondLimitsError
from rllib_stackelberg.rules.solution import Method, StackelbergSolution
from rllib_stackelberg.trees.backward_induction import backward_induction_solve
from rllib_stackelberg.trees.best_reply import Reply, best_reply
from rllib_stackelberg.trees.normal_form import MOST_ENTRIES, answers, entries, follower_actions, normal_form_solve
from rllib_stackelberg.trees.sequence_form import EMPTY, SequenceForm, Sequences
from rllib_stackelberg.trees.sequence_program import SequenceProgram
from rllib_stackelberg.trees.tree import GameTree

MOST_SEQUENCES = 1_000
"""Most sequences of both players together: some seconds, as a rule."""

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
    reply, plan, exact, bound = _solved(SequenceProgram(form, pure))
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


def _solved(program: SequenceProgram) -> tuple[Reply, Numbers, bool, float]:
    """What `verified` returns of the best plan, and the bound; without branching where the relaxation is enough."""
    if program.pure:
        plan, _, bound = program.solve()
        return *verified(program.form, plan), bound
    plan, _, bound = program.solve(relaxed=True)
    found = verified(program.form, plan)
    if float(found[0].leader_value) < bound - TIED * program.unit:
        plan, taken, bound = program.solve()
        found = verified(program.form, program.improved(plan, taken))
    return *found, bound


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
