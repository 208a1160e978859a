"""What every tuned example does: train over seeds, show a table, and with `--as-test` fail below its bar."""

from __future__ import annotations

import argparse
import math
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.baselines import RandomSearch, random_search
from rllib_stackelberg.evaluation.strategies import tabulated
from rllib_stackelberg.reports.recorded_tables import Begun, SharedTable, write_table, written_by
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rounding import number
from rllib_stackelberg.rules.registry import find_spec, make_game
from rllib_stackelberg.runs.evaluate import evaluate_against
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.progress import Progress
from rllib_stackelberg.solvers import solve
from rllib_stackelberg.terminal import Terminal
from rllib_stackelberg.training.batches import fill_batches
from rllib_stackelberg.training.example_tables import (
    Cell,
    Rows,
    count_of,
    lines_table,
    mean_of,
    median_and,
    median_of,
    optimum,
    seeds_table,
)
from rllib_stackelberg.training.running.ray_sessions import ray_session
from rllib_stackelberg.training.runs import train

LUCK_EPISODES = 10_000
"""Most random leader tables that stand beside a result."""

LONGEST = 40
"""Letters of a parameter that stands in a table."""

FEW_LUCK_EPISODES = 100
"""Where a response is long."""


@dataclass(frozen=True)
class Example:
    """One instance with its budget and its bar.

    Attributes:
        game, params, settings, algo, critic, max_iterations, max_seconds, restart_after, stop_at_optimum: as in
            `TrainOptions`; with `max_iterations` alone a run repeats.
        bar: what the rows of all seeds must satisfy, in words and as a function.
        without: changes of `params` that make the instance whose exact value stands beside as "without" (say,
            without messages).
        target: the seconds until the mean return first reached this are reported.
        arm: what sets this one apart from others on the same instance.
        parallel: leader episodes in parallel, and in a batch; None: the defaults of `leader_config`. For games whose
            episodes are equally long: then batches are whole episodes, however the leader is asked.
        judged: settings of another response by which the strategy, and the best random table, are valued, too; under
            each of its models, if it has several.
        details: further columns, of a run's result.

    Of the columns, `mean_return` is of the exploring leader at the end, `whole_return` its mean over all iterations
    (the sooner it learns, the higher), `value` of the best snapshot, `last_snapshot` of the last one; `seconds`
    are of training, `whole_seconds` of all from the first step to the certificate and the page. Where no exact value is
    known, the bound and the game's baselines stand beside it; where values are estimated,
    `random_judged` is what the best random table is worth on fresh plays: `random_best` flatters.
    """

    game: str
    bar: tuple[str, Callable[[Rows], bool]]
    params: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    algo: str = "PPO"
    critic: str | None = None
    max_iterations: int | None = None
    max_seconds: float | None = None
    restart_after: int | None = None
    stop_at_optimum: bool = False
    without: dict[str, Any] | None = None
    target: float | None = None
    arm: str = ""
    parallel: int | None = None
    judged: dict[str, Any] | None = None
    details: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        """Game, parameters and arm."""
        parts = [self.game, *(f"{key}={value}" for key, value in self.params.items())]
        return " ".join(parts) + (f": {self.arm}" if self.arm else "")

    @property
    def title(self) -> str:
        """What tells it from all other examples."""
        return f"{self.algo} {self.name}"

    @property
    def instance(self) -> str:
        """For tables: what can be typed as code; long values are left to the arm's words."""
        given = (f"{key}={str(value).lower()}" for key, value in self.params.items())
        return f"`{' '.join([self.game, *(each for each in given if len(each) <= LONGEST)])}`" + (
            f", {self.arm}" if self.arm else ""
        )

    def options(self, seed: int, out: Path) -> TrainOptions:
        """Of one run."""
        given = {
            "critic": self.critic,
            "max_iterations": self.max_iterations,
            "max_seconds": self.max_seconds,
            "restart_after": self.restart_after,
        }
        return TrainOptions.checked(
            game=self.game,
            params=self.params,
            settings=self.settings,
            algo=self.algo,
            seed=seed,
            stop_at_optimum=self.stop_at_optimum,
            out=out,
            **{name: value for name, value in given.items() if value is not None},
        )

    def run(self, seed: int, out: Path, configure: Callable[[AlgorithmConfig], Any] | None = None) -> dict[str, Any]:
        """Train once; what luck alone finds in as many episodes (up to 10,000) stands beside the result."""
        options = self.options(seed, out)
        seen: list[Progress] = []

        def configured(config: AlgorithmConfig) -> None:
            """Batches of the example's size, then what the caller changes."""
            fill_batches(config, options, self.parallel)
            if configure:
                configure(config)

        began = time.perf_counter()
        result = train(options, seen.append, configured)
        whole = time.perf_counter() - began
        game = options.rules
        settings = options.resolved_settings
        most = FEW_LUCK_EPISODES if settings.long_response(game) else LUCK_EPISODES
        luck = random_search(game, settings, min(result["episodes"], most), seed)
        row = self._row(seed, result, seen, luck)
        if result["exact_value"] is None:
            row |= {"bound": result["bound"]} | result["baselines"]
        if not tabulated(game):
            row["random_judged"] = luck.evaluate(settings, seed, every_play=False).leader_value
        row["whole_seconds"] = round(whole, 1)
        return row | self._further(seed, result, seen, luck)

    def _row(self, seed: int, result: dict[str, Any], seen: list[Progress], luck: RandomSearch) -> dict[str, Any]:
        # At every turn an iteration may see no episode end.
        known = [progress.mean_return for progress in seen if not math.isnan(progress.mean_return)]
        return {
            "seed": seed,
            "value": result["leader_value"],
            "error": result["standard_error"],
            "average_play": result["by_play"]["average"],
            "exact": result["exact_value"],
            "deviation_gain": result["certificate"]["deviation_gain"],
            "equilibrium": result["certificate"]["equilibrium"],
            "last_snapshot": result["final_value"],
            "mean_return": result["mean_return"],
            "whole_return": statistics.fmean(known or [math.nan]),
            "random_best": luck.best,
            "random_mean": luck.mean,
            "episodes": result["episodes"],
            "seconds": round(result["seconds"], 1),
        }

    def _further(self, seed: int, result: dict[str, Any], seen: list[Progress], luck: RandomSearch) -> dict[str, Any]:
        """Columns that an example asks for."""
        row: dict[str, Any] = {}
        if self.target is not None:
            reached = (round(progress.seconds, 1) for progress in seen if progress.mean_return >= self.target)
            row["seconds_to_target"] = next(reached, None)
        if self.without is not None:
            solution = solve(make_game(self.game, **(self.params | self.without)))
            row["exact_without"] = solution.leader_value if solution else None
        if self.judged is not None:
            game = make_game(self.game, **self.params)
            judge = LeaderSettings.checked(**(find_spec(self.game).defaults.settings | self.judged)).fitted(game)
            found = evaluate_against(result["run_dir"], judge)
            row["judged"] = found.leader_value
            row |= {f"under {model.name}": model.found.leader_value for model in found.by_model}
            row["worst"] = found.worst_value
            row["random_judged"] = luck.evaluate(judge, seed).leader_value
        if self.details is not None:
            row |= self.details(result)
        return row


