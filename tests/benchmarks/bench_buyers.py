"""Cost of a play and of a sampled update against the number of buyers, same run, one core.

`python -m pytest tests/benchmarks/bench_buyers.py -s`

A play of n buyers takes n messages and at most 2n turns of selling; a sampled update plays every own action of every
buyer, 2n plays with two messages. The claim is a play in about n and an update in at most about n^2: printed are
microseconds and, between successive sizes, the exponent log(cost ratio) / log(size ratio). "Nobody buys" is the longest
play there is: every buyer is visited, and since a leader's answer is n + 1 numbers, n (n + 1) numbers are handed over.
Batches are large, and as many plays side by side at every size, so that what is measured is arithmetic and not the
interpreter.
"""

import math
from itertools import pairwise

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, make_game
from rllib_stackelberg.evaluation.estimates import consult
from rllib_stackelberg.plays.plays import Plays, play_out
from rllib_stackelberg.streams import Streams

BUYERS = (2, 4, 8, 16)
PLAYS = 8192
UPDATES = 4
COSTS: dict[str, dict[int, float]] = {"play": {}, "play, nobody buys": {}, "update": {}}


@pytest.fixture(scope="module", autouse=True)
def table():
    yield
    print("\n\nmicroseconds" + "".join(f"{f'{n} buyers':>12s}" for n in BUYERS) + "   exponents between sizes")
    for name, costs in COSTS.items():
        pairs = [(a, b) for a, b in pairwise(BUYERS) if a in costs and b in costs]
        exponents = [math.log(costs[b] / costs[a]) / math.log(b / a) for a, b in pairs]
        row = "".join(f"{costs.get(n, math.nan):12.2f}" for n in BUYERS)
        print(f"{name:18s}"[:18] + row[6:] + "   " + ", ".join(f"{exponent:.2f}" for exponent in exponents))


def fixed_leader(game, lowest_price):
    """Scores and prices that depend on the question alone."""
    answers = np.random.default_rng(0).random((4096, game.width))
    answers[:, -1] = lowest_price + (1 - lowest_price) * answers[:, -1]
    return lambda plays, slots: answers[plays.question[slots] % len(answers)]


@pytest.mark.parametrize("buyers", BUYERS)
@pytest.mark.parametrize(
    ("name", "values", "lowest_price"), [("play", None, 0.0), ("play, nobody buys", [0, 0.4], 0.5)]
)
def test_a_play(benchmark, buyers, name, values, lowest_price):
    parameters = {"values": [values] * buyers} if values else {}
    game = make_game("message-spm", leader="scores", buyers=buyers, types=3, messages=2, **parameters)
    leader, rng = fixed_leader(game, lowest_price), np.random.default_rng(1)
    nature = game.nature.values(game.nature.draw(rng.random((PLAYS, len(game.nature.blocks)))))
    messages = rng.integers(2, size=(PLAYS, buyers))
    plays = Plays(game, PLAYS)

    def choose(slots, turn, information):
        return messages[slots, turn]

    def play_all():
        plays.begin(np.arange(PLAYS), nature, choose)
        play_out(plays, leader, choose)

    benchmark.pedantic(play_all, rounds=10, iterations=1, warmup_rounds=1)
    COSTS[name][buyers] = 1e6 * benchmark.stats.stats.min / PLAYS


@pytest.mark.parametrize("buyers", BUYERS)
def test_a_sampled_update(benchmark, buyers):
    game = make_game("message-spm", leader="scores", buyers=buyers, types=3, messages=2)
    leader, samples = fixed_leader(game, 0.0), PLAYS // (2 * buyers)
    settings = LeaderSettings.checked(response_updates=UPDATES)

    def respond():
        consult(game, leader, settings, Streams(0), samples)

    benchmark.pedantic(respond, rounds=10, iterations=1, warmup_rounds=1)
    COSTS["update"][buyers] = 1e6 * benchmark.stats.stats.min / (samples * UPDATES)
