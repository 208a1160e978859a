"""`game_test`: the contract every game must pass, your own included."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray
from pettingzoo.test import api_test, seed_test

from rllib_stackelberg.aec import make_aec
from rllib_stackelberg.game import OVER, StackelbergGame, check_game

MOST_STEPS = 10_000


def random_actions(game: StackelbergGame, turns: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """In-range actions `[B, width]` for plays at the given turns."""
    actions = np.zeros((len(turns), game.width))
    for k, turn in enumerate(game.turns):
        rows = turns == k
        if isinstance(turn.actions, Discrete):
            actions[rows, 0] = rng.integers(turn.choices, size=int(rows.sum()))
        else:
            low, high = turn.actions.low.astype(float), turn.actions.high.astype(float)
            actions[rows, : turn.width] = low + rng.random((int(rows.sum()), turn.width)) * (high - low)
    return actions


def draw_nature(game: StackelbergGame, plays: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Types and chance of a number of plays, `[plays, width]`."""
    return game.nature.values(game.nature.draw(rng.random((plays, len(game.nature.blocks)))))


def game_test(game: StackelbergGame, seed: int = 0, plays: int = 64) -> None:
    """Check a game against the contract.

    - declarations agree with each other;
    - PettingZoo's `api_test` and `seed_test` pass;
    - plays end, payoffs stay in the declared range (reply turns as `reply` says), information keys in their rows;
    - a batch of plays equals the plays one by one;
    - what an agent sees is in its observation space, and equal for equal information keys of its own turn.

    Raises:
        AssertionError: naming what is broken.
    """
    check_game(game)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        api_test(make_aec(game), num_cycles=50)
        seed_test(lambda: make_aec(game), num_cycles=50)
    rng = np.random.default_rng(seed)
    nature = draw_nature(game, plays, rng)
    state = game.begin(nature)
    singles = [game.begin(nature[k : k + 1]) for k in range(plays)]
    totals = np.zeros((plays, len(game.agents)))
    seen: dict[tuple[int, int], bytes] = {}
    for _ in range(MOST_STEPS):
        turn = game.turn(state)
        if (turn == OVER).all():
            break
        _check_views(game, state, turn, seen)
        actions = random_actions(game, turn, rng)
        replying = np.array([t != OVER and game.turns[t].kind == "reply" for t in turn])
        if replying.any():
            actions[replying] = game.reply(state)[replying]
        state, payoffs = game.step(state, actions)
        for k in range(plays):
            singles[k], alone = game.step(singles[k], actions[k : k + 1])
            assert np.array_equal(alone[0], payoffs[k]), "a batch pays differently from single plays"
        totals += np.where((turn != OVER)[:, None], payoffs, 0.0)
        assert (payoffs[turn == OVER] == 0).all(), "a play that is over still pays"
    else:
        raise AssertionError(f"no end after {MOST_STEPS} steps")
    low, high = np.asarray(game.payoff_range, dtype=float).T
    slack = 1e-9 * np.maximum(high - low, 1e-300)
    assert (totals >= low - slack).all(), "a payoff is below payoff_range"
    assert (totals <= high + slack).all(), "a payoff is above payoff_range"


def _check_views(game: StackelbergGame, state, turn: NDArray[np.int64], seen: dict) -> None:  # type: ignore[no-untyped-def]
    key = game.information(state)
    for k, kind in enumerate(game.turns):
        rows = np.flatnonzero(turn == k)
        views = game.observe(state, kind.agent)
        space = game.observation_spaces[kind.agent]
        assert views.shape[1:] == space.shape, f"{game.agents[kind.agent]} sees {views.shape[1:]}, not {space.shape}"
        for row in rows:
            assert (views[row] >= space.low - 1e-6).all(), "an observation is below its space"
            assert (views[row] <= space.high + 1e-6).all(), "an observation is above its space"
            if kind.rows is not None and kind.kind != "reply":
                assert 0 <= key[row] < kind.rows, (
                    f"information {key[row]} of {kind.name!r} is not in 0..{kind.rows - 1}"
                )
                known = seen.setdefault((k, int(key[row])), views[row].tobytes())
                assert known == views[row].tobytes(), f"{kind.name!r}: one information key, two observations"
