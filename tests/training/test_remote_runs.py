"""Training with remote env runners: real processes, a user's own game, a game that breaks there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rllib_stackelberg import evaluate, leader_config
from rllib_stackelberg.errors import RulesError
from rllib_stackelberg.leader.policy import LeaderNetwork, SeatNetwork
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.runs import train

pytestmark = [pytest.mark.ray, pytest.mark.remote, pytest.mark.usefixtures("ray_local")]


def run(tmp_path, name, runners):
    """A short run without its times."""
    options = TrainOptions.checked(
        game="simple-allocation", params={"messages": 2}, settings={"response_updates": 30}, max_iterations=3,
        num_env_runners=runners, out=tmp_path / name,
    )  # fmt: skip
    return {key: value for key, value in train(options).items() if key not in ("seconds", "run_dir")}


def test_two_env_runners_repeat_too_and_carry_their_own_followers(tmp_path):
    first, second, alone = (run(tmp_path, name, runners) for name, runners in (("a", 2), ("b", 2), ("c", 0)))
    assert first == second
    # Two runners share each batch: equally many rows, from other episodes than one runner would play.
    assert first["mean_return"] != alone["mean_return"]


@pytest.mark.parametrize("algorithm", ["PPO", "APPO"])
def test_two_env_runners_choose_by_fronts_with_shared_networks(tmp_path, algorithm):
    """Synchronous and asynchronous sampling: choices, masks, seats and foreseen updates in processes of their own."""
    options = TrainOptions.checked(
        game="message-spm", params={"buyers": 3, "types": 2}, algo=algorithm, num_env_runners=2, max_iterations=3,
        settings={"response_updates": 20, "elicitation": "in_play"}, out=tmp_path / "run",
    )  # fmt: skip
    result = train(options)
    assert result["episodes"] > 0
    assert evaluate(tmp_path / "run") == result
    assert -1 <= result["leader_value"] <= 0
    assert isinstance(LeaderNetwork.load(tmp_path / "run"), SeatNetwork)
    for answer in result["leader_strategy"]:
        assert options.rules.view.open_at(answer["question"])[answer["action"]["choice"]]


def test_every_runner_has_streams_of_its_own():
    config = leader_config("PPO", game="escape", seed=5, response_updates=5)
    config.env_runners(num_env_runners=2, num_envs_per_env_runner=4)
    algo = config.build_algo()
    try:
        algo.train()
        places = algo.env_runner_group.foreach_env_runner(
            lambda runner: (runner.env.unwrapped.worker, runner.env.unwrapped.elicitation.streams.run),
            local_env_runner=False,
        )
    finally:
        algo.stop()
    assert sorted(worker for worker, _ in places) == [1, 2]
    assert len(set(places)) == 2


SCRIPT = '''
from tests.games_for_tests import NoisyAllocation
class Mine(NoisyAllocation):
    """A user's own game."""
    def __init__(self, noise: float = 0.1):
        super().__init__(noise)
'''


def test_a_users_own_script_trains_with_two_env_runners(tmp_path):
    (tmp_path / "mine.py").write_text(SCRIPT)
    repository = str(Path(__file__).parents[2])
    done = subprocess.run(
        [
            sys.executable, "-m", "rllib_stackelberg", "train", "mine:Mine", "noise=0.2", "--num-env-runners", "2",
            "--max-iterations", "2", "--response-updates", "20", "--json",
        ],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": repository},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.strip().splitlines()[-1])
    assert result["exact_value"] == pytest.approx(0.8)
    assert result["params"] == {"noise": 0.2}


def test_a_broken_game_on_remote_runners_stops_the_run_too(tmp_path):
    options = TrainOptions.checked(
        game="tests.games_for_tests:BrokenGame", params={"noise": 0}, out=tmp_path / "run", max_iterations=5,
        num_env_runners=1,
    )  # fmt: skip
    with pytest.raises(RulesError, match=r"BrokenGame.*leader_0.*allocate"):
        train(options)
