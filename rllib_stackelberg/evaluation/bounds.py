"""What stands beside a value where no optimum is known: a bound, and what simpler ways are worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rllib_stackelberg.errors import RulesError
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.solution import Bound
from rllib_stackelberg.solvers.first_best import first_best


def bound_of(game: StackelbergGame) -> Bound | None:
    """A number that no leader strategy's value exceeds: the game's own, or first best; None if none is known.

    Raises:
        RulesError: the game says a bound that is no number.

    >>> from rllib_stackelberg import make_game
    >>> bound_of(make_game("message-spm", buyers=8)).value
    0.0
    """
    found = game.bound()
    if found is not None and not math.isfinite(found.value):
        raise RulesError(f"game {name_of(game)}: bound() is {found.value}; needed: a number, or None")
    return found or first_best(game)


def beside(game: StackelbergGame, value: float, solved: bool = False) -> dict[str, Any]:
    """What stands beside a value, as plain data: the bound, how far the value is below it, and what is simpler.

    Args:
        game: the game; value: the leader's; solved: whether an exact optimum is known, which is no reason to look for
            a bound that the game does not say.

    Raises:
        RulesError: the game says numbers that are none.
    """
    bound = game.bound() if solved else bound_of(game)
    baselines = _finite(game, "baselines", game.baselines())
    return {
        "bound": bound and bound.value,
        "bound_method": bound and " ".join(filter(None, (bound.method, bound.source and f"({bound.source})"))),
        "bound_gap": bound and bound.value - value,
        "baselines": baselines,
    }


def further_values(strategy: LeaderStrategy) -> dict[str, float]:
    """What the game says of a leader strategy besides its value, by name.

    Raises:
        RulesError: the game says numbers that are none.
    """
    return _finite(strategy.game, "further_values", strategy.game.further_values(strategy.answers))


def _finite(game: StackelbergGame, said: str, values: Mapping[str, float]) -> dict[str, float]:
    """The values, all of which are numbers."""
    wrong = [name for name, worth in values.items() if not math.isfinite(worth)]
    if wrong:
        raise RulesError(f"game {name_of(game)}: {said}() has {wrong[0]}: {values[wrong[0]]}; needed: numbers")
    return dict(values)
