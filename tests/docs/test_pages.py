"""Every code block of the documentation is run, and pages that are generated say what the code says.

Blocks of a page run in order, in one folder and one Python namespace. A `text` block is what the block before it
prints; `...` in it stands for anything. What trains is marked `<!-- trains -->` and runs with
`python -m pytest -m learning tests/docs`.
"""

import doctest
import os
import re
import shlex
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from docs.generators import pages
from docs.generators.commands import marked
from docs.generators.notebooks import NOTEBOOKS, notebook
from docs.generators.pieces import BLOCK, included
from rllib_stackelberg import games, make_game, solve
from rllib_stackelberg.cli import app
from tests.test_readme import block as block_of_readme

DOCS = Path(__file__).parents[2] / "docs"
WRITTEN = sorted(path.name for path in DOCS.glob("*.md"))
GENERATED = pages()
GENERATED_PART = re.compile(r"```\{include\} generated/(\S+)\n```")
CHECK = doctest.OutputChecker()
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A block of code; `shown` is what stands below it as its output."""

    language: str
    code: str
    mark: str
    shown: str | None


def whole(text: str) -> str:
    """With what a page includes, written or generated, in its place."""
    return GENERATED_PART.sub(lambda match: GENERATED[match[1]], included(text))


def blocks(text: str) -> list[Block]:
    """In order, each with its output."""
    found = [(m["language"], m["code"], m["mark"] or "") for m in BLOCK.finditer(whole(text))]
    following = [*found, ("", "", "")][1:]
    return [
        Block(language, code, mark, after[1] if after[0] == "text" else None)
        for (language, code, mark), after in zip(found, following, strict=True)
        if language != "text"
    ]


def run(block: Block, names: dict) -> None:
    """Runs it and compares what it prints."""
    if block.mark.startswith("saved as "):
        Path(block.mark.removeprefix("saved as ")).write_text(block.code)
        return
    if block.language == "bash":
        assert block.code in {marked("main command"), marked("test command")}  # CI and the first user run them
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
@pytest.mark.parametrize("page", WRITTEN)
def test_blocks_of_a_page_run(page):
    names: dict = {}
    for each in blocks((DOCS / page).read_text(encoding="utf-8")):
        if each.mark != "trains":
            run(each, names)


@pytest.mark.learning
@pytest.mark.ray
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", [page for page in WRITTEN if "<!-- trains -->" in (DOCS / page).read_text()])
def test_blocks_that_train_run(page):
    names: dict = {}
    for each in blocks((DOCS / page).read_text(encoding="utf-8")):
        run(each, names)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", [page for page in GENERATED if page.startswith("games/")])
def test_blocks_of_a_games_page_run(page):
    for each in blocks(GENERATED[page]):
        run(each, {})


def test_the_game_of_the_guide_is_the_one_that_the_readme_tests():
    saved = [each for each in blocks((DOCS / "own_game.md").read_text()) if each.mark == "saved as posted_price.py"]
    assert [each.code for each in saved] == [block_of_readme("## Your own game")]


def test_every_game_has_a_page_with_its_parameters_and_its_optimum():
    assert {f"games/{spec.name}.md" for spec in games()} < GENERATED.keys()
    page = GENERATED["games/simple-allocation.md"]
    assert "| `types` | `3` | *integer in 1..1024*: how many types" in page
    assert f"{solve(make_game('simple-allocation')).leader_value:g}: closed form" in page


def test_links_between_pages_lead_somewhere():
    texts = {f"generated/{path}": text for path, text in GENERATED.items()}
    texts |= {page: (DOCS / page).read_text(encoding="utf-8") for page in WRITTEN}
    for page, text in texts.items():
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)[^)]*\)", text):
            place = (DOCS / page).parent / target
            inside = str(Path(*place.parts[len(DOCS.parts) :])) if place.is_relative_to(DOCS) else ""
            parts: list[str] = []
            for part in Path(inside).parts:
                parts = parts[:-1] if part == ".." and parts and parts[-1] != ".." else [*parts, part]
            assert "/".join(parts) in texts or place.resolve().exists(), f"{page}: {target}"


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