COLUMNS: dict[str, Cell] = {
    "game": lambda example, _: example.instance,
    "algorithm": lambda example, _: example.algo,
    "exact optimum": optimum,
    "value: median, worst": median_and(min, "value", 5),
    "mean return: median, worst": median_and(min, "mean_return"),
    "no gain from deviating": count_of(lambda row: row["equilibrium"]),
    "random search: best, mean": lambda example, rows: ", ".join(
        median_of(column)(example, rows) for column in ("random_best", "random_mean")
    ),
    "episodes": median_of("episodes"),
    "seconds: median, slowest": median_and(max, "seconds"),
    "seeds": lambda _, rows: f"{len(rows)}",
}
"""What the tables of pages have in common. *No gain from deviating*: in how many seeds no follower gains by leaving the
reported play."""


def means(*columns: str) -> dict[str, Cell]:
    """Columns of means over seeds, with their standard errors."""
    shown = {column.replace("_", " "): mean_of(column) for column in columns}
    return {name: COLUMNS[name] for name in ("game", "seeds")} | shown


def reaches(value: float, tolerance: float = 1e-6, share: float = 0.9) -> tuple[str, Callable[[Rows], bool]]:
    """Bar: greedy value and mean return of the learning policy near `value` in a share of the seeds.

    The mean return is that of a policy which still explores, so it may fall short by 2 %.
    """

    def met(rows: Rows) -> bool:
        """Whether value and mean return reach it in enough seeds."""
        good = [row["value"] >= value - tolerance and row["mean_return"] >= 0.98 * value for row in rows]
        return sum(good) >= share * len(rows)

    return f"value >= {value:.6g} in {share:.0%} of seeds", met


