"""Processes that a killed run started end with it, at once; those of a run that ends well are its own business."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rllib_stackelberg.training.running.orphans import no_orphans

SCRIPT = """
import subprocess, sys, time
from rllib_stackelberg.training.running.orphans import no_orphans
with no_orphans("go on with: something"):
    # A child, and a child's child that its parent has left in a session of its own.
    child = subprocess.Popen(["sleep", "60"])
    leave = "import subprocess as s, time; print(s.Popen(['sleep', '61'], stdout=-3, start_new_session=True).pid)"
    leave += "; time.sleep(1)"
    other = subprocess.run([sys.executable, "-S", "-c", leave], stdout=subprocess.PIPE, text=True).stdout
    print(child.pid, other, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is a guard on Linux only")
def test_what_a_killed_process_started_is_killed():
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    driver = subprocess.Popen([sys.executable, "-c", SCRIPT], text=True, env=environment, **pipes)
    started = [psutil.Process(int(pid)) for pid in driver.stdout.readline().split()]
    assert [each.cmdline()[-1] for each in started] == ["60", "61"]
    driver.kill()
    driver.wait()
    gone, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    assert len(gone) == 2
    assert driver.stderr.readline() == "go on with: something\n"  # the driver could not say it


def test_a_process_that_ends_well_kills_nobody():
    with no_orphans():
        child = subprocess.Popen(["sleep", "60"])
    time.sleep(0.5)
    assert child.poll() is None
    child.kill()
    child.wait()
