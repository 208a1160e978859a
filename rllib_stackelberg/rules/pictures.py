"""How a leader's rules look: plain data that a game hands out, and that reports draw.

A game says what there is to see (`StackelbergGame.pictured`): amounts, a tree. Nothing in here draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CHANCE_MOVES = -1
"""Owner of a chance move."""


@dataclass(frozen=True)
class Bars:
    """Named amounts: what is paid for which outcome, how well which target is guarded.

    Attributes:
        title: what they are, with the unit if there is one.
        amounts: by name, in the order to show.
    """

    title: str
    amounts: Mapping[str, float]


@dataclass(frozen=True)
class Stage:
    """One step of what happens in a play: who knows or does something, and how often it is what.

    Attributes:
        title: what is known or done, and by whom.
        owner: number of the agent that does it; `CHANCE_MOVES` for what is drawn before the play.
        shares: by what it is, the share of plays; they sum to 1.
    """

    title: str
    owner: int
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Flow:
    """What leads to what in plays.

    Attributes:
        title: whose part in the game it is.
        stages: in the order of play.
        links: between each stage and the next, by what is in both, the share of plays.
    """

    title: str
    stages: tuple[Stage, ...]
    links: tuple[Mapping[tuple[str, str], float], ...]


@dataclass(frozen=True)
class Matrix:
    """How often each of many things is done, by what is known.

    Attributes:
        title: whose it is, and what is done.
        owner: number of the agent.
        rows: what is known; columns: what is done, both in their order.
        shares: of each column in a row, `[row][column]`.
    """

    title: str
    owner: int
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Branch:
    """A node of a tree, and the branch that leads to it.

    Attributes:
        parent: number of the node before; -1 for the root.
        label: of the branch: the action, or what chance draws; empty for the root.
        owner: number of the agent that moves here, `CHANCE_MOVES`, or None where the play is over.
        row: which of the owner's information sets the node belongs to.
        action: number of the action that leads here.
        payoffs: of all agents, where the play is over.
        probability: with which the branch is taken once its parent is reached; None where it is not known.
    """

    parent: int
    label: str
    owner: int | None
    row: int = 0
    action: int = 0
    payoffs: tuple[float, ...] = ()
    probability: float | None = None


@dataclass(frozen=True)
class Tree:
    """A game as a tree.

    Attributes:
        title: what it is.
        branches: every node after its parent, the root first.
        players: names of the agents, the leader's first.
    """

    title: str
    branches: tuple[Branch, ...]
    players: tuple[str, ...]


Picture = Bars | Flow | Matrix | Tree
