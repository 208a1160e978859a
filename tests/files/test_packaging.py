"""What a wheel is made of: every package of the tree, and what git keeps of it."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import rllib_stackelberg

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


PROGRAM = """
from rllib_stackelberg import FollowerModel, LeaderSettings, MultiplicativeWeights, evaluate_strategy, make_game, solve

game = make_game("conitzer", mixed=True)
best = solve(game)
if best is not None:
    reveal_type(best.leader_value)
    settings = LeaderSettings(followers=(MultiplicativeWeights(epsilon=0.05),))
    named = LeaderSettings(followers="mw", models=["logit", FollowerModel(followers=MultiplicativeWeights())])
    reveal_type(named.followers)
    found = evaluate_strategy(best.leader_strategy, settings, game=game)
    reveal_type(found.certificate.deviation_gain)
    print(best.leader_value + found.leader_value)
"""


@pytest.mark.learning  # reads the types of all that the program imports: a minute without a cache
def test_a_users_program_finds_the_packages_types(tmp_path):
    """With all that `mypy --strict` asks for, and without Ray's own types; a wrong use is found.

    `python -m pytest -m learning tests/files`.
    """
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "wrong.py").write_text(PROGRAM + "    LeaderSettings(followers=3)\n    best.leader_value.upper()\n")
    (tmp_path / "mypy.ini").write_text("[mypy]\n")  # not this project's own configuration
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "program.py", "wrong.py"]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 2, done.stdout
    assert all(each.startswith("wrong.py:") for each in errors)
    assert 'incompatible type "int"' in errors[0]
    assert 'has no attribute "upper"' in errors[1]
    assert len(re.findall(r'"(?:builtins\.)?tuple\[rllib_stackelberg\S+Learner, \.\.\.\]"', done.stdout)) == 2
    assert len(re.findall(r'Revealed type is "(?:builtins\.)?float"', done.stdout)) == 4


def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "rllib_stackelberg.__version__"}


def test_the_citation_is_of_this_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "title", "message", "authors"} <= citation.keys()
    assert citation["title"] == "rllib-stackelberg"
    assert citation.get("version", rllib_stackelberg.__version__) == rllib_stackelberg.__version__
    assert "2210.03852" in citation["references"][0]["notes"]


@pytest.mark.parametrize("extra", ["docs", "test"])
def test_extras_that_contributing_names_exist(extra):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["optional-dependencies"][extra]
    assert extra in (ROOT / "CONTRIBUTING.md").read_text()
