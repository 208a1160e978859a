"""A pickle that is named as a file of this project is refused, and nothing in it runs."""

import os
import pickle

import numpy as np
import pytest

from rllib_stackelberg import evaluate, load_policy, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.reports import write_report
from rllib_stackelberg.runs.folder import RunFolder, versions
from rllib_stackelberg.runs.options import TrainOptions


class Canary:
    """Sings when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def canary(tmp_path):
    """Where it sings, and the pickle; one that would sing."""
    path = tmp_path / "canary"
    malicious = pickle.dumps(Canary(path))
    pickle.loads(malicious)
    path.rmdir()
    yield malicious
    assert not path.exists()


@pytest.fixture
def run(tmp_path):
    """A run folder that evaluates and reports."""
    game, folder = make_game("escape"), RunFolder.create(tmp_path / "run")
    folder.write(
        "config", TrainOptions.checked(game="escape", out=folder.path, seed=0).resolved() | {"versions": versions()}
    )
    sees, actions = game.observation_spaces[0].shape[0], game.leader_turn.choices
    LeaderNetwork(((np.zeros((actions, sees), np.float32), np.arange(actions, dtype=np.float32)),), True).save(
        folder.path
    )
    numbers = ("episodes", "iterations", "seconds", "mean_return", "explained_variance", "final_value")
    folder.write("training", dict.fromkeys(numbers, 1))
    (folder.path / "progress.jsonl").write_text("")
    folder.write("result", evaluate(folder.path))
    return folder.path


READERS = {
    "policy.json": [load_policy, evaluate],
    "policy.safetensors": [load_policy, evaluate],
    "config.json": [evaluate, write_report],
    "training.json": [evaluate],
    "result.json": [write_report],
    "progress.jsonl": [write_report],
}


@pytest.mark.parametrize("name", READERS)
def test_no_file_of_a_run_is_ever_unpickled(run, name, canary):
    for read in READERS[name]:
        (run / name).write_bytes(canary)
        with pytest.raises(InvalidFieldError):
            read(run)


@pytest.mark.parametrize("suffix", ["json", "pkl"])
def test_no_file_of_a_game_is_ever_unpickled(tmp_path, suffix, canary):
    file = tmp_path / f"game.{suffix}"
    file.write_bytes(canary)
    for game in ("bimatrix", "message-spm"):
        with pytest.raises(InvalidFieldError, match="file"):
            make_game(game, file=str(file))


def test_the_run_of_these_tests_is_a_good_one(run):
    assert evaluate(run)["game"] == "stackelberg/escape-v0"
    assert write_report(run).exists()
