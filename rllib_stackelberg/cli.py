"""The command line: games, solve, train, resume, evaluate, report, reproduce, respond, online, play, doctor."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import Progress, TimeElapsedColumn
from rich.text import Text

from rllib_stackelberg import doctor as examination
from rllib_stackelberg import tables
from rllib_stackelberg.errors import InvalidFieldError, RunStoppedError
from rllib_stackelberg.evaluation import evaluate as evaluate_run
from rllib_stackelberg.evaluation import pure_equilibria, result_data
from rllib_stackelberg.evaluation import respond as respond_to
from rllib_stackelberg.experiments import Plan, chosen_tables
from rllib_stackelberg.files import to_json
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.online.options import OnlineOptions
from rllib_stackelberg.online.results import curves_data
from rllib_stackelberg.online.results import result_data as result_of_online
from rllib_stackelberg.options import TrainOptions
from rllib_stackelberg.playthrough import playthrough
from rllib_stackelberg.registry import find_spec, make_game
from rllib_stackelberg.registry import games as all_games
from rllib_stackelberg.run_folder import RunFolder
from rllib_stackelberg.settings import LeaderSettings
from rllib_stackelberg.solvers import StackelbergSolution, response_solve
from rllib_stackelberg.solvers import solve as solve_game
from rllib_stackelberg.strategy import LeaderStrategy

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=__doc__,
    rich_markup_mode=None,
)

GameArgument = Annotated[str, typer.Argument(help="id, or package.module:ClassName", metavar="GAME")]
Parameters = Annotated[list[str] | None, typer.Argument(help="the game's own parameters", metavar="[KEY=VALUE]...")]
Json = Annotated[bool, typer.Option("--json", help="last line of output is one JSON object")]
FollowersOption = Annotated[
    str | None, typer.Option("--followers", help="such as mw:epsilon=0.1, regret-matching, exp3-ix; default per game")
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", help="learner of one model of followers, given once per model: an episode draws one"),
]
ModelsOption = Annotated[
    Path | None, typer.Option("--models", help="JSON file: list of models (name, weight, followers, ...)")
]
UpdatesOption = Annotated[int | None, typer.Option(help="updates of a response phase; default per game")]


class Queries(StrEnum):
    """How the leader is asked."""

    once = "once"
    every_turn = "every_turn"


class PlayKind(StrEnum):
    """What followers play in the reward phase."""

    argmax = "argmax"
    last = "last"
    average = "average"


class NoiseKind(StrEnum):
    """What rewards of online play are."""

    rules = "rules"
    bernoulli = "bernoulli"


class CriticKind(StrEnum):
    """What the critic sees."""

    central = "central"
    local = "local"


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a command; bad input exits with 2, a stopped run with its own code, each with a line that says why."""

    @app.command()
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except InvalidFieldError as error:
            _fail(str(error), 2)
        except RunStoppedError as error:
            _fail("\n".join([str(error), *getattr(error, "__notes__", [])]), error.code)
        except KeyboardInterrupt:
            _fail("interrupted", 130)

    return run


def _fail(message: str, code: int) -> NoReturn:
    Console(stderr=True, soft_wrap=True).print(f"[bold red]error[/] {message}", highlight=False)
    raise SystemExit(code)


def _params(pairs: list[str] | None) -> dict[str, str]:
    found = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InvalidFieldError(pair, "is no parameter", "KEY=VALUE")
        found[key] = value
    return found


def _show(table: Any, data: Any, as_json: bool) -> None:
    Console().print(table)
    if as_json:
        print(json.dumps(json.loads(to_json(data))))


def _models(learners: list[str] | None, file: Path | None) -> list[Any] | None:
    """Models of followers, from either option; None without."""
    if file is None:
        return learners or None
    if learners:
        raise InvalidFieldError("model", "models are in a file already", "--model or --models")
    return _read_json("models", file)


def _settings(game: str, **given: Any) -> LeaderSettings:
    chosen = {name: value for name, value in given.items() if value is not None}
    return LeaderSettings.checked(**(find_spec(game).defaults.settings | chosen))


@command
def games(as_json: Json = False) -> None:
    """List the games."""
    rows = [tables.game_data(spec) for spec in all_games()]
    _show(tables.games(rows), {"games": rows}, as_json)


