"""The game that a person names by a file or by a catalogue."""

from __future__ import annotations

from pathlib import Path

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.formats.efg import read_tree
from rllib_stackelberg.formats.gambit import catalogue_game, normal_form_of, tree_of
from rllib_stackelberg.formats.nfg import read_nfg
from rllib_stackelberg.formats.normal_form import NormalForm
from rllib_stackelberg.trees.tree import GameTree


def normal_form_from(file: Path | None, catalogue: str | None) -> NormalForm | None:
    """The game in a file of Gambit's, or in pygambit's catalogue; None if neither is given, or another file.

    Raises:
        InvalidFieldError: both are given, or there is no such game.
    """
    if catalogue is not None:
        if file is not None:
            raise InvalidFieldError("catalogue", "is given beside file", "one of them")
        return normal_form_of(catalogue_game(catalogue))
    ending = file.suffix.lower() if file is not None else ""
    if ending == ".efg":
        allowed = "a game in normal form (.nfg); trees are for `extensive`"
        raise InvalidFieldError("file", f"{file} is named like a game in extensive form", allowed)
    return read_nfg(file) if file is not None and ending == ".nfg" else None


def tree_from(file: Path | None, catalogue: str | None) -> GameTree:
    """The tree in a file of Gambit's, or in pygambit's catalogue.

    Raises:
        InvalidFieldError: neither is given, or both; there is no such game, or it is no tree.
    """
    if catalogue is not None:
        if file is not None:
            raise InvalidFieldError("catalogue", "is given beside file", "one of them")
        return tree_of(catalogue_game(catalogue))
    if file is None:
        raise InvalidFieldError("file", "no game given", "file=game.efg or catalogue=NAME")
    return read_tree(file)
