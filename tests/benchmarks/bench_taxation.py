"""Years of the taxation economy per second and core, against TaxAI's simulator.

`python -m pytest tests/benchmarks/bench_taxation.py -s`

A year is what a simulator has to do between two pairs of actions: draw the uniforms, check the actions, play, and show
the government and every household what they may see. Actions are constant and last; plays that reach the horizon start
anew. Economies of a batch do not know of each other: they are played in blocks of about `ROWS` households, one block
after the other, which stay in the processor's cache (a step of all at once would be bound by memory). TaxAI's figures
are those its authors measured, on a machine of theirs: the ratio is of two machines and two programs.
"""

import numpy as np
import pytest

from rllib_stackelberg import make_population

TAXAI = {10: 1800, 100: 482, 1_000: 47, 10_000: 4}
BATCHES = (1, 64)
ROWS = 2**16
RATES: dict[tuple[int, int], float] = {}


@pytest.fixture(scope="module", autouse=True)
def table():
    yield
    print("\n\nhouseholds   TaxAI/s" + "".join(f"{f'batch {b}/s':>14s}{'ratio':>8s}" for b in BATCHES))
    for households, theirs in TAXAI.items():
        rates = [RATES.get((households, batch), np.nan) for batch in BATCHES]
        print(f"{households:10,d}{theirs:10,d}" + "".join(f"{rate:14,.0f}{rate / theirs:8.0f}" for rate in rates))


@pytest.mark.parametrize("households", TAXAI)
@pytest.mark.parametrize("batch", BATCHES)
def test_years_of_an_economy(benchmark, households, batch):
    game, rng = make_population("taxation", households=households), np.random.default_rng(0)
    side_by_side = max(1, min(batch, ROWS // households))
    blocks = [min(side_by_side, batch - first) for first in range(0, batch, side_by_side)]
    years = int(np.clip(20_000 / households / batch**0.5, 5, 300))
    states = [None] * len(blocks)

    def live():
        for k, plays in enumerate(blocks):
            states[k] = lived(game, states[k], plays, years, rng)

    benchmark.pedantic(live, rounds=20, iterations=1, warmup_rounds=2)
    for state in states:
        assert (state.ending == 0).all() or (state.ending == game.horizon).all()
    RATES[households, batch] = years * batch / benchmark.stats.stats.min


def lived(game, state, plays, years, rng):
    """Some economies that many years later; those near the horizon begin anew."""
    policy = np.tile([0.2, 0.02, 0.02, 0.01, 0.05], (plays, 1))
    choices = np.tile([0.9, 0.4], (plays, game.members, 1))
    if state is None or state.period[0] + years > game.periods:
        state = game.start(rng.random((plays, game.members, game.start_draws)))
    for _ in range(years):
        uniforms = rng.random((plays, game.members, game.draws))
        state, *_ = game.step(state, policy, choices, uniforms)
        game.observe_leader(state)
        game.view_members(state, policy)
    return state
