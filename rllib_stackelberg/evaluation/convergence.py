"""How far followers' play is from equilibrium as they learn longer against one leader strategy.

The gap reported is that of a certificate (certificates.py): of the recorded time-average play, the worst over response
samples. A response of more updates goes on with the draws of a shorter one, so this is one response watched as it goes.
"""

from __future__ import annotations

from typing import NamedTuple

from rllib_stackelberg.evaluation.strategies import evaluate_strategy
from rllib_stackelberg.plays.outcomes import outcomes_against
from rllib_stackelberg.plays.paths import courses
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.followers import PLAYED
from rllib_stackelberg.response.kinds import followers_for
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.workload import RESPONSE_SAMPLES

RUNGS = 10
WORK = 2 * 10**7
"""Most look-ups of an outcome that a whole ladder may cost: two or three seconds."""


def update_ladder(updates: int) -> list[int]:
    """Geometric numbers of updates from 1 to the given one.

    >>> update_ladder(250)
    [1, 2, 3, 5, 9, 16, 27, 48, 83, 144, 250]
    """
    return sorted({round(updates ** (rung / RUNGS)) for rung in range(RUNGS + 1)})


class Rung(NamedTuple):
    """Followers that have learned for a while.

    Attributes:
        updates: how many there were; gap: BCCE gap of what was recorded until then.
        weights: per follower the mean strategy `[row][action]` that they have come to.
    """

    updates: int
    gap: float
    weights: dict[str, list[list[float]]]


def rungs_up_to(strategy: LeaderStrategy, settings: LeaderSettings, seed: int) -> list[Rung]:
    """Followers at the rungs up to `response_updates`, on the streams of a report.

    A rung that would cost more than what is left of `WORK` ends the ladder: by counting, so that reports repeat.

    Args:
        strategy: of a tabulated game; settings, seed: of the run.
    """
    found: list[Rung] = []
    left = WORK
    outcomes = courses(strategy.game)
    expected = followers_for(strategy.game, settings).exact_updates(settings)
    looked_up = expected or outcomes_against(strategy.game, strategy).simultaneous
    for updates in update_ladder(settings.response_updates):
        each = outcomes if expected else RESPONSE_SAMPLES * (1 if looked_up else PLAYED)
        left -= updates * each + RESPONSE_SAMPLES * outcomes
        if left < 0:
            break
        found.append(rung(updates, strategy, settings, seed))
    return found


def rung(
    updates: int, strategy: LeaderStrategy, settings: LeaderSettings, seed: int, samples: int = RESPONSE_SAMPLES
) -> Rung:
    """Utility learners after a number of updates; the gap is the worst over response samples."""
    shorter = settings.model_copy(update={"response_updates": updates, "reward_play": "last"})
    found = evaluate_strategy(strategy, shorter, seed, samples=samples, every_play=False)
    assert found.certificate.bcce_gap is not None
    return Rung(updates, found.certificate.bcce_gap, found.weights)


def gap_after(
    updates: int, strategy: LeaderStrategy, settings: LeaderSettings, seed: int, samples: int = RESPONSE_SAMPLES
) -> float:
    """BCCE gap after a number of updates, the worst over response samples; of utility learners."""
    return rung(updates, strategy, settings, seed, samples).gap
