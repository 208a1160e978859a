"""This example says what is at stake in `taxation` for households and for the government, the later the less for one.

A household is paid c / (c + 1000 exp(10 h^3 / 3)) for c dollars consumed and a share h of time worked: at most 1. An
economy that grows makes c so large that hardly anything is left to gain. From then on households are all but
indifferent to what they do. The government, which is paid the growth of capital, is not.

A trained government goes on as it does. Households follow their policy up to a year, and then all do the same: save the
least or the most that they may, and work not at all, as is best without savings and taxes, or all of the time. The
table has, by the year from which they do so, the smallest and the largest payoff of a play over these six ways, for
households and for the government.

How to run: `python tuned_examples/smfrl/taxation_ties.py` trains 16 epochs first (a minute); `--run RUN` takes the
policies of a run that is done. `--out DIR` writes the table.

Results to expect: what households do from year 101 on is worth less than a thousandth to them, and some 7 % to their
government.
"""

import argparse
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from kept_runs import train_missing
from rllib_stackelberg.envs.taxation_v0 import LEAST, MOST, START_WORK
from taxation_measures import COURSES, SavedRun

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.mixed_members import FixedMembers
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.reports import Begun, write_table
from rllib_stackelberg.rounding import number
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.terminal import Terminal
from rllib_stackelberg.training.example_tables import lines_table

YEARS = (1, 11, 21, 51, 101, 201)
WORK = (LEAST, START_WORK, MOST)

EXAMPLES: list = []
"""No leader is trained against a response here (what `tests/test_learning.py` runs)."""


@dataclass(frozen=True, eq=False)
class UntilYear:
    """Both sides by a policy, but households do something else from some year on.

    Attributes:
        policy: of both; others: what households do then; year: the first in which they do; 1 is the first of a play.
    """

    policy: PopulationPolicy
    others: FixedMembers
    year: int

    def play(self, game: Any, state: Any) -> tuple[np.ndarray, np.ndarray]:
        """Actions of both sides in a state."""
        leader, members = self.policy.play(game, state)
        late = state.period + 1 >= self.year
        return leader, np.where(late[:, None, None], self.others.follow(members, leader), members)


def payoffs(saved: SavedRun, year: int) -> dict[str, tuple[float, float]]:
    """Least and most of a play, of either side, over what households may do from a year on."""
    game, bounds = saved.game(), (saved.policy.members.low[0], saved.policy.members.high[0])
    ways = [UntilYear(saved.policy, FixedMembers.of(game, way), year) for way in product(bounds, WORK)]
    found = [evaluate_population(game, way, saved.seed, plays=COURSES) for way in ways]
    paid = {"households": [each.members.mean() for each in found], "government": [each.leader.mean() for each in found]}
    return {side: (float(min(values)), float(max(values))) for side, values in paid.items()}


def line(saved: SavedRun, year: int) -> dict[str, str]:
    """A row of the table."""
    told = {"from year": str(year)}
    for side, (least, most) in payoffs(saved, year).items():
        told[f"{side}: payoff"] = f"{number(least, 5)} to {number(most, 5)}"
        told[f"{side}: at stake"] = f"{(most - least) / most:.2%}"
    return told


def trained(epochs: int, folder: Path) -> SavedRun:
    """With the game's defaults, 100 households, seed 0, for the task of the paper's comparisons."""
    params = {"households": 100, "task": "gdp"}
    chosen = PopulationOptions.checked(game="taxation", params=params, seed=0, max_iterations=epochs, out=folder)
    train_missing([chosen])
    return SavedRun.read(RunFolder(folder))


def main() -> None:
    """Train, unless a run is given; measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="folder of a run of taxation that is done; default: train one")
    parser.add_argument("--epochs", type=int, default=16, help="of training, without --run")
    parser.add_argument("--out", type=Path, help="folder for the table")
    begun, arguments = Begun(), parser.parse_args()
    try:
        with TemporaryDirectory() as scratch:
            run = arguments.run
            saved = SavedRun.read(RunFolder(run)) if run else trained(arguments.epochs, Path(scratch) / "run")
        lines = [line(saved, year) for year in YEARS]
    except InvalidFieldError as error:
        parser.error(str(error))
    Terminal(width=100).print(lines_table(lines, "What households do from a year on, all the same"))
    if arguments.out:
        of = f"--run {run}" if run else f"--epochs {arguments.epochs}"
        command = f"python tuned_examples/smfrl/taxation_ties.py {of}"
        write_table(arguments.out / "taxation_ties.md", lines, command, begun)


if __name__ == "__main__":
    main()
