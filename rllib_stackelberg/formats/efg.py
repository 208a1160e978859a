"""Gambit's files of games in extensive form (.efg), read and written.

    EFG 2 R "Title" { "Player 1" "Player 2" } "Comment"
    c "node" 1 "chance" { "heads" 1/2 "tails" 0.5 } 0
    p "node" 1 1 "set" { "left" "right" } 0
    t "node" 1 "outcome" { 2, -1 }

Nodes stand in the order of a walk that goes on to a node's first child first. A chance node has the number of its
event, a player's node the numbers of player and information set, each node the number of its outcome (0: nothing is
paid). What an event, a set or an outcome is stands where its number comes first, and need not be said again.
Outcomes on the way add up.

Source: Gambit, "The extensive game (.efg) file format".
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal

from rllib_stackelberg.formats.tokens import Tokens, quoted, written
from rllib_stackelberg.trees.tree import CHANCE, NONE, GameTree, InformationSet, Node, Number, Outcome, TreeError

ALLOWED = "a game in extensive form, in Gambit's format (.efg)"

NODES = 2**16
"""Most nodes of a tree."""

SIMPLE = 10**6
"""Largest denominator of a fraction that a probability in floats is taken for."""


def read_tree(file: str | Path, field: str = "file") -> GameTree:
    """The game in a file.

    Args:
        file: where it is; field: what it was given for.

    Raises:
        InvalidFieldError: naming the field: the file cannot be read, or is no such file; with its line.
    """
    return parse_efg(Tokens.of_file(file, field, ALLOWED))


def parse_efg(tokens: Tokens) -> GameTree:
    """The game in a text; as `read_tree`.

    >>> text = 'EFG 2 R "" { "A" "B" } p "" 1 1 "" { "l" "r" } 0 t "" 1 "" { 1 2 } p "" 2 1 "" { "u" } 1 t "" 1'
    >>> parse_efg(Tokens(text, "a text", "file")).paid.tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    tokens.word("EFG", of="as the first word of a game in extensive form")
    tokens.word("2", of="the version of the format")
    tokens.word("R", "D", of="how numbers are written")
    title, at = tokens.text("the game's title"), tokens.start
    players = tokens.quoted_list("the players", "a player's name")
    comment = tokens.text("the comment") if tokens.kind == "text" else ""
    reading = _Reading(tokens, tuple(players))
    reading.nodes_of_tree()
    tokens.ends()
    tree = reading.tree(title, comment)
    moving = {known.player for known in reading.sets}
    idle = next((number for number in range(len(players)) if number not in moving), None)
    if idle is not None:
        raise tokens.refused(f"player {idle + 1} ({players[idle]}) has no move", "one at least for each player", at)
    return tree