@command
def solve(
    game: GameArgument,
    params: Parameters = None,
    against_response: Annotated[
        bool, typer.Option("--against-response", help="against learning followers (expected updates)")
    ] = False,
    followers: FollowersOption = None,
    model: ModelOption = None,
    models: ModelsOption = None,
    response_updates: UpdatesOption = None,
    reward_play: Annotated[PlayKind | None, typer.Option(help="which play is valued")] = None,
    as_json: Json = False,
) -> None:
    """Compute the exact optimum: against followers that play an equilibrium, or that learn."""
    made = make_game(game, **_params(params))
    response = {
        "followers": followers,
        "models": _models(model, models),
        "response_updates": response_updates,
        "reward_play": reward_play and reward_play.value,
    }
    if against_response:
        solution = response_solve(made, _settings(game, **response, update_mode="expected"))
    else:
        for name, value in response.items():
            if value is not None:
                raise InvalidFieldError(name, "means nothing to an equilibrium", "only with --against-response")
        solution = _equilibrium(game, made)
    strategy = LeaderStrategy.from_pairs(made, solution.leader_strategy)
    data = {
        "game": made.id,
        "params": made.parameters,
        "leader_value": solution.leader_value,
        "follower_values": solution.follower_values,
        "exists": solution.exists,
        "method": solution.method,
        "tie_break": solution.tie_break,
        "details": dict(solution.details),
        "leader_strategy": strategy.data(),
    }
    _show(tables.solution(data), data, as_json)


def _equilibrium(game: str, made: StackelbergGame) -> StackelbergSolution:
    solution = solve_game(made)
    if solution is None:
        raise InvalidFieldError("game", f"no exact solver can do {game}", "a finite game, or one with its own solver")
    return solution


@command
def train(
    game: GameArgument,
    params: Parameters = None,
    algo: Annotated[str, typer.Option(help="PPO, APPO, IMPALA, SAC or DQN")] = "PPO",
    followers: FollowersOption = None,
    model: ModelOption = None,
    models: ModelsOption = None,
    response_updates: UpdatesOption = None,
    leader_queries: Annotated[Queries | None, typer.Option(help="ask once per observation, or at every turn")] = None,
    response_transitions: Annotated[
        float | None, typer.Option(help="share of response-phase rows learned from, asked at every turn; default 1")
    ] = None,
    reward_play: Annotated[PlayKind | None, typer.Option(help="followers' play in the reward phase")] = None,
    critic: Annotated[CriticKind | None, typer.Option(help="what the critic sees; central where there is one")] = None,
    seed: Annotated[int, typer.Option(help="of the whole run")] = 0,
    max_seconds: Annotated[float | None, typer.Option(help="of training; default per game")] = None,
    max_iterations: Annotated[int | None, typer.Option(help="of RLlib; with it a run repeats exactly")] = None,
    restart_after: Annotated[int | None, typer.Option(help="iterations until a fresh start; default never")] = None,
    stop_at_optimum: Annotated[bool, typer.Option(help="end once the certified optimum is learned")] = False,
    num_env_runners: Annotated[int, typer.Option(help="remote sampling processes")] = 0,
    ray_address: Annotated[
        str | None, typer.Option(envvar="RAY_ADDRESS", help="join a cluster: auto, HOST:PORT; default a Ray of its own")
    ] = None,
    mlflow: Annotated[str | None, typer.Option(help="log to this MLflow experiment too", metavar="EXPERIMENT")] = None,
    wandb: Annotated[str | None, typer.Option(help="log to this W&B project too", metavar="PROJECT")] = None,
    max_failures: Annotated[int, typer.Option(help="errors of the game that are survived, per process")] = 5,
    game_timeout: Annotated[float, typer.Option(help="seconds from one question to the next")] = 300.0,
    out: Annotated[Path | None, typer.Option(help="run folder, new or empty")] = None,
    as_json: Json = False,
) -> None:
    """Train a leader, then certify its greedy policy against the exact optimum."""
    settings = {
        "followers": followers,
        "models": _models(model, models),
        "response_updates": response_updates,
        "leader_queries": leader_queries and leader_queries.value,
        "response_transitions": response_transitions,
        "reward_play": reward_play and reward_play.value,
    }
    options = TrainOptions.checked(
        game=game,
        params=_params(params),
        settings={name: value for name, value in settings.items() if value is not None},
        algo=algo,
        critic=critic and critic.value,
        seed=seed,
        max_seconds=max_seconds,
        max_iterations=max_iterations,
        restart_after=restart_after,
        stop_at_optimum=stop_at_optimum,
        num_env_runners=num_env_runners,
        ray_address=ray_address,
        mlflow=mlflow,
        wandb=wandb,
        max_failures=max_failures,
        game_timeout=game_timeout,
        out=out,
    )
    RunFolder.create(options.out or options.new_folder())  # refused now rather than after Ray has been loaded
    console = Console()
    console.print("joining Ray ..." if options.ray_address else "starting Ray ...", style="dim")
    from rllib_stackelberg.training.runs import train as run_training

    with _live(console) as live:
        result = run_training(options, lambda progress: live.update(tables.progress(progress, options)))
    _show(tables.result(result), result, as_json)


