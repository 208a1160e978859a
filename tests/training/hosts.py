"""Several hosts on one machine: network namespaces with addresses of their own, joined by a bridge.

Each host has its own processes, loopback and /tmp/ray, so that two Ray nodes meet over the network alone.
Needs the right to make namespaces (root on Linux) and Debian's iproute2. Everything ends with the `with` block.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

NETWORK = "198.18.77"
"""Of the range set aside for tests between hosts (RFC 2544)."""

SUPPORTED = sys.platform == "linux" and os.geteuid() == 0 and all(map(shutil.which, ("ip", "unshare", "nsenter")))

PORT = 6379


def ip(*arguments: str) -> None:
    """iproute2."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@dataclass
class Host:
    """A host, and the process that its others live and die with."""

    address: str
    folder: Path
    init: subprocess.Popen

    def enter(self) -> list[str]:
        """The start of a command that runs on this host."""
        # The child of `unshare --fork` is the first process of the host.
        (child,) = Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children").read_text().split()
        return ["nsenter", "--target", child, "--net", "--pid", "--mount", "--"]

    def start(self, command: Sequence[str], env: dict[str, str], log: str, cwd: Path) -> subprocess.Popen:
        """A process on this host, writing to a file of that name in the host's folder."""
        with (self.folder / log).open("w") as stream:
            # nsenter goes to / for the mount namespace: the shell goes back.
            line = ["bash", "-c", 'cd "$0" && exec "$@"', str(cwd), *command]
            return subprocess.Popen([*self.enter(), *line], env=env, stdout=stream, stderr=subprocess.STDOUT)

    def output(self, log: str) -> str:
        """What a process wrote."""
        return (self.folder / log).read_text()

    def kill(self) -> None:
        """Pull the plug: every process of the host gets SIGKILL."""
        self.init.send_signal(signal.SIGKILL)
        self.init.wait()


@contextmanager
def host(bridge: str, number: int, folder: Path) -> Iterator[Host]:
    """A host on a bridge."""
    name, address = f"{bridge}-{number}", f"{NETWORK}.{number}"
    folder.mkdir(parents=True)
    (folder / "ray").mkdir()
    Path("/tmp/ray").mkdir(exist_ok=True)
    ip("netns", "add", name)
    try:
        ip("link", "add", f"{bridge}v{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"{bridge}v{number}", "master", bridge, "up")
        ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", name, "link", "set", device, "up")
        first = f"mount --bind {folder}/ray /tmp/ray; echo ready; exec sleep infinity"
        init = subprocess.Popen(
            ["ip", "netns", "exec", name, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             "bash", "-euc", first],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert init.stdout is not None
        assert init.stdout.readline() == "ready\n"
        try:
            yield Host(address, folder, init)
        finally:
            init.kill()
            init.wait()
    finally:
        ip("netns", "del", name)


@contextmanager
def hosts(count: int, folder: Path) -> Iterator[list[Host]]:
    """That many hosts that reach each other and nothing else."""
    bridge = f"st{secrets.token_hex(3)}"  # of its own: the kernel takes its time to remove the last one's devices
    ip("link", "add", bridge, "type", "bridge")
    try:
        ip("link", "set", bridge, "up")
        with ExitStack() as stack:
            yield [stack.enter_context(host(bridge, k, folder / f"host{k}")) for k in range(1, count + 1)]
    finally:
        ip("link", "del", bridge)


@dataclass
class Cluster:
    """A Ray with a head and workers, each on its own host."""

    nodes: list[Host]
    env: dict[str, str]

    def run(self, *command: str, cwd: Path, log: str, seconds: float = 300) -> str:
        """Run a command on the head's host to its end; its output."""
        process = self.nodes[0].start(command, self.env, log, cwd)
        code = process.wait(seconds)
        output = self.nodes[0].output(log)
        assert code == 0, output[-5000:]
        return output


@contextmanager
def ray_cluster(folder: Path, workers: int = 1, cpus: int = 1, *, jobs: bool = False) -> Iterator[Cluster]:
    """A Ray cluster with a token; with `jobs`, its head takes them."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    env |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_DISABLE_IMPORT_WARNING": "1"}
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", f"--num-cpus={cpus}"]
    ray += ["--object-store-memory=100000000"]
    with hosts(1 + workers, folder) as nodes:
        head = [*ray, "--head", f"--port={PORT}", f"--include-dashboard={str(jobs).lower()}"]
        nodes[0].start([*head, f"--node-ip-address={nodes[0].address}"], env, "ray.log", folder)
        wait_for(nodes[0])
        for node in nodes[1:]:
            joins = [*ray, f"--address={nodes[0].address}:{PORT}", f"--node-ip-address={node.address}"]
            node.start(joins, env, "ray.log", folder)
            node_up(node)
        yield Cluster(nodes, env)


def wait_for(head: Host, seconds: float = 60) -> None:
    """Until the head listens, seen from its own host."""
    probe = f"import socket; socket.create_connection(({head.address!r}, {PORT}), 1)"
    _until(
        lambda: subprocess.run([*head.enter(), sys.executable, "-c", probe], capture_output=True).returncode == 0,
        head,
        seconds,
    )
    node_up(head, seconds)


def node_up(node: Host, seconds: float = 90) -> None:
    """Until a node says that it has started."""
    _until(lambda: "Ray runtime started" in node.output("ray.log"), node, seconds)


def _until(done, node: Host, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, node.output("ray.log")
        time.sleep(0.5)
