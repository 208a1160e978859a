"""Leader episodes per second with 0, 1 and 2 env runners, and what 8, 64 and 512 would give (scaling.py).

`python -m pytest tests/benchmarks/bench_scaling.py -s` on a machine with two idle cores, five minutes. Sampling is the
limit here: a response has many updates. SCALING_UPDATES and SCALING_ROUNDS in the environment make it shorter.
"""

import os
import statistics
import time

import pytest

from rllib_stackelberg import leader_config
from tests.benchmarks.scaling import Costs, line, table

UPDATES = int(os.environ.get("SCALING_UPDATES", "4000"))
ROUNDS = int(os.environ.get("SCALING_ROUNDS", "7"))
WARM_SECONDS = 5.0
GAME = ("simple-allocation", {"types": 8, "messages": 8})
BATCH, SMALL = 128, 32
"""Episodes of an iteration: of the benchmark, and of a second one that tells fixed costs from those of an episode."""


@pytest.fixture(scope="module")
def ray_two():
    from rllib_stackelberg.training.sessions import ray_session, torch_threads

    with ray_session(2), torch_threads():
        yield


def seconds(function):
    """Median of some calls, after some that do not count: what pays in the long run is compiled on the way."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < WARM_SECONDS:
        function()
    found = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        function()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def sample(group, remote, episodes, *, keep):
    """Every runner plays its share at once; the episodes come here, or only their number."""

    def play(runner):
        found = runner.sample(num_episodes=episodes)
        return found if keep else len(found)

    return group.foreach_env_runner(play, local_env_runner=not remote)


def measure(runners, batch):
    """Seconds of sampling (`play`), of that with the episodes sent here, of handing out weights, of an iteration."""
    config = leader_config("PPO", game=GAME[0], game_config=GAME[1], response_updates=UPDATES)
    share = batch // max(1, runners)
    config.env_runners(num_env_runners=runners, num_envs_per_env_runner=share)
    config.training(train_batch_size_per_learner=batch)
    algo = config.build_algo()
    group = algo.env_runner_group

    def sync():
        group.sync_weights(from_worker_or_learner_group=algo.learner_group, inference_only=True)

    try:
        return {
            "play": seconds(lambda: sample(group, runners, share, keep=False)),
            "send": seconds(lambda: sample(group, runners, share, keep=True)),
            "sync": seconds(sync) if runners else 0.0,
            "iteration": seconds(algo.train),
        }
    finally:
        algo.stop()


def costs(found, small):
    """Of the model, from measurements with 0, 1 and 2 runners and of a small batch with none."""
    alone = found[0]
    begin, episode = line((SMALL, BATCH), (small["play"], alone["play"]))
    step, learn = line((SMALL, BATCH), tuple(each["iteration"] - each["play"] for each in (small, alone)))
    move = max(0.0, statistics.mean(found[r]["send"] - found[r]["play"] for r in (1, 2))) / BATCH
    return Costs(begin, episode, move, learn, step, max(0.0, found[2]["sync"] / 2))


@pytest.mark.usefixtures("ray_two")
@pytest.mark.timeout(1800)
def test_scaling():
    small = measure(0, SMALL)
    found = {runners: measure(runners, BATCH) for runners in (0, 1, 2)}
    model = costs(found, small)
    print(f"\n\n{GAME[0]} {GAME[1]}, {UPDATES} updates a response, {BATCH} episodes an iteration, median of {ROUNDS}")
    print(f"{'runners':>8} {'sampling/s':>11} {'iterations: episodes/s':>23} {'of which the model says':>24}")
    for runners, times in found.items():
        predicted = model.episodes_per_second(runners, BATCH)
        print(f"{runners:>8} {BATCH / times['play']:>11.0f} {BATCH / times['iteration']:>23.0f} {predicted:>24.0f}")
    print(f"two runners against one: {found[1]['play'] / found[2]['play']:.2f} x the sampling, ", end="")
    print(f"{found[1]['iteration'] / found[2]['iteration']:.2f} x the iterations\n")
    print("milliseconds:", {name: float(f"{1000 * value:.3g}") for name, value in vars(model).items()}, "\n")
    print(table(model, BATCH))
    assert all(value > 0 for times in found.values() for name, value in times.items() if name != "sync")
