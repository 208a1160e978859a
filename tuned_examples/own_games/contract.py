"""An employer promises payments for results; a worker, whose effort nobody sees, chooses how hard to try.

Effort makes results likelier, and costs the worker something. The employer (leader) promises a payment for each of
three results before the worker chooses; payments are never negative. Payoffs are expectations over results.

| effort | costs | failure, worth 0 | fair, worth 1.5 | good, worth 2 |
|---|---|---|---|---|
| none | 0 | .5 | .5 | 0 |
| some | .4 | .4 | .3 | .3 |
| full | .6 | .2 | .2 | .6 |

How to run: `python tuned_examples/own_games/contract.py`, or piece by piece
`rllib-stackelberg check|solve|train tuned_examples/own_games/contract.py:Contract`.

Results to expect: the optimum pays 1 for a good result and nothing else, and is worth .9: full effort is then no worse
to the worker than none. A worker who takes the lowest of equally good efforts makes none, and the same payments are
worth .75. Learned against such a worker is a little more than 1 for a good result, worth a little less than .9.
"""

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Discrete
from scipy.optimize import linprog

from rllib_stackelberg import Prior, StackelbergGame, StackelbergSolution, State, Turn, solve, train

WORTH = np.array([0.0, 1.5, 2.0])
"""Of failure, a fair and a good result to the employer."""

RESULTS = np.array([[0.5, 0.5, 0.0], [0.4, 0.3, 0.3], [0.2, 0.2, 0.6]])
"""Probabilities of the results, by effort."""

COST = np.array([0.0, 0.4, 0.6])
EFFORTS = "none", "some", "full"
MOST_PAID = 2.0


@dataclass
class Promise(State):
    """`payments`: promised `[B, results]`; `moves`: turns taken `[B]`."""

    payments: np.ndarray
    moves: np.ndarray


class Contract(StackelbergGame):
    """Hidden action: payments for results move a worker to the effort that the employer wants."""

    def __init__(self):
        results = len(WORTH)
        self.turns = (
            Turn("promise", 0, Box(0.0, MOST_PAID, (results,), np.float64), "leader"),
            Turn("work", 1, Discrete(len(COST)), "learned"),
        )
        self.prior = Prior.uniform(1)
        earned = RESULTS @ WORTH
        self.payoff_range = np.array([[earned.min() - MOST_PAID, earned.max()], [-COST.max(), MOST_PAID]])
        self.observation_spaces = (Box(0, 1, (1,), np.float32), Box(0, 1, (1,), np.float32))

    def start(self, types, chance):
        """Nothing promised."""
        return Promise(types, chance, np.zeros((len(types), len(WORTH))), np.zeros(len(types), int))

    def turn(self, state):
        """The employer, then the worker."""
        return np.where(state.moves < 2, state.moves, -1)

    def observe(self, state, agent):
        """Whether anything has been promised; what, the worker finds out by what its efforts bring it."""
        return (state.moves > 0)[:, None].astype(np.float32)

    def transition(self, state, actions):
        """Keep the promise; pay for the effort."""
        promised = state.moves == 0
        payments = np.where(promised[:, None], actions[:, : len(WORTH)], state.payments)
        effort = np.clip(actions[:, 0].astype(int), 0, len(COST) - 1)
        paid = (RESULTS[effort] * payments).sum(axis=1)
        payoffs = np.stack([RESULTS[effort] @ WORTH - paid, paid - COST[effort]], axis=1)
        return Promise(state.types, state.chance, payments, state.moves + 1), np.where(
            (state.moves == 1)[:, None], payoffs, 0.0
        )

    def describe_action(self, turn, key, action):
        """The payments, or the effort."""
        if turn.kind == "learned":
            return f"effort: {EFFORTS[int(action[0])]}"
        return "pays " + ", ".join(f"{payment:.4g}" for payment in action)

    def optimum(self):
        """For each effort the cheapest payments that make it the worker's best choice: a linear program each."""
        best = None
        for effort in range(len(COST)):
            others = [k for k in range(len(COST)) if k != effort]
            gains, savings = RESULTS[others] - RESULTS[effort], COST[others] - COST[effort]
            found = linprog(RESULTS[effort], gains, savings, bounds=(0.0, MOST_PAID))
            if found.success:
                value = float(RESULTS[effort] @ WORTH - found.fun)
                if best is None or value > best[0]:
                    best = value, float(found.fun - COST[effort]), tuple(found.x.tolist())
        value, wage, payments = best
        return StackelbergSolution(value, (wage,), ((0, payments),), "a linear program for each effort", "leader")


if __name__ == "__main__":
    best = solve(Contract())
    print(f"exact optimum: {best.leader_value:.4g}" if best else "exact optimum: not known")
    for ties in ("lowest", "leader"):
        result = train(f"{__file__}:Contract", max_seconds=10, ties=ties)
        action, verdict = result.strategy.data()[0]["shown"], result.data["verdict"]["words"]
        print(f"ties {ties}: {action} is worth {result.value:.4g}. {verdict}")
        if result.data["gap_note"]:
            print(f"  why: {result.data['gap_note']}")
