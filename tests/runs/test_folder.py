import os
from pathlib import Path

import pytest

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import to_json, write_atomically
from rllib_stackelberg.runs.folder import RunFolder, command_for, versions
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.runs.run import FiniteRun, open_run


def test_a_folder_with_files_is_not_overwritten(tmp_path):
    RunFolder.create(tmp_path / "new")
    (tmp_path / "new" / "result.json").write_text("{}")
    with pytest.raises(InvalidFieldError, match="out"):
        RunFolder.create(tmp_path / "new")


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidFieldError, match="out"):
        RunFolder.create(tmp_path / "file" / "run")


def test_an_interrupted_write_leaves_the_old_file_whole(tmp_path, monkeypatch):
    target = tmp_path / "result.json"
    write_atomically(target, b"old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(target, b"new and longer")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_json_is_strict():
    assert (
        to_json({"a": float("nan"), "b": [float("inf"), 1.5]}).split() == to_json({"a": None, "b": [None, 1.5]}).split()
    )


def test_missing_files_are_named():
    with pytest.raises(InvalidFieldError, match="run"):
        open_run("/nowhere")


def test_options_are_read_back_with_other_limits(tmp_path):
    options = TrainOptions.checked(game="maintain", params={"mixed": True}, seed=3, max_seconds=9, out=tmp_path / "run")
    folder = RunFolder.create(tmp_path / "run")
    folder.write("config", options.resolved() | {"versions": versions()})
    assert FiniteRun(folder).options().resolved() == options.resolved()
    longer = FiniteRun(folder).options(max_iterations=7, max_seconds=None)
    assert (longer.max_iterations, longer.max_seconds, longer.seed) == (7, None, 3)
    with pytest.raises(InvalidFieldError, match="max_iterations"):
        FiniteRun(folder).options(max_iterations=0)


def test_progress_is_cut_to_whole_lines_that_are_known(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    for k in range(3):
        folder.append_progress({"iteration": k})
    with (folder.path / "progress.jsonl").open("a") as stream:
        stream.write('{"iterat')
    folder.cut_progress(2)
    assert [line["iteration"] for line in folder.progress()] == [0, 1]


def test_a_folder_is_locked_once(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    with folder.locked(), pytest.raises(InvalidFieldError, match="in use"), folder.locked():
        pass
    with folder.locked():
        pass


def test_versions_name_what_a_result_depends_on():
    assert {"python", "ray", "torch", "numpy"} <= versions().keys()


def test_a_command_about_a_run_names_a_game_of_ones_own_again():
    assert command_for("resume", Path("runs/a"), "escape") == "rllib-stackelberg resume runs/a"
    own = command_for("resume", Path("runs/a"), "../a/toll.py:Toll")
    assert own == "rllib-stackelberg resume runs/a --game ../a/toll.py:Toll"
