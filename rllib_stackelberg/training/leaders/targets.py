"""The most that a leader can learn to get: the exact optimum, or as long as that is looked for, a bound."""

from __future__ import annotations

from rllib_stackelberg.evaluation.bounds import bound_of
from rllib_stackelberg.evaluation.optimality_gap import best_against
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.solution import Bound, StackelbergSolution
from rllib_stackelberg.solvers.optima import known_or_found, optimum_of

PATIENCE = 2.0
"""Seconds that a run of so many seconds waits for the exact optimum before it begins to train."""


class Target:
    """What a run is to reach.

    Attributes:
        exact: the exact leader value, None if unknown.
        bound: where that is unknown, what no strategy's value exceeds; None if that is unknown, too.
        value: the exact value against a follower that breaks ties as this one does, where that is known, else `exact`,
            else the bound; None where all are unknown.
        meanwhile: what stood until the optimum was found, in words; None if it was known from the beginning.
    """

    exact: float | None
    bound: Bound | None
    value: float | None

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, waits: bool = True):
        """Find it, or begin to look.

        Args:
            game: the game; settings: how followers respond.
            waits: for the optimum, however long that takes: what a run does must not depend on when it is found.
        """
        self._game, self._settings = game, settings
        self.meanwhile: str | None = None
        found = optimum_of(game, beside=not waits)
        self._looking = not waits and not found.wait(PATIENCE)
        self._know(None if self._looking else known_or_found(game)[0])

    def ask(self, iteration: int) -> None:
        """Whether the optimum has been found meanwhile, which is said to be by that iteration."""
        if not self._looking:
            return
        stood = f"{self.bound.value:.6g} ({self.bound.method}) stood as a bound" if self.bound else "no bound was known"
        self.meanwhile = f"The exact optimum was still looked for when training ended; {stood}."
        if optimum_of(self._game).wait(0):
            self._looking = False
            self.meanwhile = f"The exact optimum was found by iteration {iteration}; until then {stood}."
            self._know(known_or_found(self._game)[0])

    def _know(self, solution: StackelbergSolution | None) -> None:
        """What follows from the exact optimum, or from having none."""
        known = solution if solution and solution.exists else None
        self.exact = known.leader_value if known else None
        best = best_against(known, self._game, self._settings) if known else None
        self.bound = bound_of(self._game) if known is None else None
        self.value = self.bound.value if self.bound else self.exact if best is None else best
