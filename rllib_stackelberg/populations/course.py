"""How plays of a population game go, period by period: figures of the game's report, and what both sides do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.populations.play import PopulationPlays
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.streams import Purpose, Streams


@dataclass(frozen=True)
class Course:
    """Of P plays over T periods; NaN where a play had ended.

    Attributes:
        figures: the game's report, by name `[T, P]`.
        leader: actions `[T, P, w]`; members: their mean action `[T, P, v]`.
    """

    figures: Mapping[str, Numbers]
    leader: Numbers
    members: Numbers


def course(game: PopulationGame, policy: PopulationPolicy, seed: int = 0, plays: int = 16) -> Course:
    """The course of the first plays that `evaluate_population` values.

    Args:
        game: the rules; policy: of both sides; seed: of the run; plays: how many.
    """
    played = PopulationPlays(game, Streams(seed, Purpose.REPORT), range(plays))
    figures: dict[str, list[Numbers]] = {name: [] for name in game.units}
    leader, members = [], []
    while len(rows := played.running):
        state = played.state.take(rows)
        led, followed = policy.play(game, state)
        played.step(led, followed, rows)
        for name, values in game.report(played.state.take(rows)).items():
            figures[name].append(_spread(values, rows, plays))
        leader.append(_spread(led, rows, plays))
        members.append(_spread(followed.mean(axis=1), rows, plays))
    return Course({name: np.stack(values) for name, values in figures.items()}, np.stack(leader), np.stack(members))


def _spread(values: Numbers, rows: np.ndarray, plays: int) -> Numbers:
    """Values of some plays in their places, NaN elsewhere."""
    found = np.full((plays, *np.shape(values)[1:]), np.nan)
    found[rows] = values
    return found
