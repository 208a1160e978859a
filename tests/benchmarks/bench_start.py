"""Seconds from a command to its end, beside importing numpy and scipy.optimize, in turns.

`python -m pytest tests/benchmarks/bench_start.py -s`

Printed are the least of the rounds, the ratio, and how far rounds spread (largest over smallest). Compiled loops are
there from the first round, which is not counted, and so is Python's own bytecode, wherever the environment puts it.
`--record` writes the table into tuned_examples/results, which the documentation shows.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.records import RESULTS, circumstances, text_of, written
from tests.reports.runs import run_folder

ROOT = Path(__file__).parents[2]
ROUNDS = 7
LIBRARIES = "import numpy, scipy.optimize"
ABOUT = """Seconds from a command to its end, in turns, by `python -m pytest tests/benchmarks/bench_start.py --record`:
the least of seven rounds, how many times as long as importing numpy and scipy.optimize, and the longest round over the
shortest."""


def test_commands_that_play_little(request, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")

    def seconds(*arguments):
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, check=True)
        return time.perf_counter() - begun, done.stdout

    solved = seconds("-m", "rllib_stackelberg", "solve", "escape", "--json")[1]
    leader = tmp_path / "leader.json"
    leader.write_text(json.dumps(json.loads(solved.splitlines()[-1])))
    run = run_folder(tmp_path / "run", "simple-allocation").path
    about_files = [f"respond escape --leader {leader}", f"evaluate {run}", f"report {run}"]
    commands = ["--help", "games", "solve escape", *about_files]
    calls = [("-c", LIBRARIES), *(("-m", "rllib_stackelberg", *command.split()) for command in commands)]
    rounds = np.array([[seconds(*call)[0] for call in calls] for _ in range(ROUNDS + 1)])[1:]
    least, spread = rounds.min(axis=0), rounds.max(axis=0) / rounds.min(axis=0)
    found = zip([LIBRARIES, *commands], least, spread, strict=True)
    rows = [
        {
            "command": name.replace(str(leader), "FILE").replace(str(run), "RUN"),
            "seconds": own,
            "ratio": own / least[0],
            "spread": far,
        }
        for name, own, far in ((name, float(own), float(far)) for name, own, far in found)
    ]
    where = circumstances(("numpy", "scipy", "numba"))
    print(f"\n\n{text_of(rows, where)}")
    if request.config.getoption("--record"):
        written(RESULTS, "start", "Starting a command", ABOUT, rows, where)
