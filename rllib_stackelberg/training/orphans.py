"""No process outlives a run that was killed.

What a Ray of one's own starts ends with the driver, but the helpers of those processes notice only when they look: on a
busy machine that is late. So a guard waits beside the run, for a pipe to close that only the driver holds, and ends
every process that carries the run's mark in its environment. Linux only; elsewhere there is no guard.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

MARK = "RLLIB_STACKELBERG_GUARDED_RUN"

GUARD = """
import os, signal, sys, time
mark = sys.argv[1].encode()
sys.stdin.buffer.read()
for _ in range(20):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as stream:
                if mark in stream.read().split(b"\\0"):
                    os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass
    time.sleep(0.25)
"""
"""Looks for five seconds: what is just being started has its environment a moment later."""


@contextmanager
def no_orphans() -> Iterator[None]:
    """If this process is killed in here, so are those that were started in here, and theirs."""
    if not sys.platform.startswith("linux"):
        yield
        return
    before, mark = os.environ.get(MARK), uuid.uuid4().hex
    line = [sys.executable, "-S", "-c", GUARD, f"{MARK}={mark}"]
    guard = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    os.environ[MARK] = mark
    try:
        yield
    finally:
        del os.environ[MARK]
        if before is not None:
            os.environ[MARK] = before
        guard.kill()
        guard.wait()
