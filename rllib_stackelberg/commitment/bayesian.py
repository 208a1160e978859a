"""Optimal commitment against followers of private types (Bayesian Stackelberg games).

The leader commits to a mixture x of rows. A type t, drawn with probability p_t, answers with a column j_t that is best
for it, ties in the leader's favour. Wanted is the x that maximises sum_t p_t x.L_t[:, j_t]. NP-hard in the number of
types (Conitzer & Sandholm 2006, EC). Three ways to it:

- "multiple-programs" (Conitzer & Sandholm 2006): a linear programme for every tuple of columns, x.(F_t[:, k] -
  F_t[:, j_t]) <= 0 for all t and k. Here a type at a time: a partial tuple is given up as soon as its programme has no
  solution or a bound says that it is worth no more than another. In fractions throughout, so the optimum is certain.
- "dobss" (Paruchuri et al. 2008, AAMAS): one mixed-integer programme, with a zero or one for every column of every type
  (dobss.py). In floats; what it finds is computed again and checked.
- "branch-and-bound": types are decided one after the other, and DOBSS's relaxation within the region where they answer
  so bounds what is left (type_search.py). In floats, checked likewise; the quickest of the three with many types.

Several followers whose payoffs are between the leader and each of them are types with a prior each: the programmes are
the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.commitment.dobss import beyond_dobss, dobss
from rllib_stackelberg.commitment.exact_programs import best_mixture
from rllib_stackelberg.commitment.type_search import beyond_search, branch_and_bound
from rllib_stackelberg.commitment.typed_payoffs import Column, Matrices, TypedPayoffs, expectation
from rllib_stackelberg.comparisons import tied
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.rules.solution import Method, StackelbergSolution, doubt
from rllib_stackelberg.rules.ties import RULES, Ties, broken, check_ties

TUPLES = 20_000
"""Most tuples of columns that are gone through, a programme each at worst."""

EXACT_ENTRIES = 1_000
"""Most entries of the programme of a tuple that is solved in fractions: rows times what all types might do instead."""

QUICK_TUPLES, QUICK_ENTRIES = 100, 200
"""Tuples, and entries of their programmes, up to which going through them is the first choice."""


def bayesian_commitment_solve(
    leader: Matrices, follower: Matrices, prior: ArrayLike, method: str | None = None
) -> StackelbergSolution:
    """Optimal mixed commitment against one follower of private type.

    Args:
        leader: the leader's payoffs against each type, `[types][rows, columns]`.
        follower: the payoffs of each type, in the same shapes.
        prior: probabilities of types, `[types]`.
        method: one of `METHODS`; by default the first that is quick enough.

    Returns:
        The solution; `details["columns"]` are the responses of each follower's types.

    Raises:
        InvalidFieldError: payoffs that do not fit each other; a method that is none, or that such a game is beyond.

    >>> found = bayesian_commitment_solve([[[2, 4], [1, 3]], [[2, 0], [1, 1]]], [[[1, 0], [0, 1]]] * 2, [0.5, 0.5])
    >>> found.leader_value, found.leader_strategy[0][1], found.details["columns"]
    (2.5, (0.5, 0.5), ((1, 0),))
    """
    return typed_solve(TypedPayoffs.of([leader], [follower], [prior]), method)


def polymatrix_commitment_solve(
    leader: Sequence[Matrices], follower: Sequence[Matrices], priors: Sequence[ArrayLike], method: str | None = None
) -> StackelbergSolution:
    """Optimal mixed commitment against several followers, each paid by the leader's row and its own column.

    Args:
        leader: what the leader gets from each follower, `[followers][types][rows, columns]`; it gets the sum.
        follower: the followers' payoffs, in the same shapes.
        priors: probabilities of each follower's types, `[followers][types]`; whether types of different followers
            depend on each other does not matter.
        method: as of `bayesian_commitment_solve`, whose returns and errors these are, too.

    >>> matrix = [[[2, 4], [1, 3]]], [[[1, 0], [0, 1]]]
    >>> polymatrix_commitment_solve([matrix[0]] * 2, [matrix[1]] * 2, [[1.0]] * 2).leader_value
    7.0
    """
    return typed_solve(TypedPayoffs.of(leader, follower, priors), method)


def typed_solve(game: TypedPayoffs, method: str | None = None) -> StackelbergSolution:
    """As above, of payoffs that have been checked.

    Raises:
        InvalidFieldError: a method that is none, or that the game is beyond.
    """
    if method is None:
        method = next(iter(ordered_methods(game)))
    if method not in METHODS:
        raise InvalidFieldError("method", f"got {method!r}", ", ".join(METHODS))
    return METHODS[method](game)


def ordered_methods(game: TypedPayoffs) -> dict[str, Method]:
    """Ways to the optimal mixture of this game by name, the one to take first."""
    beyond = {"multiple-programs": beyond_programmes(game), "branch-and-bound": beyond_search(game)}
    beyond["dobss"] = beyond_dobss(game)
    quick = math.prod(game.columns) <= QUICK_TUPLES and _entries(game) <= QUICK_ENTRIES
    names = sorted(METHODS, key=lambda name: name == "multiple-programs" and not quick)
    return {name: Method(partial(METHODS[name], game), beyond[name]) for name in names}


def beyond_programmes(game: TypedPayoffs) -> str:
    """Why a game is too large for its tuples to be gone through, for people; empty if it is not."""
    tuples, entries = math.prod(game.columns), _entries(game)
    if tuples > TUPLES:
        return f"there are {tuples:,} tuples of columns, more than {TUPLES:,}"
    if entries > EXACT_ENTRIES:
        return f"its programmes have {entries:,} entries, more than {EXACT_ENTRIES:,}"
    return ""


def _entries(game: TypedPayoffs) -> int:
    """Of the programme of a tuple."""
    return game.rows * (sum(game.columns) - game.types)


def multiple_programmes(game: TypedPayoffs) -> StackelbergSolution:
    """By a programme for every tuple of columns that cannot be ruled out, in fractions.

    Raises:
        BeyondLimitsError: there are too many, or they are too large.
    """
    if reason := beyond_programmes(game):
        raise BeyondLimitsError("method", f"multiple-programs cannot: {reason}", "branch-and-bound, dobss")
    search = _Search(game)
    search.visit({}, Fraction(0), [])
    return typed_solution(game, search.mixture, "multiple linear programs (Conitzer & Sandholm 2006)", search.solved)


class _Search:
    """Depth-first through tuples of columns, the types that can make most of a difference first.

    Attributes:
        alone: by type what each of its columns is worth to the leader at most, weighted; without those never best.
        value, mixture: the best found so far; solved: how many programmes.
    """

    def __init__(self, game: TypedPayoffs):
        self.game, self.payoffs, self.solved = game, game.exact, 0
        pure = [tuple(Fraction(int(i == row)) for i in range(game.rows)) for row in range(game.rows)]
        worth = [self.payoffs.value(x, self.payoffs.responses(x)) for x in pure]
        self.value = max(worth)
        self.mixture: Sequence[Fraction] = pure[worth.index(self.value)]
        self.alone = [self._alone(t) for t in range(game.types)]
        spreads = [max(worth.values()) - min(worth.values()) for worth in self.alone]
        self.order = sorted(range(game.types), key=lambda t: -spreads[t])
        # What the types that are not decided yet add at most: by row, and in all.
        self.open_rows, self.open_most = [[Fraction(0)] * game.rows], [Fraction(0)]
        for t in reversed(self.order):
            best = [max(entries) for entries in zip(*(self.payoffs.weighted(t, j) for j in self.alone[t]), strict=True)]
            self.open_rows.insert(0, [a + b for a, b in zip(best, self.open_rows[0], strict=True)])
            self.open_most.insert(0, self.open_most[0] + max(self.alone[t].values()))

    def _alone(self, t: int) -> dict[int, Fraction]:
        found = {}
        for j in range(self.game.columns[t]):
            self.solved += 1
            best = best_mixture(self.payoffs.weighted(t, j), self.payoffs.advantages(t, j))
            if best is not None:
                found[j] = best.value
        return found

    def visit(self, chosen: dict[int, int], most: Fraction, advantages: list[Column]) -> None:
        """Go through all tuples that extend a partial one, which is worth at most `most`."""
        if len(chosen) == self.game.types:
            return
        t = self.order[len(chosen)]
        for j in sorted(self.alone[t], key=lambda j: -self.alone[t][j]):
            longer, rows = {**chosen, t: j}, [*advantages, *self.payoffs.advantages(t, j)]
            limit = most + self.alone[t][j]
            if limit + self.open_most[len(longer)] <= self.value:
                continue
            own = [self.payoffs.weighted(s, k) for s, k in longer.items()]
            payoffs = [sum(entries, Fraction(0)) for entries in zip(*own, self.open_rows[len(longer)], strict=True)]
            self.solved += 1
            found = best_mixture(payoffs, rows)
            if found is None or found.value <= self.value:
                continue
            worth = self.payoffs.value(found.mixture, self.payoffs.responses(found.mixture))
            if worth > self.value:
                self.value, self.mixture = worth, found.mixture
            self.visit(longer, limit, rows)


def typed_solution(
    game: TypedPayoffs, mixture: Sequence[Fraction], method: str, programmes: int, doubted: str = ""
) -> StackelbergSolution:
    """What a mixture is worth: types answer it best, in the leader's favour where they are indifferent."""
    payoffs = game.exact
    columns = payoffs.responses(mixture)
    paid = payoffs.paid(mixture, columns)
    own = zip(game.by_follower(payoffs.weights), game.by_follower(paid), strict=True)
    return StackelbergSolution(
        leader_value=float(payoffs.value(mixture, columns)),
        follower_values=tuple(float(expectation(weights, values)) for weights, values in own),
        leader_strategy=((0, tuple(float(share) for share in mixture)),),
        method=method,
        tie_break="leader",
        doubt=doubted,
        details={"columns": tuple(map(tuple, game.by_follower(columns))), "programmes": programmes},
    )


