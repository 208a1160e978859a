"""Growing a game tree move by move, from rules that are written as code."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from rllib_stackelberg.trees.tree import CHANCE, NONE, GameTree, InformationSet, Node, Number, Outcome


class Place(NamedTuple):
    """Where a tree goes on: after that action of that node."""

    node: int
    action: int


class Growth:
    """A tree that is not finished: every place must be filled with a move, a chance move or a leaf.

    Attributes:
        root: the first place.

    >>> growth = Growth(("leader", "follower"))
    >>> for left in growth.move(growth.root, 0, ["up", "down"]):
    ...     for end in growth.move(left, 1, ["in", "out"], known="unseen"):
    ...         growth.leaf(end, (end.action, 1))
    >>> tree = growth.tree()
    >>> len(tree.nodes), len(tree.information_sets), tree.known(1)
    (7, 2, 'after ?')
    """

    root = Place(NONE, 0)

    def __init__(self, players: Sequence[str]):
        self._players = tuple(players)
        self._sets: list[InformationSet] = []
        self._numbers: dict[Hashable, int] = {}
        self._nodes: list[Node] = []
        self._outcomes: dict[tuple[Number, ...], int] = {}

    def __len__(self) -> int:
        """How many nodes there are."""
        return len(self._nodes)

    def move(
        self, place: Place, player: int, actions: Iterable[str], known: Hashable = None, label: str = ""
    ) -> list[Place]:
        """A player moves.

        Args:
            known: what it knows: places with the same `known` of the same player are one information set; None: this
                place is known alone.
            label: of the information set.

        Returns:
            The place after each action.
        """
        return self._add(place, InformationSet(player, tuple(actions), label=label), known)

    def chance(self, place: Place, probabilities: Mapping[str, Number]) -> list[Place]:
        """Chance moves, with a probability for each label."""
        return self._add(place, InformationSet(CHANCE, tuple(probabilities), tuple(probabilities.values())), None)

    def leaf(self, place: Place, payoffs: Iterable[Number]) -> None:
        """The play is over there, and pays that."""
        outcome = self._outcomes.setdefault(tuple(payoffs), len(self._outcomes))
        self._nodes.append(Node(place.node, place.action, outcome=outcome))

    def tree(self, title: str = "", comment: str = "") -> GameTree:
        """The finished tree.

        Raises:
            TreeError: what has grown is no game in extensive form with perfect recall.
        """
        outcomes = tuple(Outcome(payoffs) for payoffs in self._outcomes)
        return GameTree(self._players, tuple(self._sets), tuple(self._nodes), outcomes, title, comment)

    def _add(self, place: Place, own: InformationSet, known: Hashable) -> list[Place]:
        """A node of that information set, which is new unless it has been met."""
        key = (own.player, len(self._nodes) if known is None else (known,))
        number = self._numbers.setdefault(key, len(self._sets))
        if number == len(self._sets):
            self._sets.append(own)
        node = len(self._nodes)
        self._nodes.append(Node(place.node, place.action, number))
        return [Place(node, action) for action in range(len(own.actions))]
