"""No process outlives a run that was killed.

What a Ray of one's own starts ends with the driver, but the helpers of those processes notice only when they look: on a
busy machine that is late. So a guard waits beside the run, for a pipe to close that only the driver holds, and ends
every process that descends from it. Linux only; elsewhere there is no guard.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

GUARD = """
import os, select, signal, sys

driver, family = int(sys.argv[1]), {}

def grow():
    born, parents = {}, {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            with open(f"/proc/{pid}/stat") as stream:
                fields = stream.read().rpartition(")")[2].split()
            parents[pid], born[pid] = int(fields[1]), fields[19]
        except OSError:
            pass
    ours = {driver} | {pid for pid in family if born.get(pid) == family[pid]}
    while new := {pid for pid, parent in parents.items() if parent in ours} - ours - {os.getpid()}:
        ours |= new
    for pid in list(family):
        if pid not in ours:
            del family[pid]
    family.update({pid: born[pid] for pid in ours - {driver}})

while not select.select([0], [], [], 0.25)[0]:
    grow()
if sys.argv[2]:
    os.write(2, (sys.argv[2] + "\\n").encode())
for _ in range(20):
    grow()
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    select.select([], [], [], 0.25)
"""
"""Keeps track of who descends from the driver: a process that gives itself a title forgets its environment."""


@contextmanager
def no_orphans(farewell: str = "") -> Iterator[None]:
    """If this process is killed in here, so are those that were started in here, and theirs.

    Args:
        farewell: what is then said on standard error, because whoever was killed (or ended by Ray, whose own process
            on this machine has died) could say nothing.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    line = [sys.executable, "-S", "-c", GUARD, str(os.getpid()), farewell]
    guard = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        guard.kill()
        guard.wait()
