"""`game_test`: the contract every game must pass, your own included."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from rllib_stackelberg.comparisons import exceeds
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.testing.conformance import PLAYS, inspect
from rllib_stackelberg.testing.expectations import interim_findings
from rllib_stackelberg.testing.inspection import Finding, Inspection

if TYPE_CHECKING:
    from pettingzoo import test as pettingzoo_test

    from rllib_stackelberg.aec import environment
else:  # whoever looks at a few plays has no use for environments
    pettingzoo_test = LazyModule("pettingzoo.test")
    environment = LazyModule("rllib_stackelberg.aec.environment")

CYCLES = 50


def game_test(game: StackelbergGame, seed: int = 0, plays: int = PLAYS) -> None:
    """Check a game against the contract.

    - declarations agree with each other;
    - plays end, payoffs stay in the declared range (reply turns as `reply` says), information keys in their rows;
    - a batch of plays equals the plays one by one, and states are not changed in place;
    - what an agent sees is in its observation space, and there is one key for each thing seen at its own turn;
    - bound and baselines are numbers, and no baseline is above the bound;
    - expected payoffs that the game knows a short way to are what plays come to;
    - PettingZoo's `api_test` and `seed_test` pass.

    Raises:
        AssertionError: naming all that is broken.
    """
    found = examine(game, seed, plays).findings
    assert not found, "\n".join(f"{fault.about}: {fault.problem}; it should be: {fault.remedy}" for fault in found)


def examine(game: StackelbergGame, seed: int = 0, plays: int = PLAYS) -> Inspection:
    """What `game_test` finds, as data. PettingZoo's tests are run on a game that is otherwise without fault."""
    seen = inspect(game, plays, plays, seed)
    return (
        seen
        if seen.findings
        else replace(seen, findings=(*bound_findings(game), *interim_findings(game, seed), *pettingzoo_findings(game)))
    )


def bound_findings(game: StackelbergGame) -> tuple[Finding, ...]:
    """Numbers beside a value that cannot be what they are called."""
    bound = game.bound()
    most = math.inf if bound is None else bound.value
    size = float(abs(game.payoff_range[0]).max())  # a loss of 0 is a difference of numbers as large as payoffs
    if bound is not None and not math.isfinite(most):
        return (Finding("bound()", f"is {most}", "a number, or None"),)
    return tuple(
        Finding("baselines()", f"{name!r} is {value}, above the bound of {most}", "no more than the bound")
        if math.isfinite(value)
        else Finding("baselines()", f"{name!r} is {value}", "a number")
        for name, value in game.baselines().items()
        if not math.isfinite(value) or exceeds(value, most, size)
    )


def pettingzoo_findings(game: StackelbergGame) -> tuple[Finding, ...]:
    """What PettingZoo's own tests say of the game's environment."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            pettingzoo_test.api_test(environment.make_aec(game), num_cycles=CYCLES)
            pettingzoo_test.seed_test(lambda: environment.make_aec(game), num_cycles=CYCLES)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            return (Finding("PettingZoo", problem, "an environment that passes its api_test and seed_test"),)
    return ()
