"""Compiled functions are kept between processes: found again if nothing changed, and only then."""

import cProfile
import importlib.util
import os
import subprocess
import sys
import threading
from collections import namedtuple
from contextlib import contextmanager
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import event

from rllib_stackelberg.compilation import folder as files
from rllib_stackelberg.compilation import has_kept, kept
from rllib_stackelberg.compilation.contents import UnknownContentError, content_of

ROOT = Path(__file__).parent.parent.parent

CALLEE = """
from numba import njit

STEP = 2.0
UNUSED = 5.0

@njit
def deeper(x):
    return x + STEP

@njit
def callee(x):
    return deeper(x) * 10.0
"""

CALLER = """
from typing import NamedTuple
import numpy as np
import callee as there
from callee import callee
from rllib_stackelberg.compilation import kept

class Pair(NamedTuple):
    first: np.ndarray
    second: np.ndarray

@kept
def loop(pair, values):
    for k in range(len(values)):
        values[k] = callee(pair.first[k])
    return len(values)

@kept
def through_module(values):
    return there.callee(values[0])

@kept
def handed(kernels, values):
    return kernels.play(values[0])
"""


FIELDS = "    first: np.ndarray\n    second: np.ndarray"


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rllib-stackelberg"


def module(monkeypatch, tmp_path, name, text):
    """As a new process would load it."""
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_loader(name, loader=None, origin=str(path))
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, made)
    exec(compile(text, str(path), "exec"), vars(made))
    return made


@pytest.fixture
def process(monkeypatch, tmp_path):
    """A caller and its callee in another file, loaded anew with something replaced."""

    def load(old="", new="", caller=CALLER):
        assert old in CALLEE + caller
        module(monkeypatch, tmp_path, "callee", CALLEE.replace(old, new) if old else CALLEE)
        return module(monkeypatch, tmp_path, "caller", caller.replace(old, new) if old else caller)

    return load


@contextmanager
def compilations():
    """Names of the functions that are compiled meanwhile."""
    with event.install_recorder("numba:compile") as recorder:
        found = []
        yield found
    found += [e.data["dispatcher"].py_func.__name__ for _, e in recorder.buffer if e.is_start]


def values(of):
    pair, out = of.Pair(np.arange(3.0), np.arange(3.0)), np.zeros(3)
    of.loop(pair, out)
    return out.tolist()


def test_another_process_finds_what_was_compiled(process, folder):
    with compilations() as first:
        assert values(process()) == [20, 30, 40]
    assert first == ["loop", "callee", "deeper"]
    assert len(list(folder.iterdir())) == 1
    with compilations() as second:
        assert values(process()) == [20, 30, 40]
    assert not second
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("return x + STEP", "return x - STEP", [-20, -10, 0]),
        ("STEP = 2.0", "STEP = 3.0", [30, 40, 50]),
        (
            "    first: np.ndarray\n    second: np.ndarray",
            "    second: np.ndarray\n    first: np.ndarray",
            [20, 30, 40],
        ),
        ("@njit\ndef deeper", '@njit(error_model="numpy")\ndef deeper', [20, 30, 40]),
    ],
    ids=["callee's callee", "constant", "order of fields", "options"],
)
def test_whatever_a_loop_depends_on_compiles_it_anew(process, old, new, expected):
    values(process())
    with compilations() as again:
        assert values(process(old, new)) == expected
    assert "loop" in again


def test_what_it_does_not_depend_on_does_not(process):
    values(process())
    with compilations() as again:
        values(process("UNUSED = 5.0", "UNUSED = 6.0"))
        values(process("return x + STEP", "return x + STEP  # a comment"))
    assert not again


def test_a_profiler_changes_nothing(process):
    profiler, loaded = cProfile.Profile(), process()
    values(loaded)
    profiler.enable()
    values(loaded)
    profiler.disable()
    profiled = content_of(numba.njit(loaded.loop.py_func))
    assert profiled == content_of(process().loop)


def test_a_callee_named_through_its_module_counts(process):
    assert process().through_module(np.ones(1)) == 30
    assert process("x + STEP", "x - STEP").through_module(np.ones(1)) == -10


def test_functions_that_are_handed_over_are_told_apart_by_what_they_do(process):
    kernels = namedtuple("kernels", "play")

    def play(by):
        @numba.njit
        def played(x):
            return x * by

        return kernels(played)

    with compilations() as all_of_them:
        results = [process().handed(play(by), np.ones(1)) for by in (2.0, 3.0, 2.0, 3.0)]
    assert results == [2, 3, 2, 3]
    assert all_of_them.count("handed") == 2


def test_it_can_be_asked_whether_there_is_anything_to_compile(process):
    assert not has_kept(process().through_module, np.ones(1))
    process().through_module(np.ones(1))
    assert has_kept(process().through_module, np.ones(1))
    assert not has_kept(process().through_module, np.ones((1, 1)))
    assert not has_kept(process("x + STEP", "x - STEP").through_module, np.ones(1))


