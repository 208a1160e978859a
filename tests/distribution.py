"""How pytest-xdist hands out the files of a whole suite: those that start Ray to one process of two."""

from zlib import crc32

from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/training/", "tests/docs/", "tests/test_readme.py")
"""Where Ray is started, what the first training needs is loaded, and the pages of the documentation are made."""


class SuiteScheduling(LoadFileScheduling):
    """As `--dist loadfile`, but that files of `TOGETHER` stay together, so that one process in two pays for it.

    A Ray is seven processes and seconds of a core. Where there is too little else to do meanwhile, every file is apart.
    """

    def schedule(self):
        """Hand out what was collected."""
        collected = next(iter(self.registered_collections.values()))
        self.together = 4 * sum(nodeid.startswith(TOGETHER) for nodeid in collected) < len(collected)
        super().schedule()

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        if self.together and file.startswith(TOGETHER):
            return f"Ray {crc32(file.encode()) % max(1, self.numnodes // 2)}"
        return file
