"""What may hit an economy in a given year, seen by nobody in advance.

"productivity": it falls to .8 for three years. "wealth": all wealth is halved once, before anybody looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rllib_stackelberg.arrays import Index, Numbers

ShockName = Literal["none", "productivity", "wealth"]


@dataclass(frozen=True)
class Shock:
    """Factors of productivity for some years, and of all wealth once.

    Attributes:
        year: in which it comes, from 1; years: how long productivity stays changed.
    """

    year: int
    productivity: float = 1.0
    years: int = 1
    wealth: float = 1.0

    @classmethod
    def named(cls, name: ShockName, year: int) -> Shock:
        """One of those above."""
        return {"none": cls(year), "productivity": cls(year, 0.8, 3), "wealth": cls(year, wealth=0.5)}[name]

    def productivity_in(self, year: Index) -> Numbers | float:
        """What productivity is multiplied by, of the same shape as years; one number, where it never changes.

        >>> Shock.named("productivity", 4).productivity_in(np.array([3, 4, 6, 7]))
        array([1. , 0.8, 0.8, 1. ])
        """
        if self.productivity == 1:
            return 1.0
        return np.where((year >= self.year) & (year < self.year + self.years), self.productivity, 1.0)

    def struck(self, wealth: Numbers, year: Index) -> Numbers:
        """Wealth `[B, N]` at the beginning of a year `[B]`; that given, where it never changes."""
        return wealth if self.wealth == 1 else wealth * np.where(year == self.year, self.wealth, 1.0)[:, None]
