"""Commands about training runs: train, resume, evaluate, report, reproduce."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial, singledispatch
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.progress import TimeElapsedColumn
from rich.text import Text

from rllib_stackelberg.commands.application import GameArgument, Json, Parameters, command, parsed, show
from rllib_stackelberg.commands.populations import (
    OF_POPULATIONS,
    refuse,
    resume_population,
    shown,
    train_population,
)
from rllib_stackelberg.commands.shell import FOLLOWERS, NOTHING_LEFT, TrustedGame, settings_of, watched
from rllib_stackelberg.commands.signatures import Shown, options_of, placed, takes
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.experiments.tables import Plan, chosen_tables, experiment_tables
from rllib_stackelberg.lazy_modules import loading
from rllib_stackelberg.reports import result_tables, tables
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.base import Rules
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.runs.algorithms import ALGORITHMS
from rllib_stackelberg.runs.evaluate import evaluate as evaluate_run
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import OF_A_PERSON, FiniteRun, PopulationRun, Run, open_run
from rllib_stackelberg.terminal import Terminal, progress_bar
from rllib_stackelberg.testing.conformance import sound_rules

POPULATION_ALGORITHMS = get_args(PopulationOptions.model_fields["algo"].annotation)
TRAIN = options_of(
    TrainOptions,
    shown={
        "algo": Shown(
            help=f"{', '.join(ALGORITHMS)}; {', '.join(POPULATION_ALGORITHMS)} for games with a population "
            "[default: PPO; SMFRL]"
        ),
        "mlflow": Shown(metavar="EXPERIMENT"),
        "wandb": Shown(metavar="PROJECT"),
    },
)
SETTINGS = [
    *FOLLOWERS,
    *options_of(
        LeaderSettings,
        "response_updates",
        "settled_plays",
        "leader_queries",
        "response_transitions",
        "reward_play",
        "ties",
        "deviation_margin",
        shown={"deviation_margin": Shown(flag="--margin")},
    ),
]
OF_FINITE_GAMES = [*SETTINGS, *(option for option in TRAIN if option.name not in PopulationOptions.model_fields)]
"""Options that games with a population do not have."""

REACH = [option for option in TRAIN if option.name in OF_A_PERSON]
"""Options that a run does not keep, so that whoever goes on with it gives them anew."""


@command
@takes(*placed(placed(TRAIN, "critic", SETTINGS), "out", OF_POPULATIONS))
def train(game: GameArgument, params: Parameters = None, *, as_json: Json = False, **given: Any) -> None:
    """Train a leader, then certify its greedy policy.

    In a game with a population both sides are trained.

    Examples:
        rllib-stackelberg train simple-allocation types=4 --max-seconds 20
        rllib-stackelberg train message-spm --followers regret-matching
        rllib-stackelberg train taxation households=50 --setting rate=3e-4
        rllib-stackelberg train path/to/toll.py:Toll --out runs/toll
    """
    constructor = parsed(params)
    train_rules(sound_rules(game, **constructor), game, constructor, given, as_json)


@singledispatch
def train_rules(rules: Rules, game: str, params: Mapping[str, Any], given: Mapping[str, Any], as_json: bool) -> None:
    """Train on a game that is made, by its kind.

    Args:
        rules: the game.
        game, params: what it was made by.
        given: options of the command line.
        as_json: print the result as data, too.
    """
    raise NotImplementedError(type(rules).__name__)


@train_rules.register
def _(rules: PopulationGame, game: str, params: Mapping[str, Any], given: Mapping[str, Any], as_json: bool) -> None:
    refuse(given, OF_FINITE_GAMES, "games of finite types")
    train_population(rules, game, params, given, as_json)


@train_rules.register
def _(rules: StackelbergGame, game: str, params: Mapping[str, Any], given: Mapping[str, Any], as_json: bool) -> None:
    refuse(given, OF_POPULATIONS, "games with a population")
    of_run = {name: value for name, value in given.items() if name in TrainOptions.model_fields}
    options = TrainOptions.checked(rules, game=game, params=params, settings=settings_of(given), **of_run)
    RunFolder.create(options.out or options.new_folder())  # refused now rather than after Ray has been loaded
    console = Terminal()
    console.print("joining Ray ..." if options.ray_address else "starting Ray ...", style="dim")
    with loading():
        from rllib_stackelberg.training.runs import training

    with ExitStack() as running:
        with watched(console, f"Training {options.game}", partial(tables.progress, options)) as report:
            result = running.enter_context(training(options, report))
        show(result_tables.result(result), result, as_json)


@command
@takes(*REACH)
def resume(
    run: Annotated[Path, typer.Argument(help="run folder")],
    max_seconds: Annotated[
        float | None, typer.Option(help="train at most so long, in all [default: as before]")
    ] = None,
    max_iterations: Annotated[
        int | None, typer.Option(help="train at most so many iterations, in all [default: as before]")
    ] = None,
    game: TrustedGame = None,
    *,
    as_json: Json = False,
    **reach: str,
) -> None:
    """Go on with a run that was stopped, killed, or is to be longer.

    It goes on from its last good checkpoint; a finished run, with a new limit only.

    Examples:
        rllib-stackelberg resume runs/escape
        rllib-stackelberg resume runs/escape --max-seconds 300
    """
    limits: dict[str, Any] = {"max_seconds": max_seconds, "max_iterations": max_iterations}
    resume_run(open_run(run, game), limits, reach, as_json)


@singledispatch
def resume_run(run: Run, limits: Mapping[str, Any], reach: Mapping[str, str], as_json: bool) -> None:
    """Go on with a run that is open, by its kind.

    Args:
        run: the run.
        limits: new ones in place of its own, if any is given.
        reach: what it reaches out to.
        as_json: print the result as data, too.
    """
    raise NotImplementedError(type(run).__name__)


@resume_run.register
def _(run: PopulationRun, limits: Mapping[str, Any], reach: Mapping[str, str], as_json: bool) -> None:
    refuse(reach, OF_FINITE_GAMES, "games of finite types")
    resume_population(run, limits, as_json)


@resume_run.register
def _(run: FiniteRun, limits: Mapping[str, Any], reach: Mapping[str, str], as_json: bool) -> None:
    options = run.options(reach, **limits)  # refused now rather than after Ray has been loaded
    console = Terminal()
    if nothing_left(run.folder, options):
        console.print(NOTHING_LEFT, style="dim")
        result = run.evaluate()
        show(result_tables.result(result), result, as_json)
        return
    console.print("joining Ray ..." if options.ray_address else "starting Ray ...", style="dim")
    with loading():
        from rllib_stackelberg.training.runs import going_on

    with ExitStack() as running:
        with watched(console, f"Training {options.game}", partial(tables.progress, options)) as report:
            result = running.enter_context(going_on(run, options, limits, report))
        show(result_tables.result(result), result, as_json)


def nothing_left(folder: RunFolder, options: TrainOptions) -> bool:
    """Whether a run has ended and has nothing left to do under these options."""
    if not folder.has("result"):
        return False
    training = folder.read("training")
    stopped = options.stop_at_optimum and bool(training.get("stopped"))
    return stopped or options.finished(training["iterations"], training["seconds"])


@command
@takes(*options_of(LeaderSettings, "ties"))
def evaluate(
    run: Annotated[Path, typer.Argument(help="run folder")],
    game: TrustedGame = None,
    *,
    as_json: Json = False,
    **given: Any,
) -> None:
    """Recompute value and certificate from the saved policy.

    With --ties, of the same policy against followers that break ties by another rule.

    Examples:
        rllib-stackelberg evaluate runs/escape
        rllib-stackelberg evaluate runs/escape --ties leader
    """
    result = evaluate_run(run, game, **given)
    show(shown(result), result, as_json)


@command
def report(
    run: Annotated[Path, typer.Argument(help="run folder")],
    game: TrustedGame = None,
    figure: Annotated[
        list[Path] | None,
        typer.Option(help="write mechanism.svg, learning.svg or another figure instead, by its name; repeat for more"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write report.html, a page about a run, into its folder.

    With --figure, some of its figures as files instead.

    Examples:
        rllib-stackelberg report runs/escape
        rllib-stackelberg report runs/escape --figure mechanism.svg
    """
    with loading():
        from rllib_stackelberg.reports import write_figures, write_report  # only this command needs what draws figures

    if figure:
        write_figures(run, figure, game)
        show(Text("\n".join(map(str, figure))), {"figures": [str(file) for file in figure]}, as_json)
        return
    path = write_report(run, game)
    show(tables.report(path), {"report": str(path)}, as_json)


