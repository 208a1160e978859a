import os
from pathlib import Path

import pytest

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files import to_json, write_atomically
from rllib_stackelberg.run_folder import RunFolder, versions


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
        RunFolder(Path("/nowhere")).game()


def test_versions_name_what_a_result_depends_on():
    assert {"python", "ray", "torch", "numpy"} <= versions().keys()
