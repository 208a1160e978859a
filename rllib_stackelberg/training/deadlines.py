"""A time limit on code that may never return.

A game in Python, or one that sleeps, is interrupted by an alarm signal, and the error says where it was. A game that is
stuck in compiled code cannot be: for that the interpreter's own watchdog, which needs no interpreter lock, prints where
every thread is and ends the process.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GRACE_SECONDS = 10.0
"""Between the alarm and the end of a process that did not react to it."""

LOOKS = 4
"""Alarms in the time that a single call may take."""

EARLY_SECONDS = 1e-3
"""By which an alarm may ring before its time."""

OWN, GAMES = {"rllib_stackelberg", "numpy", "scipy", "numba", "contextlib", "functools"}, "rllib_stackelberg.envs."
"""Packages that no game is in, but for those games."""

WATCHED_FROM = "rllib_stackelberg.training.failures"
"""What calls games under a limit."""


class DeadlineError(Exception):
    """Code did not return in time."""


class Watch:
    """Looks at what runs whenever an alarm rings: how long in all, and how long one call into somebody else's code.

    Args:
        seconds: in which everything must be done; one_call: in which a single call must return, None: no such limit.
    """

    def __init__(self, seconds: float, one_call: float | None):
        self.seconds, self.one_call = seconds, one_call
        self._ends = time.monotonic() + seconds
        self._call: FrameType | None = None
        self._since = self._ends

    @property
    def interval(self) -> float:
        """Seconds from one alarm to the next."""
        return self.seconds if self.one_call is None else min(self.seconds, self.one_call / LOOKS)

    def ring(self, _: int, frame: FrameType | None) -> None:
        """An alarm.

        Raises:
            DeadlineError: it has been too long.
        """
        now = time.monotonic()
        if now >= self._ends - EARLY_SECONDS:
            raise DeadlineError(f"no return within {self.seconds:g} s")
        if self.one_call is None:
            return
        call = outer_call(frame)
        if call is None or call is not self._call:  # held, so that no later frame can take its place
            self._call, self._since = call, now
        elif now - self._since >= self.one_call - EARLY_SECONDS:
            raise DeadlineError(f"a call did not return within {self.one_call:g} s")


def outer_call(frame: FrameType | None) -> FrameType | None:
    """The call by which what is watched came to be in somebody else's code, if that is where it is."""
    found = None
    while frame is not None and _module(frame) != WATCHED_FROM:
        if not _own(frame) and frame.f_back is not None and _own(frame.f_back):
            found = frame
        frame = frame.f_back
    return found


def _module(frame: FrameType) -> str:
    return frame.f_globals.get("__name__", "")


def _own(frame: FrameType) -> bool:
    """Whether it is the platform that runs there, or what the platform computes with."""
    name = _module(frame)
    return name.partition(".")[0] in OWN and not name.startswith(GAMES)


@contextmanager
def deadline(seconds: float, one_call: float | None = None) -> Iterator[None]:
    """Raise `DeadlineError` in what runs inside after that time; in the main thread only, where signals arrive.

    Args:
        seconds: for everything; one_call: for a single call into a game, which is looked for a few times in that time.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = Watch(seconds, one_call)
    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, watch.ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, watch.interval, watch.interval)
    faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=sys.__stderr__ or 2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:  # somebody else's alarm rings when it would have
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 1e-3), interval)
