"""Tables of the pages on what was measured, recorded by the commands that the pages name.

`python -m docs.generators.measured` runs, one after another, every command of a page under docs/measured that records
tables and that no recorded table says it was written by; an interrupted call goes on where it was. `--list` says what
would be run, and how long each command took last time. `--again` runs commands that are recorded, too. Names of pages
(`small_games messages`) leave the others out. Times are worth something only on a machine that does nothing else.

A command runs in runs/measured, where its own files stay (from which some commands go on); the tables, figures and data
that it writes go to tuned_examples/figures. A page shows a table by an `{include}` of its file there.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rllib_stackelberg.reports.recorded_tables import WRITTEN_BY

from .pieces import DOCS, FIGURES, included

ROOT = DOCS.parent
RUNS = ROOT / "runs" / "measured"
NAMED = re.compile(r"`(python\s+tuned_examples/[^`]*)`|^(python tuned_examples/.*)$", re.M)
RECORDS = ("write_table", "training.examples import")
"""What a script that records tables uses."""

Words = tuple[str, ...]


def words_of(command: str) -> Words:
    """A command's words, without the folder it writes to.

    >>> words_of('python it.py --only "types=3 messages=2" --out .')
    ('python', 'it.py', '--only', 'types=3 messages=2')
    """
    words = shlex.split(command)
    at = words.index("--out") if "--out" in words else len(words)
    return (*words[:at], *words[at + 2 :])


def commands(text: str) -> Iterator[Words]:
    """Commands that a page or the tables on it name, of scripts that record tables; each once."""
    named = ("".join(found) for found in NAMED.findall(included(text)))
    for words in dict.fromkeys(map(words_of, named)):
        source = (ROOT / words[1]).read_text(encoding="utf-8")
        if any(used in source for used in RECORDS):
            yield words


def recorded(tables: Iterable[Path]) -> dict[Words, str]:
    """By command, when tables say that it wrote them, and how long that took."""
    found = {}
    for table in tables:
        for said in WRITTEN_BY.finditer(table.read_text(encoding="utf-8")):
            found[words_of(said["command"])] = f"{said['day']}, {said['took'] or 'time not known'}"
    return found


def record(words: Words, folder: Path) -> bool:
    """Run a command where its tables' earlier rows are, and take over what it wrote; False: it failed or wrote none."""
    folder.mkdir(parents=True, exist_ok=True)
    for kept in FIGURES.glob("*.md"):
        for file in (kept, kept.with_suffix(".json")):
            if file.exists():
                shutil.copy2(file, folder)
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    ended = subprocess.run([sys.executable, *words[1:], "--out", str(folder)], cwd=ROOT, check=False).returncode
    new = [file for file in folder.iterdir() if before.get(file) != file.stat().st_mtime_ns]
    tables = [file for file in new if file.suffix == ".md"]
    if ended or words not in recorded(tables):
        return False
    data = [table.with_suffix(".json") for table in tables]
    for file in new:
        if file in tables or file in data or file.name.endswith((".svg", ".drawing.json")):
            shutil.copy2(file, FIGURES)
    return True


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pages = {page.stem: page for page in sorted((DOCS / "measured").glob("*.md"))}
    parser.add_argument("pages", nargs="*", help=f"of {', '.join(pages)}; default: all")
    parser.add_argument("--list", action="store_true", help="only say what would be run")
    parser.add_argument("--again", action="store_true", help="also what is recorded")
    arguments = parser.parse_args()
    if unknown := set(arguments.pages) - pages.keys():
        parser.error(f"no such page: {', '.join(sorted(unknown))}; pages: {', '.join(pages)}")
    known, failed = recorded(FIGURES.glob("*.md")), []
    for name in arguments.pages or pages:
        for words in commands(pages[name].read_text(encoding="utf-8")):
            due = arguments.again or words not in known
            print(f"{name}: {shlex.join(words)}: {known.get(words, 'not recorded yet')}", flush=True)
            if due and not arguments.list and not record(words, RUNS / name):
                failed.append(shlex.join(words))
    if failed:
        sys.exit("Failed, or wrote no table that names the command:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
