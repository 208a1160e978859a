"""Which way leads to a game's exact optimum: one by name, or the first that the game is not beyond.

A game may know several ways (`StackelbergGame.methods`), or a single one (`optimum`); leader tables can be enumerated
besides. Each says beforehand which games are beyond it, so that what cannot be done is refused before it is begun, by
name, with what can be done instead.
"""

from __future__ import annotations

from dataclasses import replace

from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.solution import Method, StackelbergSolution
from rllib_stackelberg.rules.ties import Ties, check_ties
from rllib_stackelberg.solvers.enumeration import refuse_large, table_solve, values_by_ties

ENUMERATION = "enumeration"
"""Of leader tables: the way that every game has that is small enough."""

OWN = "own"
"""The one way of a game that has no names for its ways."""


def solve(game: StackelbergGame, ties: Ties = "leader", method: str | None = None) -> StackelbergSolution | None:
    """The exact optimum of a game; None where no method can.

    Args:
        game: the game.
        ties: how indifferent followers act; methods of a game's own know only "leader".
        method: one of `methods_of` by name; by default the first that the game is not beyond.

    Raises:
        InvalidFieldError: a method or a rule that is none.
    """
    try:
        return exact_solve(game, ties, method)
    except BeyondLimitsError:
        return None


def solution_or_reason(game: StackelbergGame) -> tuple[StackelbergSolution | None, str | None]:
    """As `solve`, and why there is no exact value, where there is none."""
    try:
        found = exact_solve(game)
    except BeyondLimitsError as error:
        if error.field == "game":  # which is given: no other would be of use
            return None, error.problem
        return None, f"{error.field}: {error.problem}; needed: {error.allowed}"
    return found, None if found.exists else "followers have no pure equilibrium against any leader strategy"


def exact_solve(game: StackelbergGame, ties: Ties = "leader", method: str | None = None) -> StackelbergSolution:
    """As `solve`, but for what it says where no method can.

    Raises:
        InvalidFieldError: which limit the game is beyond, by how much, and what can be done instead.

    >>> from rllib_stackelberg import make_game
    >>> exact_solve(make_game("escape"), method="enumeration").method
    'enumeration of leader tables'
    """
    check_ties(ties)
    if method is not None:
        return _named(game, ties, method)
    own = game.optimum()
    if own is None:
        return table_solve(game, ties)
    if ties != "leader":
        try:
            return table_solve(game, ties)
        except BeyondLimitsError as error:
            problem = f"{ties}, of {name_of(game)}, whose own solver takes followers to help the leader"
            raise BeyondLimitsError("ties", problem, "leader") from error
    return _with_ties(game, own)


def methods_of(game: StackelbergGame, ties: Ties = "leader") -> dict[str, Method]:
    """Every way to the optimum of this game that has a name, the best one first.

    >>> from rllib_stackelberg import make_game
    >>> list(methods_of(make_game("escape"))), list(methods_of(make_game("interview")))
    (['rows', 'enumeration'], ['own', 'enumeration'])
    """
    found = dict(game.methods())
    if type(game).optimum is not StackelbergGame.optimum:
        found[OWN] = Method(lambda: _own(game))
    found[ENUMERATION] = Method(lambda: table_solve(game, ties), _beyond_enumeration(game))
    return found


def _named(game: StackelbergGame, ties: Ties, name: str) -> StackelbergSolution:
    """The optimum by the method of that name."""
    known = methods_of(game, ties)
    possible = ", ".join(other for other, method in known.items() if not method.beyond and other != name)
    if name not in known:
        raise InvalidFieldError("method", f"{name_of(game)} has no method {name!r}", possible or "none")
    if known[name].beyond:
        raise BeyondLimitsError("method", f"{name} cannot: {known[name].beyond}", possible or "none; train a leader")
    if ties != "leader" and name != ENUMERATION:
        raise InvalidFieldError("ties", f"{ties}, of {name}, which takes followers to help the leader", "leader")
    return _with_ties(game, known[name].solve())


def _with_ties(game: StackelbergGame, solution: StackelbergSolution) -> StackelbergSolution:
    """The solution, with what its strategy is worth by other rules where that can be found out quickly."""
    known = solution.by_ties or not solution.exists
    return solution if known else replace(solution, by_ties=values_by_ties(game, solution))


def _own(game: StackelbergGame) -> StackelbergSolution:
    found = game.optimum()
    if found is None:
        raise BeyondLimitsError("method", f"{name_of(game)} has no solver of its own", ENUMERATION)
    return found


def _beyond_enumeration(game: StackelbergGame) -> str:
    try:
        refuse_large(game)
    except BeyondLimitsError as error:
        return error.problem
    return ""
