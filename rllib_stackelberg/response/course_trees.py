"""Courses of play that have been played, as a tree for each episode: what is known is not played again.

Against fixed answers a play follows from the state the one before left, nature, and what followers do. Nodes are the
moves of followers and the ends of plays; they come as they are played for the first time. A tree that has grown too
large is begun anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.response.course_engine import Courses, Nodes, add_courses
from rllib_stackelberg.rules.game import StackelbergGame

MOST_ROOTS = 65_536
"""Most ways in which a play can begin (states and values of nature) of a game whose courses are kept."""

MOST_NODES = 2**19
"""Most nodes of all trees together."""

FEWEST_NODES = 256
UNKNOWN = -1


class CourseTrees:
    """The trees of a number of episodes, and where each is in the play that it is in.

    Attributes:
        nodes: the trees.
        at: node that the play has come to, -1 before the first; root: how it began; action: taken there; `[E]` each.
    """

    def __init__(self, game: StackelbergGame, episodes: int, plays: int = 1):
        """Nothing is known yet; so many plays are played at a time in each episode."""
        self.longest = plays * (game.moves + 1)
        self.most = max(MOST_NODES // episodes, 4 * self.longest)
        room = min(max(FEWEST_NODES, 4 * self.longest), self.most)
        actions = max((turn.choices for turn in game.learned_turns), default=1)
        self._count = np.zeros(episodes, dtype=np.int64)
        self.at, self.root, self.action = np.full((3, episodes), UNKNOWN)
        self.nodes = Nodes(
            np.full((episodes, room), UNKNOWN),
            np.full((episodes, room), UNKNOWN),
            np.zeros((episodes, room), dtype=np.int64),
            np.full((episodes, room, actions), UNKNOWN),
            np.zeros((episodes, room, len(game.agents))),
            np.full((episodes, game.memory * game.nature.size), UNKNOWN),
        )

    @classmethod
    def fit(cls, game: StackelbergGame) -> bool:
        """Whether the courses of a game can be kept."""
        return game.memory * game.nature.size <= MOST_ROOTS

    def forget(self, episodes: Index) -> None:
        """Nothing is known any more."""
        self._count[episodes] = 0
        self.nodes.roots[episodes] = UNKNOWN

    def make_room(self, episodes: Index) -> None:
        """For the next plays of the given episodes, none of which is in one."""
        room = self.nodes.mover.shape[1]
        full = episodes[self._count[episodes] + self.longest > room]
        if not len(full):
            return
        if room == self.most:
            self.forget(full)
            return
        more = min(2 * room, self.most) - room
        old = self.nodes

        def longer(part: NDArray[Any], fill: int) -> NDArray[Any]:
            """An array with room for more nodes."""
            return np.concatenate([part, np.full((len(part), more, *part.shape[2:]), fill, dtype=part.dtype)], axis=1)

        self.nodes = Nodes(
            longer(old.mover, UNKNOWN),
            longer(old.row, UNKNOWN),
            longer(old.after, 0),
            longer(old.children, UNKNOWN),
            longer(old.paid, 0),
            old.roots,
        )

    def add(self, episodes: Index, mover: int, rows: Index | int, paid: Numbers, after: Index | int = 0) -> None:
        """Where plays have come to for the first time: a move, or with mover -1 the end."""
        new, nodes = self._count[episodes], self.nodes
        nodes.mover[episodes, new], nodes.row[episodes, new] = mover, rows
        nodes.paid[episodes, new], nodes.after[episodes, new] = paid, after
        nodes.children[episodes, new] = UNKNOWN
        first = self.at[episodes] == UNKNOWN
        nodes.roots[episodes[first], self.root[episodes[first]]] = new[first]
        later = episodes[~first]
        nodes.children[later, self.at[later], self.action[later]] = new[~first]
        self.at[episodes] = new
        self._count[episodes] += 1

    def add_all(self, episodes: Index, courses: Courses) -> None:
        """Plays that have ended, those of an episode one after the other: what is new of them.

        Args:
            episodes: of each play `[N]`, whose `root` says how it began.
            courses: the plays, N of them.
        """
        add_courses(self.nodes, self._count, self.root, episodes, courses)
