"""Signals that tell a run to stop: it ends the iteration it is in, saves, and says how to go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rllib_stackelberg.errors import InterruptedRunError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """The signal that has arrived, if one has."""

    signal: signal.Signals | None = None

    def arrive(self, number: int, _: Any) -> None:
        """Note a signal; a second one does not wait for the iteration."""
        second, self.signal = self.signal is not None, signal.Signals(number)
        if second:
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
