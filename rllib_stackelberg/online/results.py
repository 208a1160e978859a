"""What a run of online play comes to: numbers for a table, and curves with their confidence bands.

Everything is a mean over seeds. Bands and errors are of that mean: 95 % of Student's t, seeds being independent; one
seed has none. Averages are of expected payoffs, so the noise of rewards is not in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import standard_error
from rllib_stackelberg.followers.best_manipulation import best_manipulation, led_to
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.meeting import OnlineRecord
from rllib_stackelberg.solvers.methods import solve

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

CONFIDENCE = 0.95
POINTS = 300
"""Most points of a curve."""

MOST_PAIRS = 100
"""Most pairs of actions whose frequencies a result lists."""

PLAYERS = ("leader", "follower")

Numbers = dict[str, Any]


def result_data(record: OnlineRecord, arena: Arena) -> Numbers:
    """A run as plain data."""
    averages = record.payoffs.mean(axis=1)
    errors = (record.leader_error, record.follower_error)
    return {
        "game": record.game,
        "params": record.parameters,
        "leader": record.leader,
        "follower": record.follower,
        "noise": arena.noise,
        "rounds": record.rounds,
        "seeds": record.seeds,
        "seed": record.seed,
        "leader_average": float(averages[:, 0].mean()),
        "follower_average": float(averages[:, 1].mean()),
        "average_error": _by_player(half_width(averages)),
        "last_average": _by_player(record.last_payoffs().mean(axis=0)),
        "last_average_error": _by_player(half_width(record.last_payoffs())),
        "last_rounds": record.last.stop - record.last.start,
        "regret": _by_player(_final_regret(record).mean(axis=0)),
        "regret_error": _by_player(half_width(_final_regret(record))),
        "estimation_error": {
            player: None if error is None else float(error[:, -1].mean())
            for player, error in zip(PLAYERS, errors, strict=True)
        },
        "last_frequencies": _frequencies(record, arena),
        "equilibrium": equilibrium(arena),
        "manipulation": manipulation(arena),
    }


def half_width(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the confidence interval of the mean over the first axis; NaN of one value."""
    seeds = len(values)
    if seeds < 2:
        return np.full(values.shape[1:], np.nan)
    quantile = float(special.stdtrit(seeds - 1, (1 + CONFIDENCE) / 2))
    return standard_error(values, quantile)


def curves_data(record: OnlineRecord) -> dict[str, dict[str, list[float]]]:
    """Per measure `rounds`, `mean`, `low` and `high`, thinned; of measures that the run has."""
    averages = record.averages()
    measures = {
        "leader_average": averages[..., 0],
        "follower_average": averages[..., 1],
        "leader_regret": record.leader_regret,
        "follower_regret": record.follower_regret,
        "leader_error": record.leader_error,
        "follower_error": record.follower_error,
    }
    return {name: _curve(values) for name, values in measures.items() if values is not None}


def _curve(values: NDArray[np.float64]) -> dict[str, list[float]]:
    rounds = values.shape[1]
    shown = np.unique(np.linspace(0, rounds - 1, min(POINTS, rounds)).round().astype(int))
    mean, band = values[:, shown].mean(axis=0), half_width(values[:, shown])
    return {
        "rounds": (shown + 1).tolist(),
        "mean": mean.tolist(),
        "low": (mean - band).tolist(),
        "high": (mean + band).tolist(),
    }


def equilibrium(arena: Arena) -> Numbers:
    """What both get in the Stackelberg equilibrium."""
    solution = solve(arena.game)
    return {"leader": arena.leader_value, "follower": solution.follower_values[0] if solution else None}


def manipulation(arena: Arena) -> Numbers | None:
    """What both get where the follower manipulates as best it can, of a finite game."""
    if not arena.finite:
        return None
    leader, follower = np.moveaxis(arena.means, -1, 0)
    response = best_manipulation(leader, leader, follower).response
    return _by_player(np.array(led_to(leader, follower, response)))


def _final_regret(record: OnlineRecord) -> NDArray[np.float64]:
    return np.stack([record.leader_regret[:, -1], record.follower_regret[:, -1]], axis=1)


def _frequencies(record: OnlineRecord, arena: Arena) -> list[list[float]] | None:
    """How often each pair of actions is played in the last rounds, `[leader action][follower action]`."""
    if not arena.finite or arena.means[..., 0].size > MOST_PAIRS:
        return None
    found: list[list[float]] = record.last_frequencies(*arena.means.shape[:2]).mean(axis=0).tolist()
    return found


def _by_player(values: NDArray[np.float64]) -> Numbers:
    return {player: float(value) for player, value in zip(PLAYERS, values, strict=True)}
