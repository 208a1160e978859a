"""Signals that tell a run to stop: it ends the iteration it is in, saves, and says how to go on."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rllib_stackelberg.errors import InterruptedRunError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


SAME_SECONDS = 10.0
"""After a signal that ended an iteration, in which others say the same: what ends the run must not be ended by them."""


class Interruption:
    """The signal that has arrived, if one has."""

    signal: signal.Signals | None = None
    _raised = -math.inf

    def arrive(self, number: int, _: Any) -> None:
        """Note a signal; a second one does not wait for the iteration."""
        second, self.signal = self.signal is not None, signal.Signals(number)
        if second and time.monotonic() - self._raised >= SAME_SECONDS:
            self._raised = time.monotonic()
            raise self.error()

    def error(self) -> InterruptedRunError:
        """What the run ends with: 128 and the number of the signal, as shells have it."""
        assert self.signal is not None
        return InterruptedRunError(f"stopped by {self.signal.name}", 128 + self.signal)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait for the end of something short that must be done whole; the first arrives then.

    Starting Ray and ending it are such: a signal in the midst of either leaves processes behind.
    """
    arrived: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda given, _: arrived.append(given)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Note SIGINT and SIGTERM instead of dying of them; in the main thread only, where signals arrive."""
    found = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield found
        return
    before = {number: signal.signal(number, found.arrive) for number in SIGNALS}
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
