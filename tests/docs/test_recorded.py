"""Recorded tables are what their scripts make: the cheap ones are made again here, all of them by `-m learning`."""

import json
import re
import runpy
import subprocess
import sys

import numpy as np
import pytest

from rllib_stackelberg.reports import markdown_table
from tests.docs.written import ROOT, WRITTEN, text_of

FIGURES = ROOT / "tuned_examples" / "figures"
WRITER = re.compile(r"Written by `python (.*) --out DIR` on 20\d\d-\d\d-\d\d\.\n$")
COMMAND = re.compile(r"`\s*(?:python|rllib-stackelberg|/usr/bin/time)[^`]*`|^\$ |\{include\}", re.M)
NUMBERS = re.compile(r"^\|.*\| *[-±]?[\d,]*\.?\d+ *[|;, ±(].*\|$", re.M)
NOT_AGAIN = {"response_cost": "a table of times", "taxation_steadiness": "takes an hour"}
TABLES = sorted(file for file in FIGURES.glob("*.md"))


def table_of(file):
    """Without the line that says who wrote it."""
    return file.read_text(encoding="utf-8").partition("\n\n")[0]


def script(path):
    return runpy.run_path(str(ROOT / "tuned_examples" / path))


def test_what_retailers_learn_is_what_was_recorded():
    made = script("online/newsvendor_lnpg.py")
    recorded = json.loads((FIGURES / "newsvendor_lnpg.json").read_text(encoding="utf-8"))
    for found in recorded.values():
        found["error"] = found["error"] and {int(time): error for time, error in found["error"].items()}
    rows = [made["cells"](tuple(pair.split(" against ")), found) for pair, found in recorded.items()]
    assert markdown_table(rows) == table_of(FIGURES / "newsvendor_lnpg.md")
    assert [tuple(pair.split(" against ")) for pair in recorded] == list(made["PAIRS"])


def test_what_manipulation_gains_is_computed_again():
    made = script("online/bimatrix_manipulation.py")
    rows = made["cells"]("actions of each", made["exact"]())
    assert markdown_table(rows) == table_of(FIGURES / "bimatrix_manipulation_exact.md")


def test_what_leaders_lose_is_what_reproduce_recorded():
    made = script("figures/welfare_bits.py")
    drawn = json.loads((FIGURES / "welfare_bits.drawing.json").read_text(encoding="utf-8"))["data"]["panels"]
    for title in made["PANELS"]:
        again = made["lost"](made["learned"](title))
        assert np.array(drawn[title][made["LEARNED"]]) == pytest.approx(np.array(again), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("page", [page for page in WRITTEN if page.startswith("measured/")])
def test_a_page_of_numbers_names_what_prints_them(page):
    """Each part with a table: there, or in a part of the page that lists the commands."""
    parts = re.split(r"^(?=## )", text_of(page), flags=re.M)
    listed = any(part.startswith("## The commands") for part in parts)
    silent = [part.splitlines()[0] for part in parts if NUMBERS.search(part) and not COMMAND.search(part)]
    assert listed or not silent or page == "measured/index.md"


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_a_recorded_table_says_who_wrote_it_and_stands_on_a_page(file):
    command = WRITER.search(file.read_text(encoding="utf-8")).group(1)
    assert (ROOT / command.split()[0]).exists()
    assert any(f"{{include}} ../../tuned_examples/figures/{file.name}\n" in text_of(page) for page in WRITTEN)


@pytest.mark.learning  # minutes
@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_its_command_writes_it_again(file, tmp_path):
    """`python -m pytest -m learning tests/docs/test_recorded.py`; times alone are others each time."""
    if file.stem in NOT_AGAIN:
        pytest.skip(NOT_AGAIN[file.stem])
    command = WRITER.search(file.read_text(encoding="utf-8")).group(1).split()
    subprocess.run([sys.executable, *command, "--out", str(tmp_path)], cwd=ROOT, check=True)
    assert table_of(tmp_path / file.name) == table_of(file)
