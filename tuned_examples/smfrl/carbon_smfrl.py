"""This example trains both sides of `carbon`, by SMFRL and by PPO in turns, and compares the tax with the optimal one.

The optimum is known in closed form (rllib_stackelberg/economics/carbon.py): the best tax, the labour that makes energy
under any tax, and what a household saves of what it owns. Two economies:

- `paper`: the game's defaults, the calibration of Golosov et al. (2014).
- `dear`: energy is more important (`energy=.3`) and damage larger (`damage=.5`), the discount factor .8.

Two arms: `smfrl` trains both sides together, `ppo` the government by PPO against households that answer by SMFRL.

Reported are the last policies, on 64 fresh plays. Of the tax, the mean over all periods beside the best one. Of labour
for energy and of the share saved, the mean of households' actions beside that of their best answers to what the
government does there. "Loss": by how much per cent consumption falls for ever under a constant tax of that mean, where
everybody answers best; a tax of 0 loses what its row says. "Gain": exploitability, what either side gains by learning
on alone, in per cent of consumption in a period (payoffs are logarithms of it).

Settings are the defaults of all games with a population (closed_forms_smfrl.py says what they do), and one more:
`through_members`, by which the government ascends by how its tax moves the answers. The climate and output depend on
what households do alone, so that without it the tax has no gradient.

Results to expect (`dear`, `smfrl`, seed 0, the only one so far): the tax is 2 % above the best one, which costs .007 %
of consumption, where no tax costs 45 %. Households' mean actions are within 1 % of their best answers. `ppo` (seed 0,
with earlier settings) ended after eight rounds at 2.1, near where it began, which costs 3.8 %.

How to run: `python tuned_examples/smfrl/carbon_smfrl.py --seeds 3`. Runs that are finished under `--runs` are not run
again. `--out DIR` writes the table and its data.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from closed_forms_smfrl import played
from estimates import Estimate, cell, mean_of, show
from kept_runs import train_missing

from rllib_stackelberg.economics.carbon import CarbonEconomy, log_outputs
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.populations.policy import SIDES, PopulationPolicy
from rllib_stackelberg.reports import write_table
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions

EXAMPLES: list = []
"""No leader is trained against a response here (what `tests/test_learning.py` runs)."""

PLAYS = 64
FAR = 400
"""Periods after which discounting has left nothing."""

SMALL = {"households": 20}
DEAR = {"energy": 0.3, "damage": 0.5, "discount": 0.8, "cap": 4.0}
ECONOMIES: dict[str, dict[str, Any]] = {"paper": SMALL, "dear": SMALL | DEAR}
ARMS = {"smfrl": ("SMFRL", 34), "ppo": ("PPO", 8)}
"""Algorithm, and how many epochs (of PPO: rounds) a run has."""

BARS = {"tax": 0.25, "loss": 1.0, "members": 0.07}
"""How far off a run of `smfrl` on `dear` may be: the tax and the members' actions relatively, the loss in per cent."""


def options(economy: str, arm: str, seed: int, out: Path, exploitability: int = 0) -> PopulationOptions:
    """Of one run, with the game's default settings, by which the last policies are kept."""
    params, (algo, epochs) = ECONOMIES[economy], ARMS[arm]
    return PopulationOptions.checked(
        game="carbon",
        params=params,
        algo=algo,
        seed=seed,
        max_iterations=epochs,
        plays=PLAYS,
        exploitability=exploitability,
        out=out / f"{economy}-{arm}-{seed}",
    )


def loss(economy: CarbonEconomy, tax: float) -> float:
    """By how much per cent consumption falls for ever under a constant tax, from that of the best one."""
    endless = replace(economy, growth=replace(economy.growth, periods=FAR))
    weights = economy.growth.discount ** np.arange(FAR)
    best, found = (float(weights @ log_outputs(endless, each)) for each in (economy.tax, tax))
    return float(100 * -np.expm1((found - best) / weights.sum()))


def compared(chosen: PopulationOptions, policy: PopulationPolicy) -> dict[str, float]:
    """What a pair of policies does, beside the closed forms."""
    game = chosen.rules
    led, answers, best = played(game, policy, chosen.seed)
    tax = float(led.mean())
    return {
        "tax": tax,
        "tax / best": tax / game.economy.tax,
        "loss, %": loss(game.economy, tax),
        "labour for energy": float(answers[..., 1].mean()),
        "best answer": float(best[..., 1].mean()),
        "share saved": float(answers[..., 0].mean()),
        "best share": float(best[..., 0].mean()),
    }


def row(chosen: PopulationOptions) -> dict[str, float]:
    """What is shown of a run that is done."""
    assert chosen.out is not None
    result = RunFolder(chosen.out).read("result")
    found = compared(chosen, PopulationPolicy.load(chosen.out))
    if result["exploitability"]:
        sides = [result["exploitability"][side] for side in SIDES]
        gained = sum(max(0.0, side["after"] - side["before"]) for side in sides)
        found["gain, %"] = 100 * gained / chosen.rules.periods
    return found | {"seconds": result["seconds"]}


def runs(arguments: argparse.Namespace) -> dict[str, list[PopulationOptions]]:
    """All that are asked for, by row of the table."""
    return {
        f"{economy}, {arm}": [
            options(economy, arm, seed, arguments.runs, arguments.exploitability) for seed in range(arguments.seeds)
        ]
        for economy in arguments.economies
        for arm in arguments.arms
    }


def summary(chosen: list[PopulationOptions]) -> dict[str, Estimate]:
    """Over seeds, beside what is known of the economy."""
    economy, rows = chosen[0].rules.economy, [row(each) for each in chosen]
    known = {"best tax": mean_of([economy.tax]), "loss of no tax, %": mean_of([loss(economy, 0.0)])}
    return known | {name: mean_of([each[name] for each in rows]) for name in rows[0]}


def cells(name: str, found: dict[str, Estimate]) -> dict[str, str]:
    """A row of the documentation's table."""
    return {"economy, arm": name} | {measure: cell(estimate) for measure, estimate in found.items()}


def main() -> None:
    """Train what is not trained yet, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--economies", nargs="+", default=list(ECONOMIES), choices=list(ECONOMIES))
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--exploitability", type=int, default=6, help="epochs for which each side learns on alone")
    parser.add_argument("--runs", type=Path, default=Path("results/smfrl-carbon"), help="run folders, kept")
    parser.add_argument("--out", type=Path, help="folder for the table and its data")
    arguments = parser.parse_args()
    chosen = runs(arguments)
    try:
        train_missing([each for row in chosen.values() for each in row])
    except InvalidFieldError as error:
        parser.error(str(error))
    table = {name: summary(found) for name, found in chosen.items()}
    show(f"carbon: over {arguments.seeds} seed(s), with 95 % intervals", "economy, arm", table)
    if arguments.out:
        command = f"python tuned_examples/smfrl/carbon_smfrl.py --economies {' '.join(arguments.economies)} --arms"
        command += f" {' '.join(arguments.arms)} --seeds {arguments.seeds} --exploitability {arguments.exploitability}"
        write_table(arguments.out / "carbon_smfrl.md", [cells(*each) for each in table.items()], command)
        write_atomically(
            arguments.out / "carbon_smfrl.json", to_json({"seeds": arguments.seeds, "table": table}).encode()
        )


if __name__ == "__main__":
    main()
