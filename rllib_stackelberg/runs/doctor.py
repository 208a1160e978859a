"""What a machine has of what training needs, and what to do about the rest. Neither ray nor torch is imported here.

Dependencies are compared with the ranges in this package's own metadata, which is where pip takes them from.
"""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from rllib_stackelberg.compilation import cache_folder, unwritable
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.runs.ray_files import check_home, check_temporary_folder, temporary_folder, token_file

Status = Literal["ok", "warn", "fail"]

PACKAGE = "rllib-stackelberg"
OPTIONAL = {"tensorboard": "to look at a run's event files", "mlflow-skinny": "for --mlflow", "wandb": "for --wandb"}

GIGABYTE = 2**30
LEAST_MEMORY, PROCESS_MEMORY = 1.0, 0.5
"""Gigabytes: Ray and one process that trains; every env runner besides."""
OBJECT_STORE_SHARE = 0.3
"""Of the memory, that Ray wants in shared memory for its object store."""
LEAST_DESCRIPTORS, GOOD_DESCRIPTORS = 1024, 8192
"""Ray warns below the second at a hard limit, and fails in odd places below the first."""
FULLEST_DISK = 0.95
"""Ray stops placing objects on a disk that is fuller."""
PORTS = {6379: "a cluster's head", 8265: "jobs and dashboard", 10001: "Ray clients"}
DEVICES = Path(__file__).parents[1] / "training" / "devices.py"
"""A program that imports torch and nothing of the package."""

TORCH_TIMEOUT = 120
CONTROL_GROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found, and what to do unless it is ok."""

    name: str
    status: Status
    found: str
    advice: str = ""


def examine(folder: Path = Path()) -> list[Check]:
    """Look at everything: versions, cores, memory, ports, limits, torch's device.

    Args:
        folder: where runs will be written.
    """
    return [
        *packages(),
        cores(),
        memory(),
        shared_memory(),
        descriptors(),
        disk(folder),
        temporary_files(),
        home(),
        compiled_code(),
        token(),
        *(port(number) for number in PORTS),
        cluster(),
        torch_device(),
    ]


def worst(checks: list[Check]) -> Status:
    """The status of the whole."""
    found = {check.status for check in checks}
    return "fail" if "fail" in found else "warn" if "warn" in found else "ok"


def data(checks: list[Check]) -> dict[str, Any]:
    """As plain data."""
    return {"status": worst(checks), "checks": [asdict(check) for check in checks]}


def packages() -> Iterator[Check]:
    """Python, this package, what it needs, and what is optional."""
    try:
        own = metadata.metadata(PACKAGE)
    except metadata.PackageNotFoundError:
        yield Check(PACKAGE, "warn", "runs from a folder, not installed", "pip install . (checks its dependencies too)")
        return
    yield version("python", platform.python_version(), SpecifierSet(own["Requires-Python"]), "install such a Python")
    yield Check(PACKAGE, "ok", own["Version"])
    for line in metadata.requires(PACKAGE) or []:
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            yield dependency(wanted)
    for name, purpose in OPTIONAL.items():
        yield Check(name, "ok", installed(name) or f"not installed; only needed {purpose}")


def installed(name: str) -> str | None:
    """Version of a distribution."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def dependency(wanted: Requirement) -> Check:
    """A package this one needs: there, and in the range it was tested in."""
    found, command = installed(wanted.name), f"pip install {str(wanted)!r}"
    if found is None:
        return Check(wanted.name, "fail", "not installed", command)
    return version(wanted.name, found, wanted.specifier, command)


def version(name: str, found: str, allowed: SpecifierSet, advice: str) -> Check:
    """A version beside the range that is tested."""
    if allowed.contains(found, prereleases=True):
        return Check(name, "ok", found)
    return Check(name, "warn", f"{found}, tested with {allowed}", advice)


def cores() -> Check:
    """Cores this process may use, of the machine or of a container's quota."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quota, _, period = container_limit("cpu.max").partition(" ")
    if quota.isdigit():
        count = min(count, max(1, int(quota) // int(period)))
    if count > 1:
        return Check("cores", "ok", f"{count}: up to {count} env runners")
    return Check("cores", "warn", "1", "env runners would share it with the learner: --num-env-runners 0")


def memory() -> Check:
    """Memory to be had, as the kernel or a container's limit gives it."""
    total, free = (amount / GIGABYTE for amount in memory_bytes())
    runners = int(max(0.0, free - LEAST_MEMORY) / PROCESS_MEMORY)
    found = f"{free:.1f} of {total:.1f} GiB free: room for {runners} env runners"
    if free < LEAST_MEMORY:
        return Check("memory", "fail", found, f"free {LEAST_MEMORY:g} GiB, or train elsewhere")
    if not runners:
        return Check("memory", "warn", found, f"{PROCESS_MEMORY:g} GiB more for every env runner")
    return Check("memory", "ok", found)


