"""The sequence form of a tree in which two players move (von Stengel 1996; Koller, Megiddo & von Stengel 1996).

A sequence of a player is what it must do itself for a play to come to some place: its actions up to there. A
realisation plan r gives each sequence the probability with which the player takes all of its actions where it is asked:

    r(empty) = 1, and at each of its information sets: sum over actions a of r(sequence to it, a) = r(sequence to it)

With perfect recall plans are what behaviour strategies can do (Kuhn 1953). There are as many sequences as actions at
all information sets, one more, where a normal form has a strategy for every combination of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.trees.tree import CHANCE, NONE, GameTree

if TYPE_CHECKING:
    from scipy import sparse
else:
    sparse = LazyModule("scipy.sparse")

EMPTY = 0
"""The sequence without an action."""


@dataclass(frozen=True, eq=False)
class Sequences:
    """All sequences of one player: 0 is the empty one, then those that end at its first information set, and so on.

    Attributes:
        tree: the game; player: whose they are.
        sets: its information sets; earlier ones of a play stand before later ones.
        first: of each of `sets` the sequence that ends with its first action.
        before: of each of `sets` the sequence that leads there.
        count: how many sequences there are.
        at: per node of the tree the player's sequence up to there.
    """

    tree: GameTree
    player: int
    sets: tuple[int, ...]
    first: tuple[int, ...]
    before: tuple[int, ...]
    count: int
    at: Index

    @classmethod
    def of(cls, tree: GameTree, player: int) -> Sequences:
        """Number them.

        >>> from rllib_stackelberg.trees.instances import kuhn_poker
        >>> Sequences.of(kuhn_poker(), 0).count
        13
        """
        sets: list[int] = []
        first: dict[int, int] = {}
        before: list[int] = []
        count, at = 1, np.zeros(len(tree.nodes), dtype=np.int64)
        for number, node in enumerate(tree.nodes):
            if node.parent != NONE:
                own = tree.nodes[node.parent].information_set
                at[number] = first[own] + node.action if own in first else at[node.parent]
            here = node.information_set
            if here != NONE and here not in first and tree.information_sets[here].player == player:
                first[here] = count
                sets.append(here)
                before.append(int(at[number]))
                count += tree.actions_at(number)
        return cls(tree, player, tuple(sets), tuple(first[own] for own in sets), tuple(before), count, at)

    def actions(self, place: int) -> range:
        """The sequences that end at the information set `sets[place]`."""
        first = self.first[place]
        return range(first, first + len(self.tree.information_sets[self.sets[place]].actions))

    @cached_property
    def after(self) -> tuple[tuple[int, ...], ...]:
        """Per sequence the places in `sets` that may come next."""
        found: list[list[int]] = [[] for _ in range(self.count)]
        for place, sequence in enumerate(self.before):
            found[sequence].append(place)
        return tuple(map(tuple, found))

    @cached_property
    def flow(self) -> sparse.csr_array:
        """E of E r = e, `[1 + sets, sequences]`; e is 1, then zeros."""
        entries = [(0, EMPTY, 1.0)]
        for place, before in enumerate(self.before):
            entries.append((1 + place, before, -1.0))
            entries += [(1 + place, sequence, 1.0) for sequence in self.actions(place)]
        rows, columns, values = zip(*entries, strict=True)
        return sparse.csr_array((values, (rows, columns)), shape=(1 + len(self.sets), self.count))

    @cached_property
    def pure_plans(self) -> int:
        """How many pure plans there are: strategies of the reduced normal form."""
        counts = [1] * self.count
        for place in reversed(range(len(self.sets))):
            counts[self.before[place]] *= sum(counts[sequence] for sequence in self.actions(place))
        return counts[EMPTY]

    def enumerated(self) -> NDArray[np.int64]:
        """All pure plans, `[pure plans, sequences]` of zeros and ones."""
        own = np.eye(self.count, dtype=np.int64)[:, None]
        plans = [own[sequence] for sequence in range(self.count)]
        for place in reversed(range(len(self.sets))):
            here = np.concatenate([plans[sequence] for sequence in self.actions(place)])
            together = plans[self.before[place]][:, None] + here[None]
            plans[self.before[place]] = together.reshape(-1, self.count)
        return plans[EMPTY]

    def plan(self, strategy: Mapping[int, Sequence[float]]) -> Numbers:
        """The realisation plan of a behaviour strategy: probabilities by information set, for those that it comes to.

        Raises:
            InvalidFieldError: one that it comes to has none.
        """
        found = np.zeros(self.count)
        found[EMPTY] = 1.0
        for place, (own, before) in enumerate(zip(self.sets, self.before, strict=True)):
            if found[before] > 0:
                if own not in strategy:
                    problem = f"has no answer at information set {own} ({self.tree.known(own)})"
                    raise InvalidFieldError("strategy", problem, "probabilities wherever the player may come to")
                found[list(self.actions(place))] = found[before] * np.asarray(strategy[own], dtype=float)
        return found

    def strategy(self, plan: Numbers) -> dict[int, tuple[float, ...]]:
        """The behaviour strategy of a plan, by information set; those that it never comes to itself are left out."""
        found = {}
        for place, (own, before) in enumerate(zip(self.sets, self.before, strict=True)):
            shares = np.maximum(plan[list(self.actions(place))], 0.0)
            if plan[before] > 0 and shares.sum() > 0:
                found[own] = tuple((shares / shares.sum()).tolist())
        return found


@dataclass(frozen=True, eq=False)
class SequenceForm:
    """What pairs of a leader's and a follower's sequences pay, weighted by chance.

    Attributes:
        leader, follower: their sequences.
        pairs: `[P, 2]`, pairs of sequences that lead to leaves which chance may lead to.
        exact: for each pair the probability with which chance leads to a leaf of it if both do their part, and the sums
            over these leaves of probability times payoff, of leader and follower; without rounding.
    """

    leader: Sequences
    follower: Sequences
    pairs: Index
    exact: tuple[tuple[Fraction, Fraction, Fraction], ...]

    @classmethod
    def of(cls, tree: GameTree, leader: int = 0) -> SequenceForm:
        """Of a tree in which that player leads, and one other one moves.

        Raises:
            InvalidFieldError: there is no such player, or nobody or several others move.

        >>> from rllib_stackelberg.trees.instances import kuhn_poker
        >>> form = SequenceForm.of(kuhn_poker())
        >>> form.pairs.shape, str(form.exact[0][0])
        ((30, 2), '1/6')
        """
        follower = the_follower(tree, leader)
        own, other = Sequences.of(tree, leader), Sequences.of(tree, follower)
        totals: dict[tuple[int, int], list[Fraction]] = {}
        chance = chance_reach(tree)
        for leaf, paid in zip(tree.leaves.tolist(), tree.exact_paid, strict=True):
            if chance[leaf] > 0:
                total = totals.setdefault((int(own.at[leaf]), int(other.at[leaf])), [Fraction(0)] * 3)
                for k, number in enumerate((Fraction(1), paid[leader], paid[follower])):
                    total[k] += chance[leaf] * number
        return cls(own, other, np.array(list(totals)), tuple((r, u, v) for r, u, v in totals.values()))

    @cached_property
    def numbers(self) -> Numbers:
        """As `exact`, `[P, 3]`."""
        return np.array([[float(number) for number in numbers] for numbers in self.exact])

    def against(self, plan: Numbers) -> Numbers:
        """What leaves at which each of the follower's sequences ends have against the leader's plan.

        Returns:
            Reach, and payoffs of leader and follower times reach, `[follower sequences, 3]`.
        """
        found = np.zeros((self.follower.count, 3))
        np.add.at(found, self.pairs[:, 1], self.numbers * plan[self.pairs[:, 0], None])
        return found

    def exactly_against(self, plan: Sequence[Fraction]) -> list[list[Fraction]]:
        """As `against`, without rounding."""
        found = [[Fraction(0)] * 3 for _ in range(self.follower.count)]
        for (own, other), numbers in zip(self.pairs.tolist(), self.exact, strict=True):
            found[other] = [total + plan[own] * number for total, number in zip(found[other], numbers, strict=True)]
        return found


def the_follower(tree: GameTree, leader: int) -> int:
    """The one player that moves besides the leader.

    Raises:
        InvalidFieldError: there is no such leader, or nobody or several others move.
    """
    movers = {known.player for known in tree.information_sets} - {CHANCE}
    if not 0 <= leader < len(tree.players) or leader not in movers:
        names = ", ".join(tree.players[player] for player in sorted(movers))
        raise InvalidFieldError("leader", f"player {leader} does not move in the tree", names or "a game with moves")
    others = sorted(movers - {leader})
    if len(others) != 1:
        problem = f"besides {tree.players[leader]}, {len(others)} players move"
        raise InvalidFieldError("tree", problem, "one, the follower")
    return others[0]


def chance_reach(tree: GameTree) -> list[Fraction]:
    """Per node the probability with which chance leads there; probabilities that are floats are made to sum to one."""
    found: list[Fraction] = [Fraction(1)]
    for number, node in enumerate(tree.nodes[1:], start=1):
        before = tree.information_sets[tree.nodes[node.parent].information_set]
        share = Fraction(1)
        if before.player == CHANCE:
            share = Fraction(tree.probability(number)) / sum(Fraction(each) for each in before.probabilities)
        found.append(found[node.parent] * share)
    return found