def _live(console: Console) -> Live:
    return Live(console=console, refresh_per_second=4, transient=not sys.stdout.isatty())


@command
def resume(
    run: Annotated[Path, typer.Argument(help="run folder")],
    max_seconds: Annotated[float | None, typer.Option(help="of training, in all; default as before")] = None,
    max_iterations: Annotated[int | None, typer.Option(help="of RLlib, in all; default as before")] = None,
    as_json: Json = False,
) -> None:
    """Go on with a run that was stopped or killed, from its last good checkpoint."""
    options = RunFolder(run).options(
        max_seconds=max_seconds, max_iterations=max_iterations
    )  # refused now rather than after Ray has been loaded
    console = Console()
    console.print("starting Ray ...", style="dim")
    from rllib_stackelberg.training.runs import resume as resume_training

    with _live(console) as live:
        result = resume_training(
            run,
            lambda progress: live.update(tables.progress(progress, options)),
            max_seconds=max_seconds,
            max_iterations=max_iterations,
        )
    _show(tables.result(result), result, as_json)


@command
def evaluate(run: Annotated[Path, typer.Argument(help="run folder")], as_json: Json = False) -> None:
    """Recompute value and certificate from the saved policy."""
    result = evaluate_run(run)
    _show(tables.result(result), result, as_json)


@command
def report(run: Annotated[Path, typer.Argument(help="run folder")], as_json: Json = False) -> None:
    """Write report.html, a page about a run, into its folder (again)."""
    from rllib_stackelberg.reports import write_report  # only this command needs what draws figures

    path = write_report(run)
    _show(tables.report(path), {"report": str(path)}, as_json)


@command
def reproduce(
    table: Annotated[str | None, typer.Argument(help="one of the tables; default all")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="of every arm")] = 3,
    budget: Annotated[float | None, typer.Option(help="minutes; fewer seeds, then shorter runs")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="runs side by side; default one per core")] = None,
    out: Annotated[Path, typer.Option(help="folder; what is in it already is not run again")] = Path("results"),
    as_json: Json = False,
) -> None:
    """Run the paper's experiments and those beside it; write tables, figures and their data."""
    if budget is not None and not 0 < budget < float("inf"):
        raise InvalidFieldError("budget", f"got {budget}", "minutes above 0")
    chosen = chosen_tables(table)
    side_by_side = jobs or os.cpu_count() or 1
    plan = Plan.within(chosen, seeds, budget, side_by_side)
    _writable(out)
    console = Console()
    console.print(
        f"{len(chosen)} table(s), {plan.seeds} seed(s), budgets x {plan.scale:.2f}, {side_by_side} run(s) side by side",
        style="dim",
    )
    from rllib_stackelberg.training.reproduction import reproduce_table

    found: dict[str, list[str]] = {"tables": [], "figures": []}
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as progress:
        for each in chosen:
            task = progress.add_task(each.name, total=len(each.arms) * plan.seeds)
            summaries, file, figures = reproduce_table(each, plan, side_by_side, out, partial(progress.advance, task))
            console.print(tables.experiment(each, summaries))
            found["tables"].append(str(file))
            found["figures"] += map(str, figures)
    _show(Text(f"tables, figures and data: {out}"), found, as_json)


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidFieldError("out", f"cannot write {folder} ({error.strerror})", "a writable folder") from error


