"""This example trains leader and followers as independent PPO policies, on the games' AEC view.

A baseline: nobody responds to a commitment here, every policy climbs its own payoff against what the others happen to
play (training/independent/independent.py). Two values come of it. "As commitment": the leader's greedy answers, fixed,
against followers that respond to them by multiplicative weights, exact over types; it is what the other examples report
of a leader trained against that response ("our leader", the medians of docs/measured). "In play": what the leader gets
when all learned policies play greedily against each other; not bounded by the optimum, because followers who are still
learning need not play a best response.

Results to expect: in games of common interest (simple allocation, escape) the optimum, in most seeds. In matrix design
the leader's payoff does not depend on what it pays, so it learns nothing about paying, and payments that happen to be
large decide where followers go. In maintain the leader takes the follower's action as given and moves on to the row
that pays best against it, so play ends in the Nash equilibrium, worth 1/3, and not at the commitment worth 11/12.

How to run: `python tuned_examples/ppo/independent_ppo.py --seeds 3 --max-seconds 60`; `--as-test` makes it a regression
test, `--json FILE` keeps every row.
"""

import argparse
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.rounding import estimate
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.terminal import Terminal
from rllib_stackelberg.training.independent.independent import train_independent
from rllib_stackelberg.training.running.ray_sessions import ray_session

TOLERANCE = 1e-6

EXAMPLES: list = []
"""No leader is trained against a response here (what `tests/test_learning.py` runs)."""


@dataclass(frozen=True)
class Instance:
    """A game.

    Attributes:
        game, params: as in `TrainOptions`.
        our_leader: what a leader that is trained against the response reaches (the median of docs/measured).
        bar: between which values the mean over seeds of the commitment lies.
    """

    game: str
    our_leader: float
    bar: tuple[float, float]
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Game and parameters."""
        return " ".join([self.game, *(f"{key}={value}" for key, value in self.params.items())])

    def options(self, seed: int, max_seconds: float) -> TrainOptions:
        """Of one run."""
        return TrainOptions.checked(game=self.game, params=self.params, seed=seed, max_seconds=max_seconds)

    def run(self, seed: int, max_seconds: float) -> dict[str, Any]:
        """Train once."""
        result = train_independent(self.options(seed, max_seconds))
        return {
            "seed": seed,
            "exact": result["exact_value"],
            "our_leader": self.our_leader,
            "commitment": result["leader_value"],
            "in_play": result["joint_value"],
            "followers_in_play": result["joint_values"][1:],
            "mean_return": result["mean_returns"]["leader_0"],
            "plays": result["episodes"],
            "seconds": round(result["seconds"], 1),
        }


INSTANCES = [
    Instance("simple-allocation", 1.0, (2 / 3, 1.0), {"messages": 3}),
    Instance("matrix-design", 5 / 3, (2 / 3, 5 / 3)),
    Instance("escape", 1.0, (0.5, 1.0)),
    Instance("maintain", 0.91584, (1 / 6, 2 / 3), {"mixed": True}),
]


def mean_and_error(values: list[float]) -> str:
    """Mean over seeds, and its standard error."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return str(estimate(statistics.mean(values), error))


def show(found: dict[str, list[dict[str, Any]]]) -> None:
    """The table."""
    table = Table(title="Independent PPO: the leader's value", box=SIMPLE, title_justify="left")
    for column in ("game", "exact", "our leader", "as commitment", "in play", "mean return", "plays", "seconds"):
        table.add_column(column)
    for name, rows in found.items():
        columns = (mean_and_error([row[key] for row in rows]) for key in ("commitment", "in_play", "mean_return"))
        plays, seconds = (statistics.mean(row[key] for row in rows) for key in ("plays", "seconds"))
        exact, ours = rows[0]["exact"], rows[0]["our_leader"]
        table.add_row(name, f"{exact:.5g}", f"{ours:.5g}", *columns, f"{plays:.0f}", f"{seconds:.0f}")
    Terminal(width=140).print(table)


def main() -> None:
    """Train, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--max-seconds", type=float, default=60.0, help="of training, each")
    parser.add_argument("--only", default="", help="run the instances whose name contains this")
    parser.add_argument("--json", type=Path, help="write all rows there")
    parser.add_argument("--as-test", action="store_true", help="exit with 1 if a bar is not met")
    arguments = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    with ray_session():
        for instance in (instance for instance in INSTANCES if arguments.only in instance.name):
            rows = found[instance.name] = []
            for seed in range(arguments.seeds):
                rows.append(instance.run(seed, arguments.max_seconds))
                if arguments.json:
                    write_atomically(arguments.json, to_json(found).encode())
    if not found:
        parser.error(f"--only: no instance's name contains {arguments.only!r}")
    show(found)
    failed = missed(found)
    if failed and arguments.as_test:
        sys.exit(f"bar not met: {', '.join(failed)}")


def missed(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Instances whose mean commitment lies outside their bar, or in which a commitment beats the optimum."""
    bars = {instance.name: instance.bar for instance in INSTANCES}
    failed = []
    for name, rows in found.items():
        low, high = bars[name]
        mean = statistics.mean(row["commitment"] for row in rows)
        beaten = any(row["commitment"] > row["exact"] + TOLERANCE for row in rows)
        if beaten or not low - TOLERANCE <= mean <= high + TOLERANCE:
            failed.append(name)
    return failed


if __name__ == "__main__":
    main()
