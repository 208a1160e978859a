"""Games in extensive form: who moves when, what is known then, and what everybody gets.

A tree is rooted; at each of its nodes a player or chance moves, or the play is over. Nodes that a player cannot tell
apart make an information set: it has the same actions at all of them. Players forget nothing (perfect recall, Kuhn
1953): at an information set a player knows every information set of its own before it and every action that it took
there. Numbers are exact where they are given so; chance may be given in floats.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.errors import InvalidFieldError

Number = int | float | Fraction

CHANCE = -1
"""Player of a chance move."""

NONE = -1
"""No parent, no information set (a leaf), no outcome."""

SUM_TOLERANCE = 1e-9
"""What probabilities that are floats may miss one by."""


class TreeError(InvalidFieldError):
    """Parts that do not make a game tree.

    Attributes:
        node: the node at fault, or None; whoever read it from a file knows the line.
        information_set, outcome: likewise.
    """

    def __init__(
        self,
        problem: str,
        allowed: str,
        node: int | None = None,
        information_set: int | None = None,
        outcome: int | None = None,
    ):
        super().__init__("tree", problem, allowed)
        self.node, self.information_set, self.outcome = node, information_set, outcome

    def __reduce__(self) -> tuple:
        return type(self), (self.problem, self.allowed, self.node, self.information_set, self.outcome)


@dataclass(frozen=True)
class InformationSet:
    """What a player knows when it has to move, or a chance move.

    Attributes:
        player: number of the player, from 0, or `CHANCE`.
        actions: labels, in order; they may be empty.
        probabilities: of each action of a chance move; empty for players.
        label: may be empty.
    """

    player: int
    actions: tuple[str, ...]
    probabilities: tuple[Number, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Node:
    """A place in the tree.

    Attributes:
        parent: number of the node before; `NONE` for the root.
        action: number of the action taken there that leads here; 0 for the root.
        information_set: number of the one it belongs to; `NONE` for a leaf.
        outcome: number of what is paid when a play comes here; `NONE` if nothing. Payoffs on the way to a leaf add up.
        label: may be empty.
    """

    parent: int
    action: int
    information_set: int = NONE
    outcome: int = NONE
    label: str = ""


@dataclass(frozen=True)
class Outcome:
    """What each player is paid, and what that is called."""

    payoffs: tuple[Number, ...]
    label: str = ""


@dataclass(frozen=True)
class GameTree:
    """A game in extensive form with perfect recall.

    Attributes:
        players: names, at least one.
        information_sets: of all players and chance, in any order; each has a node at least.
        nodes: every node after its parent, the root first. Each action has one child.
        outcomes: in any order; some may be used nowhere.
        title: what it is called; comment: what there is to say of it.

    Raises:
        TreeError: the parts do not make such a game.

    An entrant stays out, or enters and meets a fight or peace:

    >>> tree = GameTree(
    ...     players=("incumbent", "entrant"),
    ...     information_sets=(InformationSet(1, ("out", "enter")), InformationSet(0, ("fight", "peace"))),
    ...     nodes=(Node(NONE, 0, 0), Node(0, 0, outcome=0), Node(0, 1, 1), Node(2, 0, outcome=1), Node(2, 1)),
    ...     outcomes=(Outcome((2, 0)), Outcome((-1, -1))),
    ... )
    >>> tree.paid.tolist(), tree.known(1)
    ([[2.0, 0.0], [-1.0, -1.0], [0.0, 0.0]], 'after enter')
    """

    players: tuple[str, ...]
    information_sets: tuple[InformationSet, ...]
    nodes: tuple[Node, ...]
    outcomes: tuple[Outcome, ...] = ()
    title: str = ""
    comment: str = ""

    def __post_init__(self) -> None:
        if not self.players:
            raise TreeError("has no players", "one player at least")
        for k, outcome in enumerate(self.outcomes):
            _check_outcome(k, outcome, len(self.players))
        for k, known in enumerate(self.information_sets):
            _check_information_set(k, known, len(self.players))
        self._check_nodes()
        self._check_recall()
        try:
            check_comparable("tree", self.paid)
        except (InvalidFieldError, OverflowError) as error:
            raise TreeError("pays what no float holds, with all outcomes on the way", "finite payoffs") from error

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """Per node the nodes after it, in the order of actions; none after a leaf."""
        found: list[list[int]] = [[NONE] * self.actions_at(node) for node in range(len(self.nodes))]
        for number, node in enumerate(self.nodes[1:], start=1):
            found[node.parent][node.action] = number
        return tuple(map(tuple, found))

    @cached_property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """Per information set its nodes."""
        found: list[list[int]] = [[] for _ in self.information_sets]
        for number, node in enumerate(self.nodes):
            if node.information_set != NONE:
                found[node.information_set].append(number)
        return tuple(map(tuple, found))

    @cached_property
    def leaves(self) -> Index:
        """Nodes at which a play is over, in the order of nodes."""
        return np.array([k for k, node in enumerate(self.nodes) if node.information_set == NONE], dtype=np.int64)

    @cached_property
    def exact_paid(self) -> tuple[tuple[Fraction, ...], ...]:
        """As `paid`, without rounding."""
        total: list[tuple[Fraction, ...]] = []
        nothing = tuple(Fraction(0) for _ in self.players)
        for node in self.nodes:
            paid = total[node.parent] if node.parent != NONE else nothing
            if node.outcome != NONE:
                pairs = zip(paid, self.outcomes[node.outcome].payoffs, strict=True)
                paid = tuple(before + Fraction(here) for before, here in pairs)
            total.append(paid)
        return tuple(total[leaf] for leaf in self.leaves.tolist())

    @cached_property
    def paid(self) -> Numbers:
        """Total payoffs at the leaves, `[leaves, players]`."""
        return np.array([[float(payoff) for payoff in paid] for paid in self.exact_paid], dtype=float)

    def probability(self, node: int) -> Number:
        """Of the action that leads to this node, at the chance move before it; 1 after players' moves and of the root.

        >>> from rllib_stackelberg.trees.instances import kuhn_poker
        >>> kuhn_poker().probability(1)
        Fraction(1, 3)
        """
        own = self.nodes[node]
        if own.parent == NONE:
            return 1
        before = self.information_sets[self.nodes[own.parent].information_set]
        return before.probabilities[own.action] if before.player == CHANCE else 1

    @cached_property
    def has_chance(self) -> bool:
        """Whether chance moves anywhere."""
        return any(known.player == CHANCE for known in self.information_sets)

    @cached_property
    def perfect_information(self) -> bool:
        """Whether everybody knows all that has happened: every information set is one node."""
        own = zip(self.information_sets, self.members, strict=True)
        return all(len(nodes) == 1 for known, nodes in own if known.player != CHANCE)

    def sets_of(self, player: int) -> tuple[int, ...]:
        """Numbers of a player's information sets, or of chance moves."""
        return tuple(k for k, known in enumerate(self.information_sets) if known.player == player)

    def actions_at(self, node: int) -> int:
        """How many actions there are; 0 at a leaf."""
        own = self.nodes[node].information_set
        return 0 if own == NONE else len(self.information_sets[own].actions)

    def path(self, node: int) -> Iterator[int]:
        """The nodes from this one, itself included, back to the root."""
        while node != NONE:
            yield node
            node = self.nodes[node].parent

    def last_own_move(self, node: int, player: int) -> tuple[int, int] | None:
        """The player's information set before this node that is nearest, and its action there; None if it has none."""
        for here in self.path(node):
            before = self.nodes[here].parent
            if before != NONE and self.information_sets[self.nodes[before].information_set].player == player:
                return self.nodes[before].information_set, self.nodes[here].action
        return None

    def action_label(self, information_set: int, action: int) -> str:
        """What an action is called: its number, from 1, if it has no label; both, if others have the same."""
        labels = self.information_sets[information_set].actions
        label = labels[action] or str(action + 1)
        return label if labels.count(label) < 2 else f"{label} ({action + 1})"

    def history(self, node: int) -> tuple[str, ...]:
        """Labels of the actions that lead to a node."""
        steps = [here for here in self.path(node) if self.nodes[here].parent != NONE]
        sets = [self.nodes[self.nodes[here].parent].information_set for here in steps]
        labels = [self.action_label(own, self.nodes[here].action) for own, here in zip(sets, steps, strict=True)]
        return tuple(reversed(labels))

    def known(self, information_set: int) -> str:
        """What its player knows at an information set, in words: the moves before it, `?` for what it cannot tell.

        >>> from rllib_stackelberg.trees.instances import kuhn_poker
        >>> tree = kuhn_poker()
        >>> [tree.known(k) for k in tree.sets_of(1)[:2]]
        ['after ?, Q, check', 'after ?, Q, bet']
        """
        histories = [self.history(node) for node in self.members[information_set]]
        if histories == [()]:
            return "start"
        if len({len(history) for history in histories}) == 1:
            same = [labels[0] if len(set(labels)) == 1 else "?" for labels in zip(*histories, strict=True)]
            return f"after {', '.join(same)}"
        alternatives = [", ".join(history) or "nothing" for history in histories]
        shown = alternatives[:3] + [f"{len(alternatives) - 3} more"] * (len(alternatives) > 3)
        return f"after {' or '.join(shown)}"

    def _check_nodes(self) -> None:
        """One root first, children after parents, one for each action."""
        if not self.nodes or self.nodes[0].parent != NONE:
            raise TreeError("does not begin with a root", "the node without a parent first", node=0)
        taken = [0] * len(self.nodes)
        for number, node in enumerate(self.nodes):
            if not NONE <= node.information_set < len(self.information_sets):
                problem = f"node {number} is in information set {node.information_set}, which is not there"
                raise TreeError(problem, f"one of the {len(self.information_sets)}", node=number)
            if not NONE <= node.outcome < len(self.outcomes):
                problem = f"node {number} has outcome {node.outcome}, which is not there"
                raise TreeError(problem, f"one of the {len(self.outcomes)}", node=number)
            if number:
                self._check_place(number, node, taken)
        for number, found in enumerate(taken):
            if found != (1 << self.actions_at(number)) - 1:
                problem = f"node {number} has not as many nodes after it as actions"
                raise TreeError(problem, "one after each of its actions", node=number)
        empty = [k for k, nodes in enumerate(self.members) if not nodes]
        if empty:
            raise TreeError(f"information set {empty[0]} has no node", "one node at least", information_set=empty[0])

    def _check_place(self, number: int, node: Node, taken: list[int]) -> None:
        """That an inner node comes after its parent's action alone; mark that action as taken (a bit)."""
        if not 0 <= node.parent < number:
            raise TreeError(f"node {number} does not come after its parent", "every node after its parent", node=number)
        if not 0 <= node.action < self.actions_at(node.parent):
            problem = f"node {number} comes after action {node.action}, which node {node.parent} has not"
            raise TreeError(problem, f"one of its {self.actions_at(node.parent)} actions", node=number)
        if taken[node.parent] >> node.action & 1:
            problem = f"two nodes come after action {node.action} of node {node.parent}"
            raise TreeError(problem, "one after each action", node=number)
        taken[node.parent] |= 1 << node.action

    def _check_recall(self) -> None:
        """At all nodes of an information set its player's last move is the same, so all of them are."""
        last: list[dict[int, tuple[int, int]]] = [{}]  # per node, per player: the last own move before it
        for node in self.nodes[1:]:
            before = self.nodes[node.parent].information_set
            player = self.information_sets[before].player
            own = last[node.parent]
            last.append(own if player == CHANCE else own | {player: (before, node.action)})
        for k, (known, nodes) in enumerate(zip(self.information_sets, self.members, strict=True)):
            moves = {last[node].get(known.player) for node in nodes} if known.player != CHANCE else {None}
            if len(moves) > 1:
                name = self.players[known.player]
                problem = f"{name} forgets at information set {k} ({known.label or self.known(k)}) what it did before"
                other = next(node for node in nodes if last[node].get(known.player) != last[nodes[0]].get(known.player))
                raise TreeError(problem, "perfect recall", node=other, information_set=k)


