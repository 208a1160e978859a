"""Ray Tune on a leader: what trials report, what may be searched, and an experiment whose driver is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from ray.tune.search.sample import Categorical

from rllib_stackelberg import MultiplicativeWeights, leader_config, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.evaluation.strategies import evaluate_policy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.streams import Purpose
from rllib_stackelberg.training.leaders.snapshots import SELECTION_SAMPLES
from rllib_stackelberg.training.tuning import choose_responses, report_values

ROOT = Path(__file__).parents[2]


@pytest.mark.ray
@pytest.mark.remote
@pytest.mark.usefixtures("ray_local")
def test_results_carry_the_value_against_the_judge_with_its_certificate():
    """The followers trained with learn for one update; the judge's for fifty."""
    judge = LeaderSettings.checked(response_updates=50)
    config = leader_config("PPO", game="simple-allocation", response_updates=1)
    config.env_runners(num_envs_per_env_runner=4)
    algo = report_values(config, judge=judge, every=2).build_algo()
    try:
        for _ in range(2):
            reported = algo.train()["leader"]
            game, network = make_game("simple-allocation"), algo.get_module().export()
            chosen = (0, Purpose.SELECTION, SELECTION_SAMPLES[0])
            found = evaluate_policy(game, network.acting_in(game), judge.fitted(game), *chosen)[1]
            certified = found.certificate.data()
            assert reported == {
                "value": found.leader_value, "gap": 1 - found.leader_value,
                "equilibrium": float(found.certificate.equilibrium), "deviation_gain": certified["deviation_gain"],
                "bcce_gap": certified["bcce_gap"], "regret": certified["regret"],
            }  # fmt: skip
        assert algo.train()["leader"] == reported  # not valued again
    finally:
        algo.stop()


def test_candidates_are_checked_before_anything_starts():
    config = leader_config("PPO", game="escape")
    chosen = choose_responses(config, followers=[MultiplicativeWeights(epsilon=0.3)], response_updates=[5, 10])
    settings = chosen.env_config["settings"]
    assert isinstance(settings["followers"], Categorical)
    assert settings["response_updates"].categories == [5, 10]
    assert settings["reward_play"] == "argmax"
    with pytest.raises(InvalidFieldError, match="response_updates"):
        choose_responses(leader_config("PPO", game="escape"), response_updates=[5, 0])


def iterations(storage):
    """How often each trial reported each iteration."""
    files = storage.glob("simple-allocation/PPO_*/result.json")
    lines = {file.parent.name: file.read_text().splitlines() for file in files}
    return {name: Counter(json.loads(line)["training_iteration"] for line in found) for name, found in lines.items()}


@pytest.mark.learning
@pytest.mark.timeout(1200)
def test_an_experiment_whose_driver_is_killed_goes_on_where_it_was(tmp_path):
    command = [
        sys.executable, str(ROOT / "tuned_examples" / "tune" / "simple_allocation_tune.py"), "--trials", "3",
        "--iterations", "12", "--storage", str(tmp_path), "--as-test",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TUNE_GLOBAL_CHECKPOINT_S": "1"}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 500
    try:
        while not any(max(seen, default=0) >= 6 for seen in iterations(tmp_path).values()):
            assert running.poll() is None, "ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(3)  # a snapshot of the experiment
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    before = iterations(tmp_path)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "best of 3 trials" in done.stdout
    assert "value 1;" in done.stdout
    after = iterations(tmp_path)
    assert len(after) == 3
    for name, seen in before.items():
        if max(seen, default=0) >= 6:
            assert after[name][1] == 1, "a trial with a checkpoint began again"
