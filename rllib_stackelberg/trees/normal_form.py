"""The reduced normal form of a tree in which two players move: for small trees.

A strategy of it says what a player does at the information sets that it may come to itself. There are exponentially
many. Mixed commitment: the linear programs of Conitzer & Sandholm (2006), exact where `mixed_commitment_solve` is; a
mixture of strategies is then what a behaviour strategy does as well (Kuhn 1953).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.commitment.bimatrix import mixed_commitment_solve, pure_commitment_solve
from rllib_stackelberg.errors import BeyondLimitsError
from rllib_stackelberg.rules.solution import Action, StackelbergSolution
from rllib_stackelberg.trees.sequence_form import SequenceForm
from rllib_stackelberg.trees.tree import GameTree

MOST_ENTRIES = 1_000_000
"""Most entries of a reduced normal form that is written out."""


def entries(form: SequenceForm) -> int:
    """How many entries the reduced normal form has."""
    return form.leader.pure_plans * form.follower.pure_plans


def normal_form(form: SequenceForm) -> tuple[NDArray[np.int64], NDArray[np.int64], Numbers, Numbers]:
    """Pure plans of leader and follower, and the payoff matrices `[leader plans, follower plans]`.

    Raises:
        BeyondLimitsError: it has more than `MOST_ENTRIES` entries.
    """
    if (count := entries(form)) > MOST_ENTRIES:
        problem = f"has a normal form of {count:,} entries"
        raise BeyondLimitsError("tree", problem, f"up to {MOST_ENTRIES:,}; the sequence form is smaller")
    own, other = form.leader.enumerated(), form.follower.enumerated()
    matrices = []
    for column in (1, 2):
        pays = np.zeros((form.leader.count, form.follower.count), dtype=object)
        pays[tuple(form.pairs.T)] = [numbers[column] for numbers in form.exact]
        matrices.append((own.astype(object) @ pays @ other.T.astype(object)).astype(float))
    return own, other, matrices[0], matrices[1]


def normal_form_solve(tree: GameTree, leader: int = 0, pure: bool = False) -> StackelbergSolution:
    """Optimal commitment by the reduced normal form.

    Args:
        tree: two players move; leader: which of them leads; pure: whether it commits to one action each.

    Returns:
        Question keys are places in `tree.sets_of(leader)`.

    Raises:
        InvalidFieldError: other than two players move, or the normal form is too large.

    >>> from rllib_stackelberg.trees.instances import bagwell
    >>> normal_form_solve(bagwell()).leader_value, normal_form_solve(bagwell(), pure=True).leader_value
    (5.5, 5.0)
    """
    form = SequenceForm.of(tree, leader)
    plans, others, own, theirs = normal_form(form)
    found = (pure_commitment_solve if pure else mixed_commitment_solve)(own, theirs)
    chosen = np.asarray(found.leader_strategy[0][1])
    plan = np.asarray(plans[chosen] if pure else chosen @ plans, dtype=float)
    reply = others[found.details["follower_column"]].astype(float)
    return replace(
        found,
        leader_strategy=answers(form, plan, pure),
        method=f"reduced normal form, {found.method}",
        details={"follower_strategy": follower_actions(form, reply)},
    )


def answers(form: SequenceForm, plan: Numbers, pure: bool) -> tuple[tuple[int, Action], ...]:
    """A leader's plan as (question key, action) pairs, keys as places in `GameTree.sets_of`."""
    tree, player = form.leader.tree, form.leader.player
    strategy = form.leader.strategy(plan)
    keys = {own: key for key, own in enumerate(tree.sets_of(player))}
    pairs = [(keys[own], int(np.argmax(shares)) if pure else shares) for own, shares in strategy.items()]
    return tuple(sorted(pairs, key=lambda pair: pair[0]))


def follower_actions(form: SequenceForm, plan: Numbers) -> tuple[tuple[str, str], ...]:
    """What a pure plan of the follower does at each information set that it comes to, in words."""
    tree, strategy = form.follower.tree, form.follower.strategy(plan)
    return tuple((tree.known(own), tree.action_label(own, int(np.argmax(shares)))) for own, shares in strategy.items())
