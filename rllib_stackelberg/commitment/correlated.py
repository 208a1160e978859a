"""Commitment to a correlated strategy, and what followers may do about a mixture: any number of followers.

The leader commits to a distribution p of joint actions, draws from it, tells every follower its part and plays its own
(Conitzer & Korzhyk 2011, AAAI). Followers must want to do as they are told; the leader is bound anyway:

    maximise  sum_a p(a) u_0(a)
    where     sum_{a: a_f = i} p(a) (u_f(k, a_-f) - u_f(a)) <= 0   for every follower f and actions i, k.

One linear programme, with a variable for every joint action. With one follower it is worth what a mixed commitment is.

Against a *given* mixture of the leader's actions followers play a game of their own. `response_range` has the best and
the worst that the leader may get from their equilibria: of correlated and coarse correlated ones by linear programmes,
of Nash equilibria of two followers from all extreme ones (vertices of best-response polytopes, Mangasarian 1964): the
leader's payoff is linear in each follower's mixture, so its best and worst are among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise, product
from math import comb
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.commitment.exact_vertices import meeting_point
from rllib_stackelberg.commitment.incentive_programs import Distribution, best_distribution
from rllib_stackelberg.comparisons import ROUNDING, check_comparable
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.rules.solution import StackelbergSolution

Equilibrium = Literal["coarse-correlated", "correlated", "nash", "pure-nash"]
"""What followers play: each kind is among those before it."""

ENTRIES = 4_000_000
"""Most numbers of a linear programme: joint actions times what followers might do instead."""

SYSTEMS = 5_000
"""Most systems of equations that vertices of two followers' polytopes are looked for in."""

Payoffs = NDArray[Any]
"""`[actions of each player..., players]`, of floats or of fractions."""


@dataclass(frozen=True)
class FollowersPlay:
    """An equilibrium of the followers.

    Attributes:
        values: expected payoff of every agent, the leader first.
        distribution: joint actions of the followers and their probabilities, without those never played.
        doubt: why the value may not be the best, or the worst; empty if it is certain.
    """

    values: tuple[float, ...]
    distribution: tuple[tuple[tuple[int, ...], float], ...]
    doubt: str = ""


@dataclass(frozen=True)
class ResponseRange:
    """What the leader may get from followers in equilibrium.

    Attributes:
        best, worst: for the leader (the optimistic and the pessimistic value); equilibrium: of what kind.
    """

    best: FollowersPlay
    worst: FollowersPlay
    equilibrium: Equilibrium


def correlated_commitment_solve(payoffs: ArrayLike) -> StackelbergSolution:
    """Optimal commitment to a correlated strategy.

    Args:
        payoffs: of all agents at every joint action, `[actions of the leader, of follower 0, ..., agents]`.

    Returns:
        The solution: its strategy is how often the leader plays each action; `details["distribution"]` has the joint
        actions and their probabilities.

    Raises:
        InvalidFieldError: the payoffs have another shape, or are too many.

    >>> bimatrix = np.stack([[[2, 4], [1, 3]], [[1, 0], [0, 1]]], axis=-1)
    >>> found = correlated_commitment_solve(bimatrix)
    >>> found.leader_value, found.details["distribution"]
    (3.5, (((0, 1), 0.5), ((1, 1), 0.5)))
    """
    given = _checked(payoffs)
    shape = given.shape[:-1]
    _refuse_large(shape, len(shape) - 1, "correlated")
    found = _best(given, range(1, len(shape)), 1, "correlated")
    played = found.probabilities.reshape(shape)
    values = [float((played * given[..., agent]).sum()) for agent in range(1, len(shape))]
    return StackelbergSolution(
        leader_value=found.value,
        follower_values=tuple(values),
        leader_strategy=((0, tuple(played.sum(axis=tuple(range(1, len(shape)))).tolist())),),
        method="linear program (Conitzer & Korzhyk 2011)",
        tie_break="leader",
        doubt=found.doubt,
        details={"distribution": _support(played)},
    )


