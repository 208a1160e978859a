"""Security games: a defender spreads resources over targets, an attacker who knows how much picks one.

The defender commits to coverage c_t, the probability that a resource is at target t, with 0 <= c_t <= 1 and sum c <=
resources. An attack on t pays either side its covered payoff with probability c_t, and its uncovered one otherwise:

    U(t) = c_t covered_t + (1 - c_t) uncovered_t

Every such coverage is what some lottery over placements of the resources comes to (`placements`), so the exponentially
many placements need never be listed (Kiekintveld, Jain, Tsai, Pita, Ordonez & Tambe 2009, AAMAS).

- `origami`: one type of attacker that likes covered targets less, a defender that likes them no less. The best coverage
  keeps the attacker's payoff as low as it can be: in fractions, O(n^2) for n targets.
- commitment/linear.py: any payoffs, several types (ERASER's mixed-integer programme, or a programme for every tuple of
  attacks).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.commitment.linear import (
    Commitment,
    LinearCommitment,
    integer_programme,
    programmes,
)
from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.rules.solution import StackelbergSolution

UNCOVERED, COVERED = 0, 1


@dataclass(frozen=True, eq=False)
class Targets:
    """What attacks pay.

    Attributes:
        defender, attacker: `[types, targets, 2]`, uncovered and covered.
        prior: of the attacker's types, `[types]`.
        resources: how many there are; each covers one target.
    """

    defender: NDArray[np.float64]
    attacker: NDArray[np.float64]
    prior: NDArray[np.float64]
    resources: int

    def __post_init__(self) -> None:
        for name, payoffs in (("defender", self.defender), ("attacker", self.attacker)):
            if payoffs.ndim != 3 or payoffs.shape[2] != 2 or not payoffs.size:
                raise InvalidFieldError(name, f"has shape {payoffs.shape}", "[type][target][uncovered, covered]")
            check_comparable(name, payoffs)
        if self.attacker.shape != self.defender.shape:
            raise InvalidFieldError("attacker", f"has shape {self.attacker.shape}", f"{self.defender.shape}")
        if len(self.prior) != len(self.attacker):
            raise InvalidFieldError("prior", f"has {len(self.prior)} entries", f"{len(self.attacker)}, one a type")
        if self.resources < 1:
            raise InvalidFieldError("resources", f"got {self.resources}", "at least 1")

    @property
    def count(self) -> int:
        """Of targets."""
        return int(self.attacker.shape[1])

    @property
    def beyond_origami(self) -> str:
        """Why `origami` cannot solve it, for people; empty if it can."""
        if len(self.attacker) > 1:
            return f"there are {len(self.attacker)} types of attacker"
        if (np.diff(self.attacker[0], axis=1) >= 0).any():
            return "cover does not make every target worse for the attacker"
        if (np.diff(self.defender[0], axis=1) < 0).any():
            return "cover makes a target worse for the defender"
        return ""

    def problem(self) -> LinearCommitment:
        """Coverage as numbers of the leader, targets as choices."""
        each = np.eye(self.count)
        return LinearCommitment(
            self.prior,
            np.diff(self.defender, axis=2) * each,
            np.diff(self.attacker, axis=2) * each,
            self.defender[..., UNCOVERED],
            self.attacker[..., UNCOVERED],
            1.0,
            float(min(self.resources, self.count)),
        )


def expected(payoffs: NDArray[np.float64], coverage: NDArray[np.float64]) -> NDArray[np.float64]:
    """U of every target, from payoffs `[..., targets, 2]` and coverage `[..., targets]`.

    >>> expected(np.array([[0.0, 10.0], [-10.0, 0.0]]), np.array([0.5, 0.5]))
    array([ 5., -5.])
    """
    return payoffs[..., UNCOVERED] + coverage * (payoffs[..., COVERED] - payoffs[..., UNCOVERED])


def origami(targets: Targets) -> Commitment:
    """The best coverage against one type that is deterred by cover.

    The lowest payoff u that the attacker can be held to is where coverage max(0, (uncovered - u) / (uncovered -
    covered)) comes to all resources, or the largest covered payoff, if that is more. Of the targets that are worth u to
    it the attacker takes the defender's favourite.

    Raises:
        BeyondLimitsError: there are several types, or cover does not deter; another method can do it.

    >>> game = Targets(np.array([[[0.0, 10.0], [-10.0, 0.0]]]), np.array([[[1.0, -1.0], [1.0, -1.0]]]), np.ones(1), 1)
    >>> found = origami(game)
    >>> found.leader_value, found.numbers, found.choices
    (5.0, array([0.5, 0.5]), (0,))
    """
    if targets.beyond_origami:
        raise BeyondLimitsError(
            "method", f"origami cannot: {targets.beyond_origami}", "linear-programs, integer-program"
        )
    bare, held = ([Fraction(float(entry)) for entry in column] for column in targets.attacker[0].T)
    level = max(_affordable(bare, held, Fraction(min(targets.resources, targets.count))), max(held))
    coverage = [max(Fraction(0), (u - level) / (u - c)) for u, c in zip(bare, held, strict=True)]
    worth = [u - share * (u - c) for u, c, share in zip(bare, held, coverage, strict=True)]
    own = [
        Fraction(float(u)) + share * (Fraction(float(c)) - Fraction(float(u)))
        for (u, c), share in zip(targets.defender[0], coverage, strict=True)
    ]
    attacked = max((t for t, each in enumerate(worth) if each == level), key=lambda t: own[t])
    return Commitment(
        np.array([float(share) for share in coverage]),
        (attacked,),
        float(own[attacked]),
        np.array([float(level)]),
        "origami",
        0,
        exact=tuple(coverage),
    )


def _affordable(bare: list[Fraction], held: list[Fraction], resources: Fraction) -> Fraction:
    """The payoff at which the coverage that holds the attacker to it comes to all resources."""
    # Between two uncovered payoffs coverage is linear: the sum over targets above of (bare - u) / (bare - held).
    levels = sorted(set(bare), reverse=True)
    found = levels[0]
    for number, level in enumerate(levels):
        above = [(u, u - c) for u, c in zip(bare, held, strict=True) if u >= level]
        slope = sum((1 / gap for _, gap in above), Fraction(0))
        needed = sum((u / gap for u, gap in above), Fraction(0))
        found = (needed - resources) / slope
        if number + 1 < len(levels) and found >= levels[number + 1]:
            break
    return found


METHODS = {
    "origami": origami,
    "linear-programs": lambda targets: programmes(targets.problem()),
    "integer-program": lambda targets: integer_programme(targets.problem()),
}
"""Ways to the best coverage, by name."""


def security_solve(targets: Targets, method: str | None = None) -> StackelbergSolution:
    """The best coverage; the attacker's ties fall in the defender's favour.

    Args:
        targets: the game.
        method: one of `METHODS`; by default the first that can do it.

    Raises:
        InvalidFieldError: there is no such method, or it cannot do this game; another one is named.

    >>> game = Targets(np.array([[[0.0, 10.0], [-10.0, 0.0]]]), np.array([[[1.0, -1.0], [1.0, -1.0]]]), np.ones(1), 1)
    >>> [security_solve(game, method).leader_value for method in METHODS]
    [5.0, 5.0, 5.0]
    """
    if method is None:
        method = "linear-programs" if targets.beyond_origami else "origami"
    if method not in METHODS:
        raise InvalidFieldError("method", f"got {method!r}", ", ".join(METHODS))
    found = METHODS[method](targets)
    return StackelbergSolution(
        leader_value=found.leader_value,
        follower_values=(float(targets.prior @ found.follower_values),),
        leader_strategy=((0, tuple(found.numbers.tolist())),),
        method=f"{found.method} (Kiekintveld et al. 2009)",
        tie_break="leader",
        doubt=found.doubt,
        details={"attacked": list(found.choices), "programmes": found.programmes},
    )


def placements(coverage: NDArray[np.float64]) -> list[tuple[float, tuple[int, ...]]]:
    """A lottery over sets of covered targets that covers each as often as it should be.

    Targets are laid end to end, each as long as its coverage, and a comb with teeth at distance 1 is dropped on them:
    the teeth's targets are covered. There are no more teeth than resources, and at most one more set than targets.

    Args:
        coverage: probabilities `[targets]`.

    Returns:
        Probability and targets of every set.

    >>> placements(np.array([0.5, 0.25, 0.25]))
    [(0.5, (0,)), (0.25, (1,)), (0.25, (2,))]
    """
    ends = np.concatenate([[0.0], np.cumsum(coverage)])
    ends = np.where(np.abs(ends - np.round(ends)) < ROUNDED, np.round(ends), ends)
    offsets = np.unique(np.concatenate([ends % 1.0, [0.0, 1.0]]))
    found = []
    for low, high in pairwise(offsets.tolist()):
        teeth = np.arange((low + high) / 2, ends[-1])
        found.append((high - low, tuple((np.searchsorted(ends, teeth, side="right") - 1).tolist())))
    return found


ROUNDED = 1e-12
"""How far from a whole number a sum of coverages may be to be meant as one."""
