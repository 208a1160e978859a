"""What two players can do together in a tree: a probability for each pair of their sequences that belong together.

Two information sets are connected if a play can come to both. A pair of sequences is relevant if one of them is empty
or if the information sets at which they end are connected; pairs that lead to leaves are. Plans of both players,
multiplied, satisfy (von Stengel & Forges 2008)

    p(empty, empty) = 1
    sum over actions a at I of p(sequence to I and a, s) = p(sequence to I, s)     and the same for the other player

at each information set I and sequence s of the other player that are connected. So does whatever a mediator may
recommend to them; with pure plans of one player no more than products do. A linear program over p that has f = p(empty,
s) in it knows much more of what f rules out than one that bounds p of leaves by the players' plans alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.trees.sequence_form import EMPTY, SequenceForm, Sequences

if TYPE_CHECKING:
    from scipy import sparse
else:
    sparse = LazyModule("scipy.sparse")


@dataclass(frozen=True, eq=False)
class CorrelationPlans:
    """Relevant pairs, numbered, and the equations above.

    Attributes:
        leader: where the pairs of the leader's sequences with the follower's empty one stand, `[leader sequences]`.
        follower: likewise, `[follower sequences]`.
        leaves: where the pairs of `SequenceForm.pairs` stand.
        equations: A of A p = e, `[equations, pairs]`; e is 1, then zeros.
    """

    leader: Index
    follower: Index
    leaves: Index
    equations: sparse.csr_array

    @classmethod
    def of(cls, form: SequenceForm) -> CorrelationPlans:
        """Number them.

        >>> from rllib_stackelberg.trees.instances import bagwell
        >>> CorrelationPlans.of(SequenceForm.of(bagwell())).equations.shape
        (7, 9)
        """
        numbers: dict[tuple[int, int], int] = {}
        rows: list[tuple[int, int, float]] = [(0, _number(numbers, EMPTY, EMPTY), 1.0)]
        count = 1
        for own, other, swapped in ((form.leader, form.follower, False), (form.follower, form.leader, True)):
            beside = _connected(own, other)
            for place, before in enumerate(own.before):
                near = [sequence for set_beside in sorted(beside[place]) for sequence in other.actions(set_beside)]
                for sequence in [EMPTY, *near]:
                    pairs = [(before, sequence), *((action, sequence) for action in own.actions(place))]
                    shares = [-1.0, *[1.0] * (len(pairs) - 1)]
                    for (first, second), share in zip(pairs, shares, strict=True):
                        pair = (second, first) if swapped else (first, second)
                        rows.append((count, _number(numbers, *pair), share))
                    count += 1
        at = np.array(rows)
        equations = sparse.csr_array(
            (at[:, 2], (at[:, 0].astype(int), at[:, 1].astype(int))), shape=(count, len(numbers))
        )
        return cls(
            np.array([numbers[own, EMPTY] for own in range(form.leader.count)]),
            np.array([numbers[EMPTY, other] for other in range(form.follower.count)]),
            np.array([numbers[own, other] for own, other in form.pairs.tolist()]),
            equations,
        )


def _number(numbers: dict[tuple[int, int], int], own: int, other: int) -> int:
    return numbers.setdefault((own, other), len(numbers))


def _connected(own: Sequences, other: Sequences) -> dict[int, set[int]]:
    """Per place of a player's information set the other's that a play can come to besides."""
    tree = own.tree
    places = [{known: place for place, known in enumerate(player.sets)} for player in (own, other)]
    met: list[tuple[frozenset[int], frozenset[int]]] = []
    found: dict[int, set[int]] = defaultdict(set)
    for number, node in enumerate(tree.nodes):
        mine, theirs = met[node.parent] if number else (frozenset(), frozenset())
        if (here := places[0].get(node.information_set)) is not None:
            mine |= {here}
            found[here] |= theirs
        if (here := places[1].get(node.information_set)) is not None:
            theirs |= {here}
            for before in mine:
                found[before].add(here)
        met.append((mine, theirs))
    return found
