"""Real processes, really killed: env runners, all of them, and the driver itself."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rllib_stackelberg.errors import GameError, RunnersLostError
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.running import lost_runners as losses
from rllib_stackelberg.training.running.checkpoints import Checkpoints
from rllib_stackelberg.training.running.generations import SAVE_ITERATIONS
from rllib_stackelberg.training.runs import train
from tests.games_that_fail import processes

REPOSITORY = Path(__file__).parents[3]
GAME = "tests.games_that_fail:FailingGame"
HANGS = 120
"""Seconds after which a run that should have ended counts as hanging: where cores have other work it takes over 60."""


def options(tmp_path, iterations, runners, **faults):
    params = {"folder": str(tmp_path), "spared": os.getpid(), "first": 10**8} | faults
    return TrainOptions.checked(
        game=GAME, params=params, settings={"response_updates": 20}, max_iterations=iterations, stop_at_optimum=False,
        num_env_runners=runners, out=tmp_path / "run",
    )  # fmt: skip


class Kill:
    """A report that kills env runners at some iterations."""

    def __init__(self, folder, iterations, everyone=False):
        self.folder, self.iterations, self.everyone, self.killed = folder, set(iterations), everyone, set()

    def __call__(self, progress):
        if progress.iteration in self.iterations:
            alive = [pid for pid in processes(self.folder) if pid not in self.killed and psutil.pid_exists(pid)]
            for pid in alive if self.everyone else alive[:1]:
                os.kill(pid, signal.SIGKILL)
                self.killed.add(pid)


@pytest.mark.ray
@pytest.mark.remote
@pytest.mark.usefixtures("ray_local")
def test_a_killed_env_runner_is_started_again_with_other_episodes(tmp_path):
    kill = Kill(tmp_path, [3])
    result = train(options(tmp_path, 40, 2), kill)
    assert len(kill.killed) == 1
    assert len(processes(tmp_path)) == 3
    assert result["iterations"] == 40
    assert result["leader_value"] > 0.85
    checkpoints = Checkpoints(tmp_path / "run")
    state = checkpoints.read(checkpoints.generations()[-1])
    first = [runner["leader_episodes"]["env"]["transcript"]["episode"].min() for runner in state["runners"].values()]
    assert len(first) == 2
    assert max(first) > 100  # the one that came back skipped all that had been played before


@pytest.mark.ray
@pytest.mark.learning
@pytest.mark.usefixtures("ray_local")
def test_all_env_runners_killed_come_back(tmp_path):
    kill = Kill(tmp_path, [3], everyone=True)
    began = time.monotonic()
    result = train(options(tmp_path, 8, 2), kill)
    assert len(kill.killed) == 2
    assert result["iterations"] == 8
    assert time.monotonic() - began < HANGS


@pytest.mark.ray
@pytest.mark.learning
@pytest.mark.usefixtures("ray_local")
def test_a_run_whose_env_runners_never_come_back_does_not_hang(tmp_path, monkeypatch):
    """A game that kills every process that plays it, but for the driver's: RLlib gives the runner up and samples there.

    Unless it is still waiting for the runner when the time is over: then the run stops, and a generation is there.
    """
    monkeypatch.setattr(losses, "LOST_SECONDS", 5.0)
    monkeypatch.setattr(losses, "MOST_RESTARTS", 2)
    began = time.monotonic()
    try:
        assert train(options(tmp_path, 8, 1, how="kill", first=4))["iterations"] == 8
    except RunnersLostError as error:
        assert "no env runner has answered" in str(error)  # noqa: PT017 (either end will do)
    assert time.monotonic() - began < HANGS
    assert Checkpoints(tmp_path / "run").load()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize(
    "how", [pytest.param("raise", marks=pytest.mark.remote), pytest.param("hang", marks=pytest.mark.learning)]
)
def test_a_game_that_fails_on_a_remote_runner_stops_the_run_with_its_own_traceback(tmp_path, how):
    began = time.monotonic()
    chosen = options(tmp_path, 100, 1, how=how, first=30).model_copy(update={"game_timeout": 10.0})
    with pytest.raises(GameError) as stopped:
        train(chosen)
    assert time.monotonic() - began < HANGS
    assert 'games_that_fail.py", line' in str(stopped.value)
    assert ("the simulator went away" if how == "raise" else "did not return") in str(stopped.value)


def command(*arguments):
    line = [sys.executable, "-m", "rllib_stackelberg", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.0005)


RUN = ("maintain", "mixed=true", "--response-updates", 20, "--max-iterations")


SIGNALS = [
    pytest.param(signal.SIGINT, 130, marks=pytest.mark.learning),
    pytest.param(signal.SIGTERM, 143, marks=pytest.mark.remote),
]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_saves_and_says_how_to_go_on(tmp_path, number, code):
    folder = tmp_path / "run"
    driver = command("train", *RUN, 100_000, "--out", folder)
    wait_for(lambda: (folder / "progress.jsonl").exists())
    driver.send_signal(number)
    _, errors = driver.communicate(timeout=60)
    assert driver.returncode == code
    assert f"rllib-stackelberg resume {folder}" in re.sub(r"\s+", " ", errors)
    lines = len((folder / "progress.jsonl").read_text().splitlines())
    assert Checkpoints(folder).generations()[-1].name == f"generation-{lines:06d}"


def family(process):
    """Of a process: it and all below it, by number and time of birth."""
    return [process, *process.children(recursive=True)]


def left(relatives):
    return [each for each in relatives if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def kill_at_random(folder, iterations, rng, saving):
    """Train in a process of its own and kill it; returns how many iterations were lost, and what is left after."""
    driver = command("train", *RUN, iterations, "--out", folder)
    wait_for(lambda: (folder / "config.json").exists())
    if saving:
        wait_for(lambda: any((folder / "checkpoints").glob("generation-*")))
        time.sleep(rng.random())
        wait_for(lambda: any((folder / "checkpoints").glob(".generation-*.new")) or driver.poll() is not None)
    else:
        time.sleep(rng.random() * 10)
    relatives = family(psutil.Process(driver.pid))
    driver.kill()
    driver.communicate()
    killed = time.monotonic()
    whole = [int(path.name[-6:]) for path in Checkpoints(folder).generations()]
    progress = folder / "progress.jsonl"
    lines = len(progress.read_text().splitlines()) if progress.exists() else 0
    while left(relatives) and time.monotonic() - killed < 30:
        time.sleep(0.1)
    return lines - max(whole, default=0), left(relatives), time.monotonic() - killed


@pytest.mark.ray
@pytest.mark.learning
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("ray_local")
def test_one_env_runner_killed_ten_times_costs_time_and_nothing_else(tmp_path):
    undisturbed = []
    for seed in range(3):
        (tmp_path / str(seed)).mkdir()
        chosen = options(tmp_path / str(seed), 120, 2).model_copy(update={"seed": seed})
        undisturbed.append(train(chosen)["final_value"])
    kill = Kill(tmp_path, range(10, 110, 10))
    result = train(options(tmp_path, 120, 2).model_copy(update={"seed": 3}), kill)
    print(f"killed {len(kill.killed)}: {result['final_value']}, undisturbed {undisturbed}", file=sys.__stderr__)
    assert len(kill.killed) == 10
    assert result["iterations"] == 120
    assert min(undisturbed) - 0.005 <= result["final_value"] <= max(undisturbed) + 0.005


@pytest.mark.learning
@pytest.mark.timeout(7200)
def test_a_driver_killed_at_any_time_loses_no_more_than_one_interval(tmp_path):
    """STACKELBERG_KILLS times (default 5), every third time during a save; the result is as if nothing had been."""
    kills, iterations, rng = int(os.environ.get("STACKELBERG_KILLS", "5")), 120, random.Random(1)
    reference = command("train", *RUN, iterations, "--out", tmp_path / "whole", "--json")
    expected = json.loads(reference.communicate(timeout=300)[0].splitlines()[-1])
    for kill in range(kills):
        folder = tmp_path / f"run-{kill}"
        lost, orphans, seconds = kill_at_random(folder, iterations, rng, saving=kill % 3 == 2)
        resumed = command("resume", folder, "--json")
        output, errors = resumed.communicate(timeout=300)
        print(f"kill {kill}: {lost} iterations lost, {len(orphans)} orphans after {seconds:.1f} s", file=sys.__stderr__)
        assert resumed.returncode == 0, errors
        assert lost <= SAVE_ITERATIONS
        assert not orphans
        found = json.loads(output.splitlines()[-1])
        for clock in ("seconds", "run_dir"):
            found.pop(clock), expected.pop(clock, None)
        assert found == expected
