"""This example trains both sides by SMFRL on the economies whose optimum is known, and says how close they come.

Four cases: `labour-supply` with any progressivity and with a cap of .05, `public-investment` and `output-tax`. Reported
are the policies at the end of training, not the best snapshot: what a leader is paid is largest where members err in
its favour. On fresh plays, over all periods: the leader's mean action, beside the game's `optimum`, and the members'
mean action, beside their `best_response` to what the leader does there; "apart" is the mean distance of single
members' actions from it, relatively.

Settings are the games' defaults (envs/__init__.py), and why:

- Exploration and learning rates fall together, by .85 every three epochs: critics, which have seen the last ten epochs
  alone (`buffer_periods`), end up knowing a small neighbourhood of what is done very well. With a fixed exploration
  and a buffer that holds everything, actors settle 10 to 40 % off: what is best is flat, and critics that must also be
  right far away are not right enough there.
- `centred` rewards and smooth critics (`activation="silu"`), for the same reason: without the one the tax of
  `output-tax` ends 7 to 8 % off, without the other it swings for ever (seed 5).
- `labour-supply` lasts one period: its discount is 0, nothing comes after it. `through_members`: a government that
  takes the answer as given sees equality alone, and taxes away all differences. At a cap of .05 either ascends to the
  corner. 400 households, of which one moves the level of the tax little: where 20
  answer to what they move themselves, the best progressivity is .67.
- The other two are discounted by the game's own factor. `through_members` is off: the best share to save is the same
  under every tax, so that how it moves is no part of the gradient. Plays are short (`periods`), so that capital
  stays where it has been seen; a play is cut there, not over, and the optimum is that of one without end. Only 20
  households: their mean action varies enough for the leader's critic to tell what it does.
- `public-investment` with a discount factor of .8, which is the share to save: .975 lies where actors saturate. Capital
  that is further apart (`spread`) tells critics better what it is worth.

How to run: `python tuned_examples/smfrl/closed_forms_smfrl.py --seeds 3`. `--cases` picks some, `--json FILE` is where
the table is written. `--run FOLDER` compares the policies of a run of these games instead, and trains nothing.

Results of seeds 0, 1 and 2 (settings were chosen on seeds 5 and 6): all within 5 % for the government and 1 % for the
households. Mean, and the seed that is furthest off; a run takes 1.5 to 3 minutes on one core.

- `labour-supply`: progressivity .5944 (worst .6049, 3.7 % off) for .5835; work .3431 (.2 %) for .3436.
- `labour-supply`, cap .05: progressivity .0497 (.6 %) at the corner .05; work .4564 (.24 %) for .4563.
- `public-investment`: tax .2560 (.54 %) for .2555; saving share .7966 (.62 %) for .8.
- `output-tax`: tax .1339 (worst .1319, 3.8 % off) for .1371; saving share .7247 (.44 %) for .7259.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.populations.play import PopulationPlays
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.population import PopulationGame
from rllib_stackelberg.rules.registry import find_spec
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import PopulationRun
from rllib_stackelberg.streams import Purpose, Streams
from rllib_stackelberg.terminal import Terminal
from rllib_stackelberg.training.running.ray_sessions import ray_session
from rllib_stackelberg.training.runs import train

EXAMPLES: list = []
"""No leader is trained against a response here (what `tests/test_learning.py` runs)."""

PLAYS = 64
LEADER, MEMBERS = "leader", "members"


@dataclass(frozen=True)
class Case:
    """One game: `terms` are what the sides' actions are, `bars` the relative errors asked for."""

    game: str
    epochs: int
    terms: dict[str, str]
    bars: dict[str, float]
    params: dict[str, Any]

    def options(self, seed: int, out: Path) -> PopulationOptions:
        """Of one run, with the game's default settings, by which the last policies are kept."""
        return PopulationOptions.checked(
            game=self.game,
            params=self.params,
            seed=seed,
            max_iterations=self.epochs,
            plays=PLAYS,
            out=out,
        )

    def run(self, seed: int, out: Path) -> dict[str, Any]:
        """Train, and compare what was learned."""
        options = self.options(seed, out)
        result = train(options)
        found = compared(options.rules, PopulationPolicy.load(out), seed)
        return {"seconds": result["seconds"], **found}


WORK = {LEADER: "progressivity", MEMBERS: "work"}
SAVING = {LEADER: "tax", MEMBERS: "saving share"}
BARS = {LEADER: 0.05, MEMBERS: 0.01}

