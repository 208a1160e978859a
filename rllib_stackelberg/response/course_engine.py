"""Trees of courses of play as arrays (course_trees.py), and the compiled loop that adds plays to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.compilation import kept


class Nodes(NamedTuple):
    """Trees as arrays: N nodes of E episodes.

    mover: learned turn that moves, -1 at the end of a play; row: of the mover; after: state left to the next play; all
    `[E, N]`. children: node after each action, `[E, N, actions]`; paid: payoffs so far, `[E, N, agents]`; roots: first
    node by state and nature, `[E, states * nature]`. -1: not known.
    """

    mover: Index
    row: Index
    after: Index
    children: Index
    paid: Numbers
    roots: Index


class Courses(NamedTuple):
    """N plays: moves made `[N]`; mover, row, action `[N, L]`; paid before each, and in all, `[N, L + 1, agents]`."""

    made: Index
    mover: Index
    row: Index
    action: Index
    paid: Numbers


@kept
def add_courses(nodes, count, roots, episodes, courses):
    """Add what is new of plays that have ended, in their order (`CourseTrees.add_all`)."""
    for n in range(len(episodes)):
        e = episodes[n]
        at = np.int64(-1)
        for j in range(courses.made[n] + 1):
            known = nodes.roots[e, roots[e]] if j == 0 else nodes.children[e, at, courses.action[n, j - 1]]
            if known < 0:
                known = count[e]
                count[e] += 1
                ended = j == courses.made[n]
                nodes.mover[e, known] = -1 if ended else courses.mover[n, j]
                nodes.row[e, known] = -1 if ended else courses.row[n, j]
                nodes.after[e, known] = 0
                for k in range(nodes.children.shape[2]):
                    nodes.children[e, known, k] = -1
                for i in range(nodes.paid.shape[2]):
                    nodes.paid[e, known, i] = courses.paid[n, j, i]
                if j == 0:
                    nodes.roots[e, roots[e]] = known
                else:
                    nodes.children[e, at, courses.action[n, j - 1]] = known
            at = known