def memory_bytes() -> tuple[int, int]:
    """Total and available."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free, about = total, Path("/proc/meminfo")
    if about.exists():
        free = int(re.search(r"MemAvailable:\s+(\d+)", about.read_text()).group(1)) * 1024  # type: ignore[union-attr]
    limit = container_limit("memory.max")
    if limit.isdigit():
        total = min(total, int(limit))
        free = min(free, max(0, total - int(container_limit("memory.current"))))
    return total, free


def container_limit(name: str) -> str:
    """A file of control groups, version 2, as a container sees its own; empty where there is none."""
    file = CONTROL_GROUP / name
    return file.read_text().strip() if file.exists() else ""


def shared_memory(folder: Path = Path("/dev/shm")) -> Check:
    """Room for Ray's object store."""
    if not folder.is_dir():
        return Check("shared memory", "ok", "not used on this system")
    free, wanted = shutil.disk_usage(folder).free / GIGABYTE, OBJECT_STORE_SHARE * memory_bytes()[1] / GIGABYTE
    found = f"{free:.1f} GiB free in {folder}, Ray wants {wanted:.1f}"
    advice = f"docker run --shm-size={wanted * 1.1:.1f}g; without it objects go through the disk"
    return Check("shared memory", "ok", found) if free >= wanted else Check("shared memory", "warn", found, advice)


def descriptors() -> Check:
    """Files that a process may have open; Ray raises its own limit as far as it may."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = float("inf") if hard == resource.RLIM_INFINITY else hard
    status: Status = "ok" if limit >= GOOD_DESCRIPTORS else "warn" if limit >= LEAST_DESCRIPTORS else "fail"
    return Check("open files", status, f"at most {limit:g}", "" if status == "ok" else f"ulimit -n {GOOD_DESCRIPTORS}")


def disk(folder: Path) -> Check:
    """Room for run folders."""
    usage = shutil.disk_usage(folder)
    found = f"{usage.free / GIGABYTE:.1f} GiB free in {folder.resolve()}"
    if usage.free <= (1 - FULLEST_DISK) * usage.total:
        return Check("disk", "warn", found, "make room: Ray wants 5 % of a disk free")
    return Check("disk", "ok", found)


def temporary_files() -> Check:
    """Whether Ray can make its sockets."""
    name, folder = temporary_folder()
    try:
        check_temporary_folder()
    except InvalidFieldError as error:
        return Check("temporary files", "fail", f"{name}: {error.problem}", error.allowed)
    return Check("temporary files", "ok", str(folder))


def home() -> Check:
    """Whether RLlib can make its folders."""
    try:
        check_home()
    except InvalidFieldError as error:
        return Check("home", "fail", f"{error.field}: {error.problem}", error.allowed)
    return Check("home", "ok", str(Path.home()))


def compiled_code() -> Check:
    """Whether compiled functions can be kept for the next process."""
    problem = unwritable()
    if problem is not None:
        found = f"nowhere to keep it, so every start compiles for some seconds: {problem}"
        return Check("compiled code", "warn", found, "NUMBA_CACHE_DIR=FOLDER, a writable one")
    return Check("compiled code", "ok", f"is kept between processes in {cache_folder()}")


def token() -> Check:
    """Whether others can read the token of a Ray."""
    file = token_file()
    if file is None or not os.access(file, os.R_OK):
        return Check("token", "ok", "none yet: training provides one that nobody else can read")
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        found = f"others can read {file} (mode {mode:o}), and whoever has it can run code on your Ray"
        return Check("token", "warn", found, f"chmod 600 {file}")
    return Check("token", "ok", f"only you can read {file}")


def port(number: int) -> Check:
    """Whether a port of a Ray head is free on this machine."""
    name = f"port {number}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            found = f"taken ({error.strerror}); {PORTS[number]} listen there"
            return Check(name, "warn", found, "only for a cluster's head: stop what runs there, or choose another port")
    return Check(name, "ok", f"free ({PORTS[number]})")


def cluster() -> Check:
    """The Ray that training would join."""
    address, mode = os.environ.get("RAY_ADDRESS"), os.environ.get("RAY_AUTH_MODE")
    if not address:
        return Check("cluster", "ok", "none: training starts a Ray of its own, on loopback")
    found = f"RAY_ADDRESS={address}, RAY_AUTH_MODE={mode or 'not set'}"
    if mode == "disabled" and not address.startswith(("127.", "localhost")):
        return Check("cluster", "warn", found, "RAY_AUTH_MODE=token: whoever reaches a Ray can run code on it")
    return Check("cluster", "ok", found)


def torch_device() -> Check:
    """What torch computes on, asked in a process of its own: an import of torch that dies is a finding."""
    command = [sys.executable, "-P", str(DEVICES)]  # no package, nothing of the working directory
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TORCH_TIMEOUT)
    except subprocess.TimeoutExpired:
        return Check("torch device", "fail", f"no answer in {TORCH_TIMEOUT} s", "python -c 'import torch'")
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1]
        return Check("torch device", "fail", last, "pip install --force-reinstall torch")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Check("torch device", "ok", f"{found['device']} ({found['built_for']} build)")
