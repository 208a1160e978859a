"""pygambit may be missing."""

import sys

import pytest

from rllib_stackelberg import make_game
from rllib_stackelberg.errors import InvalidFieldError


@pytest.mark.parametrize("game", ["bimatrix", "normal-form", "extensive"])
def test_without_it_the_catalogue_is_refused_with_what_to_install(game, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygambit", None)
    monkeypatch.setitem(sys.modules, "pygambit.catalog", None)
    with pytest.raises(InvalidFieldError, match=r"catalogue: needs pygambit.*'rllib-stackelberg\[gambit\]'"):
        make_game(game, catalogue="journals/geb/bagwell1995")
