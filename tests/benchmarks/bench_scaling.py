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

SIZES = ((0, SMALL), (0, BATCH), (1, BATCH), (2, BATCH))
"""Env runners and episodes of an iteration."""


@pytest.fixture(scope="module")
def ray_four():
    """Logical processors for all runners that are kept ready; two at most play at a time."""
    from rllib_stackelberg.training.running.ray_sessions import ray_session, torch_threads

    with ray_session(4), torch_threads():
        yield


def configured(runners, batch):
    """An iteration of `batch` episodes, side by side on as many runners."""
    config = leader_config("PPO", game=GAME[0], game_config=GAME[1], response_updates=UPDATES)
    config.env_runners(num_env_runners=runners, num_envs_per_env_runner=batch // max(1, runners))
    return config.training(train_batch_size_per_learner=batch)


def sampled(runner, episodes, *, keep=False):
    """What a runner plays: the episodes, or only their number."""
    found = runner.sample(num_episodes=episodes)
    return found if keep else len(found)


def calls(algo):
    """What is measured of a run: sampling (`play`), with the episodes sent here, handing out weights, an iteration."""
    group, remote = algo.env_runner_group, algo.config.num_env_runners > 0
    play = partial(sampled, episodes=algo.config.num_envs_per_env_runner)
    found = {
        "play": lambda: group.foreach_env_runner(play, local_env_runner=not remote),
        "send": lambda: group.foreach_env_runner(partial(play, keep=True), local_env_runner=not remote),
        "iteration": algo.train,
    }
    if remote:
        weights = {"from_worker_or_learner_group": algo.learner_group, "inference_only": True}
        found["sync"] = lambda: group.sync_weights(**weights)
    return found


def timed(every):
    """Seconds of each call, `[rounds]`: in turns, since machines vary; after some that compile what pays."""
    for call in every.values():
        begun = time.perf_counter()
        while time.perf_counter() - begun < WARM_SECONDS:
            call()
    found = {name: [] for name in every}
    for _ in range(ROUNDS):
        for name, call in every.items():
            begun = time.perf_counter()
            call()
            found[name].append(time.perf_counter() - begun)
    return found


def costs(median):
    """Of the model, from measurements with 0, 1 and 2 runners and of a small batch with none."""
    batches = (SMALL, BATCH)
    begin, episode = line(batches, tuple(median[0, batch, "play"] for batch in batches))
    learning = tuple(median[0, batch, "iteration"] - median[0, batch, "play"] for batch in batches)
    step, learn = line(batches, learning)
    sent = statistics.mean(median[r, BATCH, "send"] - median[r, BATCH, "play"] for r in (1, 2))
    return Costs(begin, episode, max(0.0, sent) / BATCH, learn, step, median[2, BATCH, "sync"] / 2)


@pytest.mark.usefixtures("ray_four")
@pytest.mark.timeout(1800)
def test_scaling():
    runs = {(runners, batch): configured(runners, batch).build_algo() for runners, batch in SIZES}
    try:
        found = timed({(*size, name): call for size, algo in runs.items() for name, call in calls(algo).items()})
    finally:
        for algo in runs.values():
            algo.stop()
    median = {name: statistics.median(seconds) for name, seconds in found.items()}
    model = costs(median)
    print(f"\n\n{GAME[0]} {GAME[1]}, {UPDATES} updates a response, {BATCH} episodes an iteration, median of {ROUNDS}")
    print(f"{'runners':>8} {'sampling/s':>11} {'iterations: episodes/s':>23} {'of which the model says':>24}")
    for runners in (0, 1, 2):
        rates = [BATCH / median[runners, BATCH, name] for name in ("play", "iteration")]
        print(f"{runners:>8} {rates[0]:>11.0f} {rates[1]:>23.0f} {model.episodes_per_second(runners, BATCH):>24.0f}")
    for name, said in (("play", "sampling"), ("iteration", "iterations")):
        ratios = sorted(one / two for one, two in zip(found[1, BATCH, name], found[2, BATCH, name], strict=True))
        middle = statistics.median(ratios)
        print(f"two runners against one, {said}: {middle:.2f} x (of single rounds {ratios[0]:.2f} to {ratios[-1]:.2f})")
    print("\nmilliseconds:", {name: float(f"{1000 * value:.3g}") for name, value in vars(model).items()}, "\n")
    print(table(model, BATCH))
    assert min(map(min, found.values())) > 0
