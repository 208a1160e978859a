"""Regret of a learner against payoffs that are chosen to make it large, beside its declared bound."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.followers.learner import Learner, draw_play
from rllib_stackelberg.testing.seats import seats

UPDATES = 500
SEEDS = 24
"""Rows over whose draws the regret of a bandit learner is averaged."""

RANGES = ((0.0, 1.0), (-1.0, 0.0), (3.0, 3.25))
ERRORS = 4
"""Standard errors by which an average over draws may exceed a bound on the expectation."""

Payoffs = Callable[[int, NDArray[np.float64], np.random.Generator], NDArray[np.float64]]
"""(update, policies `[rows, actions]`, generator) -> payoffs in [0, 1], `[actions]` or `[rows, actions]`."""


def _random(update: int, policy: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.random((policy.shape[1],))


def _biased(update: int, policy: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The last action is better."""
    return np.append(0.5 * rng.random(policy.shape[1] - 1), [1 - 0.5 * rng.random()])


def _switching(update: int, policy: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """One action pays, and then for three times as long the next."""
    return np.eye(policy.shape[1])[int(math.log(update + 1, 3)) % policy.shape[1]]


def _alternating(update: int, policy: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.eye(policy.shape[1])[update % policy.shape[1]]


def _adaptive(update: int, policy: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """All but the likeliest action pay."""
    return 1.0 - np.eye(policy.shape[1])[policy.argmax(axis=1)]


def _starving(update: int, policy: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The least likely action pays, and no other."""
    return np.eye(policy.shape[1])[policy.argmin(axis=1)]


KINDS: dict[str, Payoffs] = {
    "random": _random,
    "biased": _biased,
    "switching": _switching,
    "alternating": _alternating,
    "adaptive": _adaptive,
    "starving": _starving,
}


def check_regret(learner: Learner, rng: np.random.Generator) -> None:
    """Regret stays below the declared bound at every update, where there is a bound.

    Raises:
        AssertionError: it does not, and against which payoffs.
    """
    for actions in (2, 5):
        if np.isfinite(learner.regret_bound(actions, np.array(float(UPDATES)), 1.0)):
            _check_actions(learner, actions, rng)


def _check_actions(learner: Learner, actions: int, rng: np.random.Generator) -> None:
    """All kinds of payoffs in all ranges at once: the same payoffs, or the same rule, for all rows of a kind."""
    each = SEEDS if learner.traits.feedback == "bandit" else 1
    shape = (len(KINDS), len(RANGES), each, actions)
    low, high = np.array(RANGES).T[..., None, None]
    bounds = np.stack([learner.regret_bound(actions, np.arange(UPDATES + 1.0), high - low) for low, high in RANGES])
    rows = seats(learner, len(KINDS) * len(RANGES) * each, actions)
    gained = np.zeros(shape)  # by each action beyond the mixed strategy
    unit = np.zeros((len(KINDS), len(RANGES) * each, actions))
    for update in range(UPDATES):
        policy = rows.policy()
        for k, payoffs in enumerate(KINDS.values()):
            unit[k] = payoffs(update, policy.reshape(unit.shape)[k], rng)
        utilities = low + (high - low) * unit.reshape(shape)
        gained += utilities - (policy.reshape(shape) * utilities).sum(axis=-1, keepdims=True)
        rows.learn(utilities.reshape(-1, actions), draw_play(policy, rng.random(len(policy))))
        _compare(gained, bounds[:, update + 1], update + 1)


def _compare(gained: NDArray[np.float64], bounds: NDArray[np.float64], updates: int) -> None:
    """Args: gained `[kinds, ranges, rows, actions]` in all updates so far; bounds `[ranges]`."""
    regret = gained.mean(axis=2)
    if gained.shape[2] > 1:
        regret -= ERRORS * gained.std(axis=2) / np.sqrt(gained.shape[2])
    regret = regret.max(axis=-1)
    kind, wide = np.unravel_index((regret - bounds).argmax(), regret.shape)
    low, high = RANGES[wide]
    assert regret[kind, wide] <= bounds[wide] + 1e-9 * updates, (
        f"average regret {regret[kind, wide] / updates:.4g} after {updates} updates of {list(KINDS)[kind]} payoffs in "
        f"[{low:g}, {high:g}] exceeds the declared bound {bounds[wide] / updates:.4g}"
    )
