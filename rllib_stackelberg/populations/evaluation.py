"""What policies of a population game are worth: plays on fresh streams, means and standard errors. NumPy alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import standard_error
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.play import PopulationPlays
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.streams import Purpose, Streams

PLAYS = 64
ROWS = 6_400
"""Members that act at a time: as many as the processor's cache has room for."""


@dataclass(frozen=True)
class PopulationEvaluation:
    """Numbers of each play.

    Attributes:
        leader: payoff of a play, the sum over its periods `[P]`.
        members: the same, mean over members `[P]`.
        periods: how many each play lasted `[P]`.
        endings: why each ended.
        final: the game's report at the end of each play, `[P]` by name; average: the same, mean over periods.
        groups: payoff of a play of some of the members, mean over these, `[P]` by the name of the group.
    """

    leader: NDArray[np.float64]
    members: NDArray[np.float64]
    periods: NDArray[np.int64]
    endings: tuple[str, ...]
    final: Mapping[str, NDArray[np.float64]]
    average: Mapping[str, NDArray[np.float64]]
    groups: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """Means and standard errors over plays, as plain data."""
        counted = Counter(self.endings)
        return {
            "leader_value": float(self.leader.mean()),
            "standard_error": float(standard_error(self.leader)),
            "members_value": float(self.members.mean()),
            "members_standard_error": float(standard_error(self.members)),
            "lasted": float(self.periods.mean()),
            "endings": {name: counted[name] / len(self.endings) for name in sorted(counted)},
            "plays": len(self.endings),
            "final": {name: _summary(values) for name, values in self.final.items()},
            "average": {name: _summary(values) for name, values in self.average.items()},
        }


def evaluate_population(
    game: PopulationGame,
    policy: PopulationPolicy,
    seed: int = 0,
    purpose: Purpose = Purpose.REPORT,
    plays: int = PLAYS,
    groups: Mapping[str, NDArray[np.bool_]] | None = None,
) -> PopulationEvaluation:
    """Let both sides play by their policies, without exploring, from fresh starts.

    Args:
        game: the rules; policy: of both sides; seed, purpose: of the streams of the plays.
        plays: how many.
        groups: who is in it `[N]`, by name, of groups of members whose payoffs are wanted apart.

    Raises:
        InvalidFieldError: a group without members, or of another population, by name.
    """
    groups = groups or {}
    for name, among in groups.items():
        _check_group(name, among, game.members)
    side_by_side = max(1, min(plays, ROWS // game.members))
    parts = [
        _played(game, policy, Streams(seed, purpose), range(first, min(first + side_by_side, plays)), groups)
        for first in range(0, plays, side_by_side)
    ]
    return PopulationEvaluation(
        leader=np.concatenate([part.leader for part in parts]),
        members=np.concatenate([part.members for part in parts]),
        periods=np.concatenate([part.periods for part in parts]),
        endings=tuple(name for part in parts for name in part.endings),
        final={name: np.concatenate([part.final[name] for part in parts]) for name in game.units},
        average={name: np.concatenate([part.average[name] for part in parts]) for name in game.units},
        groups={name: np.concatenate([part.groups[name] for part in parts]) for name in groups},
    )


def _check_group(name: str, among: NDArray[np.bool_], members: int) -> None:
    if among.dtype != bool or among.shape != (members,) or not among.any():
        raise InvalidFieldError(
            f"group {name!r}",
            f"{among.dtype} of shape {among.shape}",
            f"a mask of {members} members, one or more in it",
        )


def _played(
    game: PopulationGame,
    policy: PopulationPolicy,
    streams: Streams,
    numbers: range,
    groups: Mapping[str, NDArray[np.bool_]],
) -> PopulationEvaluation:
    plays, count = PopulationPlays(game, streams, numbers), len(numbers)
    leader, members = np.zeros(count), np.zeros(count)
    summed = {name: np.zeros(count) for name in game.units}
    apart = {name: np.zeros(count) for name in groups}
    while len(rows := plays.running):
        state = plays.state.take(rows)
        paid = plays.step(*policy.play(game, state), rows)
        leader[rows] += paid[0]
        members[rows] += paid[1].mean(axis=1)
        for name, among in groups.items():
            apart[name][rows] += paid[1][:, among].mean(axis=1)
        for name, figure in game.report(plays.state.take(rows)).items():
            summed[name][rows] += figure
    state = plays.state
    return PopulationEvaluation(
        leader=leader,
        members=members,
        periods=state.period.copy(),
        endings=tuple(game.endings[k] for k in state.ending),
        final={name: np.asarray(figure, dtype=np.float64) for name, figure in game.report(state).items()},
        average={name: total / state.period for name, total in summed.items()},
        groups=apart,
    )


def _summary(values: NDArray[np.float64]) -> dict[str, float]:
    return {"mean": float(values.mean()), "standard_error": float(standard_error(values))}
