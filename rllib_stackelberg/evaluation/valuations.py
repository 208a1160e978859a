"""What a leader strategy is worth against one model of followers, with a certificate, by the kind of their response.

Every kind has a line in `VALUATIONS`. All tabulate what can happen against the strategy, let fresh followers respond,
and value every play asked for; they differ in what can be certified, and in which payoffs are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import standard_error
from rllib_stackelberg.evaluation.certificates import Certificate, certify, learning_certificate
from rllib_stackelberg.evaluation.courses import Valued, consult_courses, values_of
from rllib_stackelberg.evaluation.estimates import DEVIATION_PLAYS, consult, estimate
from rllib_stackelberg.evaluation.plans import certify_plans
from rllib_stackelberg.evaluation.values import Evaluation
from rllib_stackelberg.plays.outcomes import OutcomeTable, Policies
from rllib_stackelberg.plays.paths import courses
from rllib_stackelberg.plays.plays import Leader
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.counterfactual import CounterfactualResponse
from rllib_stackelberg.response.followers import Followers
from rllib_stackelberg.response.interim import InterimResponse
from rllib_stackelberg.response.kinds import Kind
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.phase import Phase
from rllib_stackelberg.response.played_trajectories import PlayedTrajectories
from rllib_stackelberg.response.response import NOTHING, Response
from rllib_stackelberg.response.rounds import RoundsResponse
from rllib_stackelberg.response.sampled_moves import SampledMoves
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.trajectories import TrajectoryResponse
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Streams

EVALUATION_LIMIT = 65_536
"""Most outcomes of a game whose strategies are evaluated exactly; beyond it values are estimated from plays."""


def tabulated(game: StackelbergGame) -> bool:
    """Whether all courses of play of this game, and so all its questions, are tabulated to value a strategy."""
    return courses(game) <= EVALUATION_LIMIT


def _phase(settings: LeaderSettings, streams: Streams, samples: int) -> Phase:
    """The response of independent samples, each on the streams of an environment of its own."""
    return Phase(np.arange(samples), settings, streams, [(sample, 0) for sample in range(samples)])


def experienced_value(
    kind: type[TrajectoryResponse],
    strategy: LeaderStrategy,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    plays: Sequence[Play],
) -> Evaluation:
    """Followers that learn from experience, along the table of all paths."""
    game, settings = strategy.game, settings.fitted(strategy.game)
    samples = samples if settings.random_response else 1
    phase, table = _phase(settings, streams, samples), kind.tabulate(game, strategy)
    response = kind.begin(settings, game, samples)
    response.respond(table, phase)
    values = {play: response.values(table, phase, response.policies(play), play) for play in plays}
    reported = settings.reward_play
    certificate = Certificate(
        play=reported,
        bcce_gap=None,
        deviation_gain=response.deviation_gain(table, settings, streams, reported),
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


def several_moves_value(
    kind: type[CounterfactualResponse],
    strategy: LeaderStrategy,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    plays: Sequence[Play],
) -> Evaluation:
    """Followers that move several times, with a learner at each of their rows; every response is the same."""
    game, settings = strategy.game, settings.fitted(strategy.game)
    phase, table = _phase(settings, streams, 1), kind.tabulate(game, strategy)
    response, only = kind.begin(settings, game, 1), phase.rows
    response.respond(table, phase)
    policies = {play: response.reported(table, only, play, settings.ties) for play in plays}
    values = {
        play: response.recorded(table, only) if play == "average" else response.worth(table, own)
        for play, own in policies.items()
    }
    reported = policies[settings.reward_play]
    certificate = replace(certify_plans(response, table, settings.reward_play, reported), ties=settings.ties)
    return _summary(response, reported, values, 0.0, certificate)


def one_move_value(
    kind: type[Response],
    strategy: LeaderStrategy,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    plays: Sequence[Play],
) -> Evaluation:
    """Followers that move once: exactly, or estimated in games of too many outcomes to tabulate.

    What indifferent followers may do is found out for reports, which value more plays than one.
    """
    samples = samples if settings.random_response else 1
    if not tabulated(strategy.game):
        return estimated_value(strategy.game, strategy, settings, streams, samples, plays)
    table = kind.tabulate(strategy.game, strategy)
    response, average = _respond(kind, table, strategy, settings, streams, samples, "average" in plays)
    every = np.arange(samples)
    policies = {play: response.reported(table, every, play, settings.ties) for play in plays}
    distributions = {play: average if play == "average" else table.distribution(own) for play, own in policies.items()}
    values = {play: table.values(distribution) for play, distribution in distributions.items()}
    reported = settings.reward_play
    certificate = certify(table, response, distributions[reported], policies[reported], settings, len(plays) > 1)
    error = float(standard_error(values[reported][:, 0]))
    return _summary(response, policies[reported], values, error, certificate)


def estimated_value(
    game: StackelbergGame,
    leader: Leader,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    plays: Sequence[Play],
) -> Evaluation:
    """Followers that move once, valued in plays; see `estimate`."""
    found = estimate(game, leader, settings, streams, samples, plays)
    policies = found.response.policies(settings.reward_play)
    return _summary(found.response, policies, found.values, found.errors[settings.reward_play][0], found.certificate)


def courses_value(
    game: StackelbergGame,
    leader: Leader,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    plays: Sequence[Play],
) -> Evaluation:
    """Followers whose courses of play are too many for a table, valued in plays; see courses.py."""
    settings = settings.fitted(game)
    response = consult_courses(game, leader, settings, streams, samples)
    valued = Valued(response, leader, streams, settings.sampled_reward_plays)
    values, errors = values_of(valued, plays)
    reported = settings.reward_play
    gain, error = valued.deviation(reported)
    regret = response.overall_regret()
    certificate = Certificate(
        play=reported,
        ties=settings.ties,
        bcce_gap=None if regret is None else regret / settings.response_updates,
        deviation_gain=max(gain, 0.0),
        deviation_error=error,
        deviation_plays=DEVIATION_PLAYS,
        regret=regret,
        regret_bound=None,
        regret_bound_vacuous=False,
        updates=settings.response_updates,
        response_samples=samples,
        exact_expectation=False,
    )
    return _summary(response, response.policies(reported), values, errors[reported], certificate)


def played_value(
    kind: Kind,
    strategy: LeaderStrategy,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    plays: Sequence[Play],
) -> Evaluation:
    """As `courses_value`, of a strategy."""
    return courses_value(strategy.game, strategy, settings, streams, samples, plays)


def _summary(
    response: Followers[Any, Any],
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
    kind: type[Response],
    table: OutcomeTable,
    strategy: LeaderStrategy,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    average: bool,
) -> tuple[Response, NDArray[np.float64]]:
    """Run the response; returns the followers and the time-average distribution of their joint play."""
    if table.simultaneous or settings.expected:
        response = kind.begin(settings, table.game, samples)
        total = np.zeros((samples, *table.payoffs.shape[1:3])) if average else NOTHING
        response.respond(table, _phase(settings, streams, samples), total)
        return response, total / settings.response_updates
    # Followers that see each other's moves are played, not looked up.
    response = consult(table.game, strategy, settings, streams, samples).response
    return response, table.distribution(response.policies("average"))


def interim_value(
    game: StackelbergGame,
    leader: Leader,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    plays: Sequence[Play],
) -> Evaluation:
    """Followers that learn from expected payoffs that the rules know: exactly, without a list of outcomes."""
    settings = settings.fitted(game)
    phase, table = _phase(settings, streams, 1), InterimResponse.tabulate(game, leader)
    response = InterimResponse.begin(settings, game, 1)
    response.respond(table, phase)
    policies = {play: response.policies(play) for play in plays}
    # What was paid on average over updates: that is of joint play, not of everybody's own average.
    values = {
        play: response.paid / settings.response_updates if play == "average" else table.worth(own)[1]
        for play, own in policies.items()
    }
    reported = settings.reward_play
    certificate = Certificate(
        play=reported,
        ties=settings.ties,
        leader_value=float(values[reported][0, 0]),
        deviation_gain=max(float(own.max()) for own in table.gains(policies[reported])),
        updates=settings.response_updates,
        response_samples=1,
        exact_expectation=True,
        **learning_certificate(response, table.rules.reach),
    )
    return _summary(response, policies[reported], values, 0.0, certificate)


def interim_strategy_value(
    kind: Kind,
    strategy: LeaderStrategy,
    settings: LeaderSettings,
    streams: Streams,
    samples: int,
    plays: Sequence[Play],
) -> Evaluation:
    """As `interim_value`, of a strategy."""
    return interim_value(strategy.game, strategy, settings, streams, samples, plays)


VALUATIONS: dict[Kind, Callable[..., Evaluation]] = {
    Response: one_move_value,
    InterimResponse: interim_strategy_value,
    CounterfactualResponse: several_moves_value,
    TrajectoryResponse: experienced_value,
    RoundsResponse: experienced_value,
    PlayedTrajectories: played_value,
    SampledMoves: played_value,
}
"""By kind what values a strategy: the kind, strategy, settings, streams, responses where they are random, plays."""

ESTIMATES: dict[Kind, Callable[..., Evaluation]] = {
    Response: estimated_value,
    InterimResponse: interim_value,
    PlayedTrajectories: courses_value,
    SampledMoves: courses_value,
}
"""By kind what values a leader that answers what it is asked, in games too large to ask it everything."""
