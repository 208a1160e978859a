"""What the doctor sees: every finding that is not ok says what to do, and a missing piece is exit 1."""

import json
import socket
import stat
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from rllib_stackelberg.cli import app
from rllib_stackelberg.runs import doctor
from tests.test_imports import ENVIRONMENTS, OWN, SLOW


def call():
    result = CliRunner().invoke(app, ["doctor", "--json"])
    return result.exit_code, json.loads(result.output.strip().splitlines()[-1])


CALLED = """
import atexit, sys
from rllib_stackelberg import cli

atexit.register(lambda: print("loaded", *sys.modules, file=sys.stderr))
cli.main()
"""


def test_the_doctor_looks_at_everything_and_loads_neither_ray_nor_torch():
    done = subprocess.run(
        [sys.executable, "-c", CALLED, "doctor", "--json"], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout.strip().splitlines()[-1])
    checks = {check["name"]: check for check in found["checks"]}
    names = {"python", "ray", "torch", "cores", "memory", "shared memory", "open files", "disk", "torch device"}
    assert names | {f"port {number}" for number in (6379, 8265, 10001)} <= checks.keys()
    assert checks["ray"]["found"] == metadata.version("ray")
    assert checks["torch device"]["found"]
    assert all(check["advice"] for check in checks.values() if check["status"] != "ok")
    assert done.returncode == (1 if found["status"] == "fail" else 0)
    loaded = set(done.stderr.splitlines()[-1].split())
    assert {"loaded", "rllib_stackelberg"} <= loaded
    assert loaded & (SLOW | ENVIRONMENTS | OWN) == set()


@pytest.fixture
def without_torch(monkeypatch):
    """What takes seconds to ask is left out."""
    monkeypatch.setattr(doctor, "torch_device", lambda: doctor.Check("torch device", "ok", "cpu"))


@pytest.mark.usefixtures("without_torch")
def test_a_missing_package_is_exit_1_and_named(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda name: ["numpy>=2", "no-such-package>=3,<4", "x; extra == 'test'"])
    code, found = call()
    assert code == 1
    assert found["status"] == "fail"
    (missing,) = [check for check in found["checks"] if check["status"] == "fail"]
    assert missing["name"] == "no-such-package"
    assert missing["advice"] == "pip install 'no-such-package<4,>=3'"
    assert "x" not in {check["name"] for check in found["checks"]}


def test_a_version_outside_its_range_is_a_warning():
    found = doctor.dependency(Requirement(f"numpy<{metadata.version('numpy')}"))
    assert found.status == "warn"
    assert "tested with" in found.found
    assert doctor.dependency(Requirement("numpy")).status == "ok"


def test_a_taken_port_is_a_warning(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        monkeypatch.setattr(doctor, "PORTS", {number: "somebody"})
        assert doctor.port(number).status == "warn"
    assert doctor.port(number).status == "ok"


@pytest.mark.parametrize(
    ("limits", "cores", "memory"),
    [
        ({"cpu.max": "100000 100000", "memory.max": str(2**29), "memory.current": "0"}, "warn", "fail"),
        ({"cpu.max": "max 100000", "memory.max": str(5 * 2**28), "memory.current": "0"}, None, "warn"),
        ({"cpu.max": "max 100000", "memory.max": "max"}, None, "ok"),
    ],
)
def test_a_containers_limits_count(tmp_path, monkeypatch, limits, cores, memory):
    monkeypatch.setattr(doctor, "CONTROL_GROUP", tmp_path)
    before = doctor.cores()
    for name, value in limits.items():
        (tmp_path / name).write_text(f"{value}\n")
    assert doctor.cores().status == (cores or before.status)
    assert doctor.memory().status == memory


def test_little_room_is_a_warning(tmp_path, monkeypatch):
    usage = doctor.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage._replace(free=usage.total // 50))
    assert doctor.disk(tmp_path).status == "warn"
    monkeypatch.setattr(doctor, "memory_bytes", lambda: (usage.total, usage.total))
    assert doctor.shared_memory(tmp_path).status == "warn"
    assert "--shm-size" in doctor.shared_memory(tmp_path).advice
    assert doctor.shared_memory(tmp_path / "none").status == "ok"


@pytest.mark.parametrize(("limit", "status"), [(512, "fail"), (4096, "warn"), (65536, "ok")])
def test_few_open_files(monkeypatch, limit, status):
    monkeypatch.setattr(doctor.resource, "getrlimit", lambda which: (256, limit))
    assert doctor.descriptors().status == status


def test_a_torch_that_dies_is_a_finding(tmp_path, monkeypatch):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'ImportError: libtorch.so' >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setattr(sys, "executable", str(broken))
    found = doctor.torch_device()
    assert found.status == "fail"
    assert found.found == "ImportError: libtorch.so"


def test_an_open_cluster_is_a_warning(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert doctor.cluster().status == "ok"
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert doctor.cluster().status == "warn"
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert doctor.cluster().status == "ok"


def test_what_runs_from_a_folder_is_told_to_install(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", missing)
    (found,) = doctor.packages()
    assert found.status == "warn"
    assert "pip install" in found.advice


def test_every_optional_package_is_one_of_the_projects_extras():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {Requirement(line).name for line in project["optional-dependencies"]["track"]} == doctor.OPTIONAL.keys()
