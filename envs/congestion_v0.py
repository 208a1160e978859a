"""# Congestion: a city tolls roads, drivers of different values of time choose among them

A road takes longer the more are on it. Each driver looks at its own time alone; tolls (leader) make it look at what it
costs the others.

```python
env = pettingzoo.make("aec", "stackelberg/congestion-v0", network="braess", drivers=8)
env = pettingzoo.make("aec", "stackelberg/congestion-v0", network="parallel", roads=4, drivers=64, seed=1)
```

| | leader_0 | follower_i |
|---|---|---|
| turn | toll, the last in a play: drivers do not see it, and learn what it costs | drive (learned) |
| action | a toll in [0, most_toll] for each link | a path |
| sees | whether it has moved | the same |
| payoff | less everybody's time, times its value; tolls only change hands | less its time times its value, less tolls |

A link takes free + slope (load / drivers)^power. Networks:

- `pigou`: two roads, one takes load / drivers, the other 1 (Pigou 1920);
- `braess`: links s-a and b-t take load / drivers, a-t and s-b take 1, a-b nothing. Without tolls everybody drives
  s-a-b-t, which takes 2; with half on s-a-t and half on s-b-t it takes 3/2 (Braess 1968);
- `parallel`: `roads` of random times, free uniform in [0, .5] and slope in [.5, 2], from `seed`;
- `links=` `[[free, slope, power], ...]` and `paths=`, lists of links by number, in place of these.

Values of time are `values=`, or evenly spaced from 1 - spread to 1 + spread.

Exact value: the system optimum, with tolls of a linear programme that hold it (rllib_stackelberg/economics/tolls.py),
where there are such tolls; it is the bound otherwise. Baselines: no tolls; marginal-cost tolls (what one more driver
costs the others). Both are what drivers come to who change paths one by one, from the best ones on empty roads.

Source: Pigou 1920; Beckmann, McGuire & Winsten 1956. Version history: v0.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.economics.tolls import Network, marginal_tolls, settled, toll_solve
from rllib_stackelberg.economics.traffic_engine import TRAFFIC, TrafficFacts
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.rules.compiled_rules import CompiledRules
from rllib_stackelberg.rules.game import OVER, USUAL_UPDATES, StackelbergGame, State, Turn
from rllib_stackelberg.rules.pictures import Bars
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.rules.solution import Bound, Method

NAMED = {
    "pigou": ([[0, 1, 1], [1, 0, 1]], [[0], [1]]),
    "braess": ([[0, 1, 1], [1, 0, 1], [1, 0, 1], [0, 1, 1], [0, 0, 1]], [[0, 1], [2, 3], [0, 4, 3]]),
}
"""Links and paths."""

MANY, FEWER_UPDATES = 16, 100
"""More drivers than that learn for so many updates."""


@dataclass
class Traffic(State):
    """`choices`: path of each driver `[B, drivers]`; `moves`: turns taken `[B]`."""

    choices: np.ndarray
    moves: np.ndarray


class Congestion(StackelbergGame):
    """Tolls on roads that get slower the more take them.

    Args:
        network: which roads there are; `parallel` ones are random.
        drivers: how many there are.
        roads: how many parallel ones.
        seed: of their times.
        spread: how far values of time are from 1 at most.
        values: of time, one a driver, in place of evenly spaced ones.
        links: free time, slope and power of each link, in place of a network.
        paths: links of each path, by number.
        most_toll: on a link; the largest value of time times the longest time on a link, if it is not given.
    """

    source = "Pigou 1920; Beckmann, McGuire & Winsten 1956"

    def __init__(
        self,
        *,
        network: Literal["pigou", "braess", "parallel"] = "pigou",
        drivers: Annotated[int, Field(ge=1, le=64)] = 8,
        roads: Annotated[int, Field(ge=1, le=16)] = 3,
        seed: Annotated[int, Field(ge=0)] = 0,
        spread: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        values: list[float] | None = None,
        links: list[list[float]] | None = None,
        paths: list[list[int]] | None = None,
        most_toll: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None,
    ):
        if (links is None) != (paths is None):
            missing = "links" if links is None else "paths"
            raise InvalidFieldError(missing, "are not given, but the rest of the network is", "links= and paths=")
        if links is None:
            links, paths = NAMED[network] if network in NAMED else _parallel(roads, seed)
        worth = np.linspace(1 - spread, 1 + spread, drivers) if values is None else np.asarray(values, dtype=float)
        if values is not None and (len(worth) != drivers or not np.isfinite(worth).all() or (worth <= 0).any()):
            raise InvalidFieldError("values", f"got {values}", f"{drivers} numbers above 0, one a driver")
        self.network = Network(_times(links, drivers), _on_path(paths, len(links)), worth)
        longest = float(self.network.times.max())
        self.most_toll = (float(worth.max()) * longest or 1.0) if most_toll is None else most_toll
        self.turns = (
            *(Turn("drive", 1 + i, Discrete(len(paths)), "learned") for i in range(drivers)),
            Turn("toll", 0, Box(0.0, self.most_toll, (len(links),), np.float64), "leader"),
        )
        self.prior = Prior.uniform(*[1] * drivers)
        slowest, tolled = self.network.path_times(np.full(len(links), drivers)).max(), self.network.paths.sum(axis=1)
        dearest = -worth * slowest - self.most_toll * tolled.max()
        self.payoff_range = np.array([[-worth.sum() * slowest, 0.0], *([low, 0.0] for low in dearest)])
        self.observation_spaces = tuple(Box(0, 1, (1,), np.float32) for _ in range(drivers + 1))

    def start(self, types, chance):
        """Nobody is on the road."""
        return Traffic(types, chance, np.zeros(types.shape, np.int64), np.zeros(len(types), np.int64))

    def turn(self, state):
        """The drivers, none of whom sees another; then the city, which sees none."""
        return np.where(state.moves < len(self.turns), state.moves, OVER)

    def observe(self, state, agent):
        """Whether it has moved."""
        place = agent - 1 if agent else len(self.turns) - 1
        return (state.moves > place).astype(np.float32)[:, None]

    def opening_rows(self, nature):
        """Drivers know nothing."""
        return np.zeros(nature.shape, dtype=np.int64)

    def after_opening(self, nature, actions):
        """All have chosen."""
        plays, drivers = nature.shape
        chance = np.zeros((plays, 0), np.int64)
        return Traffic(nature, chance, actions.astype(np.int64), np.full(plays, drivers))

    @property
    def compiled(self):
        """A play at a time (economics/traffic_engine.py)."""
        network, drivers = self.network, self.network.drivers

        def state(states, nature):
            """All drivers' choices, as a state."""
            return self.after_opening(nature, states[:, :drivers])

        facts, size = TrafficFacts(network.times, network.paths, network.values), drivers + 1 + len(network.times)
        return CompiledRules(facts, size, TRAFFIC, state)

    def transition(self, state, actions):
        """Choose; at the tolls, pay."""
        drivers, choices = self.network.drivers, state.choices.copy()
        driving = np.flatnonzero(state.moves < drivers)
        choices[driving, state.moves[driving]] = actions[driving, 0].astype(np.int64)
        payoffs = np.zeros((len(state), drivers + 1))
        tolling = np.flatnonzero(state.moves == drivers)
        if len(tolling):
            payoffs[tolling] = self._paid(choices[tolling], actions[tolling])
        return Traffic(state.types, state.chance, choices, state.moves + 1), payoffs

    def _paid(self, choices: np.ndarray, tolls: np.ndarray) -> np.ndarray:
        """Payoffs `[B, agents]` of paths `[B, drivers]` with tolls `[B, >= links]`; sums are in order, bit for bit."""
        network = self.network
        taken, paid = network.path_times(network.loads(choices)), np.zeros((len(choices), len(network.paths)))
        for link in range(network.paths.shape[1]):
            paid += network.paths[:, link] * tolls[:, link, None]
        lost = network.values * np.take_along_axis(taken, choices, axis=1)
        own = -np.add.accumulate(lost, axis=1)[:, -1:]
        return np.concatenate([own, -lost - np.take_along_axis(paid, choices, axis=1)], axis=1)

    @property
    def response_updates(self):
        """Many drivers settle sooner than few: each of them matters less to the others."""
        return USUAL_UPDATES if self.network.drivers <= MANY else FEWER_UPDATES

    def describe_action(self, turn, key, action):
        """The path, or tolls by link."""
        if turn.kind == "learned":
            return f"path {int(action[0])}"
        return "tolls " + ", ".join(f"{toll:.4g}" for toll in action)

    def pictured(self, answers):
        """The toll of each link."""
        return tuple(
            Bars("Toll of each link", {f"link {link}": toll for link, toll in enumerate(action.tolist())})
            for action in answers.values()
        )

    def methods(self):
        """The system optimum, held by tolls."""
        return {"system-optimum": Method(lambda: toll_solve(self.network, self.most_toll))}

    def bound(self):
        """The system optimum."""
        try:
            return Bound(-self.network.cost(self.network.optimum), "system optimum")
        except BeyondLimitsError:
            return Bound(0.0, "no time is less than none")

    def baselines(self):
        """No tolls, and marginal-cost tolls."""
        tolls = {"no tolls": np.zeros(self.turns[-1].width)}
        with suppress(BeyondLimitsError):
            tolls["marginal-cost tolls"] = marginal_tolls(self.network, self.most_toll)
        return {name: -self.network.cost(settled(self.network, own)) for name, own in tolls.items()}


