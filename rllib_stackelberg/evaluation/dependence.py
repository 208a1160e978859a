"""How much a leader strategy's value depends on the model of followers' response.

One strategy, valued against every learner of a list and every play of it, beside what equilibrium alone allows: the
best and the worst pure Bayesian equilibrium, and the best and the worst Bayesian coarse correlated equilibrium, the set
that no-regret play converges to (solvers/coarse_correlated.py). A strategy whose values lie close together is worth
that whoever the followers are; of one whose values do not, only the value against a stated response model is known.

Average play of learners whose BCCE gap is g lies between the ends of the set of gap g, whatever the learner; argmax and
last play need not lie between any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.certificates import Certificate
from rllib_stackelberg.evaluation.convergence import gap_after
from rllib_stackelberg.evaluation.strategies import EVALUATION_LIMIT, evaluate_strategy, pure_equilibria, tabulated
from rllib_stackelberg.followers.learner import Learner, UtilityLearner
from rllib_stackelberg.plays.outcomes import outcomes_against
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.response.workload import RESPONSE_SAMPLES
from rllib_stackelberg.solvers import CoarseCorrelatedRange, Equilibrium, coarse_correlated_range
from rllib_stackelberg.solvers.pure_equilibria import STRATEGY_PROFILES, strategy_profiles


@dataclass(frozen=True, eq=False)
class ResponseModel:
    """A leader strategy against one learner.

    Attributes:
        learner: of all followers; by_play: leader value under every play.
        certificate: of argmax play; its `bcce_gap` is of the recorded average play.
    """

    learner: UtilityLearner
    by_play: dict[str, float]
    certificate: Certificate

    @property
    def name(self) -> str:
        """Of the learner."""
        return self.learner.traits.name


@dataclass(frozen=True, eq=False)
class Dependence:
    """A leader strategy against all response models.

    Attributes:
        coarse: the ends of the BCCE.
        pure: pure Bayesian equilibria, the best for the leader first; there may be none. None: too many to try.
        models: one per learner.
    """

    coarse: CoarseCorrelatedRange
    pure: tuple[Equilibrium, ...] | None
    models: tuple[ResponseModel, ...]

    def rows(self) -> list[tuple[str, float]]:
        """(what followers do, leader value), for a table: equilibria first, then every learner's every play."""
        found = [("worst BCCE", self.coarse.worst.values[0])]
        if self.pure:
            found += [("pessimistic equilibrium", self.pure[-1].values[0])]
            found += [("optimistic equilibrium", self.pure[0].values[0])]
        found += [("best BCCE", self.coarse.best.values[0])]
        return found + [(f"{m.name}, {play}", value) for m in self.models for play, value in m.by_play.items()]

    def data(self) -> dict[str, Any]:
        """As plain data, for a figure: leader values of both ends of the BCCE, of the best and the worst pure
        equilibrium (there may be none), and by learner and play."""
        ends = self.coarse.worst.values[0], self.coarse.best.values[0]
        pure = (self.pure[0], self.pure[-1]) if self.pure else ()
        return {
            "coarse": list(ends),
            "pure": [equilibrium.values[0] for equilibrium in pure],
            "models": {model.name: dict(model.by_play) for model in self.models},
        }


def utility_learners(no_regret: bool = True) -> tuple[UtilityLearner, ...]:
    """Every registered utility learner with its default parameters; by default those that promise no regret.

    None that commits to a response: it needs a game in which it can.

    >>> "mw" in {learner.traits.name for learner in utility_learners()}
    True
    """
    kinds = [kind for _, kind in sorted(Learner.registry.items()) if issubclass(kind, UtilityLearner)]
    able = [kind for kind in kinds if not kind.traits.commits]
    return tuple(kind() for kind in able if kind.traits.no_regret or not no_regret)


def response_models(
    strategy: LeaderStrategy,
    learners: Sequence[UtilityLearner] | None = None,
    updates: int = 1_000,
    seed: int = 0,
    samples: int = RESPONSE_SAMPLES,
) -> Dependence:
    """Value a leader strategy under every response model.

    Args:
        strategy: against which followers move once, at the same time.
        learners: of all followers, one after the other; by default every registered one that promises no regret.
        updates: of a response phase; seed: of its streams; samples: independent responses, where they are random.

    Raises:
        InvalidFieldError: a game too large for tables or for the linear program, or whose followers see each other.
    """
    game = strategy.game
    if not (game.one_shot and tabulated(game)):
        problem = "has followers that move several times, a memory, or too many outcomes"
        raise InvalidFieldError("game", problem, f"one move per follower and play, up to {EVALUATION_LIMIT:,} outcomes")
    few = strategy_profiles(game) <= STRATEGY_PROFILES
    pure = tuple(pure_equilibria(game, strategy)) if few else None
    coarse = coarse_correlated_range(outcomes_against(game, strategy))
    chosen = utility_learners() if learners is None else learners
    return Dependence(coarse, pure, tuple(_model(strategy, each, updates, seed, samples) for each in chosen))


def _model(strategy: LeaderStrategy, learner: UtilityLearner, updates: int, seed: int, samples: int) -> ResponseModel:
    settings = LeaderSettings.checked(followers=learner, response_updates=updates)
    found = evaluate_strategy(strategy, settings, seed, samples=samples)
    return ResponseModel(learner, found.by_play, found.certificate)


def gap_curve(
    strategy: LeaderStrategy,
    learner: UtilityLearner,
    updates: Sequence[int],
    seed: int = 0,
    samples: int = RESPONSE_SAMPLES,
) -> list[tuple[int, float]]:
    """(updates, BCCE gap) of one learner, the worst over response samples; longer responses continue shorter ones."""
    settings = LeaderSettings.checked(followers=learner)
    return [(count, gap_after(count, strategy, settings, seed, samples)) for count in updates]
