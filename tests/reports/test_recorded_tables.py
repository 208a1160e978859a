"""What is said below a recorded table."""

import os

import pytest

from rllib_stackelberg.reports.recorded_tables import WRITTEN_BY, Begun, SharedTable, write_table

ROWS = [{"price": "1", "sold": "2"}, {"price": "3", "sold": "1"}]


@pytest.mark.parametrize(("loads", "busy"), [((0.1, 1.9), False), ((2.3, 1.9), True), ((0.1, 2.4), True)])
def test_a_table_of_times_says_whether_there_was_other_work(tmp_path, monkeypatch, loads, busy):
    given = iter(loads)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (next(given), 9.0, 9.0))
    begun = Begun()
    write_table(tmp_path / "it.md", ROWS, "python it.py --seeds 2", begun)
    text = (tmp_path / "it.md").read_text()
    assert WRITTEN_BY.search(text).group("command", "took") == ("python it.py --seeds 2", "0 seconds")
    assert ("2 cores had other work" in text) == busy
    assert (f"load averages of {loads[0]} at the start and {loads[1]} at the end" in text) == busy


def test_a_row_takes_the_place_of_the_one_of_its_name_and_its_writer_that_of_the_last(tmp_path):
    table = SharedTable(tmp_path / "it.md", ["price", "sold"])
    table.add({"a": ROWS[0], "b": ROWS[1]}, {"a": [1], "b": [2]}, "Written by A.")
    table.add({"a": ROWS[1]}, {"a": [3]}, "Written by B.")
    assert (tmp_path / "it.md").read_text().splitlines()[2:] == [
        "| 3 | 1 |", "| 3 | 1 |", "", "- Written by B.", "- Written by A.",
    ]  # fmt: skip
    table.add({"b": ROWS[0]}, {"b": [4]}, "Written by B.")
    assert (tmp_path / "it.md").read_text().splitlines()[2:] == ["| 3 | 1 |", "| 1 | 2 |", "", "Written by B."]
    assert {name: row["behind"] for name, row in table.recorded().items()} == {"a": [3], "b": [4]}
