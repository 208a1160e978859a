"""How long followers learn in a response, before it is begun: what would not end is refused, with what would.

Counted are look-ups of an outcome, the unit of every response: a sampled update takes about as long as `DRAWN` of them,
an exact one looks up all outcomes, and one that is played instead of looked up costs `PLAYED` times as much.
"""

from __future__ import annotations

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.response.kinds import followers_for
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame

LOOKUPS_PER_SECOND = 2e7
"""Of one core of 2024."""

MOST_MINUTES = 5

RESPONSE_SAMPLES = 64
"""Independent responses that a reported value is the mean over, where they are random."""


def check_workload(game: StackelbergGame, settings: LeaderSettings, samples: int) -> None:
    """Refuse a response that would take more than `MOST_MINUTES`.

    Args:
        game: the game; settings: of the response; samples: independent responses, where they are random.

    Raises:
        InvalidFieldError: naming how long it would take, and how many updates would not.
    """
    for part in settings.parts:
        own = part.settings
        each = followers_for(game, own).update_lookups(own, game) * (samples if own.random_response else 1)
        seconds = own.response_updates * each / LOOKUPS_PER_SECOND
        if seconds > 60 * MOST_MINUTES:
            problem = f"{own.response_updates:,} would take about {seconds / 60:,.0f} minutes in this game"
            allowed = f"up to {int(60 * MOST_MINUTES * LOOKUPS_PER_SECOND / each):,} here"
            raise InvalidFieldError("response_updates", problem, allowed)
