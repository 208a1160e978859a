"""A follower's best reply in the tree to what the leader has committed to.

From the last information sets to the first: what an action is worth is what it pays at once and what the follower's
best actions pay at the information sets that may come next (Koller, Megiddo & von Stengel 1996). Where actions are
worth the same it takes the best one for the leader. Linear in the number of pairs of sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.trees.sequence_form import EMPTY, Sequences
from rllib_stackelberg.trees.tree import Number


class Reply(NamedTuple):
    """A pure plan of the follower, and what it pays.

    Attributes:
        value: of the follower; leader_value: of the leader.
        taken: per information set, in the order of `Sequences.sets`, the sequence that is taken from there.
    """

    value: Number
    leader_value: Number
    taken: tuple[int, ...]

    def plan(self, follower: Sequences) -> Numbers:
        """It as zeros and ones, `[sequences]`: what the follower takes where it comes to itself."""
        found = np.zeros(follower.count)
        found[EMPTY] = 1.0
        for before, sequence in zip(follower.before, self.taken, strict=True):
            found[sequence] = found[before]
        return found


def best_reply(follower: Sequences, ends: Sequence[Sequence[Number]], slack: Number = 0) -> Reply:
    """The follower's best reply, ties broken for the leader.

    Args:
        follower: the sequences of the follower.
        ends: per sequence what `SequenceForm.against` or `exactly_against` returns.
        slack: actions are tied up to that, in payoff units, given that the play has come there.

    >>> from fractions import Fraction
    >>> from rllib_stackelberg.trees.instances import bagwell
    >>> from rllib_stackelberg.trees.sequence_form import SequenceForm
    >>> form = SequenceForm.of(bagwell())
    >>> reply = best_reply(form.follower, form.exactly_against([1, Fraction(1, 2), Fraction(1, 2)]))
    >>> str(reply.leader_value), str(reply.value), reply.taken
    ('11/2', '5/2', (1,))
    """
    total = [list(numbers) for numbers in ends]
    taken = [EMPTY] * len(follower.sets)
    for place in reversed(range(len(follower.sets))):
        actions = follower.actions(place)
        best = max(total[sequence][2] for sequence in actions)
        tied = [sequence for sequence in actions if total[sequence][2] >= best - slack * total[sequence][0]]
        chosen = max(tied, key=lambda sequence: total[sequence][1])
        taken[place] = chosen
        before = total[follower.before[place]]
        total[follower.before[place]] = [a + b for a, b in zip(before, total[chosen], strict=True)]
    _, leader_value, value = total[EMPTY]
    return Reply(value, leader_value, tuple(taken))
