"""The same program alone, with env runners, and on a cluster of two hosts (network namespaces, see hosts.py)."""

import importlib.util
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.training.hosts import SUPPORTED, ray_cluster

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "cluster_program.py"
SEEDS = ("0", "1", "2")
ITERATIONS = 20

pytestmark = [
    pytest.mark.learning,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not SUPPORTED, reason="makes network namespaces: root on Linux, with iproute2"),
]


def command(runners, iterations=ITERATIONS, seeds=SEEDS):
    return [sys.executable, str(PROGRAM), str(runners), str(iterations), *seeds]


def last_json(output):
    return json.loads([line for line in output.splitlines() if line.startswith("{")][-1])


@pytest.fixture(scope="module")
def alone():
    """What the program prints with 0, 1 and 2 env runners on one host."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    env["PYTHONPATH"] = str(ROOT)
    found = {}
    for runners in (0, 1, 2):
        done = subprocess.run(command(runners), capture_output=True, text=True, check=False, env=env, cwd=ROOT)
        assert done.returncode == 0, done.stderr[-3000:]
        found[runners] = last_json(done.stdout)
    return found


@pytest.fixture(scope="module")
def on_two_hosts(tmp_path_factory):
    """What it prints on the cluster."""
    with ray_cluster(tmp_path_factory.mktemp("hosts")) as cluster:
        cluster.env |= {"RAY_ADDRESS": "auto", "PYTHONPATH": str(ROOT)}
        return last_json(cluster.run(*command(2), cwd=ROOT, log="program.log", seconds=600))


def test_followers_live_in_the_env_runners_of_both_hosts(on_two_hosts):
    for places in on_two_hosts["places"].values():
        assert {place["address"] for place in places} == {"198.18.77.1", "198.18.77.2"}
        assert [place["worker"] for place in places] == [1, 2]
        assert all(place["updates"] == 100 and place["episodes"] >= 64 * ITERATIONS for place in places)


def test_two_env_runners_learn_the_same_on_one_host_and_on_two(alone, on_two_hosts):
    assert on_two_hosts["curves"] == alone[2]["curves"]


def test_the_learning_curve_does_not_depend_on_the_number_of_env_runners(alone):
    ends = {runners: [curve[-1] for curve in found["curves"].values()] for runners, found in alone.items()}
    beginnings = [curve[0] for found in alone.values() for curve in found["curves"].values()]
    spread = max(max(values) - min(values) for values in ends.values())
    medians = [statistics.median(values) for values in ends.values()]
    assert min(medians) > max(beginnings)
    assert max(medians) - min(medians) <= max(spread, 0.02)


def test_a_job_brings_its_own_working_directory(tmp_path):
    """`ray job submit --working-dir .` ships the package and a user's own game to hosts that have neither."""
    if importlib.util.find_spec("aiohttp") is None:
        pytest.skip('jobs need Ray\'s dashboard: pip install -e ".[jobs]"')
    package = tmp_path / "work"
    package.mkdir()
    for name in ("rllib_stackelberg", "envs"):
        (package / name).symlink_to(ROOT / name)
    (package / "mine.py").write_text(
        "from rllib_stackelberg.envs.simple_allocation_v0 import SimpleAllocation\n"
        "class Mine(SimpleAllocation):\n    '''A user's own game.'''\n"
    )
    with ray_cluster(tmp_path / "hosts", jobs=True) as cluster:
        cluster.env |= {"RAY_ADDRESS": "http://127.0.0.1:8265"}
        cluster.env.pop("PYTHONPATH", None)
        output = cluster.run(
            sys.executable, "-m", "ray.scripts.scripts", "job", "submit", "--working-dir", ".", "--",
            sys.executable, "-m", "rllib_stackelberg", "train", "mine:Mine", "messages=2", "--num-env-runners", "2",
            "--max-iterations", "2", "--response-updates", "20", "--out", str(tmp_path / "run"), "--json",
            cwd=package, log="job.log",
        )  # fmt: skip
    assert "succeeded" in output
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["params"]["messages"] == 2


def test_a_host_that_dies_does_not_stop_the_run(tmp_path):
    """The driver goes on with the runners that are left; what it took is printed."""
    with ray_cluster(tmp_path / "hosts", cpus=2) as cluster:
        cluster.env |= {"RAY_ADDRESS": "auto", "PYTHONPATH": str(ROOT)}
        head, worker = cluster.nodes
        # Four CPUs: three runners cannot all be on the head, and two can.
        driver = head.start(command(3, 40, ("0",)), cluster.env, "program.log", ROOT)
        try:
            _until_iteration(5, head, driver)
            worker.kill()
            killed = time.monotonic()
            code = driver.wait(400)
        finally:
            driver.send_signal(signal.SIGKILL)
    output = head.output("program.log")
    done = len(re.findall(r"^iteration \d+$", output, re.M))
    print(f"\nexit {code} {time.monotonic() - killed:.0f} s after the host died, {done} of 40 iterations done")
    print(output[-600:])
    assert (code, done) == (0, 40)


def _until_iteration(number, head, driver):
    end = time.monotonic() + 240
    while f"iteration {number}" not in head.output("program.log"):
        assert driver.poll() is None, head.output("program.log")
        assert time.monotonic() < end
        time.sleep(0.2)
