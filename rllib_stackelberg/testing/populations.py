"""`population_game_test`: the contract every game with a population must pass, your own included."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.spaces import Box

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.rules.population import RUNNING, PopulationGame, check_population
from rllib_stackelberg.testing.inspection import Finding

if TYPE_CHECKING:
    from pettingzoo import test as pettingzoo_test

    from rllib_stackelberg.aec import environment
else:  # whoever looks at a few plays has no use for environments
    pettingzoo_test = LazyModule("pettingzoo.test")
    environment = LazyModule("rllib_stackelberg.aec.environment")

MOST_PERIODS = 20
FEW_PLAYS, FEW_PERIODS = 2, 3
LARGEST_UNIFORM = np.nextafter(1.0, 0.0)


def population_game_test(game: PopulationGame, seed: int = 0, plays: int = 16) -> None:
    """Check a game against the contract, by random actions over its first periods.

    - declarations agree with each other; PettingZoo's `api_test` and `seed_test` pass;
    - observations, payoffs and reports have their shapes, and observations are in their spaces;
    - the same uniforms and actions give the same play, and a batch of plays equals the plays one by one, bit for bit;
    - what has ended stays as it is and pays nothing, an ending is one of `endings`, and the horizon is kept;
    - best answers and the optimum, where they are known, are actions in range;
    - actions out of range are refused by name; the smallest and the largest uniform are survived.

    Raises:
        AssertionError: naming what is broken.
    """
    check_plays(game, seed, plays, MOST_PERIODS)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        pettingzoo_test.api_test(environment.make_aec(game), num_cycles=50)
        pettingzoo_test.seed_test(lambda: environment.make_aec(game), num_cycles=50)


def check_plays(game: PopulationGame, seed: int, plays: int, periods: int) -> None:
    """`population_game_test` without PettingZoo's tests, over so many of the first periods.

    Raises:
        AssertionError: naming what is broken.
    """
    check_population(game)
    rng = np.random.default_rng(seed)
    _check_refusals(game, rng)
    _check_extremes(game, rng)
    _check_horizon(game, rng)
    _check_answers(game, rng)
    uniforms = rng.random((plays, game.members, game.start_draws))
    state, singles = game.start(uniforms), [game.start(uniforms[k : k + 1]) for k in range(plays)]
    assert _same(game.start(uniforms), state), "the same uniforms start other plays"
    for period in range(min(periods, game.periods)):
        _check_views(game, state, plays)
        moves = random_moves(game, plays, rng)
        if period == 1:  # whatever the rules do, from here on some plays have ended and others have not
            for plays_ended in (state, *singles[::3]):
                plays_ended.ending[::3] = game.horizon
        after, leader, members = game.step(state, *moves)
        _check_step(game, state, after, leader, members)
        again = game.step(state, *moves)
        assert _same(again[0], after), "the same actions lead to other states"
        for k, single in enumerate(singles):
            singles[k], *alone = game.step(single, *(part[k : k + 1] for part in moves))
            paid = all(np.array_equal(a, b[k : k + 1]) for a, b in zip(alone, (leader, members), strict=True))
            assert paid, "a batch pays differently from single plays"
            assert _same(singles[k], after.take(np.array([k]))), "a batch moves differently from single plays"
        state = after


def population_findings(game: PopulationGame, seed: int = 0, plays: int = 16) -> tuple[Finding, ...]:
    """What `population_game_test` finds first, as data."""
    return _found(lambda: population_game_test(game, seed, plays))


def first_findings(game: PopulationGame) -> tuple[Finding, ...]:
    """As `population_findings`, from the first periods of two plays."""
    return _found(lambda: check_plays(game, 0, FEW_PLAYS, FEW_PERIODS))


def _found(check: Callable[[], None]) -> tuple[Finding, ...]:
    try:
        check()
    except InvalidFieldError as error:
        return (Finding(error.field, error.problem, error.allowed),)
    except Exception as error:
        told = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        return (Finding("rules", told, "what population_game_test describes"),)
    return ()


def random_moves(game: PopulationGame, plays: int, rng: np.random.Generator) -> tuple[Numbers, Numbers, Numbers]:
    """Actions in range and uniforms of a period: `[plays, w]`, `[plays, N, v]`, `[plays, N, draws]`."""
    shapes = (plays,), (plays, game.members)
    leader, members = (
        rng.uniform(space.low, space.high, (*shape, *space.shape))
        for space, shape in zip((game.leader_actions, game.member_actions), shapes, strict=True)
    )
    return leader, members, rng.random((plays, game.members, game.draws))


def _same(first: Any, second: Any) -> bool:
    return all(np.array_equal(getattr(first, f.name), getattr(second, f.name), equal_nan=True) for f in fields(first))


def _check_views(game: PopulationGame, state: Any, plays: int) -> None:
    low = np.tile(game.leader_actions.low, (plays, 1))
    for whose, space, seen, lead in (
        ("the leader", game.leader_space, game.observe_leader(state), (plays,)),
        ("a member", game.member_space, game.observe_members(state), (plays, game.members)),
        ("a member", game.member_view, game.view_members(state, low), (plays, game.members)),
    ):
        assert seen.dtype == np.float32, f"what {whose} sees is {seen.dtype}, not float32"
        assert seen.shape == (*lead, *space.shape), f"what {whose} sees has shape {seen.shape}"
        assert ((seen >= space.low) & (seen <= space.high)).all(), f"what {whose} sees is out of its space"
    figures = game.report(state)
    assert list(figures) == list(game.units), "report() and units name different figures"
    assert all(np.shape(figure) == (plays,) for figure in figures.values()), "a figure of report() has a wrong shape"


def _check_step(game: PopulationGame, before: Any, after: Any, leader: Numbers, members: Numbers) -> None:
    plays, over = len(before), before.ending != RUNNING
    assert leader.shape == (plays,), f"leader payoffs have shape {leader.shape}"
    assert members.shape == (plays, game.members), f"member payoffs have shape {members.shape}"
    assert not leader[over].any(), "a play that has ended pays the leader"
    assert not members[over].any(), "a play that has ended pays members"
    assert _same(before.take(over), after.take(over)), "a play that has ended goes on"
    arrays = [(getattr(before, f.name), getattr(after, f.name)) for f in fields(before)]
    assert not any(np.may_share_memory(old, new) for old, new in arrays), "a new state shares arrays with the old one"
    assert ((after.ending >= 0) & (after.ending < len(game.endings))).all(), "an ending is none of `endings`"
    assert len(after) == plays, "plays were lost"


def _check_refusals(game: PopulationGame, rng: np.random.Generator) -> None:
    state = game.start(rng.random((2, game.members, game.start_draws)))
    leader, members, uniforms = random_moves(game, 2, rng)
    for agent, given, space in ((0, leader, game.leader_actions), (1, members, game.member_actions)):
        for wrong in _outside(space):
            bad = given.copy()
            bad[(1, *[-1] * (given.ndim - 1))] = wrong
            refused = ""
            try:
                game.step(state, *((leader, bad) if agent else (bad, members)), uniforms)
            except InvalidFieldError as error:
                refused = error.field
            assert game.agents[agent] in refused, f"{wrong} is no action of {game.agents[agent]}, and not refused"


def _outside(space: Box) -> list[float]:
    low, high = float(space.low[-1]), float(space.high[-1])
    return [low - 1e-3 * (1 + abs(low)), high + 1e-3 * (1 + abs(high)), np.nan, np.inf]


def _check_extremes(game: PopulationGame, rng: np.random.Generator) -> None:
    for uniform in (0.0, LARGEST_UNIFORM):
        state = game.start(np.full((1, game.members, game.start_draws), uniform))
        leader, members, drawn = random_moves(game, 1, rng)
        state, *_ = game.step(state, leader, members, np.full_like(drawn, uniform))
        seen = game.observe_leader(state), game.observe_members(state)
        assert all(np.isfinite(part).all() for part in seen), f"uniforms of {uniform} lead to what is no number"


def _check_horizon(game: PopulationGame, rng: np.random.Generator) -> None:
    state = game.start(rng.random((2, game.members, game.start_draws)))
    state.period[:] = game.periods - 1
    state, *_ = game.step(state, *random_moves(game, 2, rng))
    assert (game.ended(state) != RUNNING).all(), "a play goes on beyond its last period"


def _check_answers(game: PopulationGame, rng: np.random.Generator) -> None:
    state = game.start(rng.random((3, game.members, game.start_draws)))
    leader, members, _ = random_moves(game, 3, rng)
    best, optimum, space = game.best_response(state, leader), game.optimum(), game.member_actions
    if best is not None:
        assert best.shape == members.shape, f"best answers have shape {best.shape}"
        assert ((best >= space.low) & (best <= space.high)).all(), "best answers are out of range"
    if optimum is not None:
        action = np.array(optimum.leader_action)
        assert game.leader_actions.contains(action), f"the optimum {action} is no action of the leader"
