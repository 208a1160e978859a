"""The picture of the first guide, drawn by the guide's own blocks.

`python -m docs.generators.guide_picture` writes docs/static/first_mechanism.svg.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from .pieces import BLOCK, DOCS

FILE = DOCS / "static" / "first_mechanism.svg"
GUIDE, SAVED = DOCS / "first_mechanism.md", "mechanism.svg"


def drawn() -> str:
    """What the guide saves: its blocks of Python run in order, up to the one that does, in a folder of their own."""
    names: dict[str, object] = {}
    before = Path.cwd()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for block in BLOCK.finditer(GUIDE.read_text(encoding="utf-8")):
                if block["language"] == "python" and not Path(SAVED).exists():
                    exec(compile(block["code"], GUIDE.name, "exec"), names)
            return Path(SAVED).read_text(encoding="utf-8")
        finally:
            os.chdir(before)


if __name__ == "__main__":
    FILE.write_text(drawn(), encoding="utf-8")