class _Reading:
    """The nodes of a file, as far as they have been read.

    Attributes:
        sets, nodes, outcomes: as in `GameTree`; set_starts, node_starts, outcome_starts: where each stands in the file.
    """

    def __init__(self, tokens: Tokens, players: tuple[str, ...]):
        self.tokens, self.players = tokens, players
        self.sets: list[InformationSet] = []
        self.nodes: list[Node] = []
        self.outcomes: list[Outcome] = []
        self.set_starts: list[int] = []
        self.node_starts: list[int] = []
        self.outcome_starts: list[int] = []
        self._set_numbers: dict[tuple[int, int], int] = {}
        self._outcome_numbers: dict[int, int] = {}

    def nodes_of_tree(self) -> None:
        """Read all nodes: after each one its children, the first one's first."""
        waiting = [(NONE, 0)]
        while waiting:
            parent, action = waiting.pop()
            here, children = len(self.nodes), self._node(parent, action)
            waiting.extend((here, child) for child in reversed(range(children)))

    def tree(self, title: str, comment: str) -> GameTree:
        """The tree that has been read, refused by line if it is none."""
        parts = self.players, tuple(self.sets), tuple(self.nodes), tuple(self.outcomes)
        try:
            return GameTree(*parts, title, comment)
        except TreeError as error:
            starts = ((self.node_starts, error.node), (self.set_starts, error.information_set))
            places = [starts_of[number] for starts_of, number in starts if number is not None]
            at = (places or [0])[0] if error.outcome is None else self.outcome_starts[error.outcome]
            raise self.tokens.refused(error.problem, error.allowed, at) from error

    def _node(self, parent: int, action: int) -> int:
        """Read a node; how many children it has."""
        tokens = self.tokens
        if len(self.nodes) == NODES:
            raise tokens.refused(f"there are more than {NODES:,} nodes", f"up to {NODES:,}")
        self.node_starts.append(tokens.start)
        if tokens.kind != "word" or tokens.value not in ("c", "p", "t"):
            after = f" after action {action + 1} of a node that was begun" if self.nodes else ""
            raise tokens.unexpected(f"a node{after}: c (chance), p (a player) or t (the end)")
        kind = tokens.word("c", "p", "t")
        label, number = tokens.text("the node's name"), NONE
        if kind == "p":
            player = tokens.whole("the player's number", least=1)
            if player > len(self.players):
                raise tokens.refused(f"there is no player {player}", f"a number of 1..{len(self.players)}")
            number = self._information_set(player - 1, "information set")
        elif kind == "c":
            number = self._information_set(CHANCE, "event")
        self.nodes.append(Node(parent, action, number, self._outcome(), label))
        return len(self.sets[number].actions) if number != NONE else 0

    def _information_set(self, player: int, what: Literal["information set", "event"]) -> int:
        """Read the number of an information set or event, and what it is, if that is said; its place in `sets`."""
        tokens, at = self.tokens, self.tokens.start
        key = player, tokens.whole(f"the number of the {what}", least=1)
        known = self._set_numbers.get(key)
        if tokens.kind != "text":
            if known is None:
                raise tokens.refused(f"{what} {key[1]} comes for the first time", "its name and actions after it", at)
            return known
        label = tokens.text(f"the name of the {what}")
        own = InformationSet(player, *self._actions(player, what), label)
        if known is None:
            known = self._set_numbers[key] = len(self.sets)
            self.sets.append(own)
            self.set_starts.append(at)
        elif self.sets[known] != own:
            first = f"as in line {tokens.line(self.set_starts[known])}, or its number alone"
            raise tokens.refused(f"{what} {key[1]} is another one than before", first, at)
        return known

    def _actions(self, player: int, what: str) -> tuple[tuple[str, ...], tuple[Number, ...]]:
        """Read labels of actions, and probabilities of those of chance."""
        if player != CHANCE:
            actions = tuple(self.tokens.quoted_list(f"the actions of the {what}", "an action's name"))
            if not actions:
                raise self.tokens.refused(f"the {what} has no actions", "one at least")
            return actions, ()
        labels, shares = [], []
        self.tokens.brace("{", f"the actions of the {what}")
        while not self.tokens.at("}"):
            labels.append(self.tokens.text("an action's name"))
            shares.append(self.tokens.number("its probability"))
        self.tokens.advance()
        return tuple(labels), tuple(shares)

    def _outcome(self) -> int:
        """Read the number of an outcome, and what it is, if that is said; its place in `outcomes`."""
        tokens, at = self.tokens, self.tokens.start
        number = tokens.whole("the number of the outcome (0 for none)")
        known = self._outcome_numbers.get(number)
        if tokens.kind != "text":
            if number and known is None:
                raise tokens.refused(f"outcome {number} comes for the first time", "its name and payoffs after it", at)
            return NONE if known is None else known
        if not number:
            raise tokens.refused("outcome 0 has a name", "nothing after it: it pays nobody")
        label = tokens.text("the outcome's name")
        tokens.brace("{", "payoffs")
        own = Outcome(tuple(tokens.payoffs(len(self.players))), label)
        if known is None:
            known = self._outcome_numbers[number] = len(self.outcomes)
            self.outcomes.append(own)
            self.outcome_starts.append(at)
        elif self.outcomes[known] != own:
            first = f"as in line {tokens.line(self.outcome_starts[known])}, or its number alone"
            raise tokens.refused(f"outcome {number} is another one than before", first, at)
        return known


