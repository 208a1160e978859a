"""This example shows how steadily SMFRL's government does in `taxation`, and what moves it, for some arms of settings.

The game is `taxation` with the task "gdp". After every epoch the greedy policies as they then are, not the best so far,
are played on the same few economies. Reported by arm, of the epochs from `--settled` on, over all seeds:

- best: the largest value of the government in a run, of all its epochs; worst: the smallest over it; settled: the
  smallest over the largest of these epochs alone: before, it may be paid what it is only while households learn;
- steady: the share of seeds in which all values of these epochs are within 2 % of the largest of them;
- within 2 %: the share of epochs whose value is that close to the best; last: the last epoch's value over it; end:
  that value;
- fall: the largest difference between the best value so far and a later one, over the best: what learns slowly is far
  from its best at first, what wanders falls;
- failed: the share of epochs whose policies do not last all years;
- by its move: root mean square of how much the value changes, over the best, because the government does as after the
  next epoch and households still as before; by theirs: of how much it then changes because households do so, too;
- moved: how far the government's action is from what the policy of the epoch before would have done in the same states,
  root mean square in the unit box; that matter: the same of what the caps leave of both, in the box of the caps;
- late: as the latter, after the first `EARLY` years;
- critic error: root mean square of what the government's critic says less the discounted payoffs that follow, in states
  of the first `EARLY` years; shape: the same without the mean error, which misleads nobody;
- value differs: root mean square of the difference between discounted values, from the first year on, of the policies
  of two epochs in a row: what a critic must tell apart. All three are in the critic's units;
- error, of value: the critic error over the root mean square of the discounted payoffs themselves in these states;
- unit: root mean square of the payoff of a year that counts as 1 in that;
- ages: how many years the youngest and the oldest of the exploring plays have lasted after an epoch, the median of
  their difference.

What was found (seeds 10 to 19, 100 households, 48 epochs; the table is in docs/measured/taxation_training.md): with the
defaults no policy fails after epoch 5, values from epoch 12 on are within 2 % of the largest in eight seeds and within
2.2 % in the others, and exploitability does not rise (median .0045 after 16 epochs, .0043 after 48).
With `EARLIER` the critic promised what it had not seen (`layer_norm`), measured payoffs by years of ruin long past
(`recent`), lost its bearings whenever their unit moved (`popart`), and saw no beginnings while all plays were old
(`cutting`, more `plays`). The government was as fast as the households it meant to lead (`leader_pace`, `pace_decay`).
Households with nothing to gain did anything (`member_pull`, `averaging`; taxation_ties.py says how much that matters).

How to run: `python tuned_examples/smfrl/steadiness_smfrl.py --arms default --seeds 1`.
What is done is kept in `ARM-SEED.json` under `--out` and not run again: an interrupted call goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from earlier import EARLIER
from estimates import cell, median_of
from kept_runs import check_same
from rich.box import SIMPLE
from rich.table import Table
from rllib_stackelberg.envs.taxation_v0 import Taxation
from steadiness_measures import Epoch, looked, rms

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.reports.recorded_tables import write_table
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.terminal import Terminal
from rllib_stackelberg.training.populations.exploitability import exploitability
from rllib_stackelberg.training.populations.setup import configured
from rllib_stackelberg.training.running.ray_sessions import ray_session, torch_threads

EXAMPLES: list = []
"""No leader is trained against a response here (what `tests/test_learning.py` runs)."""

CAUSES = {"layer_norm": True, "recent": 0.3, "cutting": 0.025}
"""Each ends one way in which critics are wrong."""

TOGETHER: dict[str, tuple[str, ...]] = {
    "falling": ("rate_decay", "critic_rate_decay", "rate_decay_epochs", "noise_decay"),
    "pace": ("leader_pace", "pace_decay"),
    "pull": ("member_pull",),
    "averages": ("averaging",),
    "centred": ("centred",),
    "smooth": ("activation",),
    "layer-norm": ("layer_norm",),
    "critics": ("critics",),
    "scale": ("recent", "popart"),
    "short-buffer": ("buffer_periods",),
    "cutting": ("cutting",),
    "plays": ("plays", "epoch_periods"),
    "updates": ("updates",),
}
"""Settings in which the defaults differ from `EARLIER` (but for first rates and samples' sizes), those together that
cure the same."""

ARMS: dict[str, dict[str, Any]] = {
    "default": {},
    "earlier": EARLIER,
    "n-step": {"n_step": 5},
    "layer-norm": EARLIER | {"layer_norm": True},
    "recent": EARLIER | {"recent": 0.3},
    "cutting": EARLIER | {"cutting": 0.025},
    "causes": EARLIER | CAUSES,
    "two-critics": EARLIER | {"critics": 2},
    "averaging": EARLIER | {"averaging": 0.25},
    "slow-targets": EARLIER | {"mixing": 0.005},
    "centred": EARLIER | {"centred": True},
    "forgetting": EARLIER | {"buffer_periods": 3_000},
    **{f"without-{name}": {key: EARLIER[key] for key in keys} for name, keys in TOGETHER.items()},
}
"""Settings that differ from the defaults."""

CLOSE = 0.02

LATE = ("moved", "that matter", "late", "critic error", "shape", "unit", "error, of value")
"""Of later epochs, what is a root mean square over them."""

Found = dict[str, Any]
"""Of a run: its `epochs`, `exploitability` by epoch, and what of that either side `found`."""


def measured(chosen: PopulationOptions, at: Sequence[int]) -> Found:
    """Train, and look after every epoch; then let either side learn on against the policies of some of them."""
    algo, game = configured(chosen).build_algo(), chosen.rules
    assert isinstance(game, Taxation)
    epochs, before, policies = [], algo.policy(), {}
    try:
        for epoch in range(1, (chosen.max_iterations or 0) + 1):
            algo.train()
            policy = algo.policy()
            epochs.append(looked(algo, game, policy, before, chosen.seed))
            print(f"epoch {epoch}: " + _words(epochs[-1]), flush=True)
            before = policy
            if epoch in at:
                policies[str(epoch)] = policy
    finally:
        algo.stop()
    found = {epoch: exploitability(chosen, policy) for epoch, policy in policies.items()}
    gains = {epoch: gained["total"] for epoch, gained in found.items()}
    if gains:
        print("exploitability by epoch: " + ", ".join(f"{at} {gain:.4g}" for at, gain in gains.items()), flush=True)
    return {"epochs": epochs, "exploitability": gains, "found": found}


def _words(found: Epoch) -> str:
    names = (
        "value",
        "value to old answers",
        "lasted",
        "discounted",
        "that matter",
        "critic error",
        "shape",
        "youngest",
        "oldest",
    )
    return ", ".join(f"{name} {found[name]:.4g}" for name in names)


def options(arguments: argparse.Namespace, arm: str, seed: int) -> PopulationOptions:
    """Of one run."""
    return PopulationOptions.checked(
        game="taxation",
        params={"households": arguments.households, "task": "gdp"},
        settings=ARMS[arm],
        seed=seed,
        max_iterations=arguments.epochs,
        exploitability=arguments.exploitability,
        out=arguments.out,
    )


def kept(file: Path, chosen: PopulationOptions, at: Sequence[int]) -> Found:
    """What is kept of a run that is done already; else train, and keep it.

    Raises:
        InvalidFieldError: a file of other options is there; it is not touched.
    """
    if file.exists():
        found = json.loads(file.read_text(encoding="utf-8"))
        check_same(found["options"], chosen, file)
        return found
    found = measured(chosen, at)
    write_atomically(file, to_json({"options": chosen.resolved(), **found}).encode())
    return found


def summary(found: Found, settled: int, years: int) -> Epoch:
    """Of a run, of its epochs from `settled` on (the first is 1)."""
    epochs: Sequence[Epoch] = found["epochs"]
    column = {name: np.array([epoch[name] for epoch in epochs], dtype=np.float64) for name in epochs[0]}
    best = column["value"].max()
    late = {name: values[settled - 1 :] for name, values in column.items()}
    steps = np.diff(column["discounted"])[settled - 2 :]
    values, led = column["value"][settled - 2 :] / best, column["value to old answers"][settled - 1 :] / best
    relative = late["value"] / best
    return {
        "best": float(best),
        "worst": float(relative.min()),
        "settled": float(late["value"].min() / late["value"].max()),
        "steady": float(late["value"].min() >= (1 - CLOSE) * late["value"].max()),
        "within 2 %": float((relative >= 1 - CLOSE).mean()),
        "last": float(relative[-1]),
        "end": float(late["value"][-1]),
        "fall": float(((np.maximum.accumulate(column["value"]) - column["value"])[settled - 1 :] / best).max()),
        "failed": float((late["lasted"] < years).mean()),
        **{f"exploitability {epoch}": gain for epoch, gain in found["exploitability"].items()},
        "by its move": rms(led - values[:-1]),
        "by theirs": rms(values[1:] - led),
        "welfare": float(late["welfare"][-1]),
        **{name: rms(late[name]) for name in LATE},
        "value differs": rms(steps),
        "ages": float(np.median(late["oldest"] - late["youngest"])),
    }


def over_seeds(rows: Sequence[Epoch]) -> Epoch:
    """Means over seeds; medians of exploitability; of the worst epoch the smallest, of falls the largest."""
    means = {
        name: float((np.median if name.startswith("exploitability") else np.mean)([row[name] for row in rows]))
        for name in rows[0]
    }
    least = {name: min(row[name] for row in rows) for name in ("worst", "settled")}
    return means | least | {"fall": max(row["fall"] for row in rows)}


def show(table: Mapping[str, Epoch], title: str, corner: str = "arm") -> None:
    """For people: two tables, what is reached and what moves."""
    names = list(next(iter(table.values())))
    moves = names.index("by its move")
    for part in (names[:moves], names[moves:]):
        shown = Table(title=title, box=SIMPLE, title_justify="left")
        for column in (corner, *part):
            shown.add_column(column)
        for arm, row in table.items():
            shown.add_row(arm, *(f"{row[name]:.4g}" for name in part))
        Terminal(width=130).print(shown)


COLUMNS = {
    "best value": lambda row: f"{row['best']:,.0f}",
    "value at the end": lambda row: f"{row['end']:,.0f}",
    "smallest over largest of the later epochs": lambda row: f"{row['settled']:.3f}",
    "smallest over the best of all epochs": lambda row: f"{row['worst']:.3f}",
    "largest fall": lambda row: f"{row['fall']:.3f}",
    "epochs whose policies fail": lambda row: f"{row['failed']:.2f}",
    "households' payoff": lambda row: f"{row['welfare']:.1f}",
    "critic's error, of value": lambda row: f"{row['error, of value']:.2f}",
}
"""Of the tables that pages include."""


def cells(name: str, row: Epoch, first: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """A row of them, after what stands `first`."""
    gains = {key: f"{gain:.4f}" for key, gain in row.items() if key.startswith("exploitability")}
    return {"": name, **first} | {column: shown(row) for column, shown in COLUMNS.items()} | gains


def rise(row: Epoch) -> float:
    """By how much exploitability is larger after the last of the epochs it is measured at than after the first; NaN."""
    gains = [gain for name, gain in row.items() if name.startswith("exploitability")]
    return gains[-1] - gains[0] if len(gains) > 1 else float("nan")


def record(arguments: argparse.Namespace, rows: Mapping[str, Sequence[Epoch]], table: Mapping[str, Epoch]) -> None:
    """Write the table of one arm, a row a seed, or of several, a row an arm."""
    command = f"python tuned_examples/smfrl/steadiness_smfrl.py --arms {' '.join(rows)} --seeds {arguments.seeds}"
    command += f" --from-seed {arguments.from_seed}" * (arguments.from_seed > 0)
    command += f" --households {arguments.households} --epochs {arguments.epochs} --settled {arguments.settled}"
    command += f" --exploitability {arguments.exploitability}"
    if len(table) > 1:
        arms = [cells(arm, row, {"steady seeds": f"{row['steady']:.0%}"}) for arm, row in table.items()]
        write_table(arguments.out / "taxation_ablation.md", arms, command)
        return
    [(arm, of_seeds)] = rows.items()
    shown = [cells(f"seed {seed}", row) for seed, row in enumerate(of_seeds, start=arguments.from_seed)]
    together = cells("all seeds", table[arm])
    rises = [rise(row) for row in of_seeds]
    for one, found in zip(shown, rises, strict=True):
        one["rise of exploitability"] = f"{found:.4f}"
    together["rise of exploitability"] = cell(median_of(rises))
    write_table(arguments.out / "taxation_steadiness.md", [*shown, together], command)


def main() -> None:
    """Measure what is not done yet, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds")
    parser.add_argument("--from-seed", type=int, default=0, help="the first seed")
    parser.add_argument("--exploitability", type=int, default=0, help="epochs for which each side learns on alone")
    parser.add_argument("--at", type=int, nargs="+", default=[16, 48], help="epochs of whose policies that is measured")
    parser.add_argument("--arms", nargs="+", default=["default"], choices=list(ARMS))
    parser.add_argument("--epochs", type=int, default=48, help="of training, each")
    parser.add_argument("--settled", type=int, default=12, help="first epoch that is judged")
    parser.add_argument("--households", type=int, default=25)
    parser.add_argument("--out", type=Path, default=Path("results/taxation-steadiness"), help="runs, kept")
    arguments = parser.parse_args()
    if not 2 <= arguments.settled <= arguments.epochs or arguments.seeds < 1:
        parser.error("--seeds: at least 1; --settled: from 2 to --epochs")
    arguments.out.mkdir(parents=True, exist_ok=True)
    runs: dict[str, list[Found]] = {arm: [] for arm in arguments.arms}
    seeds = range(arguments.from_seed, arguments.from_seed + arguments.seeds)
    at = arguments.at if arguments.exploitability else []
    try:
        with ray_session(), torch_threads():
            for arm, found in runs.items():
                for seed in seeds:
                    found.append(kept(arguments.out / f"{arm}-{seed}.json", options(arguments, arm, seed), at))
                    print(f"{arm} seed {seed}: " + values_of(found[-1]["epochs"]), flush=True)
    except InvalidFieldError as error:
        parser.error(str(error))
    years = options(arguments, arguments.arms[0], 0).rules.periods
    rows = {arm: [summary(one, arguments.settled, years) for one in found] for arm, found in runs.items()}
    table = {arm: over_seeds(found) for arm, found in rows.items()}
    for arm, of_seeds in rows.items():
        show({f"{seed}": row for seed, row in zip(seeds, of_seeds, strict=True)}, f"{arm}, by seed", "seed")
    show(table, f"taxation, {arguments.seeds} seed(s), epochs {arguments.settled} to {arguments.epochs}")
    record(arguments, rows, table)
    write_atomically(arguments.out / "table.json", to_json({"table": table, "runs": rows}).encode())


def values_of(epochs: Sequence[Epoch]) -> str:
    """Values by epoch in percent of the best, of a run."""
    values = np.array([epoch["value"] for epoch in epochs])
    return " ".join(f"{100 * value / values.max():.0f}" for value in values)


if __name__ == "__main__":
    main()
