"""This example compares governments of `taxation`, shocks their economies, and mixes in households that do not follow.

The task is "gdp", with 100 households and 300 years. The arms:

- `smfrl`: the government chooses taxes and spending; both sides learn together by SMFRL;
- `free-market`: no taxes and no spending; households alone learn;
- `federal`: the US federal income tax of 2022; the government learns what to spend, nothing else;
- `saez`: five brackets after Saez (2001), found anew each hundred years; as before;
- `ppo`: as `smfrl`, but the government learns by PPO, in turns with the households (a turn is four epochs of theirs, so
  that households learn for as many epochs as in the other arms, rounded up);
- `ppo-trained`: the government learns by PPO against the households of the seed's `smfrl`, which do not learn on. That
  takes as many iterations of PPO as there are epochs.

`--constants smfrl taxai` has each arm under both constants of production: the paper's (capital's share .7445, factor
10), and those of its simulator (1/3, 1), whose arms are called `free-market-taxai` and so on.

Everything reported follows from the saved policies alone, without Ray, on the same economies for all arms of a seed:

- compared: what a government makes different from the free market of the same seed: the same households meet the same
  shocks, so that seeds differ in the difference alone. Growth of GDP per head in points a year; welfare in *consumption
  equivalents*: by which factor everybody's consumption in the free market would have to change, in every year, for
  households to be as well off as under the government, over whole plays (a dash: none would, as the free market ends
  too early) and over the years that a play lasts under both; GDP per head as a factor. With 95 % intervals over seeds.
- governments: years survived; GDP per head, mean over the years a play lasts; Gini coefficients of wealth and income,
  means over years; households' payoff of a play (welfare); the government's, which is the growth of capital summed
  over years whatever is taxed, and is nobody's in the free market. GDP grows by a factor a year and one play of many
  would make an arithmetic mean: its mean over plays and over seeds is geometric, and the interval a factor.
- shocks: what becomes of that with productivity at .8 for three years, and with all wealth halved once. Output ten
  years later is relative to the same plays without (geometric means), of those that go on in both.
- non-adopters, of the arm `smfrl`: a share of the households lives from hand to mouth. They save .001 of what they
  keep of their income, the least the game allows (the learned policy saves .5 at least), and work .1^(1/3), the best
  answer to no tax where nothing is saved. Welfare is of either group.

What is set, and why: the shock comes in year 5. The earlier, the more there is to see, as growth slows later: one of
productivity in year 2, 5, 10, 20 or 50 costs 10, 8, 7, 5 or 3 percent of output ten years later (`smfrl`, seed 0, ten
epochs). Capital next year is 1.04 K + W L - sum c - G: that wealth is halved leaves it as it is, and is felt only
through what both sides then do. Every epoch is valued; kept are the last policies with which plays last longest, as
always in `taxation`.

How to run: `python tuned_examples/smfrl/taxation_baselines.py --seeds 3 --out results/baselines`. Finished
runs under `--out` are not run again. An epoch takes 5 s on a quiet core, all measures of a run three. Tables
are printed and written to `--json`, figures (`growth.svg`, `shocks.svg`, `non_adopters.svg`) to `--out`.

Results (ten seeds, 12 epochs; tables are in docs/measured/taxation.md): the free market, `federal`, `saez` and `smfrl`
last 300 years in every seed, through both shocks. `smfrl` has some four times the GDP per head of the free market, at
the households' expense, and 1.3 and 1.2 times that of `federal` and `saez`, which ten seeds do not tell apart. `ppo`
and `ppo-trained` seldom get away from where they begin, and end within years. Non-adopters lower GDP, and live better
than adopters, who must save half of what they keep. Under `taxai` the free market ends after 58 to 156 years and
`federal` mostly, too; `smfrl` and `saez` last.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from estimates import Estimate, cell, show
from kept_runs import train_missing
from taxation_figures import growth_figure, mixed_figure, shocks_figure
from taxation_measures import (
    GDP,
    GROWTH,
    SHARES,
    SHOCKS,
    Row,
    SavedRun,
    against,
    as_trained,
    mixed,
    over_seeds,
    shocked,
)

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.populations.policy import PopulationPolicy
from rllib_stackelberg.reports import save_svg
from rllib_stackelberg.reports.recorded_tables import write_table
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.training.populations.side_configs import population_leader_config
from rllib_stackelberg.training.populations.turns import EPOCHS
from rllib_stackelberg.training.populations.upkeep import actor_of
from rllib_stackelberg.training.running.ray_sessions import ray_session, torch_threads

EVERY_EPOCH = {"evaluate_every": 1}
"""What differs from the game's settings in all arms: a snapshot is valued after every epoch, or turn."""


