"""What a wheel is made of: every package of the tree, and what git keeps of it."""

import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_every_package_is_named_in_the_project_file():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = {file.parent.relative_to(ROOT) for file in (ROOT / "rllib_stackelberg").rglob("__init__.py")}
    packages = {".".join(folder.parts) for folder in folders} | {"rllib_stackelberg.envs"}
    assert set(project["tool"]["setuptools"]["packages"]) == packages


def test_git_ignores_no_source():
    """A pattern for the folder that runs go to once took the package of that name with it."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout of git")
    sources = [
        str(f.relative_to(ROOT)) for top in ("rllib_stackelberg", "envs", "tests") for f in (ROOT / top).rglob("*.py")
    ]
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *sources], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ignored.stdout.split() == []
