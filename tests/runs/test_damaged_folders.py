"""Damaged folders and forged files: refused by name with exit code 2, soon, with nothing touched; or all the same.

Cases are seeded. The short test is of every suite; `pytest -m learning tests/runs/test_damaged_folders.py` runs 2,000,
and STACKELBERG_DAMAGES=N others (`STACKELBERG_DAMAGES_SEED` begins elsewhere).
"""

import os
import time
import warnings

import numpy as np
import pytest

from rllib_stackelberg import load_policy
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.policy import BoxActor, PopulationPolicy
from rllib_stackelberg.reports import write_report
from rllib_stackelberg.runs.evaluate import evaluate
from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import PopulationRun, open_run
from rllib_stackelberg.training.populations.checkpoints import PopulationCheckpoints
from rllib_stackelberg.training.running.checkpoints import Checkpoints
from tests.folder_damages import copied, damage, snapshot
from tests.reports.drawing import drawing_once
from tests.reports.runs import run_folder

SHORT, LONG = 16, int(os.environ.get("STACKELBERG_DAMAGES", "2000"))
SEED = int(os.environ.get("STACKELBERG_DAMAGES_SEED", "0"))
SECONDS = 3.0
"""Of computing, and ten times as long by the clock: other processes may keep a reader waiting."""
WRITTEN = {"report.html"}


def actor(game, sees, space, actions, rng):
    layer = rng.normal(size=(actions.shape[0], sees)).astype(np.float32), np.zeros(actions.shape[0], np.float32)
    seen = space.shape[0]
    return BoxActor((layer,), np.zeros(seen), np.ones(seen), np.zeros(seen, bool), actions.low, actions.high)


def population_folder(path):
    """A folder of untrained policies of a game with a population."""
    options = PopulationOptions.checked(
        game="public-investment", params={"households": 3, "periods": 2}, max_iterations=2, plays=2, out=path
    )
    folder, game, rng = RunFolder.create(path), options.rules, np.random.default_rng(0)
    folder.begin(options.resolved())
    seen, own, acted = game.leader_space.shape[0], game.member_space.shape[0], game.leader_actions.shape[0]
    leader = actor(game, seen, game.leader_space, game.leader_actions, rng)
    members = actor(game, own + acted, game.member_space, game.member_actions, rng)
    PopulationPolicy(leader, members).save(path, game)
    for k in (1, 2):
        line = {"iteration": k, "periods": 4 * k, "plays": 2 * k, "seconds": 0.1 * k, "done": 0.5 * k, "value": -0.5}
        folder.append_progress(line | dict.fromkeys(("mean_return", "members_return", "members_value", "best"), 0.5))
    folder.write("training", {"iterations": 2, "periods": 8, "seconds": 1.0, "final_value": 0.5})
    folder.write("exploitability", {"total": 0.2, "epochs": 1, "leader": {"gain": 0.1}, "members": {"gain": 0.1}})
    folder.write("result", evaluate(path))
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Good run folders, with a generation each that holds some state."""
    home = tmp_path_factory.mktemp("good")
    (home / "matrices.json").write_text('{"leader": [[1, 0], [0, 2]], "follower": [[1, 0], [0, 1]]}')
    made = [
        run_folder(home / "escape", "escape", response_updates=5),
        run_folder(home / "file", "bimatrix", {"file": str(home / "matrices.json")}, response_updates=5),
        run_folder(home / "models", "escape", models=[{"followers": "mw", "response_updates": 3}, "regret-matching"]),
        population_folder(home / "population"),
    ]
    state = {"run": {"iteration": 2, "weights": np.arange(6.0).reshape(2, 3), "words": ("a", b"b", None)}}
    for folder in made:
        with drawing_once():
            write_report(folder.path)
        Checkpoints(folder.path).save(2, state)
    return [folder.path for folder in made]


def readers(run):
    """All that reads a folder without training."""

    def resumed():
        opened = open_run(run)
        options = opened.options()
        if isinstance(opened, PopulationRun):
            opened.finished(options)
            PopulationCheckpoints(run).load()
        else:
            Checkpoints(run).load()

    return {
        "evaluate": lambda: evaluate(run),
        "report": lambda: write_report(run),
        "resume": resumed,
        "policy": lambda: load_policy(run)(np.zeros(2, np.float32)),
    }


def check(runs, place, seed):
    """One damage, seen by every reader; what is wrong with what they did."""
    rng = np.random.default_rng([SEED, seed])
    run = copied(runs[rng.integers(len(runs))], place)
    what = "; ".join(damage(run, rng) for _ in range(int(rng.integers(1, 3))))
    wrong = []
    before = snapshot(place)
    for name, read in readers(run).items():
        began = time.process_time(), time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read()
        except InvalidFieldError as error:
            if not error.field or len(str(error)) > 2000:
                wrong.append(f"{name}: refused without a name: {error!r:.200}")
        except BaseException as error:
            wrong.append(f"{name}: {type(error).__name__}: {error!s:.200}")
        computed, waited = time.process_time() - began[0], time.monotonic() - began[1]
        if computed > SECONDS or waited > 10 * SECONDS:
            wrong.append(f"{name}: took {computed:.1f} s of computing, {waited:.1f} s in all")
    after = snapshot(place)
    touched = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    if left := [path for path in touched if path.removeprefix("run/") not in WRITTEN]:
        wrong.append(f"touched {left}")
    return [f"{seed}: {run.name} {what}: {problem}" for problem in wrong]


def failures(runs, place, cases):
    return [problem for seed in cases for problem in check(runs, place / "case", seed)]


@pytest.mark.usefixtures("drawn_once")
def test_damaged_folders_are_refused_by_name(runs, tmp_path):
    assert failures(runs, tmp_path, range(SHORT)) == []


@pytest.mark.learning
@pytest.mark.timeout(3600)
def test_two_thousand_damaged_folders(runs, tmp_path):
    found = failures(runs, tmp_path, range(SHORT, SHORT + LONG))
    print(f"{len(found)} of {LONG} cases are not as they should be")
    assert found == []
