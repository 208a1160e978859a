"""What settings become for a game, and what it is too large for.

Settings of followers that move once are fitted in one of two ways: leader episodes are looked up in a table of
outcomes, or their updates are played.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import Learner, UtilityLearner
from rllib_stackelberg.followers.trajectory import TrajectoryLearner
from rllib_stackelberg.plays.outcomes import EXACT_LIMIT, TABLE_LIMIT, Profiles
from rllib_stackelberg.plays.paths import Paths
from rllib_stackelberg.response.fields import PLAYS_ASKED_ONCE, PLAYS_JUDGED, SAMPLED_PLAYS, ResponseFields
from rllib_stackelberg.response.followers import Settings
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame


def learners_that(fit: Callable[[type[Learner]], bool]) -> str:
    """Names of the learners that fit."""
    return ", ".join(name for name, kind in sorted(Learner.registry.items()) if fit(kind))


def check_paths(game: StackelbergGame) -> None:
    """Refuse a game of more courses of play than a table of paths may have.

    Raises:
        InvalidFieldError: naming how many it has.
    """
    if (paths := Paths.count(game)) > TABLE_LIMIT:
        raise InvalidFieldError("game", f"has {paths:,} courses of play", f"up to {TABLE_LIMIT:,}, as a table of paths")


def check_several_moves(settings: ResponseFields, game: StackelbergGame) -> None:
    """Refuse utility learners that cannot be followers with several moves in a play.

    Raises:
        InvalidFieldError: naming those that can.
    """
    name, turns = name_of(game), len(game.learned_turns)
    if game.memory > 1:
        known = learners_that(lambda kind: issubclass(kind, TrajectoryLearner))
        raise InvalidFieldError("followers", f"learn within a play, and {name} has a memory", known)
    if any(learner.traits.feedback != "full" for learner in settings.followers):
        known = learners_that(lambda kind: issubclass(kind, UtilityLearner) and kind.traits.feedback == "full")
        raise InvalidFieldError("followers", f"see one action's payoff, and {name} has several moves a play", known)
    if len(settings.followers) not in (1, turns):
        allowed = f"one for all, or one for each of {turns}"
        raise InvalidFieldError("followers", f"{len(settings.followers)} learners", allowed)


def penalty(settings: ResponseFields, game: StackelbergGame) -> float:
    """What lacks of the margin costs the leader per unit; by default its payoff range per margin."""
    if settings.deviation_penalty is not None:
        return settings.deviation_penalty
    return float(np.ptp(game.payoff_range[0])) / settings.deviation_margin if settings.deviation_margin else 0.0


def fitted_to_table(settings: Settings, game: StackelbergGame) -> Settings:
    """Leader episodes that are looked up in a table of outcomes."""
    outcomes = Profiles.count(game)
    if outcomes > TABLE_LIMIT:
        raise InvalidFieldError("elicitation", f"closure of {outcomes:,} outcomes", f"in_play above {TABLE_LIMIT}")
    chosen = settings.reward_plays or "exact"
    if settings.deviation_penalty and chosen != "exact":
        raise InvalidFieldError(settings.steering, "needs exact rewards", "0 with sampled reward plays")
    return settings.model_copy(update={"reward_plays": chosen})


def fitted_in_play(settings: Settings, game: StackelbergGame) -> Settings:
    """Leader episodes whose updates are played."""
    outcomes = Profiles.count(game)
    if settings.expected and outcomes > EXACT_LIMIT:
        field = "followers" if settings.needs_expected else "update_mode"
        allowed = f"sampled updates, or up to {EXACT_LIMIT:,} outcomes"
        raise InvalidFieldError(field, f"exact updates over {outcomes:,} outcomes", allowed)
    _refuse_whole_rewards(settings, outcomes)
    # Certain play takes one play per (types, chance) to be exact. Other play takes one per outcome.
    plays = outcomes if settings.whole_reward else game.nature.size
    if settings.reward_plays == "exact" and plays > EXACT_LIMIT:
        allowed = f"a number of plays, or exact up to {EXACT_LIMIT:,} plays"
        raise InvalidFieldError("reward_plays", f"exact takes {plays:,} plays in this game", allowed)
    few = EXACT_LIMIT if settings.by_table else TABLE_LIMIT
    judged = PLAYS_JUDGED if game.played_alone else PLAYS_ASKED_ONCE
    sampled = judged if settings.leader_queries == "once" else SAMPLED_PLAYS
    chosen = settings.reward_plays or ("exact" if plays <= few else sampled)
    return settings.model_copy(update={"reward_plays": chosen})


def _refuse_whole_rewards(settings: ResponseFields, outcomes: int) -> None:
    """Refuse what takes the payoffs of all outcomes where a reward phase does not have them."""
    if outcomes <= EXACT_LIMIT and not isinstance(settings.reward_plays, int):
        return
    for field, unset, given in (
        (settings.steering, "0", bool(settings.deviation_penalty)),
        ("ties", "lowest or uniform", settings.ties in ("leader", "against")),
    ):
        if given:
            problem = f"takes an exact reward phase of all {outcomes:,} outcomes"
            allowed = f"{unset}, or exact reward plays up to {EXACT_LIMIT:,} outcomes"
            raise InvalidFieldError(field, problem, allowed)
