"""What a reported value may be trusted for: regret, BCCE gap, deviation gain.

- Regret of a learner's mixed strategies at a row: payoff of its best fixed action minus its own, summed over
  the row's updates. Beside it the learner's bound; a bound no smaller than the largest possible regret is
  vacuous. A bandit learner's bound is on its expected regret: regret and bound are then means over response samples.
- BCCE gap of the recorded play: max over followers, rows t and fixed actions a' of
  P(t) (E[u(a', a_-i) | t] - E[u | t]), from per-update joint records, so correlated types are covered. No-regret
  play drives it to zero (Hartline, Syrgkanis & Tardos 2015; Brero et al. 2022).
- Deviation gain of the play whose value is reported: the largest interim gain E[u(a', .) | t] - E[u | t]. Zero
  (what rounding explains counts as zero: comparisons.py) means the play is an equilibrium given the leader's strategy.

- Where followers move several times in a play, plans of all their moves take the place of actions (plans.py).
- Learners from experience (trajectories.py) have neither of the first two; their deviation gain is the largest from
  another action at one row.

All in payoff units; each is the worst over response samples. Where there are too many outcomes to sum over, and the
rules know no short way to expected payoffs (rules/interim.py), values and gains are estimated from plays
(estimates.py), and the certificate says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import NEGLIGIBLE
from rllib_stackelberg.evaluation.indifference import indifference
from rllib_stackelberg.plays.outcomes import OutcomeTable, Policies
from rllib_stackelberg.response.learned_rows import LearnedRows, Record
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rounding import estimate, number
from rllib_stackelberg.rules.display import facts_table
from rllib_stackelberg.rules.ties import Ties


@dataclass(frozen=True)
class Certificate:
    """See the head of this file.

    Attributes:
        play: whose value is reported; updates: of the response phase.
        response_samples: number of response streams; exact_expectation: whether values and gains are exact over
            types and others' play, rather than estimated from plays.
        bcce_gap, regret: None of learners from experience, whose other actions' payoffs nobody knows.
        regret, regret_bound: of the row whose regret comes closest to its bound; no bound where the learner gives none.
        regret_bound_vacuous: whether that bound says nothing.
        deviation_error: standard error of an estimated gain, 0 of an exact one.
        deviation_plays: of an estimated gain, plays per response sample and action (of every follower), all with
            the same types, chance and draws of the others; 0 where exact.
        ties: how followers break ties in argmax play.
        leader_value: the leader's payoff in the play certified, mean over response samples.
        indifferent: at how many information sets of the play certified a follower is indifferent, the most over
            response samples (indifference.py); indifferent_probability: of a play that meets one of them.
        helping, harming: what `leader_value` would be if indifferent followers acted for the leader, or against it.
        margin: by how much every follower prefers what it plays, at least, to everything else that it could do.
            These five are None of last and average play, of estimated play, of followers that move several times in a
            play, and of learners from experience.
    """

    play: Play
    bcce_gap: float | None
    deviation_gain: float
    regret: float | None
    regret_bound: float | None
    regret_bound_vacuous: bool
    updates: int
    response_samples: int
    exact_expectation: bool
    deviation_error: float = 0.0
    deviation_plays: int = 0
    ties: Ties = "lowest"
    leader_value: float | None = None
    indifferent: int | None = None
    indifferent_probability: float | None = None
    helping: float | None = None
    harming: float | None = None
    margin: float | None = None

    @property
    def equilibrium(self) -> bool:
        """Whether no follower can gain by deviating from the reported play; of an estimate, at two standard errors."""
        return self.deviation_gain <= 2 * self.deviation_error

    def data(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self) | {"equilibrium": self.equilibrium}

    def _repr_html_(self) -> str:
        """For notebooks: the figures one by one."""
        facts = {
            f"equilibrium of the followers ({self.play} play)": "yes" if self.equilibrium else "no",
            "most that a follower gains by leaving it": str(estimate(self.deviation_gain, self.deviation_error)),
            "ties": self.ties_in_words(),
            "BCCE gap of time-average play": "" if self.bcce_gap is None else number(self.bcce_gap, 4),
            "regret": "" if self.regret is None else number(self.regret, 4),
            "its bound": "" if self.regret_bound is None else number(self.regret_bound, 4),
            "updates, response samples": f"{self.updates:,}, {self.response_samples:,}",
        }
        if self.regret_bound_vacuous:
            facts["its bound"] += " (vacuous: no regret is larger)"
        return facts_table("Certificate", facts)

    def words(self) -> str:
        """One paragraph for people."""
        if self.bcce_gap is None or self.regret is None:
            samples = self._samples()
            if self.deviation_plays:
                return f"{self._estimated_change()}; {self.updates} updates, {samples}"
            return f"{self._changed_play()}; {self.updates} plays, {samples}"
        play = self._estimated_play() if self.deviation_plays else self._exact_play()
        bound = (
            f"regret {self.regret:.4g} without a bound"
            if self.regret_bound is None
            else f"regret {self.regret:.4g} of at most {self.regret_bound:.4g}"
            + (" (a vacuous bound at so few updates)" if self.regret_bound_vacuous else "")
        )
        ties = self.ties_in_words()
        return (
            f"{play}; {ties}{'; ' if ties else ''}over all updates one fixed action would have paid a follower at most "
            f"{self.bcce_gap:.4g} more (BCCE gap); {bound}; {self.updates} updates, {self._samples()}"
        )

    def _samples(self) -> str:
        return f"{self.response_samples} response sample{'' if self.response_samples == 1 else 's'}."

    def ties_in_words(self) -> str:
        """Where followers are indifferent, and what that is worth to the leader; empty where it is not known."""
        value, helping, harming = self.leader_value, self.helping, self.harming
        if value is None or helping is None or harming is None:
            return ""
        if not self.indifferent:
            margin = "" if self.margin is None else f": each prefers its play by at least {self.margin:.4g}"
            return f"no follower is indifferent{margin}"
        places = f"{self.indifferent} information set{'s' if self.indifferent > 1 else ''}"
        where = f"followers are indifferent at {places} (probability {self.indifferent_probability:.4g})"
        slack = NEGLIGIBLE * max(abs(value), abs(helping), abs(harming))
        helped, harmed = helping - value <= slack, value - harming <= slack
        if helped and harmed:
            return f"{where}, which is all the same to the leader"
        if helped:
            return f"{where} and act for the leader; against it, {harming:.6g}"
        if harmed:
            return f"{where} and do not help the leader; helping, {helping:.6g}"
        return f"{where}; helping the leader, {helping:.6g}; against it, {harming:.6g}"

    def _exact_play(self) -> str:
        if self.equilibrium:
            return f"the {self.play} play is an equilibrium of the followers"
        return f"a follower could gain {self.deviation_gain:.4g} by leaving the {self.play} play"

    def _changed_play(self) -> str:
        if self.equilibrium:
            return f"no follower gains from another action at one of its information sets in the {self.play} play"
        gain = f"{self.deviation_gain:.4g}"
        return f"a follower could gain {gain} by another action at one of its information sets in the {self.play} play"

    def _estimated_change(self) -> str:
        found = "no gain" if self.equilibrium else "a gain"
        return (
            f"{found} from another action at one of its information sets was found for a follower in the {self.play} "
            f"play (estimated {estimate(self.deviation_gain, self.deviation_error)} from plays)"
        )

    def _estimated_play(self) -> str:
        found = "no gain from" if self.equilibrium else "a gain from"
        gain = estimate(self.deviation_gain, self.deviation_error)
        return (
            f"{found} leaving the {self.play} play was found (estimated {gain}, {self.deviation_plays} plays of every "
            "action per response sample)"
        )


def bcce_gap(record: Record, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """BCCE gap of recorded play: `[episode]`.

    Args:
        record: of one follower; probabilities: of each of its rows.
    """
    visits = np.maximum(record.visits, 1)
    gain = (record.fixed.max(axis=-1) - record.drawn) / visits
    return np.maximum(probabilities * gain, 0).max(axis=1)


def regret(response: LearnedRows[Any], turn: int) -> tuple[float, float | None, bool]:
    """(regret, bound, vacuous) of the row of a follower whose regret comes closest to its bound."""
    record, learner, game = response.record(turn), response.learners[turn], response.game
    low, high = (float(x) for x in game.payoff_range[game.learned_turns[turn].agent])
    spread, scale = high - low, game.utility_scale
    bounds = learner.regret_bound(record.actions, record.visits, spread / scale) * scale
    regrets, visits = record.regret, record.visits
    if learner.traits.feedback == "bandit":
        regrets = np.maximum((record.fixed - record.mixed[..., None]).mean(axis=0).max(axis=-1), 0)
        bounds, visits = bounds.mean(axis=0), visits.mean(axis=0)
    if not np.isfinite(bounds).all():
        return float(regrets.max()), None, False
    ratio = np.divide(regrets, bounds, out=np.zeros_like(bounds), where=bounds > 0)
    worst = np.unravel_index(ratio.argmax(), ratio.shape)
    vacuous = bounds[worst] >= spread * visits[worst]
    return float(regrets[worst]), float(bounds[worst]), bool(vacuous)


def certify(
    table: OutcomeTable,
    response: Response,
    distribution: NDArray[np.float64],
    policies: Policies,
    settings: LeaderSettings,
    indifferent: bool = True,
) -> Certificate:
    """The certificate of the play that is reported.

    Args:
        table: outcomes against the leader, one entry; response: the followers.
        distribution: of the play over profiles `[S, T, A]`; policies: of the followers, `[S, rows, actions]`.
        settings: of the response, and which play is reported.
        indifferent: whether to find out what indifferent followers may do, which takes longer than all the rest.
    """
    certain = indifferent and settings.reward_play == "argmax" and bool(policies)
    turns = range(len(table.game.learned_turns))
    gain = max((float(table.gains(distribution, turn).max()) for turn in turns), default=0.0)
    return Certificate(
        play=settings.reward_play,
        ties=settings.ties,
        leader_value=float(table.values(distribution)[:, 0].mean()),
        deviation_gain=gain,
        updates=settings.response_updates,
        response_samples=len(distribution),
        exact_expectation=True,
        **learning_certificate(response, [table.deviations(distribution, turn).reach.mean(axis=0) for turn in turns]),
        **(indifference(table, policies) if certain else {}),
    )


def learning_certificate(response: LearnedRows[Any], reach: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
    """What running sums alone certify: `bcce_gap` and regret, as fields of a `Certificate`.

    Args:
        response: the followers; reach: per learned turn the probability of each row.
    """
    gaps = [bcce_gap(response.record(turn), rows) for turn, rows in enumerate(reach)]
    regrets = [regret(response, turn) for turn in range(len(reach))]
    return {"bcce_gap": max((float(gap.max()) for gap in gaps), default=0.0), **worst_regret(regrets)}


def worst_regret(regrets: Sequence[tuple[float, float | None, bool]]) -> dict[str, Any]:
    """The follower whose regret comes closest to its bound; ones without a bound only when there are no others."""
    worst = max(regrets, key=lambda r: -1.0 if not r[1] else r[0] / r[1], default=(0.0, None, False))
    return dict(zip(("regret", "regret_bound", "regret_bound_vacuous"), worst, strict=True))