def _parallel(roads: int, seed: int) -> tuple[list, list]:
    """Links and paths; with more roads the first ones are the same."""
    drawn = np.random.default_rng(seed).random((roads, 2)) * [0.5, 1.5] + [0, 0.5]
    return [[float(free), float(slope), 1.0] for free, slope in drawn], [[road] for road in range(roads)]


def _times(links: list, drivers: int) -> np.ndarray:
    """Of links by load, `[links, drivers + 1]`."""
    try:
        given = np.asarray(links, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidFieldError("links", "are ragged or not numeric", "[[free, slope, power], ...]") from error
    if given.ndim != 2 or given.shape[1] != 3 or not len(given):
        raise InvalidFieldError("links", f"have shape {given.shape}", "[[free, slope, power], ...]")
    if not np.isfinite(given).all() or (given < 0).any():
        raise InvalidFieldError("links", "have entries below 0, or that are no numbers", "numbers of at least 0")
    free, slope, power = given.T[:, :, None]
    found = free + slope * (np.arange(drivers + 1) / drivers) ** power
    check_comparable("links", found)
    return found


def _on_path(paths: list, links: int) -> np.ndarray:
    """Whether a link is on a path, `[paths, links]`."""
    if not paths or not all(path and set(path) <= set(range(links)) for path in paths):
        raise InvalidFieldError("paths", f"got {paths}", f"lists of links by number, 0..{links - 1}")
    return np.array([[link in path for link in range(links)] for path in paths])
