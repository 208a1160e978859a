"""This script measures what a follower's update costs as followers, types and actions grow from 2 to 64, on one core.

Two games are learned in:

- Tolls: the leader posts a toll on the first of k routes; n followers, each with a private value for one of them,
  choose a route and pay for the crowd they meet there. All plays are played, as in any game that is too large for a
  table: an update of one follower takes a play for each of its k actions, a play takes n turns.
- `simple-allocation`: one follower, its utilities looked up. Sampled updates touch one row with k actions, expected
  ones every row of every type.

So the cost of an update should be linear in followers and in actions and, but for expected updates, should not depend
on the number of types. Printed are microseconds per update of one follower (the least of some rounds) and the exponent
log(cost ratio) / log(size ratio) over the whole range and over its second half, where fixed costs weigh less.

How to run: `python tuned_examples/figures/response_cost.py --out .`
"""

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gymnasium.spaces import Box, Discrete
from rich.progress import track

from rllib_stackelberg import LeaderSettings, Prior, StackelbergGame, State, Turn, make_game
from rllib_stackelberg.evaluation.estimates import consult
from rllib_stackelberg.plays.outcomes import outcomes_against
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.reports import costs_figure, markdown_table, write_drawing, write_table
from rllib_stackelberg.response.phase import Phase
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.streams import Streams

SIZES = (2, 4, 8, 16, 32, 64)
PLAYS = 16_384
"""Plays side by side, whatever the size, so that what is measured is arithmetic and not the interpreter."""
PLAYED = 8
ROUNDS = 5

Costs = dict[int, float]


@dataclass
class Traffic(State):
    """The leader's toll (-1 before) and the followers' routes, in the order in which they chose."""

    toll: np.ndarray
    routes: np.ndarray
    chosen: np.ndarray


class Tolls(StackelbergGame):
    """A toll on the first of some routes; followers who value one of them choose, and meet their crowd."""

    def __init__(self, followers: int = 2, types: int = 2, actions: int = 2):
        self.types, self.routes = types, actions
        turns = [Turn("route", i + 1, Discrete(actions), "learned", rows=types) for i in range(followers)]
        self.turns = (Turn("toll", 0, Discrete(2), "leader"), *turns)
        self.prior = Prior.product(*(Prior.uniform(types) for _ in range(followers)))
        self.payoff_range = np.array([[0.0, 1.0]] + [[-2.0, 1.0]] * followers)
        self.observation_spaces = (Box(0, 1, (1,), np.float32),) * (followers + 1)

    def start(self, types, chance):
        """No toll yet."""
        nobody = np.zeros(len(types), dtype=np.int64)
        return Traffic(types, chance, nobody - 1, np.zeros(types.shape, dtype=np.int64), nobody)

    def turn(self, s):
        """The toll, then routes in follower order."""
        over = s.chosen == s.routes.shape[1]
        return np.where(s.toll < 0, 0, np.where(over, -1, s.chosen + 1))

    def observe(self, s, agent):
        """Nothing: the toll is the leader's fixed answer."""
        return np.zeros((len(s.types), 1), dtype=np.float32)

    def information(self, s):
        """A follower's own type."""
        follower = np.minimum(s.chosen, s.types.shape[1] - 1)
        return np.where(s.toll < 0, 0, s.types[np.arange(len(s.types)), follower])

    def transition(self, s, actions):
        """Post, or choose; everyone is paid when the last has chosen."""
        plays, action, followers = np.arange(len(s.types)), actions[:, 0].astype(np.int64), s.types.shape[1]
        moving = np.flatnonzero((s.toll >= 0) & (s.chosen < followers))
        routes, payoffs = s.routes.copy(), np.zeros((len(plays), len(self.agents)))
        routes[moving, s.chosen[moving]] = action[moving]
        last = moving[s.chosen[moving] == followers - 1]
        crowd = np.zeros((len(last), self.routes))
        np.add.at(crowd, (np.arange(len(last))[:, None], routes[last]), 1 / followers)
        paid = (routes[last] == 0) * s.toll[last, None]
        liked = routes[last] == s.types[last] % self.routes
        payoffs[last, 0] = paid.mean(axis=1)
        payoffs[last, 1:] = liked - np.take_along_axis(crowd, routes[last], axis=1) - paid
        chosen = s.chosen.copy()
        chosen[moving] += 1
        return Traffic(s.types, s.chance, np.where(s.toll < 0, action, s.toll), routes, chosen), payoffs


