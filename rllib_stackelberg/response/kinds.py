"""The kinds of response there are, and which of them followers are of."""

from __future__ import annotations

from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.response.counterfactual import CounterfactualResponse
from rllib_stackelberg.response.fields import ResponseFields
from rllib_stackelberg.response.followers import Followers
from rllib_stackelberg.response.interim import InterimResponse
from rllib_stackelberg.response.played_trajectories import PlayedTrajectories
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.response.rounds import RoundsResponse
from rllib_stackelberg.response.sampled_moves import SampledMoves
from rllib_stackelberg.response.trajectories import TrajectoryResponse
from rllib_stackelberg.rules.game import StackelbergGame

Kind = type[Followers[Any, Any]]

KINDS: tuple[Kind, ...] = (
    RoundsResponse,
    PlayedTrajectories,
    TrajectoryResponse,
    InterimResponse,
    Response,
    SampledMoves,
    CounterfactualResponse,
)
"""In this order: followers are of the first kind that takes a learner of theirs and suits the game."""


def kinds_for(settings: ResponseFields) -> list[Kind]:
    """The kinds that take a learner of these settings, whatever the game.

    Raises:
        InvalidFieldError: there is none.
    """
    found = [kind for kind in KINDS if settings.learners_of(kind.learns)]
    if not found:
        problem = f"{settings.followers[0].traits.name} learns in no way that is known here"
        raise InvalidFieldError("followers", problem, "a subclass of UtilityLearner or TrajectoryLearner")
    return found


def followers_for(game: StackelbergGame, settings: ResponseFields) -> Kind:
    """The kind of response of followers of one model in a game.

    >>> from rllib_stackelberg import LeaderSettings, QLearning, make_game
    >>> followers_for(make_game("escape"), LeaderSettings()).__name__
    'Response'
    >>> followers_for(make_game("escape"), LeaderSettings(followers=(QLearning(),))).__name__
    'TrajectoryResponse'
    """
    return next(kind for kind in kinds_for(settings) if kind.suits(game, settings))
