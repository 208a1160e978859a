"""Games with faults of their own: they raise, hang or kill their process, in plays that a file counts for all."""

import os
import signal
import sys
import time
from pathlib import Path

from tests.games_for_tests import NoisyAllocation
from tests.populations_for_tests import Levy


class Faults:
    """Fails in batches of plays after the `first`, up to the `last`, counted over all processes.

    Args: folder: where the file `count` is, and one of the name of every process that made the game; how: "raise",
    "hang" (in Python), "exit", "kill"; spared: a process that never fails; after: what must be in the folder before
    plays are counted.
    """

    def __init__(self, folder, how="raise", first=0, last=10**9, spared=0, after=""):
        self.folder, self.how, self.first, self.last, self.spared = Path(folder), how, first, last, spared
        self.after = self.folder / after
        (self.folder / f"{os.getpid()}.process").touch()

    def play(self):
        if os.getpid() != self.spared and self.after.exists():
            with (self.folder / "count").open("ab") as stream:
                stream.write(b".")
                played = stream.tell()
            if self.first < played <= self.last:
                self.fail(played)

    def fail(self, played):
        if self.how == "raise":
            raise ConnectionError(f"the simulator went away in batch {played}")
        if self.how == "exit":
            sys.exit(0)
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while True:
            time.sleep(0.01)


class FailingGame(NoisyAllocation):
    """With faults in batches of plays that start."""

    def __init__(
        self, folder: str, how: str = "raise", first: int = 0, last: int = 10**9, spared: int = 0, after: str = ""
    ):
        super().__init__(0.1)
        self.faults = Faults(folder, how, first, last, spared, after)

    def start(self, types, chance):
        self.faults.play()
        return super().start(types, chance)


class FailingLevy(Levy):
    """A game with a population, with faults in its periods."""

    def __init__(self, *, folder: str, how: str = "raise", first: int = 0, last: int = 10**9, spared: int = 0):
        super().__init__()
        self.faults = Faults(folder, how, first, last, spared)

    def transition(self, state, leader, members, uniforms):
        self.faults.play()
        return super().transition(state, leader, members, uniforms)


def processes(folder):
    """Numbers of the processes that made the game, but for this one."""
    return sorted({int(path.stem) for path in Path(folder).glob("*.process")} - {os.getpid()})
