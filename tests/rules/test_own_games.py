"""Games of one's own are named by module or by file, as people type paths."""

import queue
import sys

import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.registry import find_spec, load_class
from rllib_stackelberg.runs.options import TrainOptions

GAME = """
from tests.games_for_tests import NoisyAllocation
{first}

class {name}(NoisyAllocation):
    def __init__(self, *, noise: float = {noise}):
        super().__init__(noise)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two folders of games, and the working directory beside them; what is imported is forgotten again."""
    before, path = set(sys.modules), sys.path.copy()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(file, name="Toll", noise=0.2, first=""):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(GAME.format(name=name, noise=noise, first=first), encoding="utf-8")


def test_a_path_to_a_file_names_a_game(folder):
    write(folder / "a" / "toll.py")
    made = make_game("../a/toll.py:Toll", noise="0.25")
    assert made.parameters == {"noise": 0.25}
    assert made.id == f"{folder}/a/toll.py:Toll"
    assert load_class("../a/toll.py:Toll") is type(made)


def test_a_path_means_the_same_in_every_working_directory(folder, monkeypatch):
    write(folder / "a" / "toll.py")
    options = TrainOptions.checked(game="../a/toll.py:Toll", max_iterations=1)
    monkeypatch.chdir(folder)
    assert options.rules.id == find_spec("a/toll.py:Toll").id


def test_neighbours_and_packages_of_a_file_are_importable(folder):
    write(folder / "a" / "rates.py", name="Rates")
    write(folder / "a" / "beside.py", first="from rates import Rates")
    write(folder / "b" / "pkg" / "mod.py", first="from .other import Other")
    write(folder / "b" / "pkg" / "other.py", name="Other")
    (folder / "b" / "pkg" / "__init__.py").touch()
    assert make_game("../a/beside.py:Toll")
    assert type(make_game("../b/pkg/mod.py:Toll")).__module__ == "pkg.mod"


def test_files_of_one_name_do_not_get_into_each_others_way(folder):
    write(folder / "a" / "toll.py", noise=0.1)
    write(folder / "b" / "toll.py", noise=0.3)
    write(folder / "a" / "queue.py")
    first, second = (make_game(f"../{place}/toll.py:Toll") for place in "ab")
    assert type(first) is not type(second)
    assert make_game("../a/queue.py:Toll")
    assert sys.modules["queue"] is queue


FAULTY = """
from rllib_stackelberg import PopulationGame, StackelbergGame
from tests.games_for_tests import NoisyAllocation

class Divides(NoisyAllocation):
    def __init__(self, *, by: int = 0):
        self.each = 1 // by

class Unknown(NoisyAllocation):
    def __init__(self, *, by: "Number" = 0): ...

class Empty(NoisyAllocation):
    def __init__(self): ...

class Crowd(PopulationGame):
    start = observe_leader = observe_members = transition = report = None
    def __init__(self): ...
"""


@pytest.mark.parametrize(
    ("name", "field", "said"),
    [
        (
            "Divides",
            "game",
            "Divides cannot be made (ZeroDivisionError: integer division or modulo by zero (faulty.py",
        ),
        ("Unknown", "game", "the annotations of Unknown's constructor cannot be read (NameError"),
        ("Empty", "turns", "is not set"),
        ("Crowd", "game", "Crowd cannot be made (AttributeError"),
    ],
)
def test_a_constructor_that_fails_is_told_by_name(folder, name, field, said):
    (folder / "here" / "faulty.py").write_text(FAULTY)
    with pytest.raises(InvalidFieldError) as caught:
        make_game(f"faulty.py:{name}")
    assert caught.value.field == field
    assert said in caught.value.problem


@pytest.mark.parametrize(
    ("game", "said", "allowed"),
    [
        ("../a/none.py:Toll", "there is no file", "path/to/file.py:ClassName"),
        ("../a/toll.py:Tall", "has no game 'Tall'", "Toll"),
        ("../a/toll.py:NoisyAllocation.prior", "has no game", "Toll"),
        ("../a/wrong.py:Toll", "SyntaxError", "path/to/file.py:ClassName"),
        ("../a/leaves.py:Toll", "SystemExit", "path/to/file.py:ClassName"),
        ("rllib_stackelberg.rules.game:StackelbergGame", "is not a game", "all of its methods"),
        ("no_such_module:Toll", "ModuleNotFoundError", "package.module:ClassName"),
        (":Toll", "ValueError", "package.module:ClassName"),
    ],
)
def test_what_cannot_be_loaded_says_why(folder, game, said, allowed):
    write(folder / "a" / "toll.py")
    write(folder / "a" / "leaves.py", first="raise SystemExit(0)")
    (folder / "a" / "wrong.py").write_text("x = (")
    with pytest.raises(InvalidFieldError) as caught:
        make_game(game)
    assert caught.value.field == "game"
    assert said in caught.value.problem
    assert allowed in caught.value.allowed
