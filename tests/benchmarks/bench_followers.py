"""Updates per second of every utility learner by look-up, against playing the same updates alone, same run, one core.

`python -m pytest tests/benchmarks/bench_followers.py -s`

`message-spm types=3 messages=3`: two followers with three actions and three rows each; large batches of 512 leader
episodes with 2,000 sampled updates, an update being one row of one follower. Beside it the project's own batch of one,
a single leader episode whose every play is played, and for multiplicative weights array code in NumPy over the whole
batch, which must come to the same strategies. Printed are the least of the rounds, the ratio, how far rounds spread,
and the most memory that 100,000 and 1,000,000 updates of 16 episodes hold.
"""

import math
import time
import tracemalloc

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, MultiplicativeWeights, make_game
from rllib_stackelberg.evaluation.dependence import utility_learners
from rllib_stackelberg.evaluation.estimates import consult
from rllib_stackelberg.followers import learner_from_text
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.response.phase import Phase, draws
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.streams import Stream, Streams

EPISODES, UPDATES, ALONE = 512, 2_000, 200
LEARNERS = [learner.traits.name for learner in utility_learners(no_regret=False)]
RATES: dict[str, tuple[float, float, float]] = {}
ARRAY_CODE: list[float] = []


@pytest.fixture(scope="module", autouse=True)
def rates():
    yield
    print(f"\n\n{'learner':24s}{'million updates/s':>18s}{'alone, per second':>18s}{'ratio':>8s}{'spread':>8s}")
    for name, (rate, alone, spread) in RATES.items():
        print(f"{name:24s}{rate / 1e6:18.1f}{alone:18,.0f}{rate / alone:8,.0f}{spread:8.0%}")
    print(f"array code of mw: {ARRAY_CODE[0] / 1e6:.1f} million updates/s" if ARRAY_CODE else "")


@pytest.fixture(scope="module")
def game():
    return make_game("message-spm", leader="scores", types=3, messages=3)


def price_table(game):
    """Outcomes under one arbitrary leader strategy."""
    turn = game.leader_turn
    return tabulate(game, np.random.default_rng(0).random((1, turn.keys, turn.width)))


@pytest.mark.parametrize("name", LEARNERS)
def test_updates_of_large_batches(benchmark, game, name):
    table, rows, learner = price_table(game), np.arange(EPISODES), learner_from_text(name)
    cells, uniforms = draws(game, Streams(0), Stream.RESPONSE, UPDATES, [(int(row), 0) for row in rows])
    nature, response = game.nature.index(cells), Response(game, (learner,), EPISODES)

    def update():
        response.restart(rows)
        response.learn_from_table(table, rows, nature, uniforms)

    benchmark.pedantic(update, rounds=20, iterations=1, warmup_rounds=1)
    rounds = benchmark.stats.stats
    answers = np.random.default_rng(0).random((64, game.width))
    settings = LeaderSettings.checked(followers=learner, response_updates=ALONE)

    def leader(plays, slots):
        return answers[plays.question[slots] % len(answers)]

    alone = math.nan  # who needs exact utilities plays no updates
    if not settings.needs_expected:
        alone = min(seconds_of(lambda: consult(game, leader, settings, Streams(0), 1)) for _ in range(4))
    updates = len(game.followers)
    RATES[name] = (EPISODES * UPDATES * updates / rounds.min, ALONE * updates / alone, rounds.max / rounds.min - 1)


def seconds_of(action):
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def array_updates(table, nature, uniforms, rate):
    """Multiplicative weights in NumPy, all episodes in step: log-weights `[episodes, followers, rows, actions]`."""
    episodes, followers = len(nature), uniforms.shape[2]
    rows, actions = 3, 3
    weights, every = np.zeros((episodes, followers, rows, actions)), np.arange(episodes)
    payoffs = table.payoffs[0].reshape(-1, actions, actions, followers + 1)
    for u in range(nature.shape[1]):
        cell = nature[:, u]
        seen = table.information[0, cell, 0]
        drawn = []
        for m in range(followers):
            own = weights[every, m, seen[:, m]]
            policy = np.exp(own - own.max(axis=1, keepdims=True))
            reached = np.cumsum(policy, axis=1)
            drawn.append((reached[:, :-1] <= uniforms[:, u, m, None] * reached[:, -1:]).sum(axis=1))
        weights[every, 0, seen[:, 0]] += rate * payoffs[cell, :, drawn[1], 1]
        weights[every, 1, seen[:, 1]] += rate * payoffs[cell, drawn[0], :, 2]
    return weights


def test_array_code(game):
    table, rows, updates = price_table(game), np.arange(EPISODES), 200
    cells, uniforms = draws(game, Streams(0), Stream.RESPONSE, updates, [(int(row), 0) for row in rows])
    nature, learner = game.nature.index(cells), MultiplicativeWeights()
    kept = []
    rate = np.log1p(learner.epsilon) / game.utility_scale
    seconds = min(seconds_of(lambda: kept.append(array_updates(table, nature, uniforms, rate))) for _ in range(4))
    ARRAY_CODE.append(EPISODES * updates * len(game.followers) / seconds)
    response = Response(game, (learner,), EPISODES)
    response.learn_from_table(table, rows, nature, uniforms)
    for m, policy in enumerate(response.policies("last")):
        expected = np.exp(kept[-1][:, m] - kept[-1][:, m].max(axis=-1, keepdims=True))
        np.testing.assert_allclose(policy, expected / expected.sum(axis=-1, keepdims=True), rtol=1e-9)


def test_memory_stays_flat(game):
    table, rows, peaks = price_table(game), np.arange(16), []
    for updates in (100_000, 1_000_000):
        settings = LeaderSettings.checked(response_updates=updates)
        response = Response.begin(settings, game, len(rows))
        tracemalloc.start()
        response.respond(table, Phase(rows, settings, Streams(0), [(int(row), 0) for row in rows]))
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
    print(f"\nmost memory held: {peaks[0]:.0f} MiB for 100,000 updates, {peaks[1]:.0f} MiB for 1,000,000")
    assert peaks[1] < 1.1 * peaks[0]
