"""Generations are whole or refused, whatever happens to them on disk."""

import pickle
import resource

import numpy as np
import pytest

from rllib_stackelberg.training.checkpoints import KEPT, MANIFEST, BrokenGenerationError, Checkpoints, manifest, read
from tests.training.test_states import Canary

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
            read(generation)
    (generation / file).write_bytes(content)
    assert read(generation)["run"]["number"] == 20


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
        (generation / MANIFEST).write_bytes(manifest(files))
    with pytest.raises(BrokenGenerationError, match="is no state" if forged and file != MANIFEST else None):
        read(generation)
    assert not (tmp_path / "canary").exists()
