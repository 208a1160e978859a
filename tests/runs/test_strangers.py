"""A stranger's run folder does no harm: nothing in it is run, followed, believed or reached out to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rllib_stackelberg import evaluate, evaluate_against, load_policy
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.reports import write_report
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.run import FiniteRun
from tests.reports.runs import run_folder

ROOT = Path(__file__).parents[2]
READERS = {
    "evaluate": evaluate,
    "report": write_report,
    "load_policy": load_policy,
    "options": lambda run, game=None: FiniteRun.open(run, game).options(),
    "evaluate_against": lambda run, game=None: evaluate_against(run, LeaderSettings.checked(response_updates=5), game),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return run_folder(tmp_path_factory.mktemp("made") / "run", "escape", response_updates=5).path


@pytest.fixture
def run(made, tmp_path):
    """A good run folder of one's own."""
    place = tmp_path / "run"
    subprocess.run(["cp", "-r", str(made), str(place)], check=True)
    return place


def change(run, name, **entries):
    file = run / f"{name}.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


@pytest.mark.parametrize("reader", READERS)
def test_code_that_a_folder_names_is_not_run_unless_the_person_names_it_too(run, reader, tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    (run / "stranger.py").write_text(f"import pathlib\npathlib.Path({str(canary)!r}).touch()\nclass Evil: pass\n")
    monkeypatch.chdir(run)
    monkeypatch.syspath_prepend(str(run))
    for named in ("stranger:Evil", f"{run}/stranger.py:Evil", "./stranger.py:Evil"):
        change(run, "config", game=named)
        with pytest.raises(InvalidFieldError, match="code that does not come with this package") as refused:
            READERS[reader](run)
        assert refused.value.field == "game"
        with pytest.raises(InvalidFieldError, match="is of"):
            READERS[reader](run, "escape")
    assert not canary.exists()
    with pytest.raises(InvalidFieldError):
        READERS[reader](run, "./stranger.py:Evil")
    assert canary.exists()  # the person's word was enough: the canary can sing


def test_what_lies_in_a_folder_stands_for_no_missing_package(run, tmp_path):
    """The folder may be the working directory."""
    canary = tmp_path / "canary"
    for name in ("wandb", "mlflow", "tensorflow", "pandas", "numexpr", "IPython", "cupy", "sitecustomize"):
        (run / f"{name}.py").write_text(f"import pathlib\npathlib.Path({str(canary)!r}).touch()\n")
    code = "import sys; sys.path.remove(''); from rllib_stackelberg import evaluate; evaluate('.'); print(sys.path)"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=run, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert str(run) not in done.stdout
    assert not canary.exists()


def test_values_are_recomputed_whatever_the_folder_says(run):
    true = evaluate(run)
    lies = {"leader_value": 1.0, "gap": 0.0, "certificate": {"equilibrium": True}}
    change(run, "training", **lies)
    with pytest.raises(InvalidFieldError, match=r"training\.json: leader_value"):
        evaluate(run)
    change(run, "result", **lies | {"leader_strategy": []})
    (run / "training.json").write_text(json.dumps({"iterations": 3, "seconds": 1.5, "final_value": 1.0}))
    found = evaluate(run)
    for name in ("leader_value", "gap", "certificate", "leader_strategy", "weights"):
        assert found[name] == true[name]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("reader", ["evaluate", "report", "load_policy", "evaluate_against"])
def test_a_policy_that_is_not_finite_is_refused(run, reader, number):
    tensors = load_file(run / "policy.safetensors")
    tensors["0.bias"] = np.full_like(tensors["0.bias"], number)
    save_file(tensors, run / "policy.safetensors")
    with pytest.raises(InvalidFieldError, match=r"0\.bias has entries that are not finite"):
        READERS[reader](run)


SHAPES = {
    "another width": {"0.weight": np.zeros((3, 5), np.float32)},
    "another number of choices": {"0.weight": np.zeros((2, 2), np.float32), "0.bias": np.zeros(2, np.float32)},
    "no matrix": {"0.weight": np.zeros(3, np.float32)},
    "integers": {"0.bias": np.zeros(3, np.int32)},
    "half precision": {"0.bias": np.zeros(3, np.float16)},
    "nothing": {"0.weight": np.zeros((0, 2), np.float32), "0.bias": np.zeros(0, np.float32)},
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_policy_of_another_game_is_refused(run, case):
    save_file(load_file(run / "policy.safetensors") | SHAPES[case], run / "policy.safetensors")
    with pytest.raises(InvalidFieldError) as refused:
        evaluate(run)
    assert refused.value.field == "run"


FILES = ("config.json", "policy.json", "policy.safetensors", "training.json", "result.json", "progress.jsonl")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["link", "pipe", "zero", "sparse", "folder"])
def test_files_are_plain_files_of_the_folder(run, name, kind, tmp_path):
    outside = tmp_path / "outside"
    (run / name).rename(outside)
    if kind == "link":
        (run / name).symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(run / name)
    elif kind == "zero":
        (run / name).symlink_to("/dev/zero")
    elif kind == "folder":
        (run / name).mkdir()
    else:
        with (run / name).open("wb") as stream:
            stream.truncate(2**40)
    before = outside.read_bytes()
    reader = evaluate if name in ("policy.json", "policy.safetensors", "training.json") else write_report
    with pytest.raises(InvalidFieldError, match=name.replace(".", r"\.") if "policy" not in name else None) as refused:
        reader(run)
    assert refused.value.field == "run"
    assert outside.read_bytes() == before


def test_what_is_written_goes_through_no_link(run, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (run / "report.html").symlink_to(outside)
    write_report(run)
    assert not (run / "report.html").is_symlink()
    (run / "progress.jsonl").unlink()
    (run / "progress.jsonl").symlink_to(outside)
    with pytest.raises(InvalidFieldError, match=r"progress\.jsonl is a link"):
        RunFolder(run).append_progress({"iteration": 1})
    with pytest.raises(InvalidFieldError, match=r"progress\.jsonl is a link"):
        RunFolder(run).cut_progress(0)
    (run / "progress.jsonl").unlink()
    os.link(outside, run / "progress.jsonl")
    with pytest.raises(InvalidFieldError, match="hard links"):
        RunFolder(run).append_progress({"iteration": 1})
    RunFolder(run).cut_progress(0)  # gives it a file of its own
    RunFolder(run).append_progress({"iteration": 1})
    assert outside.read_text() == "mine"


def test_a_folder_reaches_out_to_nobody(run, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    change(run, "config", ray_address="evil.example:6379", mlflow="theirs", wandb="theirs")
    with pytest.warns(RuntimeWarning, match="name it again: --mlflow"):
        options = FiniteRun.open(run).options()
    assert (options.ray_address, options.mlflow, options.wandb) == (None, None, None)
    assert FiniteRun.open(run).options({"ray_address": "mine.example:6379"}).ray_address == "mine.example:6379"
