"""Generations are whole or refused, whatever happens to them on disk."""

import os
import pickle
import resource
import shutil
import warnings

import numpy as np
import pytest

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.training.running.checkpoints import KEPT, MANIFEST, BrokenGenerationError, Checkpoints, manifest
from tests.training.running.test_states import Canary

FILES = ("run.json", "run.safetensors", MANIFEST)


def parts(number):
    return {"run": {"number": number, "array": np.full(100, float(number))}}


def saved(tmp_path, *numbers):
    checkpoints = Checkpoints(tmp_path)
    for number in numbers:
        checkpoints.save(number, parts(number))
    return checkpoints


def test_the_last_generations_are_kept_and_the_newest_is_loaded(tmp_path):
    checkpoints = saved(tmp_path, *range(0, 100, 20))
    assert [path.name for path in checkpoints.path.iterdir() if path.name.startswith(".")] == []
    assert [path.name for path in checkpoints.generations()] == [f"generation-{k:06d}" for k in (40, 60, 80)]
    assert len(checkpoints.generations()) == KEPT
    found = checkpoints.load()["run"]
    assert found["number"] == 80
    np.testing.assert_array_equal(found["array"], np.full(100, 80.0))


def test_without_generations_there_is_nothing_to_go_on_from(tmp_path):
    assert Checkpoints(tmp_path).load() is None


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", ["truncated", "emptied", "missing", "longer"])
def test_a_damaged_generation_is_passed_over_and_named(tmp_path, file, damage):
    checkpoints = saved(tmp_path, 20, 40)
    path = checkpoints.generations()[-1] / file
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"truncated": content[:-1], "emptied": b"", "longer": content + b" "}[damage])
    with pytest.warns(RuntimeWarning, match=r"generation-000040 is damaged and was passed over"):
        assert checkpoints.load()["run"]["number"] == 20


@pytest.mark.parametrize("file", FILES)
def test_one_changed_byte_anywhere_is_damage(tmp_path, file):
    (generation,) = saved(tmp_path, 20).generations()
    content = (generation / file).read_bytes()
    rng = np.random.default_rng(0)
    for place in [0, len(content) - 1, *rng.integers(len(content), size=100)]:
        changed = bytearray(content)
        changed[place] ^= 1 << rng.integers(8)
        (generation / file).write_bytes(changed)
        with pytest.raises(BrokenGenerationError):
            Checkpoints(tmp_path).read(generation)
    (generation / file).write_bytes(content)
    assert Checkpoints(tmp_path).read(generation)["run"]["number"] == 20


def test_a_generation_of_the_same_iteration_is_replaced_whole(tmp_path):
    checkpoints = saved(tmp_path, 20)
    checkpoints.save(20, parts(21))
    assert [path.name for path in checkpoints.path.iterdir()] == ["generation-000020"]
    assert checkpoints.load()["run"]["number"] == 21


def test_what_a_killed_save_leaves_is_neither_loaded_nor_in_the_way(tmp_path):
    checkpoints = saved(tmp_path, 20)
    half = checkpoints.path / ".generation-000040.new"
    half.mkdir()
    (half / "run.json").write_text("{")
    assert checkpoints.load()["run"]["number"] == 20
    checkpoints.save(40, parts(40))
    assert checkpoints.load()["run"]["number"] == 40
    assert not half.exists()


def test_a_full_disk_leaves_the_generations_before_whole(tmp_path):
    checkpoints = saved(tmp_path, 20)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoints.save(40, parts(40))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in checkpoints.path.iterdir()] == ["generation-000020"]
    assert checkpoints.load()["run"]["number"] == 20


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("forged", [False, True])
def test_a_pickle_in_a_generation_never_runs(tmp_path, file, forged):
    """Not even under a manifest that says it belongs there."""
    (generation,) = saved(tmp_path, 20).generations()
    (generation / file).write_bytes(pickle.dumps(Canary(tmp_path / "canary")))
    if forged and file != MANIFEST:
        files = {name: (generation / name).read_bytes() for name in FILES if name != MANIFEST}
        (generation / MANIFEST).write_bytes(manifest(files, 20))
    with pytest.raises(BrokenGenerationError, match="is no state" if forged and file != MANIFEST else None):
        Checkpoints(tmp_path).read(generation)
    assert not (tmp_path / "canary").exists()


def iterations(checkpoints):
    return sorted(int(path.name.rpartition("-")[2]) for path in checkpoints.generations())


