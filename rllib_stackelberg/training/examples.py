"""What every tuned example does: train over seeds, show a table, and with `--as-test` fail below its bar."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from rich.box import SIMPLE
from rich.console import RenderableType
from rich.table import Table

from rllib_stackelberg.evaluation.baselines import RandomSearch, random_search
from rllib_stackelberg.evaluation.strategies import tabulated
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.leader.env import StackelbergPOMDP
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rounding import estimate, number
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.registry import find_spec, make_game
from rllib_stackelberg.runs.evaluate import evaluate_against
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.progress import Progress
from rllib_stackelberg.solvers import solve
from rllib_stackelberg.terminal import Terminal
from rllib_stackelberg.training.running.ray_sessions import ray_session
from rllib_stackelberg.training.runs import train

Rows = list[dict[str, Any]]


LUCK_EPISODES = 10_000
"""Most random leader tables that stand beside a result."""

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


def fill_batches(config: AlgorithmConfig, options: TrainOptions, parallel: int | None) -> None:
    """That many leader episodes in parallel, and whole ones in a batch, however the leader is asked; None: as it is."""
    if parallel is None:
        return
    game, settings = options.rules, options.resolved_settings
    once = settings.leader_queries == "once"  # then RLlib is handed whole episodes, one per environment at least
    rows = parallel if once else parallel * turns_of_an_episode(game, settings)
    config.env_runners(num_envs_per_env_runner=parallel)
    config.training(train_batch_size_per_learner=rows, minibatch_size=None)


def turns_of_an_episode(game: StackelbergGame, settings: LeaderSettings) -> int:
    """How often the leader is asked in an episode in which it always gives its first answer."""
    env = StackelbergPOMDP(game, settings)
    env.reset()
    turns, over = 0, False
    while not over:
        over = bool(env.step(np.zeros((1, *(env.single_action_space.shape or ()))))[2][0])
        turns += 1
    return turns


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
    summary: Sequence[str] = (),
    beside: Callable[[Sequence[Example]], RenderableType] | None = None,
    overview: Callable[[dict[str, Rows]], RenderableType] | None = None,
) -> None:
    """Command line of a tuned example.

    Args:
        examples: what it runs; text: its help; summary: columns whose mean and standard error over seeds are shown, one
            line an example, in a last table; beside: makes what stands above that table, of the examples that were run.
        overview: makes a table of all rows there are by an instance's name, those of earlier calls in the file of
            `--json` included; shown at the end.
    """
    arguments = _arguments(text)
    recorded = _recorded(arguments.json)
    examples = [example for example in examples if arguments.only in example.name]
    if not examples:
        sys.exit(f"--only: no instance's name contains {arguments.only!r}")
    if arguments.max_seconds is not None:
        examples = [replace(example, max_seconds=arguments.max_seconds) for example in examples]
    found: dict[str, Rows] = {}
    failed = []
    with tempfile.TemporaryDirectory() as folder, ray_session():
        for k, example in enumerate(examples):
            rows = found[example.name] = []
            for seed in range(arguments.seeds):
                rows.append(example.run(seed, Path(folder) / f"{k}-{seed}"))
                if arguments.json:
                    write_atomically(arguments.json, to_json(recorded | found).encode())
            met = example.bar[1](rows)
            if not met:
                failed.append(example.name)
            _show(example, rows, met)
    console = Terminal(width=190)
    if beside:
        console.print(beside(examples))
    if summary:
        console.print(summarise(found, summary))
    if overview:
        console.print(overview(recorded | found))
    if failed and arguments.as_test:
        sys.exit(f"bar not met: {', '.join(failed)}")


def _arguments(text: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--as-test", action="store_true", help="exit with 1 if a bar is not met")
    parser.add_argument("--only", default="", help="run the instances whose name contains this")
    parser.add_argument("--max-seconds", type=float, help="of training, for each run; default per instance")
    parser.add_argument("--json", type=Path, help="write all rows there; those of other instances in it are kept")
    return parser.parse_args()


def _recorded(file: Path | None) -> dict[str, Rows]:
    """Rows of earlier calls, by instance."""
    return json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else {}


def summarise(found: dict[str, Rows], columns: Sequence[str]) -> Table:
    """Mean and standard error over seeds, one line an example."""
    table = Table(title="mean ± standard error over seeds", box=SIMPLE, title_justify="left", title_style="bold")
    for column in ("", "seeds", *columns):
        table.add_column(column.replace("_", " "))
    for name, rows in found.items():
        cells = [_mean_and_error([float(row[column]) for row in rows]) for column in columns]
        table.add_row(name, str(len(rows)), *cells)
    return table


def _mean_and_error(values: list[float]) -> str:
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return str(estimate(statistics.mean(values), error))


def _show(example: Example, rows: Rows, met: bool) -> None:
    table = Table(title=example.name, box=SIMPLE, title_justify="left", title_style="bold")
    for column in rows[0]:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(number(value) for value in row.values()))
    if len(rows) > 1:
        columns = list(rows[0])[1:]
        table.add_row("median", *(number(_median([row[column] for row in rows])) for column in columns))
    console = Terminal(width=max(190, 12 * len(table.columns)))
    console.print(table)
    console.print(f"bar: {example.bar[0]}: {'met' if met else 'NOT met'}")


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
