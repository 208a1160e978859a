"""A time limit on code that may never return.

A game in Python, or one that sleeps, is interrupted by an alarm signal, and the error says where it was. A game that is
stuck in compiled code cannot be: for that the interpreter's own watchdog, which needs no interpreter lock, prints where
every thread is and ends the process.
"""

from __future__ import annotations

import faulthandler
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

GRACE_SECONDS = 10.0
"""Between the alarm and the end of a process that did not react to it."""

LOOKS = 4
"""Alarms in the time that a single call may take."""

EARLY_SECONDS = 1e-3
"""By which an alarm may ring before its time."""

OWN, GAMES = {"rllib_stackelberg", "numpy", "scipy", "numba", "contextlib", "functools"}, "rllib_stackelberg.envs."
"""Packages that no game is in, but for those games."""

WATCHED_FROM = "rllib_stackelberg.training.running.failures"
"""What calls games under a limit."""


class DeadlineError(Exception):
    """Code did not return in time."""


class TimeIsUpError(BaseException):
    """The time that something was given is over: no fault of anything, and nothing to be survived."""


class Watch:
    """Looks at what runs whenever an alarm rings: how long in all, and how long one call into somebody else's code.

    Somebody else's alarm that was set before rings in time, too.

    Args:
        seconds: in which everything must be done; one_call: in which a single call must return, None: no such limit.
        overdue: what is raised when the seconds are over.
    """

    def __init__(self, seconds: float, one_call: float | None = None, overdue: type[BaseException] = DeadlineError):
        self.seconds, self.one_call, self.overdue = seconds, one_call, overdue
        self._ends = time.monotonic() + seconds
        self._call: FrameType | None = None
        self._since = self._ends
        self._other: Any = signal.signal(signal.SIGALRM, self.ring)
        left, self._interval = signal.setitimer(signal.ITIMER_REAL, 0)
        self._other_rings = time.monotonic() + left if left else math.inf
        self._arm()

    def _arm(self) -> None:
        now = time.monotonic()
        look = math.inf if self.one_call is None else now + self.one_call / LOOKS
        signal.setitimer(signal.ITIMER_REAL, max(min(self._ends, self._other_rings, look) - now, EARLY_SECONDS))

    def end(self) -> None:
        """Give the alarm back."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._other)
        if self._other_rings < math.inf:
            left = max(self._other_rings - time.monotonic(), EARLY_SECONDS)
            signal.setitimer(signal.ITIMER_REAL, left, self._interval)

    def ring(self, number: int, frame: FrameType | None) -> None:
        """An alarm.

        Raises:
            DeadlineError: it has been too long; or what else was asked for.
        """
        now = time.monotonic() + EARLY_SECONDS
        if now >= self._other_rings:
            self._other_rings = math.inf
            self._other(number, frame)
        if now >= self._ends:
            raise self.overdue(f"no return within {self.seconds:g} s")
        if self.one_call is not None:
            self._look(outer_call(frame), now, self.one_call)
        self._arm()

    def _look(self, call: FrameType | None, now: float, most: float) -> None:
        if call is None or call is not self._call:  # held, so that no later frame can take its place
            self._call, self._since = call, now
        elif now - self._since >= most:
            raise DeadlineError(f"a call did not return within {most:g} s")


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
    faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=sys.__stderr__ or 2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        watch.end()


@contextmanager
def until(end: float) -> Iterator[None]:
    """Raise `TimeIsUpError` in what runs inside at that time (of the monotonic clock, inf: never); in the main thread.

    What is cut may be left half done: it must not be gone on with.
    """
    if end == math.inf or threading.current_thread() is not threading.main_thread():
        yield
        return

    watch = Watch(end - time.monotonic(), overdue=TimeIsUpError)
    try:
        yield
    finally:
        watch.end()
