"""Where a run runs: loopback unless told otherwise, a cluster by its address, and what is refused."""

import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.training import LOOPBACK, runs
from rllib_stackelberg.training.running import ray_sessions, training_session
from rllib_stackelberg.training.running.interruptions import undisturbed

ROOT = Path(__file__).parents[3]


@pytest.fixture
def no_ray_yet(monkeypatch):
    """As in a process of its own, and nothing may be started; the Ray of other tests is not ended."""
    monkeypatch.setattr(ray_sessions.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_sessions.ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray_sessions.ray, "init", lambda **where: pytest.fail(f"started Ray: {where}"))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.usefixtures("no_ray_yet")
def test_a_public_bind_without_a_token_is_refused(monkeypatch):
    monkeypatch.setenv(LOOPBACK, "1")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with (
        pytest.raises(InvalidFieldError, match=r"RAY_AUTH_MODE: disabled.*beyond loopback"),
        ray_sessions.ray_session(),
    ):
        pass


@pytest.mark.parametrize("runners", [0, 2])
@pytest.mark.usefixtures("no_ray_yet")
def test_a_ray_of_ones_own_starts_no_more_than_it_needs_and_what_is_loaded_meanwhile_is_there(runners, monkeypatch):
    """What is set for Ray's processes is set for these alone, and what somebody has set stays."""
    newer, ready = "RAY_enable_autoscaler_v2", "RAY_prestart_worker_first_driver"
    monkeypatch.delenv(newer, raising=False)
    monkeypatch.delenv(ready, raising=False)
    seen, loads = [], []
    monkeypatch.setattr(ray_sessions.ray, "init", lambda **_: seen.append((os.getenv(newer), os.getenv(ready))))
    monkeypatch.setattr(ray_sessions.ray, "cluster_resources", lambda: {"CPU": 2})
    with ray_sessions.ray_session(runners, loads=lambda: loads.append(threading.current_thread())):
        assert [thread is threading.main_thread() for thread in loads] == [False]
        assert not {newer, ready} & os.environ.keys()
    monkeypatch.setenv(newer, "0")
    with ray_sessions.ray_session(runners):
        pass
    assert seen == [("1", None if runners else "0"), ("0", None if runners else "0")]
    assert os.getenv(newer) == "0"


@pytest.mark.usefixtures("no_ray_yet")
def test_a_cluster_that_is_not_there_is_refused_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(InvalidFieldError, match=f"ray_address: no Ray answers at {address}"):
        ray_sessions.ray_session(0, address).__enter__()


@pytest.mark.usefixtures("no_ray_yet")
@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_peer_that_is_no_ray_is_given_up_in_seconds_and_told_nothing(answer, monkeypatch):
    """Above all not the cluster's token."""
    monkeypatch.setattr(ray_sessions, "CONNECT_TIMEOUT", 0.5)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    heard: list[bytes] = []

    def listen(server):
        connection, _ = server.accept()
        with connection:
            heard.append(connection.recv(1000))
            if answer is not None:
                connection.sendall(answer)
                return
            heard.append(connection.recv(1000))  # silent, until the other gives up

    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = threading.Thread(target=listen, args=(server,))
        listener.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(InvalidFieldError, match=f"ray_address: no Ray answers at {address}"):
            ray_sessions.ray_session(0, address).__enter__()
        assert time.monotonic() - began < 5
        listener.join()
    assert b"".join(heard) == ray_sessions.HELLO


def test_a_run_that_is_refused_late_leaves_nothing(tmp_path, monkeypatch):
    """Whatever Ray it was that did not answer: the same folder is free for the next try."""

    @contextmanager
    def refused(*_, **given):
        raise InvalidFieldError("ray_address", "no Ray answers", "that of a running cluster")
        yield

    monkeypatch.setattr(training_session, "ray_session", refused)
    for kind, game in ((TrainOptions, "escape"), (PopulationOptions, "labour-supply")):
        options = kind.checked(game=game, max_iterations=1, out=tmp_path / "run")
        for _ in range(2):
            with pytest.raises(InvalidFieldError, match="no Ray answers"):
                runs.train(options)
            assert not (tmp_path / "run").exists()


def test_a_signal_waits_for_the_end_of_what_must_be_done_whole(request):
    done = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    def disturbed():
        with undisturbed():
            for _ in range(8):
                signal.raise_signal(signal.SIGINT)
            done.append("whole")

    with pytest.raises(KeyboardInterrupt):
        disturbed()
    assert done == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


KINDS = pytest.mark.parametrize(("kind", "game"), [(TrainOptions, "escape"), (PopulationOptions, "labour-supply")])


@KINDS
@pytest.mark.parametrize("address", ["http://127.0.0.1:8265", "ray://head:10001", "head", "auto:6379x"])
def test_other_doors_of_a_cluster_are_refused_by_name(kind, game, address, monkeypatch):
    with pytest.raises(InvalidFieldError, match=r"ray_address: .*auto, or HOST:PORT"):
        kind.checked(game=game, ray_address=address)
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(InvalidFieldError, match=r"ray_address: "):
        kind.checked(game=game)


@KINDS
@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "head.example.org:6379", "[fd00::1]:6379"])
def test_an_address_is_taken_from_the_environment_and_not_saved(kind, game, address, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", address)
    options = kind.checked(game=game, num_env_runners=1000)  # this machine's cores are no limit
    assert options.ray_address == address
    assert "ray_address" not in options.resolved()


PROGRAM = """
import json, sys
from pathlib import Path
from rllib_stackelberg.training.running.ray_sessions import ray_session
import ray
with ray_session(1):
    ray.get(ray.remote(lambda: None).remote())
    print(json.dumps([ray.nodes()[0]["NodeManagerAddress"], ray.get_runtime_context().get_node_id()]), flush=True)
    sys.stdin.read()
"""


def family(pid):
    """A process and those below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def listening(pids):
    """Addresses at which processes take connections."""
    sockets = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(link) if link.is_symlink() else ""  # noqa: PTH115
            sockets |= {target[8:-1]} if target.startswith("socket:[") else set()
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                packed = bytes.fromhex(fields[1].partition(":")[0])
                words = [packed[k : k + 4][::-1] for k in range(0, len(packed), 4)]
                found.append(ipaddress.ip_address(b"".join(words)))
    return found


@pytest.mark.ray
@pytest.mark.remote
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_ray_of_a_runs_own_listens_on_loopback_alone():
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout is not None
        address, _ = json.loads(process.stdout.readline())
        found = listening(family(process.pid))
        commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in family(process.pid)]
        process.communicate("")
    assert address == "127.0.0.1"
    assert [command for command in commands if "autoscaler/v2/monitor.py" in command]  # the other ends a second late
    assert len(found) >= 4  # the head's, the node's, the worker's and the agent's
    for each in found:
        plain = getattr(each, "ipv4_mapped", None) or each
        assert plain.is_loopback, each
