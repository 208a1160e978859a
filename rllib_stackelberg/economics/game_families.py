"""Families of games in normal form for any number of players, after GAMUT.

Every player has the same number of actions, k; x_i is the place of player i's action in 0..1 (action / (k - 1), 0 where
there is one), and payoffs of a profile are

- `uniform`: independent, uniform on [0, 1);
- `covariant`: normal with variance 1, any two players' correlated by `correlation`; independent over profiles;
- `coordination`: uniform on [0, 1), and 1 more if all take the same action;
- `dispersion`: 1 over how many players take the same action (Grenager, Powers & Shoham 2002);
- `travellers-dilemma`: everybody gets the lowest claim, who made it 2 more, the others 2 less; neither if all claim the
  same; claims are 2, 3, ..., k + 1 (Basu 1994);
- `minimum-effort`: .6 + .2 times the lowest effort - .1 times the own; efforts are 1..k (Van Huyck et al. 1990);
- `prisoners-dilemma`: 1 - x_i + (n + 1) / 2 times the average x: to keep is dominant, to give is best for all;
- `cournot`: x_i times the price max(0, 1 - sum x), without costs;
- `bertrand`: prices x; who asks least sells 1 - x at it, shared equally, without costs.

Only the first three are drawn from a seed. GAMUT (Nudelman, Wortman, Shoham & Leyton-Brown 2004) has these families,
too, with parameters of its own; nothing here is its code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.errors import InvalidFieldError

Family = Literal[
    "uniform", "covariant", "coordination", "dispersion", "travellers-dilemma", "minimum-effort", "prisoners-dilemma",
    "cournot", "bertrand",
]  # fmt: skip

REWARD = 2.0
"""Of the traveller with the lowest claim, and what the others lose; also the lowest claim."""

ENTRIES = 2**16
"""Most payoffs of a game."""


def family_payoffs(family: Family, players: int, actions: int, seed: int = 0, correlation: float = 0.0) -> Numbers:
    """Payoffs of a game of that family.

    Args:
        family: which one; players: how many; actions: of each of them.
        seed: of the payoffs that are drawn.
        correlation: of two players' payoffs in `covariant`, from -1 / (players - 1) to 1.

    Returns:
        `[actions of each player..., players]`.

    Raises:
        InvalidFieldError: the game is too large, or no payoffs are so correlated.

    >>> family_payoffs("prisoners-dilemma", players=2, actions=2)[..., 0].tolist()
    [[1.0, 1.75], [0.75, 1.5]]
    """
    entries = players * actions**players
    if entries > ENTRIES:
        raise InvalidFieldError("actions", f"make {entries:,} payoffs", f"up to {ENTRIES:,} in all")
    shape = (actions,) * players
    if family in DRAWN:
        return DRAWN[family](np.random.default_rng(seed), shape, correlation)
    return FIXED[family](np.moveaxis(np.indices(shape), 0, -1), actions)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], correlation: float) -> Numbers:
    return rng.random((*shape, len(shape)))


def _covariant(rng: np.random.Generator, shape: tuple[int, ...], correlation: float) -> Numbers:
    """Eigenvalues of the covariance are 1 - r (many) and 1 + (n - 1) r (along the diagonal)."""
    players = len(shape)
    low = -1 / (players - 1)
    if not low <= correlation <= 1:
        raise InvalidFieldError(
            "correlation", f"is {correlation:g}", f"a number in [{low:.4g}, 1] for {players} players"
        )
    apart, along = np.sqrt(1 - correlation), np.sqrt(max(0.0, 1 + (players - 1) * correlation))
    own = rng.standard_normal((*shape, players))
    return np.asarray(apart * own + (along - apart) * own.mean(axis=-1, keepdims=True))


def _coordination(rng: np.random.Generator, shape: tuple[int, ...], correlation: float) -> Numbers:
    taken = np.indices(shape)
    same = (taken == taken[0]).all(axis=0)
    return np.asarray(rng.random((*shape, len(shape))) + same[..., None])


def _dispersion(taken: np.ndarray, actions: int) -> Numbers:
    return np.asarray(1 / (taken[..., :, None] == taken[..., None, :]).sum(axis=-1))


def _travellers(taken: np.ndarray, actions: int) -> Numbers:
    claims = taken + REWARD
    lowest = claims.min(axis=-1, keepdims=True)
    same = (claims == lowest).all(axis=-1, keepdims=True)
    return np.asarray(lowest + np.where(same, 0.0, np.where(claims == lowest, REWARD, -REWARD)))


def _minimum_effort(taken: np.ndarray, actions: int) -> Numbers:
    effort = taken + 1.0
    return np.asarray(0.6 + 0.2 * effort.min(axis=-1, keepdims=True) - 0.1 * effort)


def _prisoners(taken: np.ndarray, actions: int) -> Numbers:
    given = _places(taken, actions)
    return np.asarray(1 - given + (taken.shape[-1] + 1) / 2 * given.mean(axis=-1, keepdims=True))


def _cournot(taken: np.ndarray, actions: int) -> Numbers:
    quantity = _places(taken, actions)
    return np.asarray(quantity * np.maximum(0.0, 1 - quantity.sum(axis=-1, keepdims=True)))


def _bertrand(taken: np.ndarray, actions: int) -> Numbers:
    price, lowest = _places(taken, actions), taken == taken.min(axis=-1, keepdims=True)
    return np.asarray(np.where(lowest, price * (1 - price) / lowest.sum(axis=-1, keepdims=True), 0.0))


def _places(taken: np.ndarray, actions: int) -> Numbers:
    return np.asarray(taken / max(1, actions - 1))


DRAWN: dict[str, Callable[[np.random.Generator, tuple[int, ...], float], Numbers]] = {
    "uniform": _uniform,
    "covariant": _covariant,
    "coordination": _coordination,
}
FIXED: dict[str, Callable[[np.ndarray, int], Numbers]] = {
    "dispersion": _dispersion,
    "travellers-dilemma": _travellers,
    "minimum-effort": _minimum_effort,
    "prisoners-dilemma": _prisoners,
    "cournot": _cournot,
    "bertrand": _bertrand,
}
