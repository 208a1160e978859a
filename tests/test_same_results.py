"""One seed of every kind of run gives what it gave before the code was rearranged, to the bit.

The figures in `same_results.json` are of one kind of machine. They were recorded anew where a change meant to change
them: fronts and another estimate of advantages; and batches that are gone through without being copied, with means held
near the box (four kinds differ from before, from the seventh digit on); and minibatches of whole questions, with fewer
valuations of large games (the kind in play alone); and exponentials of our own, exact within 2 units in the last place
(four kinds differ in the last digits, by 4e-14 at most). Floating-point numbers of networks differ
between processors, so elsewhere record them anew from the commit before the change:

    python -m tests.test_same_results FILE
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

RECORDED = Path(__file__).with_name("same_results.json")

FEW = ["--max-iterations", "3", "--seed", "5"]
RUNS = {
    "once": ["train", "maintain", "mixed=true", *FEW],
    "once, choices": ["train", "simple-allocation", *FEW],
    "every turn": ["train", "matrix-design", "--leader-queries", "every_turn", "--response-updates", "4", *FEW],
    "in play": ["train", "message-spm", "buyers=4", "types=4", "leader=scores", "--response-updates", "5", *FEW],
    "counterfactual": ["train", "iterated-bimatrix", "rounds=2", "--followers", "regret-matching", *FEW],
    "from experience": ["train", "iterated-bimatrix", "rounds=2", "--response-updates", "50", *FEW],
    "mixture": ["train", "matrix-design", "--model", "mw:epsilon=0.1", "--model", "logit", *FEW],
    "population": ["train", "public-investment", "--algo", "SMFRL", *FEW],
    "online": [
        "online",
        "random-bimatrix",
        "--leader",
        "EXP3",
        "--follower",
        "FMUCB",
        "--rounds",
        "300",
        "--seeds",
        "3",
    ],
}
CLOCKS_AND_PLACES = {"seconds", "run_dir", "report", "versions", "advice"}


def timeless(data: Any) -> Any:
    """Without what a clock or a folder says."""
    if isinstance(data, dict):
        return {name: timeless(value) for name, value in data.items() if name not in CLOCKS_AND_PLACES}
    return [timeless(value) for value in data] if isinstance(data, list) else data


def played(arguments: list[str], folder: Path) -> dict[str, Any]:
    """What a command of the package says and leaves behind."""
    command = [sys.executable, "-m", "rllib_stackelberg", *arguments, "--json", "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    progress = folder / "progress.jsonl"
    lines = progress.read_text(encoding="utf-8").splitlines() if progress.exists() else []
    result = json.loads(done.stdout.splitlines()[-1])
    return timeless({"result": result, "progress": [json.loads(line) for line in lines]})


@pytest.mark.learning
@pytest.mark.parametrize("kind", RUNS)
def test_results_are_those_of_before(kind, tmp_path):
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))[kind]
    assert played(RUNS[kind], tmp_path / "run") == timeless(recorded)


def record(file: Path) -> None:
    """Play every run and write what it gave."""
    with tempfile.TemporaryDirectory() as folder:
        found = {kind: played(arguments, Path(folder) / str(k)) for k, (kind, arguments) in enumerate(RUNS.items())}
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