PAPERS = "smfrl"
"""Constants of production that go without saying."""


@dataclass(frozen=True)
class Arm:
    """A government: under which tax code, with which settings, and by which algorithm it learns."""

    taxes: str = "chosen"
    constants: str = PAPERS
    settings: dict[str, Any] = field(default_factory=dict)
    algo: str = "SMFRL"

    def options(self, households: int, epochs: int, seed: int, out: Path) -> PopulationOptions:
        """Of one run."""
        others = {} if self.constants == PAPERS else {"constants": self.constants}
        return PopulationOptions.checked(
            game="taxation",
            params={"households": households, "task": "gdp", "taxes": self.taxes} | others,
            settings=EVERY_EPOCH | self.settings,
            algo=self.algo,
            seed=seed,
            max_iterations=-(-epochs // EPOCHS) if self.algo == "PPO" else epochs,
            out=out,
        )


MIXED_ARM, BASE_ARM, AGAINST_TRAINED = "smfrl", "free-market", "ppo-trained"
ARMS = {
    MIXED_ARM: Arm(),
    BASE_ARM: Arm(taxes="none", settings={"learning": ["members"]}),
    "federal": Arm(taxes="federal"),
    "saez": Arm(taxes="saez"),
    "ppo": Arm(algo="PPO"),
}
PANELS = {"years survived": ["years"], "payoff of a play": ["adopters", "non-adopters"], "GDP per head, $": [GDP]}

COMPARED = f"compared with {BASE_ARM}"
RECORDED = {
    "governments": "taxation_governments",
    COMPARED: "taxation_compared",
    "shocks": "taxation_shocks",
    "non-adopters": "taxation_non_adopters",
}
"""Files of the tables that pages include, by title."""

Runs = dict[str, list[SavedRun]]
Table = dict[str, dict[str, Estimate]]


def arms_of(names: list[str], constants: list[str]) -> dict[str, Arm]:
    """Arms under each of the constants of production, by name; the paper's go without saying."""
    return {
        name if chosen == PAPERS else f"{name}-{chosen}": replace(ARMS[name], constants=chosen)
        for chosen in constants
        for name in names
    }


def trained(arguments: argparse.Namespace) -> Runs:
    """The saved policies of every arm and seed, trained if they are not there."""
    chosen = {
        name: [
            arm.options(arguments.households, arguments.epochs, seed, arguments.out / f"{name}-{seed}")
            for seed in range(arguments.seeds)
        ]
        for name, arm in arms_of(arguments.arms, arguments.constants).items()
    }
    train_missing([options for seeds in zip(*chosen.values(), strict=True) for options in seeds])
    runs = {arm: [SavedRun.read(RunFolder(options.out)) for options in seeds] for arm, seeds in chosen.items()}
    if MIXED_ARM in runs:
        runs[AGAINST_TRAINED] = [
            against_trained(options, arguments.epochs, arguments.out / f"{AGAINST_TRAINED}-{options.seed}")
            for options in chosen[MIXED_ARM]
        ]
    return runs


def against_trained(options: PopulationOptions, iterations: int, out: Path) -> SavedRun:
    """A government by PPO against the households of a finished run, which do as they do; kept in a folder."""
    assert options.out is not None
    trained = SavedRun.read(RunFolder(options.out))
    if not (out / "policy.json").exists():
        config = population_leader_config("PPO", options.rules, options.entries, trained.policy, options.seed)
        with ray_session(), torch_threads():
            algo = config.build_algo()
            try:
                for _ in range(iterations):
                    algo.train()
                leader = actor_of(algo, trained.policy)
            finally:
                algo.stop()
        out.mkdir(parents=True, exist_ok=True)
        replace(trained.policy, leader=leader).save(out, options.rules)
        print(f"trained {out.name}", flush=True)
    return replace(trained, policy=PopulationPolicy.load(out))


def constants_of(saved: list[SavedRun]) -> str:
    """Of an arm's economies."""
    return str(saved[0].params.get("constants", PAPERS))


def compared(runs: Runs) -> dict[str, list[Row]]:
    """Rows of seeds, by arm: the difference to the free market of the seed, with the same constants."""
    bases = {constants_of(saved): arm for arm, saved in runs.items() if arm.startswith(BASE_ARM)}
    rows = {}
    for arm, saved in runs.items():
        base = bases.get(constants_of(saved))
        if base is not None and arm != base:
            rows[arm] = [against(*pair) for pair in zip(saved, runs[base], strict=True)]
            print(f"{arm} less {base}: growth " + ", ".join(f"{row[GROWTH]:.3f}" for row in rows[arm]), flush=True)
    return rows


def governments(runs: Runs) -> dict[str, list[Row]]:
    """Rows of seeds, by arm."""
    rows = {}
    for arm, saved in runs.items():
        rows[arm] = [as_trained(run) for run in saved]
        print(f"{arm}: {_words(rows[arm])}", flush=True)
    return rows


def under_shocks(runs: Runs, year: int) -> dict[str, list[Row]]:
    """Rows of seeds, by arm and shock."""
    rows = {}
    for arm, saved in runs.items():
        for shock in SHOCKS:
            name = f"{arm}, {shock}"
            rows[name] = [shocked(run, shock, year) for run in saved]
            print(f"{name}: {_words(rows[name])}", flush=True)
    return rows


def non_adopters(saved: list[SavedRun]) -> dict[float, list[Row]]:
    """Rows of seeds, by share."""
    rows = {}
    for share in SHARES:
        rows[share] = [mixed(run, share) for run in saved]
        print(f"{share:.0%} do not adopt: {_words(rows[share])}", flush=True)
    return rows


def _words(rows: list[Row]) -> str:
    return "years " + ", ".join(f"{row['years']:.4g}" for row in rows)


def draw(runs: Runs, year: int, shares: dict[float, dict[str, Estimate]], out: Path) -> None:
    """Write the figures."""
    plays = {arm: np.concatenate([run.output for run in saved], axis=1) for arm, saved in runs.items()}
    save_svg(growth_figure(plays, year), out / "growth.svg")
    panels = {
        shock: {
            arm: np.concatenate([run.relative_output(shock, year) for run in saved], axis=1)
            for arm, saved in runs.items()
        }
        for shock in SHOCKS
    }
    save_svg(shocks_figure(panels, year), out / "shocks.svg")
    if shares:
        save_svg(mixed_figure(shares, PANELS), out / "non_adopters.svg")


def told(row: Mapping[str, Estimate], seeds: int) -> dict[str, str]:
    """Cells of a row; where some seeds have no value, with how many have."""
    return {column: cell(found) + f" (of {found['of']})" * (0 < found["of"] < seeds) for column, found in row.items()}


def main() -> None:
    """Train what is not trained yet, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument(
        "--constants", nargs="+", default=[PAPERS], choices=[PAPERS, "taxai"], help="of production; see the game"
    )
    parser.add_argument("--epochs", type=int, default=25, help="of training, each")
    parser.add_argument("--households", type=int, default=100)
    parser.add_argument("--shock-year", type=int, default=5, help="1 is the first")
    parser.add_argument("--out", type=Path, default=Path("results/taxation-baselines"), help="run folders and figures")
    parser.add_argument("--json", type=Path, help="write the tables there; default: in --out")
    arguments = parser.parse_args()
    if min(arguments.seeds, arguments.epochs, arguments.shock_year) < 1:
        parser.error("--seeds, --epochs, --shock-year: at least 1")
    try:
        runs = trained(arguments)
    except InvalidFieldError as error:
        parser.error(str(error))
    rows = {"governments": governments(runs), "shocks": under_shocks(runs, arguments.shock_year)}
    if any(arm.startswith(BASE_ARM) for arm in runs):
        rows[COMPARED] = compared(runs)
    if MIXED_ARM in runs:
        rows["non-adopters"] = non_adopters(runs[MIXED_ARM])
    tables = {title: {name: over_seeds(found) for name, found in by.items()} for title, by in rows.items()}
    for title, table in tables.items():
        show(f"{title}: over {arguments.seeds} seed(s), with 95 % intervals", "", {str(k): v for k, v in table.items()})
    command = f"python tuned_examples/smfrl/taxation_baselines.py --seeds {arguments.seeds} --epochs {arguments.epochs}"
    command += f" --households {arguments.households} --arms {' '.join(arguments.arms)}"
    command += f" --constants {' '.join(arguments.constants)}"
    others = "".join(f"_{name}" for name in arguments.constants if name != PAPERS)
    for title, file in RECORDED.items():
        if title in tables:
            shown = [{"arm": str(name)} | told(row, arguments.seeds) for name, row in tables[title].items()]
            write_table(arguments.out / f"{file}{others}.md", shown, command)
    draw(runs, arguments.shock_year, tables.get("non-adopters", {}), arguments.out)
    head = {name: getattr(arguments, name) for name in ("seeds", "epochs", "households", "shock_year")}
    written = head | {"tables": tables, "runs": rows}
    write_atomically(arguments.json or arguments.out / "tables.json", to_json(written).encode())


if __name__ == "__main__":
    main()
