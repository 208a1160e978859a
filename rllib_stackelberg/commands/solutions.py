"""Commands about leader strategies and plays of a game: solve, respond, play."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rllib_stackelberg.commands.application import GameArgument, Json, Parameters, command, parsed, show
from rllib_stackelberg.commands.shell import FOLLOWERS, default_settings, settings_of
from rllib_stackelberg.commands.signatures import Shown, options_of, takes
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.files.documents import read_document
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.reports import tables
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rounding import number
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import finite, make_rules
from rllib_stackelberg.rules.solution import Bound, StackelbergSolution
from rllib_stackelberg.rules.ties import Ties
from rllib_stackelberg.terminal import Terminal

if TYPE_CHECKING:
    from rllib_stackelberg import solvers
    from rllib_stackelberg.aec import playthrough
    from rllib_stackelberg.evaluation import bounds, results, strategies, verdict
    from rllib_stackelberg.plays import strategy
    from rllib_stackelberg.reports import result_tables
    from rllib_stackelberg.testing import conformance
else:
    solvers = LazyModule("rllib_stackelberg.solvers")
    playthrough = LazyModule("rllib_stackelberg.aec.playthrough")
    bounds, results, strategies, verdict = (
        LazyModule(f"rllib_stackelberg.evaluation.{name}") for name in ("bounds", "results", "strategies", "verdict")
    )
    strategy = LazyModule("rllib_stackelberg.plays.strategy")
    result_tables = LazyModule("rllib_stackelberg.reports.result_tables")
    conformance = LazyModule("rllib_stackelberg.testing.conformance")


VALUED = Shown(help="which play of the followers is valued [default: argmax]")


@command
@takes(
    *FOLLOWERS,
    *options_of(
        LeaderSettings, "response_updates", "settled_plays", "reward_play", "ties", shown={"reward_play": VALUED}
    ),
)
def solve(
    game: GameArgument,
    params: Parameters = None,
    against_response: Annotated[
        bool, typer.Option("--against-response", help="against followers that learn, by expected updates")
    ] = False,
    *,
    method: Annotated[str | None, typer.Option(help="one way to the optimum, by name [default: the best]")] = None,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Compute the exact optimum.

    Followers play an equilibrium; with --against-response, they learn.

    Examples:
        rllib-stackelberg solve conitzer mixed=true
        rllib-stackelberg solve conitzer --method enumeration
        rllib-stackelberg solve escape --against-response --followers mw
    """
    rules = conformance.sound_rules(game, **parsed(params))
    settings = settings_of(given)
    known = None if against_response or not isinstance(rules, PopulationGame) else rules.optimum()
    if known is not None:
        _refuse(settings)
        _refuse_method(method, "of a game with a population")
        data = {"game": rules.id, "params": rules.parameters, **vars(known)}
        show(tables.population_solution(data), data, as_json)
        return
    made = finite(rules)
    if against_response:
        _refuse_method(method, "against learning followers")
        solution = solvers.response_solve(made, default_settings(game, **settings, update_mode="expected"))
    else:
        ties = settings.pop("ties", "leader")
        _refuse(settings)
        solution = _exact(made, ties, method)
    data = _solution_data(made, solution)
    show(tables.solution(data), data, as_json)


def _exact(game: StackelbergGame, ties: Ties, method: str | None) -> StackelbergSolution:
    """The exact optimum; where there is none, what is known instead stands beside the error."""
    try:
        return solvers.exact_solve(game, ties, method)
    except BeyondLimitsError as error:
        if bound := bounds.bound_of(game):
            error.add_note(f"no strategy is worth more than {number(bound.value)} ({bound.method})")
        for name, value in game.baselines().items():
            error.add_note(f"{name}: {number(value)}")
        raise


def _solution_data(game: StackelbergGame, solution: StackelbergSolution) -> dict[str, Any]:
    """What --json says of an optimum, and of the game's own bound beside it."""
    bound: Bound | None = game.bound()
    found = strategy.LeaderStrategy.from_pairs(game, solution.leader_strategy)
    return {
        "game": game.id,
        "params": game.parameters,
        "leader_value": solution.leader_value,
        "follower_values": solution.follower_values,
        "exists": solution.exists,
        "certain": solution.certain,
        "doubt": solution.doubt,
        "method": solution.method,
        "methods": [name for name, method in solvers.methods_of(game).items() if not method.beyond],
        "tie_break": solution.tie_break,
        "by_ties": dict(solution.by_ties),
        "best_by_ties": dict(solution.best_by_ties),
        "details": dict(solution.details),
        "bound": bound and bound.value,
        "bound_method": bound and bound.method,
        "baselines": game.baselines(),
        "further_values": bounds.further_values(found),
        "leader_strategy": found.data(),
    }


def _refuse_method(method: str | None, what: str) -> None:
    """A method where there is nothing to choose."""
    if method is not None:
        raise InvalidFieldError("method", f"{method}, {what}, whose optimum is found in one way", "none given")


def _refuse(response: Mapping[str, Any]) -> None:
    """Options that only learning followers have."""
    for name in response:
        raise InvalidFieldError(name, "means nothing to an equilibrium", "only with --against-response")


@command
@takes(
    *options_of(LeaderSettings, "response_updates", shown={"response_updates": Shown(flag="--updates")}),
    *FOLLOWERS,
    *options_of(LeaderSettings, "reward_play", "ties", shown={"reward_play": VALUED}),
)
def respond(
    game: GameArgument,
    leader: Annotated[Path, typer.Option(help="JSON file: a result, or its leader_strategy")],
    params: Parameters = None,
    *,
    seed: Annotated[int, typer.Option(help="random seed of the followers' response")] = 0,
    equilibria: Annotated[bool, typer.Option(help="list all pure equilibria of the followers too")] = False,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Let followers respond to a given leader strategy.

    Says what both get, and what that may be trusted for.

    Examples:
        rllib-stackelberg respond escape --leader runs/escape/result.json
        rllib-stackelberg respond escape --leader leader.json --updates 1000
    """
    made = finite(conformance.sound_rules(game, **parsed(params)))
    settings = default_settings(game, **settings_of(given))
    answers = strategy.LeaderStrategy.from_data(made, _read_strategy(leader))
    other = settings.model_dump(exclude={"followers", "response_updates"})
    found = strategies.respond(made, answers, settings.followers, settings.response_updates, seed, **other)
    data = verdict.with_verdicts(results.result_data(made, answers, found, settings, seed))
    if equilibria:
        stable = strategies.pure_equilibria(made, answers)
        data["equilibria"] = [
            {
                "values": list(e.values),
                "strategies": e.strategies,
                "shown": result_tables.joint_strategy(made, e.strategies),
            }
            for e in stable
        ]
    show(result_tables.response(data), data, as_json)


def _read_strategy(file: Path) -> Any:
    content = read_document("leader", file)
    return content["leader_strategy"] if isinstance(content, dict) and "leader_strategy" in content else content


@command
def play(
    game: GameArgument,
    params: Parameters = None,
    seed: Annotated[int, typer.Option(help="random seed of types, chance and actions")] = 0,
) -> None:
    """Print a playthrough: who moves, sees and gets what.

    Actions are random.

    Examples:
        rllib-stackelberg play message-spm types=4 --seed 2
    """
    Terminal(soft_wrap=True).print(playthrough.playthrough(make_rules(game, **parsed(params)), seed), end="")