def response_range(
    payoffs: ArrayLike, mixture: Sequence[float | Fraction], equilibrium: Equilibrium = "correlated"
) -> ResponseRange:
    """The leader's best and worst equilibrium of the followers against a mixture of its actions.

    Args:
        payoffs: as of `correlated_commitment_solve`.
        mixture: probabilities of the leader's actions. Given as fractions, followers are indifferent where they are
            exactly; given as floats, where rounding is all that parts what they get.
        equilibrium: "coarse-correlated", "correlated", "nash" (up to two followers) or "pure-nash".

    Raises:
        InvalidFieldError: a mixture that is none; an equilibrium that is none, that there is none of, or that cannot be
            found for so many followers or actions, and what can.

    >>> chicken = [[[0, 0], [7, 2]], [[2, 7], [6, 6]]]
    >>> followers = np.concatenate([np.sum(chicken, axis=-1, keepdims=True), chicken], axis=-1)[None]
    >>> for kind in ("coarse-correlated", "correlated", "nash"):
    ...     found = response_range(followers, [1.0], kind)
    ...     print(kind, round(found.best.values[0], 4), round(found.worst.values[0], 4))
    coarse-correlated 10.5 7.2
    correlated 10.5 7.2
    nash 9.3333 9.0
    """
    if equilibrium not in get_args(Equilibrium):
        raise InvalidFieldError("equilibrium", f"got {equilibrium!r}", ", ".join(get_args(Equilibrium)))
    game = _against(_checked(payoffs), mixture)
    if equilibrium in ("coarse-correlated", "correlated"):
        return _linear_range(game, equilibrium)
    if equilibrium == "pure-nash" or game.ndim == 2:
        return _pure_range(game, equilibrium)
    return _nash_range(game)


