"""What sampling and learning of `taxation` cost by a household and a year, on one core: ratios, in processor time.

`python -m pytest tests/benchmarks/bench_populations.py -s`

Others compute beside it: so what is counted is the time that this process had, in turns, and of each the least.

- An epoch (play and updates) with 1,000 households costs at most twice as much for a household and a year as one with
  100.
- A batch of 64 economies of 10,000 households costs less for each than an economy alone: it is played in blocks.
"""

import time

import numpy as np
import pytest
import torch
from rllib_stackelberg.envs.taxation_v0 import Taxation

from rllib_stackelberg.training.populations.env_runners import PopulationEnvRunner
from rllib_stackelberg.training.populations.smfrl import smfrl_config
from rllib_stackelberg.training.running.ray_sessions import ray_session, torch_threads

ROUNDS = 4


def config(households, plays, years, **settings):
    """Of a class, which brings no settings of the game with it."""
    return smfrl_config(
        game=Taxation, game_config={"households": households}, plays=plays, epoch_periods=plays * years,
        random_epochs=0, member_low=(0.5, 0.001), **settings,
    )  # fmt: skip


def cheapest(calls):
    """The least processor time of each call, over rounds in turns."""
    found = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            began = time.process_time()
            call()
            found[name].append(time.process_time() - began)
    return {name: min(seconds) for name, seconds in found.items()}


def test_a_batch_of_economies_costs_less_for_each_than_one_alone():
    torch.set_num_threads(1)
    runners = {plays: PopulationEnvRunner(config=config(10_000, plays, 1), worker_index=0) for plays in (1, 64)}
    calls = {
        1: lambda: [runners[1].sample(num_timesteps=1) for _ in range(16)],
        64: lambda: runners[64].sample(num_timesteps=64),
    }
    found = cheapest(calls)
    cost = {1: found[1] / 16, 64: found[64] / 64}
    print(f"\n64 economies of 10,000: {cost[64] / cost[1]:.2f} of the cost of one alone, each")
    assert cost[64] < cost[1]


@pytest.mark.timeout(600)
def test_a_household_of_a_thousand_costs_at_most_twice_as_much_as_one_of_a_hundred():
    with ray_session(), torch_threads():
        algorithms = {size: config(size, 6, 50).build_algo() for size in (100, 1_000)}
        for algo in algorithms.values():
            algo.train()
        found = cheapest({size: algo.train for size, algo in algorithms.items()})
        for algo in algorithms.values():
            algo.stop()
    cost = {size: seconds / size for size, seconds in found.items()}
    print(f"\nan epoch with 1,000 households: {cost[1_000] / cost[100]:.2f} of the cost with 100, for each of them")
    print("seconds of an epoch: " + ", ".join(f"{size:,} households {seconds:.2f}" for size, seconds in found.items()))
    assert cost[1_000] < 2 * cost[100]
    assert np.isfinite(list(found.values())).all()
