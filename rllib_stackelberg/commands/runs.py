"""Commands about training runs: train, resume, evaluate, report, reproduce."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.progress import TimeElapsedColumn
from rich.text import Text

from rllib_stackelberg.commands.populations import (
    ExploitabilityOption,
    SettingOption,
    refuse,
    resume_population,
    shown,
    train_population,
)
from rllib_stackelberg.commands.shell import (
    NOTHING_LEFT,
    CriticKind,
    FollowersOption,
    GameArgument,
    Json,
    ModelOption,
    ModelsOption,
    Parameters,
    PlayKind,
    Queries,
    TiesOption,
    TrustedGame,
    UpdatesOption,
    command,
    given_models,
    parsed,
    show,
    watched,
)
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.experiments.tables import Plan, chosen_tables, experiment_tables
from rllib_stackelberg.followers.ties import check_ties
from rllib_stackelberg.reports import result_tables, tables
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.runs.algorithms import ALGORITHMS
from rllib_stackelberg.runs.evaluate import evaluate as evaluate_run
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.options import GAME_SECONDS, MOST_FAILURES, TrainOptions
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.terminal import Terminal, progress_bar
from rllib_stackelberg.testing.conformance import sound_rules

RayAddress = Annotated[
    str | None,
    typer.Option(help="join a cluster: auto, HOST:PORT [default: that of RAY_ADDRESS, else a Ray of its own]"),
]
MLflowOption = Annotated[
    str | None,
    typer.Option("--mlflow", help="log to this MLflow experiment too [default: none]", metavar="EXPERIMENT"),
]
WandBOption = Annotated[
    str | None, typer.Option("--wandb", help="log to this W&B project too [default: none]", metavar="PROJECT")
]
POPULATION_ALGORITHMS = get_args(PopulationOptions.model_fields["algo"].annotation)


@command
def train(
    game: GameArgument,
    params: Parameters = None,
    algo: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(ALGORITHMS)}; {', '.join(POPULATION_ALGORITHMS)} for games with a population "
            "[default: PPO; SMFRL]"
        ),
    ] = None,
    followers: FollowersOption = None,
    model: ModelOption = None,
    models: ModelsOption = None,
    response_updates: UpdatesOption = None,
    leader_queries: Annotated[
        Queries | None, typer.Option(help="ask once per observation, or at every turn [default: once]")
    ] = None,
    response_transitions: Annotated[
        float | None, typer.Option(help="share of response-phase rows learned from, asked at every turn [default: 1]")
    ] = None,
    reward_play: Annotated[
        PlayKind | None, typer.Option(help="followers' play in the reward phase [default: argmax]")
    ] = None,
    ties: TiesOption = None,
    margin: Annotated[
        float | None,
        typer.Option(
            help="how much better followers' actions shall be for them than others, in payoff units, whatever that "
            "costs [default: 0]"
        ),
    ] = None,
    critic: Annotated[
        CriticKind | None, typer.Option(help="what the critic sees [default: central, where there is a critic]")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the whole run")] = 0,
    max_seconds: Annotated[
        float | None,
        typer.Option(help="of training [default: as `games GAME` says, else 60; none with --max-iterations]"),
    ] = None,
    max_iterations: Annotated[
        int | None, typer.Option(help="of RLlib; with it a run repeats exactly [default: no limit]")
    ] = None,
    restart_after: Annotated[int | None, typer.Option(help="iterations until a fresh start [default: never]")] = None,
    stop_at_optimum: Annotated[
        bool | None,
        typer.Option(
            "--stop-at-optimum/--no-stop-at-optimum", help="end once nothing is left to learn [default: do end]"
        ),
    ] = None,
    num_env_runners: Annotated[int, typer.Option(help="remote sampling processes")] = 0,
    ray_address: RayAddress = None,
    mlflow: MLflowOption = None,
    wandb: WandBOption = None,
    max_failures: Annotated[
        int | None, typer.Option(help=f"errors of the game that are survived, per process [default: {MOST_FAILURES}]")
    ] = None,
    game_timeout: Annotated[
        float | None, typer.Option(help=f"seconds from one question to the next [default: {GAME_SECONDS:g}]")
    ] = None,
    setting: SettingOption = None,
    exploitability: ExploitabilityOption = None,
    out: Annotated[
        Path | None, typer.Option(help="run folder, new or empty [default: runs/GAME-TIME-PROCESS, a new one]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a leader, then certify its greedy policy.

    In a game with a population both sides are trained.

    Examples:
        rllib-stackelberg train simple-allocation types=4 --max-seconds 20
        rllib-stackelberg train message-spm --followers regret-matching
        rllib-stackelberg train taxation households=50 --setting rate=3e-4
        rllib-stackelberg train path/to/toll.py:Toll --out runs/toll
    """
    both = {
        "game": game,
        "params": parsed(params),
        "algo": algo,
        "seed": seed,
        "max_seconds": max_seconds,
        "max_iterations": max_iterations,
        "num_env_runners": num_env_runners,
        "out": out,
    }
    of_population = {"setting": setting, "exploitability": exploitability}
    of_finite = {
        "followers": followers, "model": model, "models": models, "response_updates": response_updates,
        "leader_queries": leader_queries, "response_transitions": response_transitions, "reward_play": reward_play,
        "ties": ties, "deviation_margin": margin,
        "critic": critic, "restart_after": restart_after, "stop_at_optimum": stop_at_optimum,
        "ray_address": ray_address, "mlflow": mlflow, "wandb": wandb, "max_failures": max_failures,
        "game_timeout": game_timeout,
    }  # fmt: skip
    if isinstance(sound_rules(game, **parsed(params)), PopulationGame):
        refuse(of_finite, "games of finite types")
        train_population(both, setting, exploitability, as_json)
        return
    refuse(of_population, "games with a population")
    _train_leader(both, of_finite, as_json)


