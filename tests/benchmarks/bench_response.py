"""Follower updates per second by look-up, against playing every play of the same updates, same run, one core.

`python -m pytest tests/benchmarks/bench_response.py`
"""

import numpy as np
import pytest

from rllib_stackelberg import LeaderSettings, StackelbergPOMDP, make_game

GAME = ("simple-allocation", {"types": 3, "messages": 3})


@pytest.mark.parametrize("episodes", [1, 128, 1024])
@pytest.mark.parametrize("elicitation", ["closure", "in_play"])
def test_a_response_of_250_updates(benchmark, episodes, elicitation):
    if elicitation == "in_play" and episodes > 128:
        pytest.skip("minutes")
    settings = LeaderSettings.checked(elicitation=elicitation, response_updates=250)
    env = StackelbergPOMDP(make_game(GAME[0], **GAME[1]), settings, num_envs=episodes)
    rng = np.random.default_rng(0)

    def one_episode():
        env.reset()
        while not env.elicitation.over.all():
            env.step(rng.integers(3, size=episodes))

    one_episode()
    benchmark.pedantic(one_episode, rounds=3, iterations=1)
    benchmark.extra_info["updates_per_second"] = 250 * episodes / benchmark.stats.stats.mean