@command
def reproduce(
    table: Annotated[str | None, typer.Argument(help=f"one of {', '.join(experiment_tables())} [default: all]")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="random seeds of every arm, that is, of every way to do it")] = 3,
    budget: Annotated[
        float | None, typer.Option(help="minutes; fewer seeds, then shorter runs [default: no limit]")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="runs side by side [default: one per core]")] = None,
    out: Annotated[Path, typer.Option(help="folder; what is in it already is not run again")] = Path("results"),
    as_json: Json = False,
) -> None:
    """Run the paper's experiments; write tables, figures and data.

    Examples:
        rllib-stackelberg reproduce --budget 10
        rllib-stackelberg reproduce ablation --seeds 1 --out results
    """
    if budget is not None and not 0 < budget < float("inf"):
        raise InvalidFieldError("budget", f"got {budget}", "minutes above 0")
    chosen = chosen_tables(table)
    side_by_side = jobs or os.cpu_count() or 1
    plan = Plan.within(chosen, seeds, budget, side_by_side)
    _writable(out)
    console = Terminal()
    console.print(
        f"{len(chosen)} table(s), {plan.seeds} seed(s), budgets x {plan.scale:.2f}, {side_by_side} run(s) side by side",
        style="dim",
    )
    with loading():
        from rllib_stackelberg.training.reproduction import reproduce_table

    found: dict[str, list[str]] = {"tables": [], "figures": []}
    with progress_bar(console, TimeElapsedColumn()) as progress:
        for each in chosen:
            task = progress.add_task(each.name, total=len(each.arms) * plan.seeds)
            summaries, file, figures = reproduce_table(each, plan, side_by_side, out, partial(progress.advance, task))
            console.print(tables.experiment(each, summaries))
            found["tables"].append(str(file))
            found["figures"] += map(str, figures)
    show(Text(f"tables, figures and data: {out}"), found, as_json)


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidFieldError("out", f"cannot write {folder} ({error.strerror})", "a writable folder") from error
