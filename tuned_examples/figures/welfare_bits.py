"""This script draws the welfare that is lost against bits of communication: equilibrium, reachable, learned.

Bits are the capacity of the buyers' channels per play; at 0 there are no messages. Equilibrium: the best mechanism in
which followers play the equilibrium that the leader likes best (mixed-integer programs, clean channels). Reachable:
the best mechanism on a grid of prices against followers who learn by 250 expected updates. Learned: the seeds of the
tuned examples, followers who learn by sampled updates.

How to run: `python tuned_examples/ppo/message_spm_ppo.py --seeds 10 --json learned.json`, the same for
`message_spm_beyond_ppo.py --json beyond.json`, then
`python tuned_examples/figures/welfare_bits.py learned.json beyond.json --out .`.
`python tuned_examples/figures/draw_again.py` draws the recorded numbers again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.progress import track

from rllib_stackelberg import LeaderSettings, make_game, solve
from rllib_stackelberg.reports import relation_figure, write_drawing
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
LEARNED = "learned, each seed"

Points = list[tuple[float, float]]


def points(name: str, own: dict[str, Any], grid: dict[str, Any]) -> dict[str, Points]:
    """(bits, leader value) of the two optima, over the channels."""
    found: dict[str, Points] = {"equilibrium optimum": [], "reachable optimum": []}
    for channel in CHANNELS:
        if "noise" in channel and grid != PANELS["3 types"][2]:
            continue
        on_grid = make_game("message-spm", **grid, **channel)
        found["reachable optimum"].append((on_grid.bits, response_solve(on_grid, REACHABLE).leader_value))
        if "noise" not in channel:
            exact = solve(make_game(name, **own, **channel))
            found["equilibrium optimum"].append((on_grid.bits, exact.leader_value))
    return found


def learned(rows_by_name: dict[str, list[dict[str, Any]]], name: str, own: dict[str, Any]) -> Points:
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


def lost(found: Points) -> Points:
    """The welfare lost, where the leader's value is what is lost, counted negative."""
    return [(bits, 0.0 - value) for bits, value in found]


def main(files: list[Path], out: Path) -> None:
    """All panels."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        rows |= json.loads(file.read_text(encoding="utf-8"))
    panels = {}
    for title in track(PANELS, "solving"):
        name, own, grid = PANELS[title]
        found = points(name, own, grid) | {LEARNED: learned(rows, name, own)}
        panels[title] = {label: lost(each) for label, each in found.items() if each}
    write_drawing(
        out / "welfare_bits", relation_figure, panels=panels, x="bits per play", y="welfare lost, expected",
        single=[LEARNED], height=170,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="what the tuned examples wrote with --json")
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the figure")
    arguments = parser.parse_args()
    main(arguments.files, arguments.out)
