"""Recorded tables are what their scripts make: the cheap ones are made again here, all of them by `-m learning`."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from docs.generators import measured
from docs.generators.measured import commands, recorded
from rllib_stackelberg.reports import markdown_table
from rllib_stackelberg.runs.algorithms import ALGORITHMS
from tests.docs.written import ROOT, WRITTEN, text_of

FIGURES = ROOT / "tuned_examples" / "figures"
COMMAND = re.compile(r"`\s*(?:python|rllib-stackelberg|/usr/bin/time)[^`]*`|^\$ |\{include\}", re.M)
NUMBERS = re.compile(r"^\|.*\| *[-±]?[\d,]*\.?\d+ *[|;, ±(].*\|$", re.M)
HOURS = ("steadiness", "ablation", "governments", "compared", "shocks", "non_adopters", "ties")
NOT_AGAIN = {"response_cost": "a table of times"} | {
    f"taxation_{name}{constants}": "trains for long" for name in HOURS for constants in ("", "_taxai")
}
MEASURED = [page for page in WRITTEN if page.startswith("measured/")]
TABLES = sorted(file for file in FIGURES.glob("*.md"))


def table_of(file):
    """Without the line that says who wrote it."""
    return file.read_text(encoding="utf-8").partition("\n\n")[0]


def script(path):
    return runpy.run_path(str(ROOT / "tuned_examples" / path))


def test_what_retailers_learn_is_what_was_recorded():
    made = script("online/newsvendor_lnpg.py")
    kept = json.loads((FIGURES / "newsvendor_lnpg.json").read_text(encoding="utf-8"))
    for found in kept.values():
        found["error"] = found["error"] and {int(time): error for time, error in found["error"].items()}
    rows = [made["cells"](tuple(pair.split(" against ")), found) for pair, found in kept.items()]
    assert markdown_table(rows) == table_of(FIGURES / "newsvendor_lnpg.md")
    assert [tuple(pair.split(" against ")) for pair in kept] == list(made["PAIRS"])


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


@pytest.mark.parametrize("page", MEASURED)
def test_a_page_of_numbers_names_what_prints_them(page):
    """Each part with a table: there, or in a part of the page that lists the commands."""
    parts = re.split(r"^(?=## )", text_of(page), flags=re.M)
    listed = any(part.startswith("## The commands") for part in parts)
    silent = [part.splitlines()[0] for part in parts if NUMBERS.search(part) and not COMMAND.search(part)]
    assert listed or not silent or page == "measured/index.md"


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_a_recorded_table_says_who_wrote_it_and_stands_on_a_page(file):
    writers = list(recorded([file]))
    assert writers
    assert all((ROOT / script).exists() for _, script, *_ in writers)
    assert any(f"{{include}} ../../tuned_examples/figures/{file.name}\n" in text_of(page) for page in WRITTEN)


@pytest.mark.learning  # minutes
@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_its_command_writes_it_again(file, tmp_path):
    """`python -m pytest -m learning tests/docs/test_recorded.py`; times alone are others each time."""
    if file.stem in NOT_AGAIN:
        pytest.skip(NOT_AGAIN[file.stem])
    writers = list(recorded([file]))
    if any(Path(script).parent.name.upper() in ALGORITHMS for _, script, *_ in writers):
        pytest.skip("trains for hours; tests/test_learning.py holds it to its bars")
    for _, *words in writers:
        subprocess.run([sys.executable, *words, "--out", str(tmp_path)], cwd=ROOT, check=True)
    assert table_of(tmp_path / file.name) == table_of(file)


def test_pages_name_commands_as_their_tables_do():
    """Else the recorder would not see that a command is recorded: options of tuned examples stand in one order."""
    options, seen = ["--seeds", "--only", "--max-seconds", "--table"], 0
    for page in MEASURED:
        for _, script, *words in commands(text_of(page)):
            if Path(script).parent.name.upper() in ALGORITHMS:
                given = [word for word in words if word.startswith("--")]
                assert given == [option for option in options if option in given], (page, script)
                assert given[0] == "--seeds", (page, script)
                seen += 1
    assert seen > 20


SCRIPT = """
import sys
from pathlib import Path
from rllib_stackelberg.reports.recorded_tables import write_table  # as tables are recorded

it, *seeds, _, out = sys.argv
write_table(Path(out) / "it.md", [{"seeds": "".join(seeds)}], f"python {it} --seeds 2")
"""


def test_a_page_is_recorded_once_and_again_on_demand(tmp_path, monkeypatch, capsys):
    """Of two commands one says another name below its table: it failed, and is not taken over."""
    page, script, figures = tmp_path / "docs/measured/it.md", tmp_path / "tuned_examples/it.py", tmp_path / "figures"
    for file in (page, script, figures / "old.json"):
        file.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("`python\ntuned_examples/it.py --seeds 2`, `python tuned_examples/it.py --seeds 3 --out .`")
    script.write_text(SCRIPT)
    for name, value in {
        "DOCS": tmp_path / "docs", "ROOT": tmp_path, "FIGURES": figures, "RUNS": tmp_path / "runs"
    }.items():  # fmt: skip
        monkeypatch.setattr(measured, name, value)
    assert list(measured.commands(page.read_text())) == [
        ("python", "tuned_examples/it.py", "--seeds", seeds) for seeds in "23"
    ]
    monkeypatch.setattr(sys, "argv", ["it", "--list"])
    measured.main()
    assert "it: python tuned_examples/it.py --seeds 2: not recorded yet" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["it"])
    with pytest.raises(SystemExit, match=r"names the command:\npython tuned_examples/it.py --seeds 3$"):
        measured.main()
    text = (figures / "it.md").read_text()
    assert text.startswith("| seeds |\n| --- |\n| --seeds2 |\n\nWritten by")
    monkeypatch.setattr(measured, "record", lambda words, folder: ran.append(words[-1]) or True)
    for options, expected in ([[], ["3"]], [["--again"], ["2", "3"]], [["it", "--list"], []]):
        ran: list[str] = []
        monkeypatch.setattr(sys, "argv", ["it", *options])
        measured.main()
        assert ran == expected
