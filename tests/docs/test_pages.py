"""Every code block of the documentation is run, and pages that are generated say what the code says.

Blocks of a page run in order, in one folder and one Python namespace. A `text` block is what the block before it
prints; `...` in it stands for anything. A block marked `<!-- trains -->` or `<!-- takes longer -->` runs with
`python -m pytest -m learning tests/docs`. `sh` blocks are shown and not run: test_commands.py looks at what is in them.
"""

import doctest
import os
import shlex
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from docs.generators.commands import marked
from docs.generators.notebooks import NOTEBOOKS, notebook
from rllib_stackelberg import games, make_game, solve
from rllib_stackelberg.cli import app
from tests.docs.links import lost_links
from tests.docs.written import DOCS, GENERATED, README, WRITTEN, Block, block_after, blocks, saved, text_of

CHECK = doctest.OutputChecker()
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
LONG = ("trains", "takes longer")


def run(block: Block, names: dict) -> None:
    """Runs it and compares what it prints."""
    if block.mark.startswith("saved as "):
        Path(block.mark.removeprefix("saved as ")).write_text(block.code)
        return
    if block.language == "bash":
        assert block.code in {marked("main command"), marked("test command")}  # CI and the first user run them
        return
    if block.language == "sh":
        return
    printed = {"python": run_python, "console": run_commands}[block.language](block.code, names)
    if block.shown is not None:
        assert CHECK.check_output(block.shown, printed, ALIKE), f"{block.code}\nprints\n{printed}"


def run_python(code: str, names: dict) -> str:
    out = StringIO()
    with redirect_stdout(out):
        exec(compile(code, "docs", "exec"), names)
    return out.getvalue()


def run_commands(code: str, names: dict) -> str:
    printed = []
    for line in code.splitlines():
        prompt, name, *arguments = shlex.split(line)
        assert (prompt, name) == ("$", "rllib-stackelberg"), line
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        printed.append(result.output)
    return "".join(printed)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", [page for page in WRITTEN if blocks(text_of(page))])
def test_blocks_of_a_page_run(page):
    names: dict = {}
    for each in blocks(text_of(page)):
        if each.mark not in LONG:
            run(each, names)


@pytest.mark.learning
@pytest.mark.ray
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", [page for page in WRITTEN if any(each.mark in LONG for each in blocks(text_of(page)))])
def test_blocks_that_take_longer_run(page):
    names: dict = {}
    for each in blocks(text_of(page)):
        run(each, names)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", [page for page in GENERATED if page.startswith("games/")])
def test_a_games_page_runs_and_its_links_lead_somewhere(page):
    assert lost_links(f"docs/generated/{page}", GENERATED[page]) == []
    for each in blocks(GENERATED[page]):
        run(each, {})


def test_the_game_of_the_guides_is_the_one_that_the_readme_tests():
    for page in ("own_game.md", "ties.md"):
        assert saved(page, "posted_price.py") == block_after(README, "## Your own game")


def test_every_game_has_a_page_with_its_parameters_and_its_optimum():
    assert {f"games/{spec.name}.md" for spec in games()} < GENERATED.keys()
    page = GENERATED["games/simple-allocation.md"]
    assert "| `types` | `3` | *integer in 1..1024*: how many types" in page
    assert f"{solve(make_game('simple-allocation')).leader_value:g}: closed form" in page


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_its_guide(name):
    """`python -m docs.generators.notebooks` writes them."""
    assert (DOCS / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8") == notebook(NOTEBOOKS[name])


@pytest.mark.learning
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    content = nbformat.read(DOCS / "notebooks" / f"{name}.ipynb", as_version=4)
    nbformat.validate(content)
    nbclient.NotebookClient(content, timeout=250, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = [output for cell in content.cells if cell.cell_type == "code" for output in cell.outputs]
    assert printed
    assert not [output for output in printed if output.output_type == "error"]
