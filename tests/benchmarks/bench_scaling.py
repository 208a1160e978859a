"""Leader episodes per second with 0, 1 and 2 env runners, and what 8, 64 and 512 would give (scaling.py).

`python -m pytest tests/benchmarks/bench_scaling.py -s` on a machine with two idle cores, five minutes. Sampling is the
limit here: a response has many updates. SCALING_UPDATES and SCALING_ROUNDS in the environment make it shorter.
"""

import os
import statistics
import time
from functools import partial

import pytest

from rllib_stackelberg import leader_config
from tests.benchmarks.scaling import Costs, line, table

UPDATES = int(os.environ.get("SCALING_UPDATES", "20000"))
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


def configured(runners, batch):
    """An iteration of `batch` episodes, side by side on as many runners."""
    config = leader_config("PPO", game=GAME[0], game_config=GAME[1], response_updates=UPDATES)
    config.env_runners(num_env_runners=runners, num_envs_per_env_runner=batch // max(1, runners))
    return config.training(train_batch_size_per_learner=batch)


def sampled(runner, episodes, *, keep=False):
    """What a runner plays: the episodes, or only their number."""
    found = runner.sample(num_episodes=episodes)
    return found if keep else len(found)


def measure(runners, batch):
    """Seconds of sampling (`play`), of that with the episodes sent here, of handing out weights, of an iteration."""
    config = configured(runners, batch)
    play = partial(sampled, episodes=config.num_envs_per_env_runner)
    algo = config.build_algo()
    group = algo.env_runner_group

    def sync():
        group.sync_weights(from_worker_or_learner_group=algo.learner_group, inference_only=True)

    try:
        return {
            "play": seconds(lambda: group.foreach_env_runner(play, local_env_runner=not runners)),
            "send": seconds(lambda: group.foreach_env_runner(partial(play, keep=True), local_env_runner=not runners)),
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


def alternately(runners):
    """Episodes per second of one env runner and of all at once, `[rounds]` each: taken in turns, as machines vary."""
    config = configured(runners, BATCH)
    algo = config.build_algo()
    play = partial(sampled, episodes=config.num_envs_per_env_runner)
    group, rates = algo.env_runner_group, ([], [])
    try:
        seconds(lambda: group.foreach_env_runner(play, local_env_runner=False))
        for _ in range(ROUNDS):
            for found, who in zip(rates, ([1], None), strict=True):
                begun = time.perf_counter()
                episodes = sum(group.foreach_env_runner(play, local_env_runner=False, remote_worker_ids=who))
                found.append(episodes / (time.perf_counter() - begun))
    finally:
        algo.stop()
    return rates


@pytest.mark.usefixtures("ray_two")
@pytest.mark.timeout(1800)
def test_two_runners_against_one():
    one, two = alternately(2)
    ratios = sorted(both / alone for alone, both in zip(one, two, strict=True))
    print(f"\n\n{GAME[0]} {GAME[1]}, {UPDATES} updates a response: episodes sampled per second, median of {ROUNDS}")
    print(f"one runner {statistics.median(one):.0f}, two at once {statistics.median(two):.0f}: ", end="")
    print(f"{statistics.median(ratios):.2f} x (of single rounds {ratios[0]:.2f} to {ratios[-1]:.2f})")
    assert min(one + two) > 0


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