def _checked(payoffs: ArrayLike) -> Numbers:
    try:
        given = np.asarray(payoffs, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError("payoffs", "are ragged or not numeric", "an array of numbers") from error
    if given.ndim < 3 or given.shape[-1] != given.ndim - 1 or not given.size:
        allowed = "[actions of the leader, of each follower..., agents]"
        raise InvalidFieldError("payoffs", f"have shape {given.shape}", allowed)
    for agent in range(given.shape[-1]):
        check_comparable("payoffs", given[..., agent])
    return given


def _refuse_large(shape: tuple[int, ...], followers: int, kind: str) -> None:
    """Refuse a linear programme of more than `ENTRIES` numbers."""
    own = shape[-followers:]
    entries = int(np.prod(shape)) * sum(k * (k - 1) if kind == "correlated" else k for k in own)
    if entries > ENTRIES:
        problem = f"make a {kind} programme of {entries:,} numbers"
        raise BeyondLimitsError("payoffs", problem, f"up to {ENTRIES:,}")


def _best(game: Payoffs, axes: Sequence[int], sign: int, kind: str) -> Distribution:
    """The distribution that is best for the leader by one linear programme, or worst for sign -1."""
    first = axes[0]
    rows = [row for axis in axes for row in _gains(game[..., axis - first + 1], axis, kind == "correlated")]
    return best_distribution(sign * game[..., 0].ravel(), np.array(rows, dtype=game.dtype), sign)


def _gains(own: Payoffs, axis: int, told: bool) -> Iterator[Payoffs]:
    """What a follower gains at each joint action by another one of its own: of all, or of those it is told.

    Args:
        own: its payoffs; axis: where its actions are; told: whether it knows what it is told when it leaves.
    """
    actions = own.shape[axis]
    for k in range(actions):
        instead = np.take(own, [k], axis=axis) - own
        if not told:
            yield instead.ravel()
            continue
        for i in range(actions):
            if i != k:
                at = np.zeros(actions, dtype=int)
                at[i] = 1
                yield (instead * at.reshape([-1 if a == axis else 1 for a in range(own.ndim)])).ravel()


def _against(payoffs: Numbers, mixture: Sequence[float | Fraction]) -> Payoffs:
    """The followers' game in fractions, `[actions of each follower..., agents]`."""
    shares = [Fraction(share) if np.isfinite(float(share)) else Fraction(-1) for share in mixture]
    if len(shares) != len(payoffs) or min(shares) < 0 or abs(float(sum(shares)) - 1) > 1e-9:
        raise InvalidFieldError("mixture", f"is {list(mixture)}", f"{len(payoffs)} probabilities that sum to 1")
    total = sum(shares)
    exact = np.vectorize(Fraction, otypes=[object])(payoffs)
    game = np.sum([share / total * each for share, each in zip(shares, exact, strict=True)], axis=0)
    if all(isinstance(share, Fraction | int) for share in mixture):
        return game
    sizes = np.tensordot(np.array(mixture, dtype=float), np.abs(payoffs), axes=1)
    for axis in range(game.ndim - 1):
        game[..., axis + 1] = _alike(game[..., axis + 1], sizes[..., axis + 1], axis)
    return game


def _alike(own: Payoffs, sizes: Numbers, axis: int) -> Payoffs:
    """A follower's payoffs, equal where rounding alone parts those of its actions against the same ones of others."""
    own, sizes = np.moveaxis(own.copy(), axis, -1), np.moveaxis(sizes, axis, -1)
    for place in np.ndindex(own.shape[:-1]):
        order = np.argsort(own[place], kind="stable")
        for before, after in pairwise(order):
            slack = ROUNDING * max(sizes[place][before], sizes[place][after])
            if own[place][after] - own[place][before] <= slack:
                own[place][after] = own[place][before]
    return np.moveaxis(own, -1, axis)


def _linear_range(game: Payoffs, equilibrium: Equilibrium) -> ResponseRange:
    followers = game.ndim - 1
    _refuse_large(game.shape[:-1], followers, equilibrium)
    best, worst = (
        _played(game, found.probabilities.reshape(game.shape[:-1]), found.doubt)
        for found in (_best(game, range(followers), sign, equilibrium) for sign in (1, -1))
    )
    return ResponseRange(best, worst, equilibrium)


def _played(game: Payoffs, played: Payoffs, doubt: str = "") -> FollowersPlay:
    """What a distribution over the followers' actions is worth to everybody."""
    values = tuple(float((played * game[..., agent]).sum()) for agent in range(game.shape[-1]))
    return FollowersPlay(values, _support(played), doubt)


def _support(played: Payoffs) -> tuple[tuple[tuple[int, ...], float], ...]:
    return tuple((tuple(map(int, at)), float(played[tuple(at)])) for at in np.argwhere(played > 0))


def _pure_range(game: Payoffs, equilibrium: Equilibrium) -> ResponseRange:
    """Of all pure equilibria."""
    stable = np.ones(game.shape[:-1], dtype=bool)
    for axis in range(game.ndim - 1):
        own = game[..., axis + 1]
        stable &= own == own.max(axis=axis, keepdims=True)
    found = sorted(map(tuple, np.argwhere(stable)), key=lambda at: game[at][0])
    if not found:
        raise InvalidFieldError(
            "equilibrium", "there is no pure Nash equilibrium", "nash, correlated, coarse-correlated"
        )
    ends = []
    for at in (found[-1], found[0]):
        played = np.zeros(game.shape[:-1])
        played[at] = 1.0
        ends.append(_played(game, played))
    return ResponseRange(ends[0], ends[1], equilibrium)


def _nash_range(game: Payoffs) -> ResponseRange:
    """Of all extreme equilibria of two followers."""
    if game.ndim > 3:
        problem = f"Nash equilibria of {game.ndim - 1} followers cannot be listed"
        raise BeyondLimitsError("equilibrium", problem, "pure-nash, correlated, coarse-correlated; or two followers")
    rows, columns = game.shape[:-1]
    if comb(rows + columns, rows) > SYSTEMS:
        problem = f"vertices of {rows} by {columns} actions are too many"
        raise BeyondLimitsError("equilibrium", problem, "correlated, coarse-correlated, pure-nash")
    first, second = _vertices(game[..., 2].T), _vertices(game[..., 1])
    pairs = [
        np.outer(x.mixture, y.mixture)
        for x, y in product(first, second)
        if x.support <= y.answers and y.support <= x.answers
    ]
    ordered = sorted(pairs, key=lambda played: (played * game[..., 0]).sum())
    return ResponseRange(_played(game, ordered[-1]), _played(game, ordered[0]), "nash")


@dataclass(frozen=True, eq=False)
class _Vertex:
    """A mixture, the actions it plays, and the other follower's best answers to it."""

    mixture: Payoffs
    support: frozenset[int]
    answers: frozenset[int]


def _vertices(theirs: Payoffs) -> list[_Vertex]:
    """Vertices (mixture, v) of the polytope where no answer pays the other more than v, from `[answers, own]`."""
    answers, own = theirs.shape
    zero, one = Fraction(0), Fraction(1)
    faces = [[*(one if i == k else zero for i in range(own)), zero, zero] for k in range(own)]
    faces += [[*row, -one, zero] for row in theirs]
    found: dict[tuple[Fraction, ...], _Vertex] = {}
    for chosen in combinations(faces, own):
        point = meeting_point([[one] * own + [zero, one], *chosen], own + 1)
        if point is None or min(point[:-1]) < 0 or tuple(point) in found:
            continue
        mixture = np.array(point[:-1], dtype=object)
        paid = [sum(row * mixture) for row in theirs]
        if max(paid) <= point[-1]:
            best = frozenset(j for j in range(answers) if paid[j] == point[-1])
            found[tuple(point)] = _Vertex(mixture, frozenset(np.flatnonzero(mixture != 0).tolist()), best)
    return list(found.values())
