"""Mixed-integer programmes whose solver keeps to itself.

HiGHS prints a line of its own to standard output where it mends a solution that it had found in a reduced programme,
whatever it is told of printing. C keeps that back until the process ends. There it would stand behind what a command
has said: behind the line of JSON that others read.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = LazyModule("scipy.optimize")


def solved(**arguments: Any) -> optimize.OptimizeResult:
    """What `scipy.optimize.milp` finds, with nothing printed; arguments as of it."""
    with nothing_printed():
        return optimize.milp(**arguments)


@contextlib.contextmanager
def nothing_printed() -> Iterator[None]:
    """Send what compiled code writes to standard output nowhere, where there is one; Python's is written before.

    Not in a thread: what others print meanwhile would be lost with it. Who asks for what the thread has found passes
    through here, and sends nowhere what C has kept back till then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # there is no standard output
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
