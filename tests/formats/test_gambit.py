"""pygambit is loaded in one file, where a game of it is asked for, and may be missing."""

import sys

import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError
from tests.test_imports import MODULES, outside


def test_one_file_knows_pygambit_and_loads_it_late():
    assert not [module for module in MODULES if "pygambit" in outside(MODULES[module])]
    named = [module for module in MODULES if 'import_module("pygambit' in MODULES[module].read_text(encoding="utf-8")]
    assert named == ["formats.gambit"]


@pytest.mark.parametrize("game", ["bimatrix", "normal-form", "extensive"])
def test_without_it_the_catalogue_is_refused_with_what_to_install(game, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygambit", None)
    monkeypatch.setitem(sys.modules, "pygambit.catalog", None)
    with pytest.raises(InvalidFieldError, match=r"catalogue: needs pygambit.*'rllib-stackelberg\[gambit\]'"):
        make_game(game, catalogue="journals/geb/bagwell1995")
