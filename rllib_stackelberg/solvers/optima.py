"""Exact optima that are found once, and beside other work where that has something to go on with.

An optimum may take long to find, and training need not wait for it: it is looked for in a thread, and asked after now
and then. What was found for a game is kept as long as the game, so that nobody looks for it twice.
"""

from __future__ import annotations

from threading import Event, Thread
from weakref import finalize

from rllib_stackelberg.commitment.integer_programs import nothing_printed
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.solution import StackelbergSolution
from rllib_stackelberg.solvers.methods import solution_or_reason

Found = tuple[StackelbergSolution | None, str | None]
"""As `solution_or_reason` returns it."""

_optima: dict[int, Optimum] = {}
"""By the `id` of a game, as long as that lives: a game of one's own may be no key."""


class Optimum:
    """The exact optimum of a game, being looked for or found."""

    def __init__(self) -> None:
        """Nothing is found yet."""
        self._found: Found | None = None
        self._error: BaseException | None = None
        self._done = Event()

    def look(self, game: StackelbergGame) -> None:
        """Find it, however long that takes."""
        try:
            self._found = solution_or_reason(game)
        except BaseException as error:  # whoever asks is told
            self._error = error
        self._done.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is found, or for so long; whether it is."""
        return self._done.wait(seconds)

    def result(self) -> Found:
        """What was found, as soon as it is.

        Raises:
            BaseException: what stopped the search.
        """
        self.wait()
        with nothing_printed():  # what a thread's programmes have written, and C kept back
            pass
        if self._error is not None:
            raise self._error
        assert self._found is not None
        return self._found


def optimum_of(game: StackelbergGame, beside: bool = False) -> Optimum:
    """The exact optimum of a game, kept for whoever asks next.

    Args:
        game: the game.
        beside: look for it in a thread, if it is not known, and return at once.

    >>> from rllib_stackelberg import make_game
    >>> solution, reason = optimum_of(make_game("escape")).result()
    >>> solution.leader_value, reason
    (1.0, None)
    """
    found = _optima.get(id(game))
    if found is None:
        found = _optima[id(game)] = Optimum()
        finalize(game, _optima.pop, id(game), None)
        if beside:
            Thread(target=found.look, args=(game,), name="optimum", daemon=True).start()
        else:
            found.look(game)
    return found


def known_or_found(game: StackelbergGame) -> Found:
    """As `solution_or_reason`, but what is being looked for is waited for, and what was found is not found again."""
    if id(game) not in _optima:
        return solution_or_reason(game)
    try:
        return _optima[id(game)].result()
    except BaseException:
        _optima.pop(id(game), None)  # a game may fail once
        raise
