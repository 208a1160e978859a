"""What a leader strategy is worth: followers respond to it afresh, and the value comes with a certificate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.valuations import ESTIMATES, EVALUATION_LIMIT, VALUATIONS, tabulated
from rllib_stackelberg.evaluation.values import Evaluation, ModelValue, mean_over_models
from rllib_stackelberg.followers.learner import Learner
from rllib_stackelberg.plays.outcomes import Profiles, outcomes_against
from rllib_stackelberg.plays.strategy import AskedPolicy, GivenStrategy, LeaderFunction, LeaderStrategy
from rllib_stackelberg.response.kinds import followers_for
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.workload import RESPONSE_SAMPLES, check_workload
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.solvers import Equilibrium, equilibria
from rllib_stackelberg.streams import Purpose, Streams

PLAYS: tuple[Play, ...] = ("argmax", "last", "average")


def evaluate_strategy(
    strategy: GivenStrategy,
    settings: LeaderSettings,
    seed: int = 0,
    purpose: Purpose = Purpose.REPORT,
    samples: int = RESPONSE_SAMPLES,
    every_play: bool = True,
    game: StackelbergGame | None = None,
) -> Evaluation:
    """Let followers respond to a leader strategy and value every play; under every model, if there are several.

    Exact over types and others' play up to `EVALUATION_LIMIT` outcomes, estimated from plays beyond (estimates.py).

    Args:
        strategy: the leader's answers, as pairs or plain data with the `game` that they are of; settings: the
            response; seed, purpose: of the response streams.
        samples: independent responses, where they are random.
        every_play: also value the plays that are not reported (time-average play costs most).

    Raises:
        InvalidFieldError: a question is met that has no answer, or settings that the game is too large for.
    """
    strategy = _of(strategy, game)
    check_workload(strategy.game, settings, samples)
    if settings.models:
        return _under_models(settings, lambda own: evaluate_strategy(strategy, own, seed, purpose, samples, every_play))
    plays = PLAYS if every_play else (settings.reward_play,)
    kind = followers_for(strategy.game, settings)
    return VALUATIONS[kind](kind, strategy, settings, Streams(seed, purpose), samples, plays)


def _of(strategy: GivenStrategy, game: StackelbergGame | None) -> LeaderStrategy:
    """The strategy itself, or what is given read as one of the game."""
    if game is not None:
        return LeaderStrategy.of(game, strategy)
    if not isinstance(strategy, LeaderStrategy):
        raise InvalidFieldError("strategy", "is data without its game", "a LeaderStrategy, or game=...")
    return strategy


def evaluate_policy(
    game: StackelbergGame,
    policy: LeaderFunction,
    settings: LeaderSettings,
    seed: int = 0,
    purpose: Purpose = Purpose.REPORT,
    samples: int = RESPONSE_SAMPLES,
    every_play: bool = True,
) -> tuple[LeaderStrategy, Evaluation]:
    """As `evaluate_strategy`, of a leader that answers what it is asked.

    Returns:
        What it answered, and the evaluation. Up to `EVALUATION_LIMIT` outcomes these are all questions that can be
        met, beyond it those that were.
    """
    return evaluate_asked(AskedPolicy(game, policy), settings, seed, purpose, samples, every_play)


def evaluate_asked(
    asked: AskedPolicy,
    settings: LeaderSettings,
    seed: int = 0,
    purpose: Purpose = Purpose.REPORT,
    samples: int = RESPONSE_SAMPLES,
    every_play: bool = True,
) -> tuple[LeaderStrategy, Evaluation]:
    """As `evaluate_policy`, of a policy that may have been asked before."""
    game = asked.game
    if tabulated(game):
        strategy = asked.everything()
        return strategy, evaluate_strategy(strategy, settings, seed, purpose, samples, every_play)

    def estimated(own: LeaderSettings) -> Evaluation:
        """Values and gains under one model of followers."""
        plays = PLAYS if every_play else (own.reward_play,)
        return ESTIMATES[followers_for(game, own)](game, asked, own, Streams(seed, purpose), samples, plays)

    found = _under_models(settings, estimated) if settings.models else estimated(settings)
    return asked.strategy(), found


def _under_models(settings: LeaderSettings, value: Callable[[LeaderSettings], Evaluation]) -> Evaluation:
    """The mean over models of what a leader is worth under each."""
    return mean_over_models([ModelValue(part.name, part.probability, value(part.settings)) for part in settings.parts])


def respond(
    game: StackelbergGame,
    leader_strategy: GivenStrategy,
    followers: Learner | tuple[Learner, ...] | None = None,
    updates: int = 250,
    seed: int = 0,
    **settings: Any,
) -> Evaluation:
    """Followers' response to a given leader strategy.

    Args:
        game: the game; leader_strategy: a `LeaderStrategy`, its plain-data form, or a solution's pairs.
        followers: learner(s), multiplicative weights by default; updates: of the response phase.
        settings: further fields of `LeaderSettings`.

    >>> from rllib_stackelberg import make_game, respond
    >>> respond(make_game("escape"), [{"question": 0, "action": 2}], updates=33).leader_value
    1.0
    """
    if followers is not None:
        settings["followers"] = followers
    checked = LeaderSettings.checked(response_updates=updates, **settings)
    return evaluate_strategy(leader_strategy, checked, seed, game=game)


def pure_equilibria(game: StackelbergGame, leader_strategy: GivenStrategy) -> list[Equilibrium]:
    """Every pure Bayesian equilibrium of the followers against a leader strategy, the best for the leader first.

    Raises:
        InvalidFieldError: more than 100,000 joint strategies, or a game of too many outcomes.

    >>> from rllib_stackelberg import make_game, pure_equilibria
    >>> no_payments = [{"question": k, "action": [0, 0]} for k in range(4)]
    >>> for found in pure_equilibria(make_game("matrix-design"), no_payments):
    ...     print(found.strategies, round(found.values[0], 4))
    ((0,), (1,)) 1.6667
    ((1,), (0,)) 1.6667
    """
    strategy = LeaderStrategy.of(game, leader_strategy)
    if not game.one_shot:
        raise InvalidFieldError("game", "has followers that move several times, or a memory", "one move per play")
    if not tabulated(game):
        raise InvalidFieldError("game", f"has {Profiles.count(game):,} outcomes", f"up to {EVALUATION_LIMIT:,}")
    found = equilibria(outcomes_against(game, strategy))
    return sorted(found, key=lambda equilibrium: -equilibrium.values[0])
