"""What every tuned example does: train over seeds, show a table, and with `--as-test` fail below its bar."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from rllib_stackelberg.evaluation import random_search
from rllib_stackelberg.options import TrainOptions
from rllib_stackelberg.tables import number
from rllib_stackelberg.training.runs import ray_session, train

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Example:
    """One instance with its budget and its bar.

    Attributes:
        game, params, settings: as in `TrainOptions`.
        max_iterations: of RLlib, so that a run repeats.
        bar: what the rows of all seeds must satisfy, in words and as a function.
    """

    game: str
    max_iterations: int
    bar: tuple[str, Callable[[Rows], bool]]
    params: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    critic: str = "central"

    @property
    def name(self) -> str:
        """Game and parameters."""
        return " ".join([self.game, *(f"{key}={value}" for key, value in self.params.items())])

    def run(self, seed: int, out: Path, configure: Callable[[AlgorithmConfig], Any] | None = None) -> dict[str, Any]:
        """Train once; what luck alone finds in as many episodes stands beside the result."""
        options = TrainOptions.checked(
            game=self.game,
            params=self.params,
            settings=self.settings,
            critic=self.critic,
            seed=seed,
            max_iterations=self.max_iterations,
            out=out,
        )
        result = train(options, configure=configure)
        luck = random_search(options.make_game(), options.make_settings(), result["episodes"], seed)
        return {
            "seed": seed,
            "value": result["leader_value"],
            "exact": result["exact_value"],
            "deviation_gain": result["certificate"]["deviation_gain"],
            "last_snapshot": result["final_value"],
            "mean_return": result["mean_return"],
            "random_best": luck["best"],
            "random_mean": luck["mean"],
            "episodes": result["episodes"],
            "seconds": round(result["seconds"], 1),
        }


def reaches(value: float, tolerance: float = 1e-6, share: float = 0.9) -> tuple[str, Callable[[Rows], bool]]:
    """Bar: greedy value and mean return of the learning policy near `value` in a share of the seeds.

    The mean return is that of a policy which still explores, so it may fall short by 2 %.
    """

    def met(rows: Rows) -> bool:
        good = [row["value"] >= value - tolerance and row["mean_return"] >= 0.98 * value for row in rows]
        return sum(good) >= share * len(rows)

    return f"value >= {value:.6g} in {share:.0%} of seeds", met


def main(examples: Sequence[Example], text: str | None) -> None:
    """Command line of a tuned example."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--as-test", action="store_true", help="exit with 1 if a bar is not met")
    parser.add_argument("--json", type=Path, help="write all rows there")
    arguments = parser.parse_args()
    found = {}
    failed = []
    options = TrainOptions.checked(game=examples[0].game, params=examples[0].params, max_iterations=1)
    with tempfile.TemporaryDirectory() as folder, ray_session(options):
        for k, example in enumerate(examples):
            rows = [example.run(seed, Path(folder) / f"{k}-{seed}") for seed in range(arguments.seeds)]
            found[example.name] = rows
            met = example.bar[1](rows)
            if not met:
                failed.append(example.name)
            _show(example, rows, met)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if failed and arguments.as_test:
        sys.exit(f"bar not met: {', '.join(failed)}")


def _show(example: Example, rows: Rows, met: bool) -> None:
    table = Table(title=example.name, box=SIMPLE, title_justify="left", title_style="bold")
    for column in rows[0]:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(number(value) for value in row.values()))
    if len(rows) > 1:
        columns = list(rows[0])[1:]
        table.add_row("median", *(number(statistics.median(row[column] for row in rows)) for column in columns))
    console = Console(width=140)
    console.print(table)
    console.print(f"bar: {example.bar[0]}: {'met' if met else 'NOT met'}")