CASES = {
    "labour-supply": Case("labour-supply", 32, WORK, BARS, {"households": 400}),
    "labour-supply, cap .05": Case("labour-supply", 24, WORK, BARS, {"households": 20, "cap": 0.05}),
    "public-investment": Case(
        "public-investment", 40, SAVING, BARS, {"households": 20, "periods": 5, "discount": 0.8, "spread": 1.0}
    ),
    "output-tax": Case("output-tax", 40, SAVING, BARS, {"households": 20, "periods": 10}),
}


def compared(game: PopulationGame, policy: PopulationPolicy, seed: int) -> dict[str, dict[str, float]]:
    """Both sides' mean actions on fresh plays, those of the closed forms, and the relative errors."""
    led, answers, best = played(game, policy, seed)
    optimum = game.optimum()
    assert optimum is not None
    return {
        LEADER: beside(led, np.full(led.shape, optimum.leader_action[0])),
        MEMBERS: beside(answers, best),
    }


def played(game: PopulationGame, policy: PopulationPolicy, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The leader's actions, the members', and their best answers to the leader's, in every state of fresh plays."""
    plays = PopulationPlays(game, Streams(seed, Purpose.REPORT), range(PLAYS))
    rows = []
    while len(plays.running):
        leader, members = policy.play(game, plays.state)
        rows.append((leader, members, game.best_response(plays.state, leader)))
        plays.step(leader, members)
    led, answers, best = (np.concatenate(column) for column in zip(*rows, strict=True))
    return led, answers, best


def beside(learned: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    """Means of both, the relative error of the mean, and how far single actions are off on average, relatively."""
    return {
        "learned": float(learned.mean()),
        "closed form": float(exact.mean()),
        "error": float(abs(learned.mean() / exact.mean() - 1)),
        "apart": float(abs(learned / exact - 1).mean()),
    }


def summary(runs: Sequence[dict[str, Any]], side: str) -> dict[str, float]:
    """Over seeds: the mean of what was learned, and the seed that is furthest off."""
    found = [run[side] for run in runs]
    worst = max(found, key=lambda one: one["error"])
    means = {name: float(np.mean([one[name] for one in found])) for name in ("learned", "closed form", "apart")}
    seconds = float(np.mean([run["seconds"] for run in runs]))
    return means | {"worst": worst["learned"], "worst error": worst["error"], "seconds": seconds}


def table_of(runs: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """A row for either side of every case."""
    return [
        {"case": name, "what": CASES[name].terms[side], "bar": CASES[name].bars[side]} | summary(found, side)
        for name, found in runs.items()
        for side in (LEADER, MEMBERS)
    ]


def show(rows: list[dict[str, Any]], seeds: int) -> None:
    """For people."""
    shown = Table(title=f"closed forms, {seeds} seed(s)", box=SIMPLE, title_justify="left")
    for column in ("case", "what", "learned", "worst", "closed form", "worst error", "bar", "apart", "seconds"):
        shown.add_column(column)
    for row in rows:
        figures = (f"{row[name]:.5f}" for name in ("learned", "worst", "closed form"))
        errors = (f"{row[name]:.2%}" for name in ("worst error", "bar", "apart"))
        shown.add_row(row["case"], row["what"], *figures, *errors, f"{row['seconds']:.0f}")
    Terminal(width=140).print(shown)


def show_run(folder: Path) -> None:
    """For people: the policies of a run beside the closed forms of its game.

    Raises:
        InvalidFieldError: it is no run of these games.
    """
    run, known = PopulationRun.open(folder), sorted({find_spec(case.game).id for case in CASES.values()})
    if name_of(run.game) not in known:
        raise InvalidFieldError("run", f"is of {name_of(run.game)}", ", ".join(known))
    for side, found in compared(run.game, PopulationPolicy.load(folder), run.seed).items():
        Terminal().print(f"{side}: {found['learned']:.5f}, exact {found['closed form']:.5f}, {found['error']:.1%} off")


def main() -> None:
    """Train, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--json", type=Path, help="write the table there")
    parser.add_argument("--run", type=Path, help="only compare the policies of this run folder")
    arguments = parser.parse_args()
    if arguments.run:
        try:
            show_run(arguments.run)
        except InvalidFieldError as error:
            parser.error(str(error))
        return
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in arguments.cases}
    with ray_session(), tempfile.TemporaryDirectory() as folder:
        for name, found in runs.items():
            for seed in range(arguments.seeds):
                found.append(CASES[name].run(seed, Path(folder) / f"{name}-{seed}"))
                print(f"{name} seed {seed}: {found[-1]}", flush=True)
    rows = table_of(runs)
    show(rows, arguments.seeds)
    if arguments.json:
        write_atomically(arguments.json, to_json({"seeds": arguments.seeds, "table": rows, "runs": runs}).encode())


if __name__ == "__main__":
    main()
