"""This script draws welfare against bits of communication: equilibrium optimum, reachable optimum, learned.

Bits are the capacity of the buyers' channels per play; at 0 there are no messages. Equilibrium: the best mechanism in
which followers play the equilibrium that the leader likes best (mixed-integer programs, clean channels). Reachable:
the best mechanism on a grid of prices against followers who learn by 250 expected updates. Learned: the seeds of the
tuned examples, followers who learn by sampled updates.

How to run: `python tuned_examples/ppo/message_spm_ppo.py --seeds 10 --json learned.json`, the same for
`message_spm_beyond_ppo.py --json beyond.json`, then
`python tuned_examples/figures/welfare_bits.py learned.json beyond.json --out welfare_bits.svg`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.progress import track

from rllib_stackelberg import LeaderSettings, make_game, solve
from rllib_stackelberg.solvers import response_solve

PI = {"values": [[0.2, 1.0], [0.0, 0.4]], "prior": [[0.8, 0.2], [0.5, 0.5]]}
"""`message-spm-pi` as an instance that takes a price grid."""

PANELS = {
    "3 types": ("message-spm", {"types": 3}, {"types": 3, "price_grid": 5}),
    "4 types": ("message-spm", {"types": 4}, {"types": 4, "price_grid": 4}),
    "5 types": ("message-spm", {"types": 5}, {"types": 5, "price_grid": 5}),
    "PI, epsilon .2": ("message-spm-pi", {}, PI | {"price_grid": 6}),
}
CHANNELS = [{"messages": 1}, {"noise": 0.1}, {"messages": 2}, {"messages": 3}]
REACHABLE = LeaderSettings(update_mode="expected")


def points(name: str, own: dict[str, Any], grid: dict[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """(bits, leader value) of the two optima, over the channels."""
    found: dict[str, list[tuple[float, float]]] = {"equilibrium optimum": [], "reachable optimum": []}
    for channel in CHANNELS:
        if "noise" in channel and grid != PANELS["3 types"][2]:
            continue
        on_grid = make_game("message-spm", **grid, **channel)
        found["reachable optimum"].append((on_grid.bits, response_solve(on_grid, REACHABLE).leader_value))
        if "noise" not in channel:
            exact = solve(make_game(name, **own, **channel))
            found["equilibrium optimum"].append((on_grid.bits, exact.leader_value))
    return found


def learned(rows_by_name: dict[str, list[dict[str, Any]]], name: str, own: dict[str, Any]) -> list[tuple[float, float]]:
    """(bits, leader value) of every seed of the instances of a panel."""
    found = []
    for channel in CHANNELS:
        wanted = sorted(f"{key}={value}" for key, value in (own | channel | {"leader": "scores"}).items())
        for key, rows in rows_by_name.items():
            game, *given = key.split()
            if game == name and sorted(given) == wanted:
                bits = make_game(name, **own, **channel).bits
                found += [(bits, row["value"]) for row in rows]
    return found


def draw(files: list[Path], out: Path) -> None:
    """All panels."""
    import matplotlib.pyplot as plt  # not before this package, which sees to it that there is a backend

    rows: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        rows |= json.loads(file.read_text(encoding="utf-8"))
    figure, axes = plt.subplots(1, len(PANELS), figsize=(11, 2.8), sharey=True, layout="constrained")
    for axis, title in zip(axes, track(PANELS, "solving"), strict=True):
        name, own, grid = PANELS[title]
        for (label, curve), style in zip(points(name, own, grid).items(), ("ks--", "C0o-"), strict=True):
            axis.plot(
                *zip(*curve, strict=True), style, label=label, markersize=6, markerfacecolor="none", linewidth=1.2
            )
        dots = learned(rows, name, own)
        if dots:
            axis.plot(*zip(*dots, strict=True), "C1x", label="learned, each seed", markersize=7)
        axis.set(title=title, xlabel="bits per play")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("expected welfare loss")
    axes[0].legend(fontsize=7, loc="lower right")
    figure.savefig(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="what the tuned examples wrote with --json")
    parser.add_argument("--out", type=Path, default=Path("welfare_bits.svg"))
    arguments = parser.parse_args()
    draw(arguments.files, arguments.out)
