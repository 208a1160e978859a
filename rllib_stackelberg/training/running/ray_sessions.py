"""What a run runs in: a Ray, and one torch thread.

A Ray that is started here listens on loopback alone and has no dashboard; one that would listen further without a
token is refused, because whoever reaches a Ray can run code on it.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import ray
import torch
from ray.exceptions import AuthenticationError

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.runs.ray_files import provide_token
from rllib_stackelberg.training.running.interruptions import undisturbed
from rllib_stackelberg.training.running.loopback import LOOPBACK
from rllib_stackelberg.training.running.orphans import no_orphans

KILLED = "error the run was killed, or Ray's own process on this machine has died (out of memory?)"
"""What can be said of a run that could say nothing."""

CONNECT_TIMEOUT = 10
"""Seconds until a cluster's head counts as not there."""

QUIET: dict[str, Any] = {"log_level": "ERROR", "log_sys_usage": False}
"""In RLlib's configurations: what looks how busy the machine is makes who stops an algorithm wait for up to .7 s."""

LEAN = {"RAY_enable_autoscaler_v2": "1"}
"""For a Ray of one's own. It asks for no machines, and the newer one of what would ask for them ends when it is told to
(the older one a second later, when it is killed)."""

IDLE = {"RAY_prestart_worker_first_driver": "0"}
"""For a Ray that nothing remote runs on: no worker waits for work."""

FRAME, SETTINGS = 9, 4
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0])
"""How a connection of HTTP/2 begins (RFC 9113): preface and empty settings; the answer begins with settings, too."""


@contextmanager
def ray_session(
    num_env_runners: int = 0, address: str | None = None, farewell: str = "", loads: Callable[[], object] = int
) -> Iterator[None]:
    """A Ray to run in: the one already there, the cluster at an address, or a local one for the time of the run.

    Args:
        num_env_runners: how many the run will start.
        address: "auto" or "HOST:PORT" of a cluster to join; None: that of RAY_ADDRESS, or a local Ray.
        farewell: said on standard error if this process is killed, or ended by a Ray that has died.
        loads: what the run needs besides torch and Ray; called in a thread while Ray waits for its processes.

    Raises:
        InvalidFieldError: there is no such cluster, it is too small, or the local one would be open to others.
    """
    # RLlib greets every run with a note on its API stack, and gymnasium with one that RLlib registers its env again.
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*Overriding environment rllib-(single|multi)-agent-env-v0.*")
    if ray.is_initialized():
        _refuse_too_many(num_env_runners)
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS")
    with no_orphans(farewell):
        try:
            with undisturbed():
                if address:
                    _join(address, num_env_runners, loads)
                else:
                    _refuse_open()
                    provide_token()
                    with environment(LEAN | ({} if num_env_runners else IDLE)):
                        _start(num_env_runners, loads, num_cpus=max(1, num_env_runners), include_dashboard=False)
            _refuse_too_many(num_env_runners)
            yield
        finally:
            try:
                _end()
            except KeyboardInterrupt:  # one that came before it could be held back, or was
                _end()
                raise


def _end() -> None:
    with undisturbed():
        ray.shutdown()


def _start(num_env_runners: int, loads: Callable[[], object], **where: Any) -> None:
    env = {"env_vars": {"PYTHONPATH": os.pathsep.join(_own_search_path())}} if num_env_runners else None
    with loaded(loads):
        ray.init(log_to_driver=False, logging_level="ERROR", runtime_env=env, **where)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables of this process's environment for a while, but for those that somebody has set."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextmanager
def loaded(loads: Callable[[], object]) -> Iterator[None]:
    """Meanwhile load what torch needs for its first optimizer, a second of work, and what else is to be."""
    loading = Thread(target=lambda: (torch.compiler.disable(lambda: None), loads()), daemon=True)
    loading.start()
    try:
        yield
    finally:
        loading.join()


def _own_search_path() -> list[str]:
    """Where the driver looks for a game class of the user's own, so that workers find it: not what Python comes with.

    The working directory is among it only if the driver looks there too: in a stranger's folder it must not.
    """
    installed = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)}
    entries = [Path(entry).resolve() for entry in sys.path]
    return [str(entry) for entry in entries if not any(entry.is_relative_to(prefix) for prefix in installed)]


def _join(address: str, num_env_runners: int, loads: Callable[[], object]) -> None:
    host, colon, port = address.rpartition(":")
    try:
        if colon:  # asked first because Ray itself tries for many minutes
            _refuse_silent(host.strip("[]"), int(port))
        _start(num_env_runners, loads, address=address)
    except OSError as error:
        raise InvalidFieldError("ray_address", f"no Ray answers at {address}", "that of a running cluster") from error
    except AuthenticationError as error:
        allowed = "RAY_AUTH_MODE=token and the cluster's token in RAY_AUTH_TOKEN or ~/.ray/auth_token"
        raise InvalidFieldError("ray_address", f"the Ray at {address} wants another token", allowed) from error


def _refuse_silent(host: str, port: int) -> None:
    """Say hello as gRPC does, and nothing else: whoever is there must answer in its protocol, and soon.

    Raises:
        OSError: nobody is there, or somebody who does not answer so.
    """
    with socket.create_connection((host, port), CONNECT_TIMEOUT) as connection:
        if os.environ.get("RAY_USE_TLS", "0") != "0":
            return  # a handshake comes first
        connection.sendall(HELLO)
        answer = connection.recv(FRAME, socket.MSG_WAITALL)
    if len(answer) < FRAME or answer[3] != SETTINGS:
        raise ConnectionError("no gRPC")


def _refuse_open() -> None:
    mode = os.environ.get("RAY_AUTH_MODE", "token")
    if os.environ.get(LOOPBACK) != "0" and mode != "token":
        raise InvalidFieldError(
            "RAY_AUTH_MODE", f"{mode}, and Ray would listen beyond loopback", f"token, or {LOOPBACK}=0"
        )


def _refuse_too_many(num_env_runners: int) -> None:
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if num_env_runners > cpus:
        raise InvalidFieldError("num_env_runners", f"{num_env_runners} on {cpus} CPUs", f"0..{cpus} on this Ray")


@contextmanager
def torch_threads() -> Iterator[None]:
    """One torch thread while training: the networks are too small to share, and results repeat."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
