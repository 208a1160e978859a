"""Commands about training runs: train, resume, evaluate, report, reproduce."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial, singledispatch
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.progress import TimeElapsedColumn
from rich.text import Text

from rllib_stackelberg.commands.application import GameArgument, Json, Parameters, command, parsed, show
from rllib_stackelberg.commands.populations import OF_POPULATIONS, population_options, refuse, shown
from rllib_stackelberg.commands.shell import FOLLOWERS, NOTHING_LEFT, TrustedGame, settings_of, watched
from rllib_stackelberg.commands.signatures import Shown, options_of, placed, takes
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.experiments.tables import Plan, chosen_tables, experiment_tables
from rllib_stackelberg.lazy_modules import loading
from rllib_stackelberg.reports import population_tables, tables
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.base import Rules
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.runs.algorithms import ALGORITHMS
from rllib_stackelberg.runs.evaluate import evaluate as evaluate_run
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import Run, open_run
from rllib_stackelberg.runs.run_options import OF_A_PERSON, RunOptions
from rllib_stackelberg.terminal import Terminal, progress_bar
from rllib_stackelberg.testing.conformance import sound_rules

POPULATION_ALGORITHMS = get_args(PopulationOptions.model_fields["algo"].annotation)
TRAIN = options_of(
    TrainOptions,
    "algo",
    "critic",
    "seed",
    "max_seconds",
    "max_iterations",
    "restart_after",
    "stop_at_optimum",
    "num_env_runners",
    "ray_address",
    "mlflow",
    "wandb",
    "max_failures",
    "game_timeout",
    "out",
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

REACH = [
    *(option for option in TRAIN if option.name in OF_A_PERSON),
    *(option for option in OF_POPULATIONS if option.name == "device"),
]
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
    options = options_for(sound_rules(game, **constructor), game, constructor, given)
    RunFolder.create(options.out or options.new_folder())  # refused now rather than after Ray has been loaded
    console = Terminal()
    console.print(session_of(options), style="dim")
    with loading():
        from rllib_stackelberg.training.runs import training

    with ExitStack() as running:
        with watched(console, f"Training {options.game}", progress_of(options)) as report:
            result = running.enter_context(training(options, report))
        show(shown(result), result, as_json)


def session_of(options: RunOptions) -> str:
    """What a run waits for first."""
    return "joining Ray ..." if options.ray_address else "starting Ray ..."


@singledispatch
def options_for(rules: Rules, game: str, params: Mapping[str, Any], given: Mapping[str, Any]) -> RunOptions:
    """Options of a run on a game that is made, by its kind.

    Args:
        rules: the game.
        game, params: what it was made by.
        given: options of the command line.

    Raises:
        InvalidFieldError: what cannot work, by name.
    """
    raise NotImplementedError(type(rules).__name__)


@options_for.register
def _(rules: PopulationGame, game: str, params: Mapping[str, Any], given: Mapping[str, Any]) -> PopulationOptions:
    refuse(given, OF_FINITE_GAMES, "games of finite types")
    return population_options(rules, game, params, given)


@options_for.register
def _(rules: StackelbergGame, game: str, params: Mapping[str, Any], given: Mapping[str, Any]) -> TrainOptions:
    refuse(given, OF_POPULATIONS, "games with a population")
    of_run = {name: value for name, value in given.items() if name in TrainOptions.model_fields}
    return TrainOptions.checked(rules, game=game, params=params, settings=settings_of(given), **of_run)


@singledispatch
def progress_of(options: RunOptions) -> Callable[[Any], dict[str, str]]:
    """What the terminal shows of a run with these options."""
    raise NotImplementedError(type(options).__name__)


@progress_of.register
def _(options: TrainOptions) -> Callable[[Any], dict[str, str]]:
    return partial(tables.progress, options)


@progress_of.register
def _(options: PopulationOptions) -> Callable[[Any], dict[str, str]]:
    return population_tables.progress


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
        rllib-stackelberg resume runs/taxation --device cuda
    """
    limits: dict[str, Any] = {"max_seconds": max_seconds, "max_iterations": max_iterations}
    opened: Run = open_run(run, game)
    options = opened.options(reach, **limits)  # refused now rather than after Ray has been loaded
    console = Terminal()
    result = opened.finished(options)
    if result is not None:
        console.print(NOTHING_LEFT, style="dim")
        show(shown(result), result, as_json)
        return
    console.print(session_of(options), style="dim")
    with loading():
        from rllib_stackelberg.training.runs import going_on

    with ExitStack() as running:
        with watched(console, f"Training {options.game}", progress_of(options)) as report:
            result = running.enter_context(going_on(opened, options, limits, report))
        show(shown(result), result, as_json)


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
