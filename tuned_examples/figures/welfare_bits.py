"""This script draws the welfare that is lost against bits of communication: equilibrium, reachable, learned.

Bits are the capacity of the buyers' channels per play; at 0 there are no messages. Equilibrium: the best mechanism in
which followers play the equilibrium that the leader likes best (mixed-integer programs, clean channels). Reachable:
the best mechanism on a grid of prices against followers who learn by 250 expected updates. Learned: the seeds that
`rllib-stackelberg reproduce messages` recorded, followers who learn by sampled updates.

How to run: `python tuned_examples/figures/welfare_bits.py --out DIR` (a minute or two).
`python tuned_examples/figures/draw_again.py` draws the recorded numbers again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.progress import track

from rllib_stackelberg import LeaderSettings, make_game, solve
from rllib_stackelberg.experiments.paper import MESSAGES
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
RESULTS = Path(__file__).parents[1] / "results"

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


def learned(instance: str) -> Points:
    """(bits, leader value) of every recorded seed of a panel."""
    recorded = json.loads((RESULTS / f"{MESSAGES.name}.json").read_text(encoding="utf-8"))["arms"]
    values = {(each["instance"], each["arm"]): each["values"] for each in recorded}
    arms = [arm for arm in MESSAGES.arms if arm.instance == instance]
    return [(make_game(arm.game, **arm.params).bits, value) for arm in arms for value in values[instance, arm.name]]


def lost(found: Points) -> Points:
    """The welfare lost, where the leader's value is what is lost, counted negative."""
    return [(bits, 0.0 - value) for bits, value in found]


def main(out: Path) -> None:
    """All panels."""
    panels = {}
    for title in track(PANELS, "solving"):
        found = points(*PANELS[title]) | {LEARNED: learned(title)}
        panels[title] = {label: lost(each) for label, each in found.items()}
    write_drawing(
        out / "welfare_bits", relation_figure, panels=panels, x="bits per play", y="welfare lost, expected",
        single=[LEARNED], height=170,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the figure")
    main(parser.parse_args().out)