@command
def respond(
    game: GameArgument,
    leader: Annotated[Path, typer.Option(help="JSON file: leader_strategy of a result")],
    params: Parameters = None,
    updates: UpdatesOption = None,
    followers: FollowersOption = None,
    model: ModelOption = None,
    models: ModelsOption = None,
    reward_play: Annotated[PlayKind | None, typer.Option(help="which play is valued")] = None,
    seed: Annotated[int, typer.Option(help="of the response streams")] = 0,
    equilibria: Annotated[bool, typer.Option(help="list all pure equilibria of the followers too")] = False,
    as_json: Json = False,
) -> None:
    """Followers' response to a given leader strategy."""
    made = make_game(game, **_params(params))
    settings = _settings(
        game,
        followers=followers,
        models=_models(model, models),
        response_updates=updates,
        reward_play=reward_play and reward_play.value,
    )
    strategy = LeaderStrategy.from_data(made, _read_strategy(leader))
    given = settings.model_dump(exclude={"followers", "response_updates"})
    found = respond_to(made, strategy, settings.followers, settings.response_updates, seed, **given)
    data = result_data(made, strategy, found)
    if equilibria:
        stable = pure_equilibria(made, strategy)
        data["equilibria"] = [{"values": list(e.values), "strategies": e.strategies} for e in stable]
    _show(tables.response(data), data, as_json)


@command
def online(
    game: GameArgument,
    leader: Annotated[str, typer.Option(help="learner, such as EXP3 or UCBE:bonus=50")],
    follower: Annotated[str, typer.Option(help="learner, such as best-response, UCB, FBM, FMUCB")],
    params: Parameters = None,
    rounds: Annotated[int, typer.Option(help="of every seed")] = 3000,
    seeds: Annotated[int, typer.Option(help="played side by side")] = 20,
    seed: Annotated[int, typer.Option(help="of the whole run")] = 0,
    noise: Annotated[NoiseKind | None, typer.Option(help="of rewards; default: a coin in a finite game")] = None,
    out: Annotated[Path | None, typer.Option(help="folder for results, curves and report, new or empty")] = None,
    as_json: Json = False,
) -> None:
    """Let a learning leader and a learning follower meet, over and over."""
    options = OnlineOptions.checked(
        game=game, params=_params(params), leader=leader, follower=follower, rounds=rounds, seeds=seeds, seed=seed,
        noise=noise and noise.value, out=out,
    )  # fmt: skip
    folder = RunFolder.create(out) if out else None  # refused now rather than after the rounds
    started = time.perf_counter()
    with Progress(*Progress.get_default_columns(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{leader} against {follower}", total=rounds)
        record = options.run(lambda done, _: progress.update(task, completed=done))
    data = result_of_online(record, options.arena) | {"seconds": time.perf_counter() - started}
    if folder:
        from rllib_stackelberg.reports import write_online  # only this needs what draws figures

        data["report"] = str(write_online(folder, options.resolved(), data, curves_data(record)))
    _show(tables.online(data), data, as_json)


def _read_strategy(file: Path) -> Any:
    content = _read_json("leader", file)
    return content["leader_strategy"] if isinstance(content, dict) and "leader_strategy" in content else content


def _read_json(field: str, file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFieldError(field, f"cannot read {file} ({error.strerror})", "an existing JSON file") from error
    except json.JSONDecodeError as error:
        raise InvalidFieldError(field, f"{file} is no JSON ({error})", "a JSON file") from error


@command
def play(
    game: GameArgument,
    params: Parameters = None,
    seed: Annotated[int, typer.Option(help="of types, chance and the random actions")] = 0,
) -> None:
    """Print a playthrough with random actions."""
    print(playthrough(make_game(game, **_params(params)), seed), end="")


@command
def doctor(as_json: Json = False) -> None:
    """Say what is missing here: versions, cores, memory, ports, limits; exits with 1 if training cannot work."""
    checks = examination.examine()
    _show(tables.checks(checks), examination.data(checks), as_json)
    if examination.worst(checks) == "fail":
        raise SystemExit(1)


def main() -> None:
    """Run the command line."""
    app()
