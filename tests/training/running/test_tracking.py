"""What a run logs: event files without being asked, W&B and MLflow where they are asked for and installed."""

import importlib.util
import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.training.running.tracking import Tracking, finite
from tests.populations_for_tests import TINY

ROOT = Path(__file__).parents[3]


def events(folder):
    """Tag and value by step, read from the file's records (length, checksum, content, checksum)."""
    (file,) = folder.glob("events.out.tfevents.*")
    content, found = file.read_bytes(), {}
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        event = Event.FromString(content[12 : 12 + length])
        for value in event.summary.value:
            found.setdefault(event.step, {})[value.tag] = value.simple_value
        content = content[16 + length :]
    return found


def test_numbers_of_leader_and_rllib_become_event_files(tmp_path):
    options = TrainOptions.checked(game="escape", out=tmp_path)
    result = {"env_runners": {"leader_value": np.float32(0.5)}, "learners": {"p": {"loss": 2.0}}, "config": {"lr": 1.0}}
    with Tracking(tmp_path, options) as tracking:
        tracking.log({"iteration": 3, "value": 0.25, "exact": None, "explained_variance": math.nan}, result)
    found = events(tmp_path / "tensorboard")
    assert found[3] == {
        "leader/iteration": 3, "leader/value": 0.25, "rllib/env_runners/leader_value": 0.5, "rllib/learners/p/loss": 2,
    }  # fmt: skip


class Unreachable:
    """A service whose server went away."""

    def log(self, numbers, step):
        raise ConnectionError("no server")

    def close(self):
        raise AssertionError("a service that was left is not closed")


def test_a_service_that_fails_is_left_and_the_event_files_go_on(tmp_path):
    with Tracking(tmp_path, TrainOptions.checked(game="escape", out=tmp_path)) as tracking:
        tracking.services.append(Unreachable())
        with pytest.warns(RuntimeWarning, match="Unreachable is no longer logged to.*no server"):
            tracking.log({"iteration": 1}, {})
        tracking.log({"iteration": 2}, {})
    assert list(events(tmp_path / "tensorboard")) == [1, 2]


def test_names_are_those_mlflow_takes_and_values_are_numbers():
    found = finite({"a": {"b(c)": 1, "d": "text", "e": [1.0]}, "f": math.inf, "g": np.float64(2)})
    assert found == {"a/b_c_": 1.0, "g": 2.0}


@pytest.mark.parametrize(("kind", "game"), [(TrainOptions, "escape"), (PopulationOptions, "labour-supply")])
@pytest.mark.parametrize("package", ["mlflow", "wandb"])
def test_a_missing_tracker_is_refused_by_name(kind, game, package, monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else there(name))
    with pytest.raises(InvalidFieldError, match=rf"{package}: its package is not installed.*track"):
        kind.checked(game=game, **{package: "mine"})


TINY_RUN = ["public-investment", "households=4", "periods=5", *(f"--setting={k}={v}" for k, v in TINY.items())]
OF_KINDS = {
    "escape": (["escape"], ["leader/value"]),
    "population": (TINY_RUN, ["leader/value", "leader/members_value", "rllib/learners/members/critic_loss"]),
}
"""Commands of both kinds of game, and what is logged of each."""


@pytest.mark.learning
@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("mlflow", "wandb")),
    reason='needs pip install -e ".[track]"',
)
@pytest.mark.parametrize("kind", OF_KINDS)
def test_a_run_is_logged_to_mlflow_and_to_wandb_without_a_server(tmp_path, kind):
    """MLflow's store in a file, W&B offline."""
    given, names = OF_KINDS[kind]
    store = f"sqlite:///{tmp_path}/mlflow.db" if importlib.util.find_spec("sqlalchemy") else str(tmp_path / "mlruns")
    env = os.environ | {
        "MLFLOW_TRACKING_URI": store, "MLFLOW_ALLOW_FILE_STORE": "true", "WANDB_MODE": "offline",
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run(
        [
            sys.executable, "-m", "rllib_stackelberg", "train", *given, "--max-iterations", "3", "--mlflow", "games",
            "--wandb", "games", "--out", "run",
        ],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    code = (
        "import json, mlflow; runs = mlflow.search_runs(experiment_names=['games'], output_format='list');"
        "history = mlflow.MlflowClient().get_metric_history(runs[0].info.run_id, 'leader/value');"
        "print(json.dumps([runs[0].info.run_name, runs[0].info.status, [p.step for p in history],"
        "[p.value for p in history], runs[0].data.params['game']]))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, cwd=tmp_path
    )
    name, status, steps, values, game = json.loads(asked.stdout.strip().splitlines()[-1])
    lines = [json.loads(line) for line in (tmp_path / "run" / "progress.jsonl").read_text().splitlines()]
    assert (name, status, steps, game) == ("run", "FINISHED", [1, 2, 3], given[0])
    assert values == [line["value"] for line in lines]
    (offline,) = (tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb")
    content = offline.read_bytes()
    assert all(name.encode() in content for name in names)
