"""What a leader strategy is worth: followers respond to it afresh, and the value comes with a certificate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import standard_error
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.certificates import Certificate, certify
from rllib_stackelberg.evaluation.estimates import consult, estimate
from rllib_stackelberg.evaluation.plans import certify_plans
from rllib_stackelberg.evaluation.values import Evaluation, ModelValue, mean_over_models
from rllib_stackelberg.followers.learner import Learner
from rllib_stackelberg.plays.outcomes import OutcomeTable, Policies, Profiles, outcomes_against
from rllib_stackelberg.plays.paths import courses, paths_against
from rllib_stackelberg.plays.plays import Leader
from rllib_stackelberg.plays.strategy import AskedPolicy, GivenStrategy, LeaderFunction, LeaderStrategy
from rllib_stackelberg.response.counterfactual import CounterfactualResponse
from rllib_stackelberg.response.path_ties import reported_paths
from rllib_stackelberg.response.phase import learn
from rllib_stackelberg.response.response import NOTHING, Play, Response
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.tie_breaking import reported_play
from rllib_stackelberg.response.trajectories import TrajectoryResponse, deviation_gain, learn_paths, paid
from rllib_stackelberg.response.workload import RESPONSE_SAMPLES, check_workload
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.solvers import Equilibrium, equilibria
from rllib_stackelberg.streams import Purpose, Streams

EVALUATION_LIMIT = 65_536
"""Most outcomes of a game whose strategies are evaluated exactly; beyond it values are estimated from plays."""

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
    streams, plays = Streams(seed, purpose), PLAYS if every_play else (settings.reward_play,)
    if not (settings.from_experience or strategy.game.one_shot):
        return _by_row(strategy, settings.fitted(strategy.game), plays)
    samples = samples if settings.random_response else 1
    if settings.from_experience:
        return _experienced(strategy, settings.fitted(strategy.game), streams, samples, plays)
    if tabulated(strategy.game):
        return _exact(strategy, settings, streams, samples, plays)
    return _estimated(strategy.game, strategy, settings, streams, samples, plays)


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
    if tabulated(game):
        strategy = LeaderStrategy.ask(game, policy)
        return strategy, evaluate_strategy(strategy, settings, seed, purpose, samples, every_play)
    asked = AskedPolicy(game, policy)

    def estimated(own: LeaderSettings) -> Evaluation:
        plays = PLAYS if every_play else (own.reward_play,)
        return _estimated(game, asked, own, Streams(seed, purpose), samples, plays)

    found = _under_models(settings, estimated) if settings.models else estimated(settings)
    return asked.strategy(), found


def _under_models(settings: LeaderSettings, value: Callable[[LeaderSettings], Evaluation]) -> Evaluation:
    """The mean over models of what a leader is worth under each."""
    return mean_over_models([ModelValue(part.name, part.probability, value(part.settings)) for part in settings.parts])


def tabulated(game: StackelbergGame) -> bool:
    """Whether all courses of play of this game, and so all its questions, are tabulated to value a strategy."""
    return courses(game) <= EVALUATION_LIMIT


def _experienced(
    strategy: LeaderStrategy, settings: LeaderSettings, streams: Streams, samples: int, plays: Sequence[Play]
) -> Evaluation:
    """Followers that learn from experience, along the table of all paths."""
    game, table = strategy.game, paths_against(strategy.game, strategy)
    response, rows = TrajectoryResponse(game, settings.learners_from_experience, samples), np.arange(samples)
    episodes = np.zeros(samples, dtype=np.int64)
    learn_paths(response, table, rows, settings, streams, episodes)
    values = {play: paid(response, table, rows, settings, streams, episodes, play) for play in plays}
    reported = settings.reward_play
    certificate = Certificate(
        play=reported,
        bcce_gap=None,
        deviation_gain=deviation_gain(response, table, settings, streams, reported),
        regret=None,
        regret_bound=None,
        regret_bound_vacuous=False,
        updates=settings.response_updates,
        response_samples=samples,
        exact_expectation=settings.reward_plays == "exact" and reported == "argmax",
    )
    return _summary(
        response, response.policies(reported), values, float(standard_error(values[reported][:, 0])), certificate
    )


def _by_row(strategy: LeaderStrategy, settings: LeaderSettings, plays: Sequence[Play]) -> Evaluation:
    """Followers that move several times, with a learner at each of their rows."""
    table, only = paths_against(strategy.game, strategy), np.zeros(1, dtype=np.int64)
    response = CounterfactualResponse(strategy.game, settings.utility_learners, 1, settings.split_ties)
    response.learn(table, only, settings.response_updates)
    policies = {play: reported_paths(response, table, only, play, settings.ties) for play in plays}
    values = {
        play: response.recorded(table, only) if play == "average" else response.worth(table, own)
        for play, own in policies.items()
    }
    reported = policies[settings.reward_play]
    certificate = replace(certify_plans(response, table, settings.reward_play, reported), ties=settings.ties)
    return _summary(response, reported, values, 0.0, certificate)


def _exact(
    strategy: LeaderStrategy, settings: LeaderSettings, streams: Streams, samples: int, plays: Sequence[Play]
) -> Evaluation:
    table = outcomes_against(strategy.game, strategy)
    response, average = _respond(table, strategy, settings, streams, samples, "average" in plays)
    every = np.arange(samples)
    policies = {play: reported_play(response, table, every, play, settings.ties) for play in plays}
    distributions = {play: average if play == "average" else table.distribution(own) for play, own in policies.items()}
    values = {play: table.values(distribution) for play, distribution in distributions.items()}
    reported = settings.reward_play
    certificate = certify(table, response, distributions[reported], policies[reported], settings)
    error = float(standard_error(values[reported][:, 0]))
    return _summary(response, policies[reported], values, error, certificate)


def _estimated(
    game: StackelbergGame,
    leader: Leader,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    plays: Sequence[Play],
) -> Evaluation:
    found = estimate(game, leader, settings, streams, samples, plays)
    policies = found.response.policies(settings.reward_play)
    return _summary(found.response, policies, found.values, found.errors[settings.reward_play][0], found.certificate)


def _summary(
    response: Response | TrajectoryResponse | CounterfactualResponse,
    policies: Policies,
    values: dict[Play, NDArray[np.float64]],
    error: float,
    certificate: Certificate,
) -> Evaluation:
    """From the followers, their strategies reported and values `[samples, agents]` by play."""
    play, game = certificate.play, response.game
    return Evaluation(
        leader_value=float(values[play][:, 0].mean()),
        standard_error=float(error),
        follower_values=tuple(values[play][:, 1:].mean(axis=0).tolist()),
        play=play,
        by_play={name: float(value[:, 0].mean()) for name, value in values.items()},
        weights={
            game.agents[turn.agent]: policies[k].mean(axis=0).tolist() for k, turn in enumerate(game.learned_turns)
        },
        certificate=certificate,
        unvisited={
            game.agents[turn.agent]: np.flatnonzero(response.visits(k) == 0).tolist()
            for k, turn in enumerate(game.learned_turns)
        },
    )


def _respond(
    table: OutcomeTable,
    strategy: LeaderStrategy,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    average: bool,
) -> tuple[Response, NDArray[np.float64]]:
    """Run the response; returns the followers and the time-average distribution of their joint play."""
    rows = np.arange(samples)
    if table.simultaneous or settings.expected:
        response = Response(table.game, settings.utility_learners, samples, settings.split_ties)
        total = np.zeros((samples, *table.payoffs.shape[1:3])) if average else NOTHING
        learn(response, table, rows, settings, streams, [(int(s), 0) for s in rows], total)
        return response, total / settings.response_updates
    # Followers that see each other's moves are played, not looked up.
    response = consult(table.game, strategy, settings, streams, samples).response
    return response, table.distribution(response.policies("average"))


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
