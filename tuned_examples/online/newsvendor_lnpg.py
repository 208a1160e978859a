"""This example lets a supplier and a retailer learn demand while they trade (LNPG), and baselines beside them.

Demand is 10 - p plus noise of deviation 1, prices are at most 9. Regret is cumulative over the rounds, the error the
distance of the estimate from (10, 1) after some of them (both players see the same demand); means over seeds with 95 %
confidence intervals.

How to run: `python tuned_examples/online/newsvendor_lnpg.py` (two minutes; `--out DIR` writes figures and data).

Results to expect: prices settle in a narrow ellipsoid, the estimate stays wrong and the retailer's regret grows as the
rounds do; with a price that is moved by t^(-1/4) the error falls on. The proven ellipsoid, 33 times as wide, needs
no such moves, and costs more than it teaches.
"""

import argparse
from pathlib import Path
from typing import Any

from rich.progress import track

from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.online.meeting import OnlineRecord
from rllib_stackelberg.online.options import OnlineOptions
from rllib_stackelberg.online.results import curves_data, half_width
from rllib_stackelberg.reports import bands_figure, markdown_table, write_drawing, write_table
from rllib_stackelberg.rounding import estimate

PAIRS = (
    ("LNPG", "LNPG"),
    ("LNPG", "LNPG:dispersion=1"),
    ("LNPG:confidence=0.3", "LNPG:confidence=0.3"),
    ("LNPG:confidence=0.3", "LNPG:confidence=0.3,dispersion=1"),
    ("LNPG:confidence=1", "LNPG:confidence=1"),
    ("greedy", "greedy"),
    ("greedy", "greedy:dispersion=1"),
    ("UCB-grid", "LNPG:dispersion=1"),
    ("LNPG", "best-response"),
    ("greedy", "best-response"),
    ("UCB-grid", "best-response"),
)
DRAWN = {
    "LNPG": PAIRS[0],
    "LNPG, dispersion": PAIRS[1],
    "LNPG, proven ellipsoid": PAIRS[4],
    "greedy": PAIRS[5],
}
FIGURES = {
    "error": ("follower_error", "error of the estimate"),
    "leader_regret": ("leader_regret", "supplier's cumulative regret"),
    "follower_regret": ("follower_regret", "retailer's cumulative regret"),
}
TIMES = (100, 300, 1000, 3000)

COMMAND = "python tuned_examples/online/newsvendor_lnpg.py"

Pair = tuple[str, str]


def met(pair: Pair, rounds: int, seeds: int) -> OnlineRecord:
    """One pair's run."""
    leader, follower = pair
    return OnlineOptions.checked(game="newsvendor", leader=leader, follower=follower, rounds=rounds, seeds=seeds).run()


def row(record: OnlineRecord) -> dict[str, Any]:
    """What the table shows of a run: means, and half of their confidence intervals."""
    regrets = [record.leader_regret[:, -1], record.follower_regret[:, -1]]
    averages = record.payoffs.mean(axis=(0, 1))
    error = record.leader_error if record.follower_error is None else record.follower_error
    times = [time for time in TIMES if time <= record.rounds]
    return {
        "supplier": float(averages[0]),
        "retailer": float(averages[1]),
        "supplier's regret": [float(regrets[0].mean()), float(half_width(regrets[0]))],
        "retailer's regret": [float(regrets[1].mean()), float(half_width(regrets[1]))],
        "error": None if error is None else {time: float(error[:, time - 1].mean()) for time in times},
    }


def cells(pair: Pair, found: dict[str, Any]) -> dict[str, str]:
    """A row of the table."""
    regrets = {name: str(estimate(*found[name])) for name in ("supplier's regret", "retailer's regret")}
    errors = {f"error after {time:,}": f"{value:.2f}" for time, value in (found["error"] or {}).items()}
    payoffs = f"{found['supplier']:.2f}, {found['retailer']:.2f}"
    shown = {f"error after {time:,}": "-" for time in TIMES} | errors
    players = dict(zip(("supplier", "retailer"), (f"`{name}`" for name in pair), strict=True))
    return players | {"payoffs a round": payoffs} | regrets | shown


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, help="folder for figures and data")
    arguments = parser.parse_args()
    records = {pair: met(pair, arguments.rounds, arguments.seeds) for pair in track(PAIRS, "playing")}
    rows = {pair: row(record) for pair, record in records.items()}
    lines = [cells(pair, found) for pair, found in rows.items()]
    print(markdown_table(lines))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        curves = {name: curves_data(records[pair]) for name, pair in DRAWN.items()}
        for name, (measure, label) in FIGURES.items():
            drawn = {who: found[measure] for who, found in curves.items()}
            drawing = arguments.out / f"newsvendor_lnpg_{name}"
            write_drawing(drawing, bands_figure, curves=drawn, label=label, references={})
        data = {" against ".join(pair): found for pair, found in rows.items()}
        write_atomically(arguments.out / "newsvendor_lnpg.json", to_json(data).encode())
        command = f"{COMMAND} --rounds {arguments.rounds} --seeds {arguments.seeds}"
        write_table(arguments.out / "newsvendor_lnpg.md", lines, command)


if __name__ == "__main__":
    main()
