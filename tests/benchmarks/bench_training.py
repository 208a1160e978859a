"""Leader episodes per second, learning included, one core: asked once against asked at every turn, same run.

`python -m pytest tests/benchmarks/bench_training.py -s` (pytest-benchmark; takes some minutes). The machine's noise
is the spread over rounds, printed beside the mean. Both modes run the same number of parallel episodes, rows per
batch and epochs; the response is the paper's (sampled updates).
"""

import pytest

from rllib_stackelberg import leader_config
from rllib_stackelberg.leader.in_play import EveryTurn

CASES = [
    ("escape", {}),
    ("maintain", {"mixed": True}),
    ("matrix-design", {}),
    ("simple-allocation", {"types": 3, "messages": 3}),
    ("simple-allocation", {"types": 8, "messages": 8}),
    ("message-spm-pi", {}),
    ("message-spm", {"types": 4, "messages": 2}),
]
UPDATES = 250
RATES: dict[str, dict[str, float]] = {}


@pytest.fixture(scope="module")
def ray_single():
    import ray
    import torch

    torch.set_num_threads(1)
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()
    print("\n\nleader episodes/s, learning included")
    for name, rates in RATES.items():
        ratio = rates["once"] / rates["every_turn"]
        print(f"{name:45s} once {rates['once']:9.1f}   every_turn {rates['every_turn']:7.3f}   ratio {ratio:7.0f}")


@pytest.mark.usefixtures("ray_single")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("queries", ["once", "every_turn"])
@pytest.mark.parametrize(("game", "parameters"), CASES, ids=lambda value: str(value))
def test_leader_episodes_per_second(benchmark, game, parameters, queries):
    config = leader_config("PPO", game=game, game_config=parameters, response_updates=UPDATES, leader_queries=queries)
    algo = config.build_algo()
    try:
        algo.train()
        environment = algo.env_runner.env.unwrapped
        before = episodes_played(environment)
        benchmark.pedantic(algo.train, rounds=5, iterations=1)
        rate = (episodes_played(environment) - before) / benchmark.stats.stats.total
        RATES.setdefault(f"{game} {parameters}", {})[queries] = rate
        benchmark.extra_info["leader_episodes_per_second"] = rate
    finally:
        algo.stop()


def episodes_played(environment) -> float:
    """Leader episodes so far, unfinished ones by their share of plays: at every turn one is longer than a batch."""
    phase = environment.elicitation
    if not isinstance(phase, EveryTurn):
        return float(environment.episodes)
    plays = UPDATES * phase.update_width + phase.reward_width
    return environment.episodes + float((phase.stage * phase.update_width / plays).sum())
