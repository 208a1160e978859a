"""Cost of a play and of a sampled update against the number of buyers, same run, one core.

`python -m pytest tests/benchmarks/bench_buyers.py -s`

A play of n buyers takes n messages and at most 2n turns of selling; a sampled update plays every own action of every
buyer, n + 1 plays with two messages, of which the one of what all drew is shared. The claim is a play in about n and an
update in at most about n^2: printed are microseconds and, between successive sizes, the exponent log(cost ratio) /
log(size ratio). "Nobody buys" is the longest play there is: every buyer is visited. The leader names a buyer, or if it
is anonymous a message, and a price; it finds its answer at once. Batches are large, and as many plays side by side at
every size, so that what is measured is arithmetic and not the interpreter.
"""

import math
from itertools import pairwise

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, make_game
from rllib_stackelberg.evaluation.estimates import consult
from rllib_stackelberg.plays.plays import Plays, play_out
from rllib_stackelberg.streams import Streams

SIZES = {False: (2, 4, 8, 16), True: (2, 4, 8, 16, 32, 64)}
"""Buyers, by whether the leader is anonymous."""
CASES = [(anonymous, buyers) for anonymous, sizes in SIZES.items() for buyers in sizes]
PLAYS = 8192
UPDATES = 4
COSTS: dict[tuple[str, bool], dict[int, float]] = {}


@pytest.fixture(scope="module", autouse=True)
def table():
    yield
    print("\n\nmicroseconds" + " " * 26 + "".join(f"{f'{n} buyers':>12s}" for n in SIZES[True]) + "   exponents")
    for (name, anonymous), costs in sorted(COSTS.items()):
        exponents = [math.log(costs[b] / costs[a]) / math.log(b / a) for a, b in pairwise(sorted(costs))]
        row = "".join(f"{costs[n]:12.2f}" if n in costs else " " * 12 for n in SIZES[True])
        words = f"{name}, {'anonymous' if anonymous else 'by buyer'}"
        print(f"{words:38s}{row}   " + ", ".join(f"{exponent:.2f}" for exponent in exponents))


def game_of(buyers, anonymous, values=None):
    parameters = {"values": [values] * buyers} if values else {"buyers": buyers}
    return make_game("message-spm", types=3, messages=2, anonymous=anonymous, **parameters)


def fixed_leader(game, lowest_price):
    """An open choice and a price that depend on the question alone."""
    table = np.random.default_rng(0).random((4096, game.leader_turn.choices + 1))

    def answer(plays, slots):
        row = table[plays.question[slots] % len(table)]
        choice = (row[:, :-1] * plays.open_choices(slots)).argmax(axis=1)
        return np.concatenate([choice[:, None], lowest_price + (1 - lowest_price) * row[:, -1:]], axis=1)

    return answer


@pytest.mark.parametrize(("anonymous", "buyers"), CASES)
@pytest.mark.parametrize(
    ("name", "values", "lowest_price"), [("play", None, 0.0), ("play, nobody buys", [0, 0.4], 0.5)]
)
def test_a_play(benchmark, anonymous, buyers, name, values, lowest_price):
    game = game_of(buyers, anonymous, values)
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
    COSTS.setdefault((name, anonymous), {})[buyers] = 1e6 * benchmark.stats.stats.min / PLAYS


@pytest.mark.parametrize(("anonymous", "buyers"), CASES)
def test_a_sampled_update(benchmark, anonymous, buyers):
    game = game_of(buyers, anonymous)
    leader, samples = fixed_leader(game, 0.0), PLAYS // (2 * buyers)
    settings = LeaderSettings.checked(response_updates=UPDATES)

    def respond():
        consult(game, leader, settings, Streams(0), samples)

    benchmark.pedantic(respond, rounds=10, iterations=1, warmup_rounds=1)
    COSTS.setdefault(("sampled update", anonymous), {})[buyers] = 1e6 * benchmark.stats.stats.min / (samples * UPDATES)
