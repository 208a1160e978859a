"""Games with a population that fail, and env runners that are lost."""

import os

import numpy as np
import pytest

from rllib_stackelberg.errors import GameError
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.training.populations.checkpoints import PopulationCheckpoints
from rllib_stackelberg.training.populations.env_runners import PopulationEnvRunner
from rllib_stackelberg.training.populations.smfrl import smfrl_config
from rllib_stackelberg.training.runs import train
from tests.games_that_fail import FailingLevy, processes
from tests.populations_for_tests import TINY
from tests.training.running.test_lost_runners import Kill

GAME = "tests.games_that_fail:FailingLevy"


def sampler(tmp_path, **faults):
    config = smfrl_config(game=FailingLevy, game_config={"folder": str(tmp_path)} | faults, **TINY)
    return PopulationEnvRunner(config=config, worker_index=0)


def test_a_game_that_raises_a_few_times_is_made_anew_and_other_plays_begin(tmp_path):
    """In the midst of a sample: nothing of it is kept."""
    made = sampler(tmp_path, first=11, last=13)
    first = made.sample(num_timesteps=24)  # 8 periods of 3 plays side by side
    game = made.game
    pieces = made.sample(num_timesteps=24)
    assert made.game is not game
    assert made.failures.count == 2
    assert sum(map(len, pieces)) == sum(map(len, first)) == 24
    assert (made.env.episodes >= 2).all()
    assert not np.isin(pieces[0].rewards.data, first[0].rewards.data).any()
    assert made.get_metrics()["game_failures"].peek() == 2


def test_a_game_that_always_raises_stops_with_its_own_traceback(tmp_path):
    with pytest.raises(GameError, match=r"failed 6 times.*simulator went away(.|\n)*games_that_fail.py"):
        sampler(tmp_path).sample()


def options(tmp_path, iterations, runners, **faults):
    return PopulationOptions.checked(
        game=GAME, params={"folder": str(tmp_path), "spared": os.getpid(), "first": 10**8} | faults, settings=TINY,
        plays=5, max_iterations=iterations, num_env_runners=runners, out=tmp_path / "run",
    )  # fmt: skip


@pytest.mark.ray
@pytest.mark.remote
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize("everyone", [False, True])
def test_killed_env_runners_are_started_again_with_other_plays(tmp_path, everyone):
    kill = Kill(tmp_path, [3], everyone)
    result = train(options(tmp_path, 30, 2), kill)
    assert len(kill.killed) == 1 + everyone
    assert len(processes(tmp_path)) == 3 + everyone
    assert result["iterations"] == 30
    runners = PopulationCheckpoints(tmp_path / "run").load()["runners"].values()
    begun = [runner["leader_episodes"]["episodes"].min() for runner in runners]
    assert max(begun) > 3 * TINY["epoch_periods"]  # skipped all that had been played before
    assert len(begun) == 2


@pytest.mark.ray
@pytest.mark.remote
@pytest.mark.usefixtures("ray_local")
def test_a_game_that_fails_on_a_remote_runner_stops_the_run_with_its_own_traceback(tmp_path):
    with pytest.raises(GameError, match=r"simulator went away(.|\n)*games_that_fail.py"):
        train(options(tmp_path, 100, 1, first=30))