IN_SETTINGS = (
    "followers", "response_updates", "leader_queries", "response_transitions", "reward_play", "ties",
    "deviation_margin",
)  # fmt: skip


def _train_leader(both: Mapping[str, Any], of_finite: Mapping[str, Any], as_json: bool) -> None:
    """Train a leader, with a live line, and show the result."""
    given = {name: _plain(value) for name, value in {**both, **of_finite}.items() if value is not None}
    models = given_models(given.pop("model", None), given.pop("models", None))
    settings = {name: given.pop(name) for name in IN_SETTINGS if name in given}
    options = TrainOptions.checked(**given, settings=settings | ({"models": models} if models else {}))
    RunFolder.create(options.out or options.new_folder())  # refused now rather than after Ray has been loaded
    console = Terminal()
    console.print("joining Ray ..." if options.ray_address else "starting Ray ...", style="dim")
    from rllib_stackelberg.training.runs import train as run_training

    with watched(console, f"Training {options.game}", partial(tables.progress, options)) as report:
        result = run_training(options, report)
    show(result_tables.result(result), result, as_json)


def _plain(value: Any) -> Any:
    """The value of a choice."""
    return value.value if isinstance(value, Enum) else value


@command
def resume(
    run: Annotated[Path, typer.Argument(help="run folder")],
    max_seconds: Annotated[float | None, typer.Option(help="of training, in all [default: as before]")] = None,
    max_iterations: Annotated[int | None, typer.Option(help="of RLlib, in all [default: as before]")] = None,
    game: TrustedGame = None,
    ray_address: RayAddress = None,
    mlflow: MLflowOption = None,
    wandb: WandBOption = None,
    as_json: Json = False,
) -> None:
    """Go on with a run that was stopped, killed, or is to be longer.

    It goes on from its last good checkpoint; a finished run, with a new limit only.

    Examples:
        rllib-stackelberg resume runs/escape
        rllib-stackelberg resume runs/escape --max-seconds 300
    """
    limits: dict[str, Any] = {"max_seconds": max_seconds, "max_iterations": max_iterations}
    reach = {"ray_address": ray_address, "mlflow": mlflow, "wandb": wandb}
    folder = RunFolder(run, game)
    if isinstance(folder.rules(), PopulationGame):
        refuse({name: reach[name] for name in ("mlflow", "wandb")}, "games of finite types")
        resume_population(folder, limits, as_json)
        return
    options = folder.options(reach, **limits)  # refused now rather than after Ray has been loaded
    console = Terminal()
    if _over(folder, options):
        console.print(NOTHING_LEFT, style="dim")
        result = evaluate_run(run, game)
        show(result_tables.result(result), result, as_json)
        return
    console.print("joining Ray ..." if options.ray_address else "starting Ray ...", style="dim")
    from rllib_stackelberg.training.runs import resume as resume_training

    with watched(console, f"Training {options.game}", partial(tables.progress, options)) as report:
        result = resume_training(run, report, game=game, reach=reach, **limits)
    show(result_tables.result(result), result, as_json)


def _over(folder: RunFolder, options: TrainOptions) -> bool:
    """Whether a run has ended and has nothing left to do under these options."""
    if not folder.has("result"):
        return False
    training = folder.read("training")
    stopped = options.stop_at_optimum and bool(training.get("stopped"))
    return stopped or options.finished(training["iterations"], training["seconds"])


@command
def evaluate(
    run: Annotated[Path, typer.Argument(help="run folder")],
    game: TrustedGame = None,
    ties: TiesOption = None,
    as_json: Json = False,
) -> None:
    """Recompute value and certificate from the saved policy.

    With --ties, of the same policy against followers that break ties by another rule.

    Examples:
        rllib-stackelberg evaluate runs/escape
        rllib-stackelberg evaluate runs/escape --ties leader
    """
    result = evaluate_run(run, game, ties=check_ties(ties.value) if ties else None)
    show(shown(result), result, as_json)


@command
def report(
    run: Annotated[Path, typer.Argument(help="run folder")], game: TrustedGame = None, as_json: Json = False
) -> None:
    """Write report.html, a page about a run, into its folder.

    Examples:
        rllib-stackelberg report runs/escape
    """
    from rllib_stackelberg.reports import write_report  # only this command needs what draws figures

    path = write_report(run, game)
    show(tables.report(path), {"report": str(path)}, as_json)


@command
def reproduce(
    table: Annotated[str | None, typer.Argument(help=f"one of {', '.join(experiment_tables())} [default: all]")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="of every arm")] = 3,
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
        rllib-stackelberg reproduce elicitation --seeds 1 --out results
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
