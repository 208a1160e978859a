"""What a reported value may be trusted for: regret, BCCE gap, deviation gain.

- Regret of a learner's mixed strategies at a row: payoff of its best fixed action minus its own, summed over
  the row's updates. Beside it the learner's bound; a bound no smaller than the largest possible regret is
  vacuous.
- BCCE gap of the recorded play: max over followers, rows t and fixed actions a' of
  P(t) (E[u(a', a_-i) | t] - E[u | t]), from per-update joint records, so correlated types are covered. No-regret
  play drives it to zero (Hartline, Syrgkanis & Tardos 2015; Brero et al. 2022).
- Deviation gain of the play whose value is reported: the largest interim gain E[u(a', .) | t] - E[u | t]. Zero
  (up to rounding) means the play is an equilibrium given the leader's strategy.

All in payoff units; each is the worst over response samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.outcomes import OutcomeTable
from rllib_stackelberg.response import Play, Record, Response

EQUILIBRIUM_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Certificate:
    """See the head of this file.

    Attributes:
        play: whose value is reported; updates: of the response phase.
        response_samples: number of response streams; exact_expectation: whether values are exact over types.
        regret, regret_bound: of the row whose regret comes closest to its bound.
        regret_bound_vacuous: whether that bound says nothing.
    """

    play: Play
    bcce_gap: float
    deviation_gain: float
    regret: float
    regret_bound: float | None
    regret_bound_vacuous: bool
    updates: int
    response_samples: int
    exact_expectation: bool

    @property
    def equilibrium(self) -> bool:
        """Whether no follower can gain by deviating from the reported play."""
        return self.deviation_gain <= EQUILIBRIUM_TOLERANCE

    def data(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self) | {"equilibrium": self.equilibrium}

    def words(self) -> str:
        """One paragraph for people."""
        play = (
            f"the {self.play} play is an equilibrium of the followers"
            if self.equilibrium
            else f"a follower could gain {self.deviation_gain:.4g} by leaving the {self.play} play"
        )
        bound = (
            "the learner gives no regret bound"
            if self.regret_bound is None
            else f"regret {self.regret:.4g} of at most {self.regret_bound:.4g}"
            + (" (a vacuous bound at so few updates)" if self.regret_bound_vacuous else "")
        )
        return (
            f"{play}; time-average play is a BCCE up to {self.bcce_gap:.4g}; {bound}; "
            f"{self.updates} updates, {self.response_samples} response sample(s)."
        )


def bcce_gap(record: Record, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """BCCE gap of recorded play: `[episode]`.

    Args:
        record: of one follower; probabilities: of each of its rows.
    """
    visits = np.maximum(record.visits, 1)
    gain = (record.fixed.max(axis=-1) - record.drawn) / visits
    return np.maximum(probabilities * gain, 0).max(axis=1)


def regret(response: Response, turn: int) -> tuple[float, float | None, bool]:
    """(regret, bound, vacuous) of the row of a follower whose regret comes closest to its bound."""
    record, learner, game = response.record(turn), response.learners[turn], response.game
    if not learner.traits.no_regret:
        return float(record.regret.max()), None, False
    low, high = (float(x) for x in game.payoff_range[game.learned_turns[turn].agent])
    spread, scale = high - low, game.utility_scale
    bounds = learner.regret_bound(record.actions, record.visits, spread / scale) * scale
    ratio = np.divide(record.regret, bounds, out=np.zeros_like(bounds), where=bounds > 0)
    worst = np.unravel_index(ratio.argmax(), ratio.shape)
    vacuous = bounds[worst] >= spread * record.visits[worst]
    return float(record.regret[worst]), float(bounds[worst]), bool(vacuous)


def certify(
    table: OutcomeTable,
    response: Response,
    distribution: NDArray[np.float64],
    play: Play,
    updates: int,
) -> Certificate:
    """The certificate of a play, from outcomes, followers and the play's distribution over profiles."""
    turns = range(len(table.game.learned_turns))
    found = [table.deviations(distribution, turn) for turn in turns]
    gain = max((float(deviations.gains().max()) for deviations in found), default=0.0)
    gaps = [bcce_gap(response.record(turn), found[turn].reach.mean(axis=0)) for turn in turns]
    regrets = [regret(response, turn) for turn in turns]
    return Certificate(
        play=play,
        bcce_gap=max((float(gap.max()) for gap in gaps), default=0.0),
        deviation_gain=max(gain, 0.0),
        updates=updates,
        response_samples=len(distribution),
        exact_expectation=True,
        **_worst(regrets),
    )


def _worst(regrets: Sequence[tuple[float, float | None, bool]]) -> dict[str, Any]:
    """The follower whose regret comes closest to its bound; ones without a bound only when there are no others."""
    worst = max(regrets, key=lambda r: -1.0 if not r[1] else r[0] / r[1], default=(0.0, None, False))
    return dict(zip(("regret", "regret_bound", "regret_bound_vacuous"), worst, strict=True))