def efg_text(tree: GameTree) -> str:
    """The file of a game; numbers are exact, a float stands for the shortest decimal number that it is written as.

    Names are written as they are. Gambit 16.7 itself reads those of printable ASCII alone, without spaces at the ends.

    Raises:
        InvalidFieldError: a name cannot be written in this format.

    >>> from rllib_stackelberg.trees.instances import entry_deterrence
    >>> print(efg_text(entry_deterrence()))
    EFG 2 R "Entry deterrence" { "incumbent" "entrant" }
    ""
    <BLANKLINE>
    p "" 2 1 "" { "out" "enter" } 0
    t "" 1 "" { 2, 0 }
    p "" 1 2 "" { "fight" "accommodate" } 0
    t "" 2 "" { -1, -1 }
    t "" 3 "" { 1, 1 }
    <BLANKLINE>
    """
    lines = [f"EFG 2 R {quoted(tree.title)} {{ {' '.join(map(quoted, tree.players))} }}", quoted(tree.comment), ""]
    said: set[tuple[str, int]] = set()
    waiting = [0]
    while waiting:
        number = waiting.pop()
        waiting.extend(reversed(tree.children[number]))
        lines.append(_line(tree, tree.nodes[number], said))
    return "\n".join([*lines, ""])


def _line(tree: GameTree, node: Node, said: set[tuple[str, int]]) -> str:
    """What the file says of a node; sets and outcomes that have been said stand there by their number alone."""
    parts = ["t", quoted(node.label)]
    if node.information_set != NONE:
        own = tree.information_sets[node.information_set]
        chance = own.player == CHANCE
        parts = ["c", quoted(node.label)] if chance else ["p", quoted(node.label), f"{own.player + 1}"]
        parts.append(f"{node.information_set + 1}")
        if ("set", node.information_set) not in said:
            parts.append(f"{quoted(own.label)} {{ {' '.join(_labels(own))} }}")
    parts.append(f"{node.outcome + 1}")
    if node.outcome != NONE and ("outcome", node.outcome) not in said:
        paid = tree.outcomes[node.outcome]
        payoffs = ", ".join(written(as_written(payoff)) for payoff in paid.payoffs)
        parts.append(f"{quoted(paid.label)} {{ {payoffs} }}")
    said |= {("set", node.information_set), ("outcome", node.outcome)}
    return " ".join(parts)


def _labels(own: InformationSet) -> list[str]:
    """Labels of actions, with the probabilities of those of chance."""
    labels = [quoted(label) for label in own.actions]
    if own.player != CHANCE:
        return labels
    shares = exact_shares(own.probabilities)
    return [f"{label} {written(share)}" for label, share in zip(labels, shares, strict=True)]


def as_written(number: Number) -> Fraction:
    """A number exactly; a float as the shortest decimal number that it is written as.

    >>> as_written(0.1)
    Fraction(1, 10)
    """
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def exact_shares(probabilities: tuple[Number, ...]) -> tuple[Fraction, ...]:
    """Probabilities that sum to one exactly: simple fractions where floats are close to them.

    >>> [str(share) for share in exact_shares((1 / 3, 1 / 3, 1 / 3))]
    ['1/3', '1/3', '1/3']
    """
    shares = [as_written(share) for share in probabilities]
    if sum(shares) == 1:
        return tuple(shares)
    simple = [share.limit_denominator(SIMPLE) for share in shares]
    if sum(simple) == 1:
        return tuple(simple)
    largest = shares.index(max(shares))
    return tuple(1 - (sum(shares) - share) if place == largest else share for place, share in enumerate(shares))
