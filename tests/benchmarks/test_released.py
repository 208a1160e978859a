"""The released code as a peer: what is called, what is refused, and the table that a benchmark leaves."""

import json

import pytest

from docs.generators import results
from rllib_stackelberg.errors import InvalidFieldError
from tests.benchmarks import records
from tests.benchmarks.released import PROGRAM, checkout, updates_per_second

PLAYS = "import json, sys; print('text'); print(json.dumps({'updates': 2 * int(sys.argv[2]), 'seconds': 0.5}))"


def test_a_checkout_is_called_in_its_folder(tmp_path):
    (tmp_path / PROGRAM).write_text(f"import os; assert os.path.exists({PROGRAM!r}); {PLAYS}")
    assert updates_per_second(checkout(tmp_path), "matrix_design", 250) == 1_000


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("import nowhere_to_be_found", "fails for matrix_design: ModuleNotFoundError: No module named"),
        ("print('done')", "prints no figures"),
        ("", "prints no figures"),
        ("""print('{"updates": 1, "seconds": 0}')""", "prints no figures"),
    ],
)
def test_what_does_not_answer_is_refused_by_name(tmp_path, program, problem):
    (tmp_path / PROGRAM).write_text(program)
    with pytest.raises(InvalidFieldError, match=problem) as refused:
        updates_per_second(checkout(tmp_path), "matrix_design", 250)
    assert refused.value.field == "released"


def test_a_folder_without_the_program_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidFieldError, match=f"holds no {PROGRAM}"):
        checkout(tmp_path)
    with pytest.raises(InvalidFieldError, match="is not a folder"):
        checkout(tmp_path / "nowhere")


def test_a_table_says_where_and_when(tmp_path):
    where = records.circumstances(["numpy", "nobody-has-this"])
    assert set(where["versions"]) == {"python", "numpy"}
    rows = [{"problem": "sum", "ratio": 1.23456}, {"problem": "a longer one", "ratio": 20.0}]
    assert records.text_of(rows, where).splitlines()[-2:] == ["sum           1.235", "a longer one  20   "]
    records.written(tmp_path, "peers", "Beside others", "In turns.", rows, where)
    assert json.loads((tmp_path / "peers.json").read_text())["rows"] == rows
    text = (tmp_path / "peers.md").read_text()
    assert "| sum | 1.235 |" in text
    assert f"numpy {where['versions']['numpy']}" in text


def test_the_documentation_shows_every_table(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    rows = [{"problem": "sum", "ratio": 2.0}]
    records.written(tmp_path, "peers", "Beside others", "In turns.", rows, records.circumstances([]))
    pages = results.pages()
    assert "| sum | 2 |" in pages["results/peers.md"]
    assert "[Beside others](peers.md)" in pages["results/index.md"]