def at_least(value: float, share: float = 0.9) -> tuple[str, Callable[[Rows], bool]]:
    """Bar: the reported value, in a share of the seeds."""

    def met(rows: Rows) -> bool:
        """Whether the value reaches it in enough seeds."""
        return sum(row["value"] >= value for row in rows) >= share * len(rows)

    return f"value >= {value:.6g} in {share:.0%} of seeds", met


def main(
    examples: Sequence[Example],
    text: str | None,
    columns: Mapping[str, Cell] = COLUMNS,
    beside: Callable[[Sequence[Example]], list[dict[str, str]]] | None = None,
) -> None:
    """Command line of a tuned example.

    Args:
        examples: what it runs; text: its help; columns: of the last table, which has a line an example; beside: makes
            another table for those that were run, of what is best without training.
    """
    begun, (parser, arguments) = Begun(), _arguments(text)
    script = Path(sys.argv[0]).resolve()
    name, command = arguments.table or script.stem, _command(script, arguments)
    try:
        chosen = _chosen(examples, arguments)
        shared = SharedTable(arguments.out / f"{name}.md", list(columns)) if arguments.out else None
    except InvalidFieldError as error:
        parser.error(str(error))
    found: dict[str, Rows] = {}
    lines: dict[str, dict[str, str]] = {}
    failed = []
    with tempfile.TemporaryDirectory() as folder, ray_session():
        for k, example in enumerate(chosen):
            rows = [example.run(seed, Path(folder) / f"{k}-{seed}") for seed in range(arguments.seeds)]
            if not example.bar[1](rows):
                failed.append(example.name)
            _show(example, rows, example.name not in failed)
            found[example.title] = rows
            lines[example.title] = {heading: cell(example, rows) for heading, cell in columns.items()}
            if shared:
                shared.add(lines, found, f"Not all rows are there: `{command} --out DIR` has not ended.")
    if shared:
        shared.add(lines, found, written_by(command, begun))
        lines = {title: row["cells"] for title, row in shared.recorded().items()}
    if beside:
        best = beside(chosen)
        Terminal(width=190).print(lines_table(best, "without training"))
        if arguments.out:
            write_table(arguments.out / f"{name}_best.md", best, command, begun)
    Terminal(width=190).print(lines_table(list(lines.values()), "over seeds"))
    if failed and arguments.as_test:
        sys.exit(f"bar not met: {', '.join(failed)}")


def _arguments(text: str | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--as-test", action="store_true", help="exit with 1 if a bar is not met")
    parser.add_argument("--only", default="", help="run the instances whose name contains this")
    parser.add_argument("--max-seconds", type=float, help="of training, for each run; default per instance")
    parser.add_argument("--out", type=Path, help="folder in which the table over seeds, and all seeds' rows, are kept")
    parser.add_argument("--table", help="the table's name there, if several scripts write one; default: the script's")
    return parser, parser.parse_args()


def _chosen(examples: Sequence[Example], arguments: argparse.Namespace) -> list[Example]:
    chosen = [example for example in examples if arguments.only in example.name]
    if not chosen:
        names = ", ".join(example.name for example in examples)
        raise InvalidFieldError("only", f"no instance's name contains {arguments.only!r}", f"a part of one of: {names}")
    if arguments.max_seconds is None:
        return chosen
    return [replace(example, max_seconds=arguments.max_seconds) for example in chosen]


def _command(script: Path, arguments: argparse.Namespace) -> str:
    """As it can be typed, with all that its numbers depend on."""
    given = {
        "--seeds": arguments.seeds,
        "--only": arguments.only,
        "--max-seconds": number(arguments.max_seconds) if arguments.max_seconds else None,
        "--table": arguments.table,
    }
    words = (f"{word}" for option, value in given.items() if value for word in (option, value))
    return shlex.join(["python", "/".join(script.parts[-3:]), *words])


def _show(example: Example, rows: Rows, met: bool) -> None:
    console = Terminal(width=max(190, 12 * len(rows[0])))
    console.print(seeds_table(example.name, rows))
    console.print(f"bar: {example.bar[0]}: {'met' if met else 'NOT met'}")