def least_seconds(action: Callable[[], object]) -> float:
    """Of some rounds, after one to warm up."""
    found = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        action()
        found.append(time.perf_counter() - begun)
    return min(found[1:])


def played(followers: int = 2, types: int = 2, actions: int = 2) -> float:
    """Microseconds per update of one follower, all plays of it played."""
    game = Tolls(followers, types, actions)
    samples = max(PLAYS // (followers * actions), 1)
    settings = LeaderSettings.checked(response_updates=PLAYED)

    def toll(plays, slots):
        """The same toll always."""
        return np.ones((len(slots), 1))

    seconds = least_seconds(lambda: consult(game, toll, settings, Streams(0), samples))
    return 1e6 * seconds / (PLAYED * samples * followers)


def looked_up(types: int = 2, actions: int = 2, mode: str = "sampled") -> float:
    """Microseconds per update of the follower of `simple-allocation`, by look-up."""
    game = make_game("simple-allocation", types=types, messages=actions)
    strategy = LeaderStrategy.from_pairs(game, [(k, min(k, types - 1)) for k in range(actions)])
    table, rows = outcomes_against(game, strategy), np.arange(256)
    settings = LeaderSettings.checked(response_updates=4_000 if mode == "sampled" else 50, update_mode=mode)
    response = Response.begin(settings, game, len(rows))
    episodes = [(int(row), 0) for row in rows]
    seconds = least_seconds(lambda: response.respond(table, Phase(rows, settings, Streams(0), episodes)))
    return 1e6 * seconds / (len(rows) * settings.response_updates)


CURVES: dict[str, dict[str, Callable[[int], float]]] = {
    "followers": {"played": lambda n: played(followers=n)},
    "types": {
        "played": lambda n: played(types=n),
        "looked up, sampled": lambda n: looked_up(types=n),
        "looked up, expected": lambda n: looked_up(types=n, mode="expected"),
    },
    "actions": {
        "played": lambda n: played(actions=n),
        "looked up, sampled": lambda n: looked_up(actions=n),
        "looked up, expected": lambda n: looked_up(actions=n, mode="expected"),
    },
}


def exponent(costs: Costs, first: int, last: int) -> str:
    """Of the cost as a power of the size, between two sizes."""
    return f"{math.log(costs[last] / costs[first]) / math.log(last / first):.2f}"


def cells(name: str, costs: Costs) -> dict[str, str]:
    """A row of the table."""
    middle = SIZES[len(SIZES) // 2 - 1]
    powers = {f"exponent from {first}": exponent(costs, first, SIZES[-1]) for first in (SIZES[0], middle)}
    return {"microseconds an update, by": name} | {str(size): f"{costs[size]:.3g}" for size in SIZES} | powers


def main(out: Path) -> None:
    """The table and the figure."""
    panels = {
        axis: {name: {size: cost(size) for size in track(SIZES, f"{axis}, {name}")} for name, cost in curves.items()}
        for axis, curves in CURVES.items()
    }
    rows = [cells(f"{axis}, {name}", costs) for axis, curves in panels.items() for name, costs in curves.items()]
    print(markdown_table(rows))
    write_table(out / "response_cost.md", rows, "python tuned_examples/figures/response_cost.py")
    write_drawing(out / "response_cost", costs_figure, panels=panels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the figure")
    main(parser.parse_args().out)