def _check_outcome(number: int, outcome: Outcome, players: int) -> None:
    """One finite payoff for each player."""
    if len(outcome.payoffs) != players:
        problem = f"outcome {number} ({outcome.label}) has {len(outcome.payoffs)} payoffs"
        raise TreeError(problem, f"{players}, one for each player", outcome=number)
    try:
        check_comparable("tree", np.array([float(payoff) for payoff in outcome.payoffs]))
    except (InvalidFieldError, OverflowError) as error:
        raise TreeError(f"outcome {number} has payoffs that no float holds", "finite ones", outcome=number) from error


def _check_information_set(number: int, known: InformationSet, players: int) -> None:
    """A player that is there, actions, and probabilities for chance alone."""
    name = f"information set {number}"
    if not CHANCE <= known.player < players:
        raise TreeError(f"{name} is of player {known.player}", f"one of the {players}", information_set=number)
    if not known.actions:
        raise TreeError(f"{name} has no actions", "one action at least", information_set=number)
    if known.player != CHANCE:
        if known.probabilities:
            raise TreeError(f"{name} has probabilities, and a player", "those of chance alone", information_set=number)
        return
    if len(known.probabilities) != len(known.actions):
        problem = f"{name} has {len(known.probabilities)} probabilities"
        raise TreeError(problem, f"{len(known.actions)}, one for each action", information_set=number)
    if not all(0 <= share <= 1 for share in known.probabilities):
        raise TreeError(f"{name} has entries that are no probabilities", "numbers in 0..1", information_set=number)
    exact = all(not isinstance(share, float) for share in known.probabilities)
    total = sum(Fraction(share) for share in known.probabilities)
    if total != 1 and (exact or not math.isclose(total, 1, abs_tol=SUM_TOLERANCE)):
        problem = f"{name} has probabilities that sum to {float(total):.12g}"
        raise TreeError(problem, "a sum of 1", information_set=number)