def dobss_solve(game: TypedPayoffs) -> StackelbergSolution:
    """By DOBSS's mixed-integer programme."""
    found = dobss(game)
    return typed_solution(game, found.mixture, "mixed-integer program (DOBSS, Paruchuri et al. 2008)", 1, found.doubt)


def branch_and_bound_solve(game: TypedPayoffs) -> StackelbergSolution:
    """By branch and bound."""
    found, solved = branch_and_bound(game)
    return typed_solution(game, found.mixture, "branch and bound over types' answers", solved, found.doubt)


METHODS = {
    "multiple-programs": multiple_programmes,
    "branch-and-bound": branch_and_bound_solve,
    "dobss": dobss_solve,
}
"""Ways to the optimal mixture, by name."""


def typed_pure_solve(game: TypedPayoffs, ties: Ties = "leader") -> StackelbergSolution:
    """Optimal row to commit to, by enumeration; payoffs of a type are tied if they are equal.

    >>> matrices = [[[2, 4], [1, 3]], [[2, 0], [1, 3]]], [[[1, 0], [0, 1]]] * 2
    >>> typed_pure_solve(TypedPayoffs.of([matrices[0]], [matrices[1]], [[0.5, 0.5]])).leader_value
    3.0
    """
    exact = [theirs == theirs.max(axis=1, keepdims=True) for theirs in game.follower]
    worth = {rule: _rows_worth(game, exact, rule) for rule in RULES}
    values = worth[check_ties(ties)]
    row = int(np.argmax(values))
    plays = [broken(best[row], own[row], ties) for best, own in zip(exact, game.leader, strict=True)]
    paid = [float(play @ theirs[row]) for play, theirs in zip(plays, game.follower, strict=True)]
    meant = float(_rows_worth(game, [tied(theirs) for theirs in game.follower], ties).max())
    own = zip(game.by_follower(game.weights.tolist()), game.by_follower(paid), strict=True)
    return StackelbergSolution(
        leader_value=float(values[row]),
        follower_values=tuple(float(np.dot(weights, payoffs)) for weights, payoffs in own),
        leader_strategy=((0, row),),
        method="enumeration of rows",
        tie_break=ties,
        doubt=doubt(float(values[row]), [meant]),
        by_ties={rule: float(own[row]) for rule, own in worth.items()},
        best_by_ties={rule: float(own.max()) for rule, own in worth.items()},
        details={"columns": tuple(map(tuple, game.by_follower([int(play.argmax()) for play in plays])))},
    )


def _rows_worth(game: TypedPayoffs, best: Sequence[NDArray[np.bool_]], ties: Ties) -> Numbers:
    """What every row is worth to the leader, if the columns in `best` are tied."""
    plays = (broken(columns, own, ties) * own for columns, own in zip(best, game.leader, strict=True))
    return np.sum([weight * worth.sum(axis=1) for weight, worth in zip(game.weights, plays, strict=True)], axis=0)
