"""This example trains a government and its households by SMFRL, and the paper's ablations of it.

The game is `taxation` with the task "gdp": 100 households, 300 years, the government's payoff of a year is how much
capital grows, in percent. The arms (Mi et al., arXiv 2403.12093):

- `smfrl`: households see the government's action, critics see the households' mean state and mean action;
- `no-stackelberg`: households do not see it, and the government takes what they did as given;
- `no-mean-field`: critics see their own state and actions alone;
- `neither`: both;
- `through`: not the paper's: `smfrl` with a government that also ascends by how its action moves the answer;
- `released`: `smfrl` with the rates, noise and networks of the paper's released code (`PAPER`), nothing random first.

Reported of each run are the best greedy policies on 64 fresh economies: years survived, GDP per head, Gini
coefficients of wealth and income (means over years), households' payoff of a play (welfare), and exploitability: what
either side gains, relatively, by learning on alone for some epochs (training/populations/exploitability.py).

How to run: `python tuned_examples/smfrl/taxation_smfrl.py --seeds 10 --arms all`. Runs that are
finished under `--out` are not run again: an interrupted call goes on. `--json FILE` is where the table is written.

Results to expect (ten seeds, 25 epochs; the table is in docs/measured/taxation.md): both arms with a mean field survive
all 300 years from epoch 6 or 7 on in every seed. Without it critics have no idea what households do on average: plays
end early in two seeds of ten, in four without Stackelberg too. Whether households see the policy makes no difference to
survival. The ablations of the paper's released code all end in the first year; here that is none of them.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from earlier import EARLIER
from estimates import Estimate, geometric_of, mean_of, median_of, show
from kept_runs import train_missing

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.populations.settings import PAPER
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import PopulationRun

EXAMPLES: list = []
"""No leader is trained against a response here (what `tests/test_learning.py` runs)."""

ARMS: dict[str, dict[str, Any]] = {
    "smfrl": {},
    "no-stackelberg": {"stackelberg": False},
    "no-mean-field": {"mean_field": False},
    "neither": {"stackelberg": False, "mean_field": False},
    "through": {"through_members": True},
    "released": PAPER,
}
ABLATIONS = "smfrl", "no-stackelberg", "no-mean-field", "neither"

EVERY_EPOCH = {"evaluate_every": 1}
"""Settings of all arms: a snapshot is valued after every epoch. The rest is `EARLIER`, as when the tables were made."""

MEASURES: dict[str, Callable[[dict[str, Any]], float]] = {
    "years": lambda result: result["lasted"],
    "GDP per head": lambda result: result["average"]["GDP per head"]["mean"],
    "wealth Gini": lambda result: result["average"]["wealth Gini"]["mean"],
    "income Gini": lambda result: result["average"]["income Gini"]["mean"],
    "welfare": lambda result: result["members_value"],
    "government": lambda result: result["leader_value"],
    "exploitability": lambda result: result["exploitability"]["total"],
}

KINDS = {"GDP per head": geometric_of, "exploitability": median_of}
"""How seeds are taken together, other than by their mean."""

SURVIVES = "survives from epoch"


def options(arguments: argparse.Namespace, arm: str, seed: int) -> PopulationOptions:
    """Of one run."""
    return PopulationOptions.checked(
        game="taxation",
        params={"households": arguments.households, "task": "gdp"},
        settings=EARLIER | ARMS[arm] | EVERY_EPOCH,
        seed=seed,
        max_iterations=arguments.epochs,
        exploitability=arguments.exploitability,
        out=arguments.out / f"{arm}-{seed}",
    )


def trained(arguments: argparse.Namespace, arms: list[str]) -> dict[str, list[RunFolder]]:
    """The runs of every arm and seed, trained if they are not there."""
    chosen = {arm: [options(arguments, arm, seed) for seed in range(arguments.seeds)] for arm in arms}
    train_missing([one for seeds in zip(*chosen.values(), strict=True) for one in seeds])
    return {arm: [RunFolder(one.out) for one in found if one.out] for arm, found in chosen.items()}


def row(result: dict[str, Any]) -> dict[str, float]:
    """What is shown of a run."""
    return {name: float(measure(result)) for name, measure in MEASURES.items()} | {SURVIVES: survives_from(result)}


def survives_from(result: dict[str, Any]) -> float:
    """Epoch from which on all snapshots of a run survive; one more than there were if the last does not."""
    folder = RunFolder(Path(result["run_dir"]))
    lasted = [line["lasted"] for line in folder.progress()]
    short = [epoch for epoch, years in enumerate(lasted, start=1) if years < PopulationRun(folder).game.periods]
    return float(max(short, default=0) + 1)


def summary(rows: list[dict[str, float]]) -> dict[str, Estimate]:
    """Over seeds, with a 95 % interval, of every measure: the kind of mean that fits it (estimates.py)."""
    return {name: KINDS.get(name, mean_of)([row[name] for row in rows]) for name in (*MEASURES, SURVIVES)}


def main() -> None:
    """Train what is not trained yet, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--arms", nargs="+", default=["all"], choices=["all", *ARMS], help="all: the paper's four")
    parser.add_argument("--epochs", type=int, default=25, help="of training, each; one takes about two seconds")
    parser.add_argument("--households", type=int, default=100)
    parser.add_argument("--exploitability", type=int, default=15, help="epochs for which each side learns on alone")
    parser.add_argument("--out", type=Path, default=Path("results/smfrl-taxation"), help="run folders, kept")
    parser.add_argument("--json", type=Path, help="write the table there; default: in --out")
    arguments = parser.parse_args()
    if arguments.exploitability < 1:
        parser.error("--exploitability: at least 1")
    arms = [arm for arm in ARMS if arm in arguments.arms or ("all" in arguments.arms and arm in ABLATIONS)]
    try:
        folders = trained(arguments, arms)
    except InvalidFieldError as error:
        parser.error(str(error))
    rows = {arm: [row(folder.read("result")) for folder in found] for arm, found in folders.items()}
    table = {arm: summary(found) for arm, found in rows.items()}
    show(f"taxation, gdp: over {arguments.seeds} seed(s), with 95 % intervals", "arm", table)
    written = {"seeds": arguments.seeds, "epochs": arguments.epochs, "table": table, "runs": rows}
    write_atomically(arguments.json or arguments.out / "table.json", to_json(written).encode())


if __name__ == "__main__":
    main()
