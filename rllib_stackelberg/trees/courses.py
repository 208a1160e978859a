"""Plays of a tree side by side: where chance and players' actions lead, as arrays.

Everything that is drawn in a play is drawn before it, one number for each draw in turn (a play has at most one first
draw, one second draw, and so on). Such a number says where in [0, 1] a draw falls, as finely as the draws that may be
made by it tell apart; it is independent of the others, so that plays have the tree's probabilities.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

import numpy as np

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.rules.priors import NO_CHANCE, Prior
from rllib_stackelberg.trees.tree import CHANCE, NONE, GameTree


@dataclass(frozen=True, eq=False)
class Draws:
    """What is drawn at some information sets of a tree.

    Attributes:
        prior: of the numbers, one column for each draw in turn.
        column: per node the number that is its draw's; `NONE` where nothing is drawn.
        taken: per node and value of that number the action, `[nodes, most values]`.
    """

    prior: Prior
    column: Index
    taken: Index

    @classmethod
    def of(cls, tree: GameTree, even: Collection[int] = ()) -> Draws:
        """Chance's draws, and those of an action at further information sets, each with the same probability.

        >>> from rllib_stackelberg.trees.instances import kuhn_poker
        >>> Draws.of(kuhn_poker()).prior.counts
        (3, 2)
        """
        shares = {k: _shares(tree, k) for k in [*tree.sets_of(CHANCE), *even]}
        ends = {k: tuple(accumulate(own)) for k, own in shares.items()}
        column, before = np.full(len(tree.nodes), NONE), np.zeros(len(tree.nodes), dtype=np.int64)
        for number, node in enumerate(tree.nodes):
            if node.parent != NONE:
                before[number] = before[node.parent] + (column[node.parent] != NONE)
            if node.information_set in ends:
                column[number] = before[number]
        cuts: list[list[Fraction]] = []
        for k in range(int(column.max(initial=NONE)) + 1):
            here = {tree.nodes[number].information_set for number in np.flatnonzero(column == k)}
            cuts.append(sorted({Fraction(0), Fraction(1)}.union(*(ends[own] for own in here))))
        taken = np.zeros((len(tree.nodes), max(map(len, cuts), default=1)), dtype=np.int64)
        for number in np.flatnonzero(column != NONE).tolist():
            own = ends[tree.nodes[number].information_set]
            starts = cuts[column[number]][:-1]
            taken[number, : len(starts)] = [bisect_right(own, start) for start in starts]
        widths = [[float(high - low) for low, high in pairwise(places)] for places in cuts]
        return cls(Prior.independent(*widths) if widths else NO_CHANCE, column, taken)


def _shares(tree: GameTree, information_set: int) -> Sequence[Fraction]:
    """Exact probabilities of the actions: chance's own, made to sum to one; the same for each action of a player."""
    own = tree.information_sets[information_set]
    weights = [Fraction(share) for share in own.probabilities] or [Fraction(1)] * len(own.actions)
    return [weight / sum(weights) for weight in weights]


@dataclass(frozen=True, eq=False)
class Courses:
    """A tree as arrays over its nodes, in which chance has moved wherever a play waits.

    Attributes:
        draws: of chance, and of actions that are drawn evenly.
        actions: how many there are, 0 at leaves `[nodes]`.
        after: the node after each action, the last one's for actions that are not there, `[nodes, most actions]`.
        chance: whether chance moves `[nodes]`.
    """

    draws: Draws
    actions: Index
    after: Index
    chance: Index

    @classmethod
    def of(cls, tree: GameTree, even: Collection[int] = ()) -> Courses:
        """With an action drawn evenly at those information sets."""
        actions = np.array([tree.actions_at(number) for number in range(len(tree.nodes))])
        after = np.zeros((len(tree.nodes), int(actions.max(initial=1))), dtype=np.int64)
        for number, children in enumerate(tree.children):
            if children:
                after[number] = [*children, *[children[-1]] * (after.shape[1] - len(children))]
        sets = np.array([node.information_set for node in tree.nodes])
        return cls(Draws.of(tree, even), actions, after, (sets != NONE) & np.isin(sets, tree.sets_of(CHANCE)))

    def drawn(self, nodes: Index, numbers: Index) -> Index:
        """Actions drawn at nodes `[B]` at which there is a draw, from numbers `[B, columns]`."""
        return self.draws.taken[nodes, numbers[np.arange(len(nodes)), self.draws.column[nodes]]]

    def settled(self, nodes: Index, numbers: Index) -> Index:
        """Where plays come to from there, once chance has moved: `[B]`."""
        nodes = nodes.copy()
        while len(moving := np.flatnonzero(self.chance[nodes])):
            there = nodes[moving]
            nodes[moving] = self.after[there, self.drawn(there, numbers[moving])]
        return nodes


def move_apart(tree: GameTree, followers: Collection[int]) -> bool:
    """Whether every follower moves in every play, once, and what it knows there has to do with no follower's move.

    >>> from rllib_stackelberg.trees.instances import bagwell, entry_deterrence
    >>> move_apart(bagwell(), [1]), move_apart(entry_deterrence(), [1]), move_apart(entry_deterrence(), [0])
    (True, True, False)
    """
    return all(_moves_apart(tree, follower, followers) for follower in followers)


def _moves_apart(tree: GameTree, follower: int, followers: Collection[int]) -> bool:
    """From the leaves up: where a follower will move, as a number for each way in which that depends on others."""
    numbers: dict[tuple, int] = {}
    nothing, ahead = numbers.setdefault((), 0), [0] * len(tree.nodes)
    for number in reversed(range(len(tree.nodes))):
        own = tree.nodes[number].information_set
        if own == NONE:
            continue
        after = tuple(ahead[child] for child in tree.children[number])
        player = tree.information_sets[own].player
        if player == follower:
            if any(where != nothing for where in after):
                return False  # it moves again
            ahead[number] = numbers.setdefault(("moves", own), len(numbers))
        elif player in followers or len(set(after)) == 1:
            if len(set(after)) > 1:
                return False
            ahead[number] = after[0]
        else:
            if nothing in after:
                return False  # it moves in some plays
            ahead[number] = numbers.setdefault((own, *after), len(numbers))
    return ahead[0] != nothing
