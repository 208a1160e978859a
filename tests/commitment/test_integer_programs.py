"""What compiled code prints does not get into what a command says."""

import subprocess
import sys

PROGRAM = """
import ctypes
from rllib_stackelberg.commitment.integer_programs import nothing_printed, solved
libc = ctypes.CDLL(None)
print("before")
with nothing_printed():
    libc.printf(b"of its own accord")
print("between")
libc.printf(b"said")
libc.fflush(None)
found = solved(c=[-1.0], integrality=[1], bounds=(0, 2.5))
print(found.x)
"""


def test_nothing_is_printed_that_compiled_code_holds_back():
    done = subprocess.run([sys.executable, "-u", "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["before", "between", "said[2.]"]


WITHOUT = """
import os, sys
os.close(1)
from rllib_stackelberg.commitment.integer_programs import solved
sys.exit(int(solved(c=[-1.0], integrality=[1], bounds=(0, 2.5)).x[0]))
"""


def test_a_process_without_standard_output_solves_too():
    assert subprocess.run([sys.executable, "-c", WITHOUT], check=False).returncode == 2
