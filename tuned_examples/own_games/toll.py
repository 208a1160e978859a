"""A city sets a toll on one of two roads; eight drivers choose.

The first road takes n/8 of an hour if n drivers are on it, the second one hour, always (Pigou 1920). Drivers lose time
and toll; the city (leader) loses everybody's time, and the toll means nothing to it. Without a toll all eight take the
first road, or all but one, and lose 8 or 7.125 hours; four on each would lose 6.

How to run: `python tuned_examples/own_games/toll.py`, or piece by piece
`rllib-stackelberg check|solve|train tuned_examples/own_games/toll.py:Toll`.

Results to expect: -6 for any toll between .375 and .5, and nobody wants to change roads. That is learned against
drivers who learn by regret matching. Multiplicative weights (the default) leave all drivers undecided, half on either
road on average, and what each does most often is no equilibrium: the verdict says so, and what a driver could gain.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from gymnasium.spaces import Box, Discrete
from pydantic import Field

from rllib_stackelberg import Prior, StackelbergGame, StackelbergSolution, State, Turn, solve, train


@dataclass
class Traffic(State):
    """`toll`: of the first road `[B]`; `load`: drivers on it so far `[B]`; `first`: who took it; `moves` `[B]`."""

    toll: np.ndarray
    first: np.ndarray
    moves: np.ndarray


class Toll(StackelbergGame):
    """A toll on the road that gets slower the more take it.

    Args:
        drivers: how many there are.
    """

    def __init__(self, *, drivers: Annotated[int, Field(ge=1, le=12)] = 8):
        self.drivers = drivers
        choose = [Turn("choose", 1 + i, Discrete(2), "learned") for i in range(drivers)]
        self.turns = (Turn("set toll", 0, Box(0.0, 1.0, (1,), np.float64), "leader"), *choose)
        self.prior = Prior.uniform(*[1] * drivers)
        self.payoff_range = np.array([[-float(drivers), 0.0], *[[-2.0, 0.0]] * drivers])
        self.observation_spaces = tuple(Box(0, 1, (1,), np.float32) for _ in range(drivers + 1))

    def start(self, types, chance):
        """No toll, nobody on the road."""
        plays = len(types)
        return Traffic(types, chance, np.zeros(plays), np.zeros((plays, self.drivers), bool), np.zeros(plays, int))

    def turn(self, state):
        """The city, then the drivers one by one; nobody sees what another chose."""
        return np.where(state.moves <= self.drivers, state.moves, -1)

    def observe(self, state, agent):
        """Whether it has moved."""
        return (state.moves > agent)[:, None].astype(np.float32)

    def transition(self, state, actions):
        """Set the toll; then choose (0 is the first road, 1 the second); pay at the last choice."""
        driver, plays = state.moves - 1, np.arange(len(state))
        toll, first = np.where(driver < 0, actions[:, 0], state.toll), state.first.copy()
        choosing = (driver >= 0) & (driver < self.drivers)
        first[plays[choosing], driver[choosing]] = actions[choosing, 0] == 0
        hours = np.where(first, first.sum(axis=1, keepdims=True) / self.drivers, 1.0)
        payoffs = np.concatenate([-hours.sum(axis=1, keepdims=True), -hours - first * toll[:, None]], axis=1)
        last = (driver == self.drivers - 1)[:, None]
        return Traffic(state.types, state.chance, toll, first, state.moves + 1), np.where(last, payoffs, 0.0)

    def describe_action(self, turn, key, action):
        """The toll, or the road."""
        return f"toll {action[0]:.4g}" if turn.kind == "leader" else ("first road", "second road")[int(action[0])]

    def optimum(self):
        """With n on the first road nobody wants to change if the toll is between 1 - (n + 1)/N and 1 - n/N."""
        loads = np.arange(self.drivers + 1)
        hours = loads**2 / self.drivers + self.drivers - loads
        best = int(hours.argmin())
        toll = min(max(1 - (best + 0.5) / self.drivers, 0.0), 1.0)
        first, second = -best / self.drivers - toll, -1.0
        followers = (first,) * best + (second,) * (self.drivers - best)
        return StackelbergSolution(-float(hours[best]), followers, ((0, (toll,)),), "the best load", "leader")


if __name__ == "__main__":
    best = solve(Toll())
    print(f"exact optimum: {best.leader_value:.4g}" if best else "exact optimum: not known")
    for followers in ("regret-matching", "mw"):
        result = train(f"{__file__}:Toll", max_seconds=10, followers=followers)
        action, verdict = result.strategy.data()[0]["shown"], result.data["verdict"]["words"]
        print(f"followers {followers}: {action} is worth {result.value:.4g}. {verdict}")
        if result.data["gap_note"]:
            print(f"  why: {result.data['gap_note']}")
