"""The best and the worst Bayesian coarse correlated equilibrium (BCCE) of followers against one leader strategy.

A distribution over followers' play is a BCCE up to `gap` if for every follower, row t and fixed action a'

    P(t) (E[u(a', a_-i) | t] - E[u | t]) <= gap,

the gap that certificates.py reports. The leader's best and worst values over all of them are two linear programs in
that distribution. What a mediator who draws from it may know makes two sets:

- "strategies": a profile of pure strategies (maps from rows to actions), drawn without knowing types or chance.
  Learners with one row per type choose strategies before the types of an update are drawn, so their time-average play
  is of this kind, and no regret takes it to this set (Hartline, Syrgkanis & Tardos 2015, arXiv 1507.00418). One
  variable per profile: exponential in the rows.
- "omniscient": a joint action, drawn by a mediator who has seen types and chance (a coarse Bayes correlated
  equilibrium: Forges 1993; Bergemann & Morris 2016). A superset that independent learners need not fill: its ends
  only enclose what they can reach. One variable per outcome.

With one type and no chance both are the coarse correlated equilibria. Not for followers that see each other's moves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.plays.outcomes import OutcomeTable, Profiles
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.solvers.pure_equilibria import pure_policies, strategy_profiles

if TYPE_CHECKING:
    from scipy import optimize, sparse
else:
    optimize, sparse = LazyModule("scipy.optimize"), LazyModule("scipy.sparse")

Device = Literal["strategies", "omniscient"]
"""What a mediator draws; see the head of this file."""

VARIABLES = 20_000
"""Most variables of a linear program."""

BATCH_ENTRIES = 2**20
SUPPORT = 1e-9
"""Probability from which on something counts as drawn."""

ACCURACY = 1e-10
"""What the solver may be off by, payoffs scaled to a range of one."""


@dataclass(frozen=True)
class CoarseCorrelated:
    """One BCCE.

    Attributes:
        values: expected payoff of every agent, leader first.
        gap: how far it is from a BCCE of gap 0, payoff units; at most the gap asked for, up to rounding.
        support: number of things drawn (strategy profiles, or pairs of nature and joint action).
    """

    values: tuple[float, ...]
    gap: float
    support: int


@dataclass(frozen=True)
class CoarseCorrelatedRange:
    """What the leader can get from followers in a BCCE.

    Attributes:
        best, worst: for the leader; device: what the mediator draws.
    """

    best: CoarseCorrelated
    worst: CoarseCorrelated
    device: Device


def coarse_correlated_range(
    table: OutcomeTable, gap: float = 0.0, device: Device | None = None
) -> CoarseCorrelatedRange:
    """The leader's best and worst BCCE against one leader strategy.

    Args:
        table: its outcomes (one entry); gap: of the BCCE, payoff units.
        device: by default "strategies" where there are up to `VARIABLES` profiles of them, else "omniscient".

    Raises:
        InvalidFieldError: the game is too large, or its followers see each other's moves.

    >>> from rllib_stackelberg import make_game
    >>> from rllib_stackelberg.plays.outcomes import tabulate
    >>> found = coarse_correlated_range(tabulate(make_game("matrix-design"), np.zeros((1, 4, 2))))
    >>> round(found.best.values[0], 4), round(found.worst.values[0], 4), found.device
    (1.6667, 1.2, 'strategies')
    """
    chosen = _checked(table, gap, device)
    program = _Program.of(table, chosen)
    return CoarseCorrelatedRange(program.solve(1, gap), program.solve(-1, gap), chosen)


@dataclass(frozen=True, eq=False)
class _Program:
    """Linear program over what a mediator can draw, V things.

    values: payoffs of all agents `[V, agents]`; gains: of every fixed action at every row, `[constraints, V]`; sums:
    `[blocks, V]`, probabilities of each block sum to 1.
    """

    values: NDArray[np.float64]
    gains: sparse.csr_array
    sums: sparse.csr_array

    @classmethod
    def of(cls, table: OutcomeTable, device: Device) -> _Program:
        """The programme of a table of outcomes."""
        values, gains = [], []
        for play in _drawn(table, device):
            values.append(table.values(play))
            gains.append(sparse.csr_array(_gains(table, play)))
        blocks = len(table.profiles.nature) if device == "omniscient" else 1
        payoffs = np.concatenate(values)
        sums = sparse.kron(sparse.eye_array(blocks), np.ones((1, len(payoffs) // blocks)), format="csr")
        return cls(payoffs, sparse.vstack(gains, format="csr").T.tocsr(), sums)

    @cached_property
    def units(self) -> NDArray[np.float64]:
        """Of each constraint: the largest of its gains, so that a penalty is no measure of the others."""
        largest = np.asarray(abs(self.gains).max(axis=1).todense()).ravel()
        return np.where(largest > 0, largest, 1.0)

    def solve(self, sign: int, gap: float) -> CoarseCorrelated:
        """The largest leader value for sign 1, the smallest for sign -1."""
        leader = self.values[:, 0]
        # What differs between things drawn, in a range of one: the solver's tolerances are absolute.
        cost = (leader - leader.min()) / (np.ptp(leader) or 1.0)
        found = optimize.linprog(
            -sign * cost,
            A_ub=sparse.diags_array(1 / self.units) @ self.gains,
            b_ub=gap / self.units,
            A_eq=self.sums,
            b_eq=np.ones(self.sums.shape[0]),
            method="highs",
            options={"primal_feasibility_tolerance": ACCURACY, "dual_feasibility_tolerance": ACCURACY},
        )
        if not found.success:
            raise RuntimeError(f"linear program of a BCCE: {found.message}")
        worst = float((self.gains @ found.x).max(initial=0.0))
        return CoarseCorrelated(tuple((found.x @ self.values).tolist()), worst, int((found.x > SUPPORT).sum()))


def _gains(table: OutcomeTable, play: NDArray[np.float64]) -> NDArray[np.float64]:
    """What every fixed action at every row of every follower gains on a play `[S, T, A]`: `[S, constraints]`."""
    found = [table.deviations(play, turn) for turn in range(len(table.game.learned_turns))]
    gains = [(each.fixed - each.realised[..., None]).reshape(len(play), -1) for each in found]
    return np.concatenate([np.zeros((len(play), 0)), *gains], axis=1)


def _drawn(table: OutcomeTable, device: Device) -> Iterator[NDArray[np.float64]]:
    """Play `[batch, T, A]` of each thing a mediator can draw; of an omniscient one, given its nature."""
    if device == "strategies":
        for policies in pure_policies(table.game):
            yield table.distribution(policies)
        return
    outcomes, joint = len(table.profiles), len(table.profiles.joint)
    step = max(1, BATCH_ENTRIES // outcomes)
    for first in range(0, outcomes, step):
        outcome = np.arange(first, min(first + step, outcomes))
        play = np.zeros((len(outcome), outcomes))
        play[np.arange(len(outcome)), outcome] = table.profiles.probabilities[outcome // joint]
        yield play.reshape(len(outcome), -1, joint)


def _variables(game: StackelbergGame, device: Device) -> int:
    return strategy_profiles(game) if device == "strategies" else Profiles.count(game)


def _checked(table: OutcomeTable, gap: float, device: Device | None) -> Device:
    """The device, or the first one small enough; what cannot be done is refused by name."""
    game, known = table.game, get_args(Device)
    if device is not None and device not in known:
        raise InvalidFieldError("device", f"got {device!r}", ", ".join(known))
    if not 0 <= gap < math.inf:
        raise InvalidFieldError("gap", f"got {gap}", "a finite number from 0")
    if not table.simultaneous:
        problem = "has followers that see each other's moves, or that do not always move"
        raise InvalidFieldError("game", problem, "followers that each move once, at the same time")
    for candidate in (device,) if device else known:
        if _variables(game, candidate) <= VARIABLES:
            return candidate
    sizes = f"{strategy_profiles(game):,} strategy profiles and {Profiles.count(game):,} outcomes"
    raise InvalidFieldError("game", f"has {sizes}", f"up to {VARIABLES:,} of those that a mediator draws")