def test_what_cannot_be_told_is_compiled_in_every_process(process, folder):
    """Python functions that numba was told how to compile may change without our seeing it."""
    caller = CALLER + (
        "\nfrom numba.extending import register_jitable\n"
        "@register_jitable\ndef told(x):\n    return x + 1.0\n"
        "@kept\ndef unclear(values):\n    return told(values[0])\n"
    )
    for _ in range(2):
        with compilations() as found:
            unclear = process(caller=caller).unclear
            with pytest.raises(UnknownContentError, match="told"):
                content_of(unclear)
            assert unclear(np.ones(1)) == 2
        assert "unclear" in found
    assert not folder.exists()


@pytest.mark.parametrize("damage", [lambda text: text[:-9], lambda text: b"", lambda text: b"\0" * len(text)])
def test_a_damaged_file_is_compiled_anew(process, folder, damage):
    values(process())
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with compilations() as again:
        assert values(process()) == [20, 30, 40]
    assert "loop" in again
    with compilations() as mended:
        values(process())
    assert not mended


def test_without_a_place_everything_works(process, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert files.unwritable()
    assert values(process()) == [20, 30, 40]
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("nobody's")))
    if sys.platform == "linux":
        assert files.unwritable() == "nobody's"
        assert values(process()) == [20, 30, 40]


def test_who_reads_meanwhile_finds_all_or_nothing(folder):
    """Writers of several contents under one name; whoever reads finds one of them whole."""
    contents = [bytes([k]) * 200_000 for k in range(4)]
    writers = [threading.Thread(target=lambda c=c: [files.write("name", c) for _ in range(20)]) for c in contents]
    found = []
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        found.append(files.read("name"))
    assert set(found) - {None} <= set(contents)
    assert set(found) - {None}
    assert [path.name for path in folder.iterdir()] == ["name.compiled"]


def test_what_has_not_been_used_for_longest_goes_first(folder, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILES", 3)
    for k in range(3):
        files.write(f"{k}", b"")
        os.utime(folder / f"{k}.compiled", (k, k))
    files.read("0")
    files.write("3", b"")
    assert sorted(path.stem for path in folder.iterdir()) == ["0", "2", "3"]


LOOPS = """
import sys
import numpy as np
from numba.core import event
from rllib_stackelberg import make_game
from rllib_stackelberg.followers import MultiplicativeWeights
from rllib_stackelberg.plays.outcomes import tabulate
from rllib_stackelberg.response.response import Response

with event.install_recorder("numba:compile") as recorder:
    game = make_game("simple-allocation")
    response = Response(game, (MultiplicativeWeights(),), 2)
    table = tabulate(game, np.zeros((2, game.leader_turn.keys, 1)))
    response.learn_from_table(table, np.arange(2), np.zeros((2, 5), dtype=int), np.full((2, 5, 1), .3))
    response.learn_expected(table, np.arange(2), 3)
    response.policies("argmax"), response.policies("last")
print(len(recorder.buffer), "numba.np.arraymath" in sys.modules, response.numbers.tobytes().hex())
"""


def test_the_response_compiles_nothing_in_a_second_process(monkeypatch, capsys):
    """This process is the first."""
    monkeypatch.undo()  # the users' folder, where other tests have kept most of it
    exec(LOOPS, {})
    first = capsys.readouterr().out.split()
    run = subprocess.run([sys.executable, "-c", LOOPS], capture_output=True, text=True, check=True, cwd=ROOT)
    second = run.stdout.split()
    assert second[:2] == ["0", "False"]  # nor is loaded what numba compiles with
    assert first[2] == second[2]


HASHED = """
import sys
from numba.core import event
from rllib_stackelberg.compilation import kept

@kept
def hashed(at_least):
    return max(hash("text"), at_least)

if __name__ == "__main__":
    with event.install_recorder("numba:compile") as recorder:
        assert hashed(-2**63) == hash("text")
    print(len(recorder.buffer))
"""


def test_what_is_kept_finds_what_each_process_has_of_its_own(tmp_path):
    """The secret of hashes, which numba hands to machine code under a name."""
    (tmp_path / "hashed.py").write_text(HASHED)
    run = [sys.executable, str(tmp_path / "hashed.py")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    ran = [subprocess.run(run, capture_output=True, text=True, env=environment, check=False) for _ in range(2)]
    assert [each.returncode for each in ran] == [0, 0], ran
    assert int(ran[0].stdout) > int(ran[1].stdout) == 0


def test_kept_functions_have_options():
    @kept(error_model="numpy")
    def divided(x):
        return x / 0.0

    assert divided(1.0) == np.inf
