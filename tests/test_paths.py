"""Files and modules that are named in the documentation and in comments are there."""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

from docs.generators.architecture import pages
from tests.test_imports import FLOOR

ROOT = Path(__file__).parents[1]
TEXTS = [
    ROOT / "README.md",
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if not {"generated", "_build"} & set(path.parts)),
    *sorted(path for path in (ROOT / "docker").rglob("*") if path.is_file()),
]
CODE = sorted(
    path
    for folder in ("rllib_stackelberg", "envs", "tuned_examples", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
SOURCES = {f"/{path.relative_to(ROOT).as_posix()}" for path in CODE}
FILE = re.compile(r"(?<![\w./:<>*{}-])[\w/-]+\.py\b(?!:)")
SAVED = re.compile(r"(?:Saved as `|<!-- saved as )(\w+\.py)")
READERS = {"leader_episode.py", "__init__.py"}
READERS |= {name for path in TEXTS for name in SAVED.findall(path.read_text(encoding="utf-8"))}
"""What a reader saves, or has."""


def prose(path):
    """Docstrings and comments: what code says to readers, not what it works with."""
    text = path.read_text(encoding="utf-8")
    return re.findall(r'""".*?"""|#[^\n]*', text, re.S)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documentation_names_files_and_folders_that_are_there(path):
    text = path.read_text(encoding="utf-8")
    named = set(FILE.findall(text)) - READERS
    folders = set(re.findall(r"`((?:rllib_stackelberg|envs|tests|docker|docs|tuned_examples)/[\w/-]*)`", text))
    assert not [name for name in sorted(named | folders) if not (ROOT / name).exists()]


def test_documentation_names_modules_that_are_there():
    named = {name for path in TEXTS for name in re.findall(r"\brllib_stackelberg(?:\.\w+)+", path.read_text("utf-8"))}
    named |= set(re.findall(r'"(rllib_stackelberg(?:\.\w+)+)"', (ROOT / "pyproject.toml").read_text("utf-8")))
    assert len(named) > 5
    assert not [name for name in sorted(named) if not is_there(name)]


def is_there(name):
    """Whether a dotted name is a module, or what a module holds."""
    try:
        if importlib.util.find_spec(name):
            return True
    except ModuleNotFoundError:
        pass
    module, _, last = name.rpartition(".")
    return hasattr(importlib.import_module(module), last)


def test_comments_name_files_that_are_there():
    assert len(CODE) > 100
    missing = {}
    for path in CODE:
        named = {name for text in prose(path) for name in FILE.findall(text)} - READERS
        missing[path] = [name for name in sorted(named) if not any(source.endswith(f"/{name}") for source in SOURCES)]
    assert not {path.relative_to(ROOT).as_posix(): names for path, names in missing.items() if names}


def test_the_floors_of_the_architecture_are_those_of_the_imports():
    page = pages()["architecture/floors.md"]
    named = [package for package in re.findall(r"^\| \d* \| `(\w+)` \|", page, re.M) if package in FLOOR]
    packages = {path.parent.name for path in (ROOT / "rllib_stackelberg").glob("*/__init__.py")} | {"envs"}
    assert packages <= set(named)
    assert [FLOOR[package] for package in named] == sorted((FLOOR[package] for package in named), reverse=True)
    assert not re.search(r"\| *\|$", page, re.M)  # every package says what it is


def test_moved_modules_are_where_the_changelog_says():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+`) \| `([\w.*]+)` \|$", text[text.index("### Moved modules") :], re.M)
    assert len(rows) > 30
    for before, now in rows:
        for old in re.findall(r"`([\w.*]+)`", before):
            new = now if old.endswith(".*") else now.replace("*", old.rpartition(".")[2])
            assert is_there(f"rllib_stackelberg.{new.removesuffix('.*')}"), (old, new)
