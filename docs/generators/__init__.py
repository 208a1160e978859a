"""Pages that are generated: each module has `pages()`, a text for each path below `docs/generated`."""

import shutil
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path

from . import architecture, commands, games, learners, reference, results

GENERATORS = (architecture, commands, games, learners, reference, results)


def pages() -> Mapping[str, str]:
    """Every generated page by its path below `docs/generated`."""
    return ChainMap(*(generator.pages() for generator in GENERATORS))


def write_pages(folder: Path) -> None:
    """Write them into `folder`: what has not changed keeps its date, so that Sphinx reads it only once.

    Pages that are no longer generated are removed.
    """
    made = {folder / path: text for path, text in pages().items()}
    for old in folder.rglob("*") if folder.exists() else ():
        if old.is_file() and old not in made:
            old.unlink()
    for file, text in made.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    for empty in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(empty.iterdir()):
            shutil.rmtree(empty)
