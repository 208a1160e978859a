"""The value of a leader strategy beside the exact one, as plain data, and what explains the difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.bounds import beside, further_values
from rllib_stackelberg.evaluation.optimality_gap import Gap, best_against, rule_of, selected_by
from rllib_stackelberg.evaluation.strategies import evaluate_strategy
from rllib_stackelberg.evaluation.values import Evaluation
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.solution import StackelbergSolution
from rllib_stackelberg.solvers.optima import known_or_found

QUESTIONS_LISTED = 50_000
"""Most answers that a result lists (`questions` says how many there are)."""

EXPLAINED_SAMPLES = 32
"""Responses with which the optimum's own strategy is valued, to explain a gap."""


def result_data(
    game: StackelbergGame,
    strategy: LeaderStrategy,
    found: Evaluation,
    settings: LeaderSettings | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """An evaluation beside the exact value, as plain data.

    `exact_reason` says why there is no exact value, where there is none. `exact_by_ties` and `exact_best_by_ties` are
    those of the solution; `reachable_value` is what the best strategy is worth against a follower that breaks ties as
    this one does, None where that is not known. `bound` is a number that no strategy's value exceeds, where one is
    known, `bound_gap` how far the value is below it, and `baselines` what simpler ways are worth, by name,
    and `further_values` what the strategy is worth besides.

    Args:
        game: the game; strategy: the leader's; found: what it is worth.
        settings, seed: of the response, with which a gap to the exact value is explained in full.
    """
    solution, reason = known_or_found(game)
    known = solution if solution and solution.exists else None
    gap = explained(known, found, strategy, settings, seed) if known else None
    return {
        "game": game.id,
        "params": dict(game.parameters),
        **found.data(),
        "exact_value": known.leader_value if known else None,
        "exact_method": solution.method if solution else None,
        "exact_reason": reason,
        "exact_by_ties": dict(known.by_ties) if known else {},
        "exact_best_by_ties": dict(known.best_by_ties) if known else {},
        "reachable_value": best_against(known, game, settings) if known and settings else None,
        "gap": gap.size if gap else None,
        "gap_note": gap.note() if gap else None,
        **beside(game, found.leader_value, solved=known is not None),
        "further_values": further_values(strategy),
        "questions": len(strategy.answers),
        "leader_strategy": strategy.data(QUESTIONS_LISTED),
    }


def explained(
    solution: StackelbergSolution,
    found: Evaluation,
    strategy: LeaderStrategy,
    settings: LeaderSettings | None,
    seed: int = 0,
) -> Gap:
    """A value beside that of a solution, with what explains the difference; arguments as of `result_data`."""
    gap, game = Gap(solution.leader_value, found), strategy.game
    if settings is None or gap.note() is None or gap.size < 0:
        return gap
    return replace(
        gap,
        optimum=_revalued(game, solution, settings, seed),
        best=best_against(solution, game, settings),
        selected=selected_by(solution, game, settings),
        ties=rule_of(settings),
        margin=settings.deviation_margin,
    )


def _revalued(
    game: StackelbergGame, solution: StackelbergSolution, settings: LeaderSettings, seed: int
) -> Evaluation | None:
    """The optimum's own strategy against these followers; None if it leaves a question open that they come to."""
    own = LeaderStrategy.from_pairs(game, solution.leader_strategy)
    try:
        # Every play: what indifferent followers may do is not found out for one.
        return evaluate_strategy(own, settings, seed, samples=EXPLAINED_SAMPLES)
    except InvalidFieldError as error:
        if error.field != "leader":
            raise
        return None
