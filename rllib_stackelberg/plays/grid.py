"""Plays side by side, numbered through what they differ in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rllib_stackelberg.arrays import Index


@dataclass(frozen=True)
class Grid:
    """Slots that run over (entry, nature, joint action), in this order: the last one changes first.

    Attributes:
        entries: how often all of the rest is there: leader tables, episodes, or states that plays begin in.
        natures: values of types and chance.
        joints: joint actions of the followers, or paths of them.

    >>> grid = Grid(entries=2, natures=3, joints=4)
    >>> grid.entry_of(np.array([0, 11, 12])), grid.nature_of(np.array([3, 4, 12])), grid.joint_of(np.array([3, 4, 13]))
    (array([0, 0, 1]), array([0, 1, 0]), array([3, 0, 1]))
    """

    entries: int
    natures: int
    joints: int

    @property
    def width(self) -> int:
        """Slots of one entry."""
        return self.natures * self.joints

    @property
    def shape(self) -> tuple[int, int, int]:
        """What a column of all slots is reshaped to."""
        return self.entries, self.natures, self.joints

    def slots(self) -> Index:
        """All of them, `[entries x natures x joints]`."""
        return np.arange(self.entries * self.width)

    def entry_of(self, slots: Index) -> Index:
        """Which entry each slot belongs to."""
        return slots // self.width

    def nature_of(self, slots: Index) -> Index:
        """Which value of nature each slot is played with."""
        return slots // self.joints % self.natures

    def joint_of(self, slots: Index) -> Index:
        """Which joint action, or path, each slot is played along."""
        return slots % self.joints
