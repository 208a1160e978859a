"""A game with faults of its own: it raises, hangs or kills its process, in plays that a file counts for all."""

import os
import signal
import sys
import time
from pathlib import Path

from tests.games_for_tests import NoisyAllocation


class FailingGame(NoisyAllocation):
    """Fails in batches of plays after the `first`, up to the `last`, counted over all processes.

    Args: folder: where the file `count` is, and one of the name of every process that made the game; how: "raise",
    "hang" (in Python), "exit", "kill"; spared: a process that never fails; after: what must be in the folder before
    plays are counted.
    """

    def __init__(
        self, folder: str, how: str = "raise", first: int = 0, last: int = 10**9, spared: int = 0, after: str = ""
    ):
        super().__init__(0.1)
        self.folder, self.how, self.first, self.last, self.spared = Path(folder), how, first, last, spared
        self.after = self.folder / after
        (self.folder / f"{os.getpid()}.process").touch()

    def start(self, types, chance):
        if os.getpid() != self.spared and self.after.exists():
            with (self.folder / "count").open("ab") as stream:
                stream.write(b".")
                played = stream.tell()
            if self.first < played <= self.last:
                self.fail(played)
        return super().start(types, chance)

    def fail(self, played):
        if self.how == "raise":
            raise ConnectionError(f"the simulator went away in batch {played}")
        if self.how == "exit":
            sys.exit(0)
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while True:
            time.sleep(0.01)


def processes(folder):
    """Numbers of the processes that made the game, but for this one."""
    return sorted({int(path.stem) for path in Path(folder).glob("*.process")} - {os.getpid()})
