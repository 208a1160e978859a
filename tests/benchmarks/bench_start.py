"""Seconds from a command to its end, beside importing numpy and scipy.optimize, in turns.

`python -m pytest tests/benchmarks/bench_start.py -s`

Printed are the least of the rounds, the ratio, and how far rounds spread (largest over smallest). Compiled loops are
there from the first round, which is not counted, and so is Python's own bytecode, wherever the environment puts it.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
ROUNDS = 7
LIBRARIES = "import numpy, scipy.optimize"


def test_commands_that_play_little(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")

    def seconds(*arguments):
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, check=True)
        return time.perf_counter() - begun, done.stdout

    solved = seconds("-m", "rllib_stackelberg", "solve", "escape", "--json")[1]
    leader = tmp_path / "leader.json"
    leader.write_text(json.dumps(json.loads(solved.splitlines()[-1])))
    commands = ["--help", "games", "solve escape", f"respond escape --leader {leader}"]
    calls = [("-c", LIBRARIES), *(("-m", "rllib_stackelberg", *command.split()) for command in commands)]
    rounds = np.array([[seconds(*call)[0] for call in calls] for _ in range(ROUNDS + 1)])[1:]
    least, spread = rounds.min(axis=0), rounds.max(axis=0) / rounds.min(axis=0)
    print(f"\n\n{'':34s}{'seconds':>9s}{'ratio':>8s}{'spread':>8s}")
    for name, own, far in zip([LIBRARIES, *commands], least, spread, strict=True):
        print(f"{name.replace(str(leader), 'FILE'):34s}{own:9.2f}{own / least[0]:8.2f}{far:8.2f}")