@pytest.mark.parametrize("damage", [b"", b"{"])
def test_damaged_generations_are_the_first_to_go_and_a_new_one_stays(tmp_path, damage):
    """However late they say they are: what a run that begins anew saves must be there after a kill."""
    for generation in saved(tmp_path, 60, 80, 100).generations():
        (generation / "run.json").write_bytes(damage)
    checkpoints = Checkpoints(tmp_path)
    with pytest.warns(RuntimeWarning, match="damaged"):
        assert checkpoints.load() is None
    for number, expected in ((0, [0, 80, 100]), (20, [0, 20, 100]), (40, [0, 20, 40]), (60, [20, 40, 60])):
        checkpoints.save(number, parts(number))
        assert iterations(checkpoints) == expected
        assert Checkpoints(tmp_path).generations()[-1].name == f"generation-{number:06d}"


def test_damage_in_the_same_number_of_bytes_is_seen_by_a_run_that_only_saves(tmp_path):
    for generation in saved(tmp_path, 60, 80, 100).generations():
        content = bytearray((generation / "run.safetensors").read_bytes())
        content[-1] ^= 1
        (generation / "run.safetensors").write_bytes(content)
    saved(tmp_path, 0, 20, 40)
    assert iterations(Checkpoints(tmp_path)) == [0, 20, 40]


def test_a_millionth_iteration_is_the_latest(tmp_path):
    checkpoints = saved(tmp_path, 999_960, 999_980, 1_000_000, 1_000_020)
    assert iterations(checkpoints) == [999_980, 1_000_000, 1_000_020]
    assert Checkpoints(tmp_path).load()["run"]["number"] == 1_000_020


def test_the_manifest_says_which_is_the_latest_whatever_folders_are_called(tmp_path):
    first, _ = saved(tmp_path, 20, 40).generations()
    first.rename(first.with_name("generation-000060"))
    assert Checkpoints(tmp_path).load()["run"]["number"] == 40
    checkpoints = saved(tmp_path, 30, 50)
    assert iterations(checkpoints) == [30, 40, 50]  # the one called 60 was the oldest


def test_a_manifest_of_the_older_form_is_read(tmp_path):
    (generation,) = saved(tmp_path, 20).generations()
    files = {name: (generation / name).read_bytes() for name in FILES if name != MANIFEST}
    (generation / MANIFEST).write_bytes(manifest(files, None))
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.load()["run"]["number"] == 20
    checkpoints.save(40, parts(40))
    assert [path.name for path in checkpoints.generations()] == ["generation-000020", "generation-000040"]


@pytest.mark.parametrize("kind", ["checkpoints", "generation", "file", "temporary"])
def test_nothing_is_reached_through_a_link(tmp_path, kind):
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    for place in (theirs, mine):
        place.mkdir()
        saved(place, 20, 40, 60)
    before = {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()}
    if kind == "checkpoints":
        shutil.rmtree(theirs / "checkpoints")
        (theirs / "checkpoints").symlink_to(mine / "checkpoints")
    elif kind == "generation":
        shutil.rmtree(theirs / "checkpoints" / "generation-000020")
        (theirs / "checkpoints" / "generation-000020").symlink_to(mine / "checkpoints" / "generation-000020")
    elif kind == "file":
        (theirs / "checkpoints" / "generation-000060" / "run.json").unlink()
        link = mine / "checkpoints" / "generation-000060" / "run.json"
        (theirs / "checkpoints" / "generation-000060" / "run.json").symlink_to(link)
    else:
        (theirs / "checkpoints" / ".generation-000080.new").symlink_to(mine / "checkpoints")
    checkpoints = Checkpoints(theirs)
    if kind == "checkpoints":
        for call in (checkpoints.load, lambda: checkpoints.save(80, parts(80))):
            with pytest.raises(InvalidFieldError, match="checkpoints is a link"):
                call()
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert checkpoints.load()["run"]["number"] == (40 if kind == "file" else 60)
        for number in (80, 100, 120, 140):
            checkpoints.save(number, parts(number))
        assert checkpoints.load()["run"]["number"] == 140
    assert {path: path.read_bytes() for path in mine.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", ["pipe", "sparse"])
def test_nothing_is_waited_for_and_nothing_fills_memory(tmp_path, file, kind):
    place = saved(tmp_path, 20, 40).generations()[-1] / file
    place.unlink()
    if kind == "pipe":
        os.mkfifo(place)
    else:
        with place.open("wb") as stream:
            stream.truncate(2**40)
    with pytest.warns(RuntimeWarning, match="damaged"):
        assert Checkpoints(tmp_path).load()["run"]["number"] == 20
