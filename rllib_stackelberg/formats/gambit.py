"""Games of pygambit, Gambit's Python library: its catalogue, and any `pygambit.Game`.

pygambit is an optional extra (`pip install rllib-stackelberg[gambit]`), and is loaded where a game of it is asked for.
A game goes from one to the other in Gambit's own formats, in which numbers are exact.
"""

from __future__ import annotations

import importlib
import io
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.formats.efg import efg_text, parse_efg
from rllib_stackelberg.formats.nfg import nfg_text, parse_nfg
from rllib_stackelberg.formats.normal_form import NormalForm
from rllib_stackelberg.formats.tokens import Tokens
from rllib_stackelberg.trees.tree import GameTree

if TYPE_CHECKING:
    import pygambit

FIELD = "catalogue"


def normal_form_of(game: pygambit.Game, field: str = FIELD) -> NormalForm:
    """A game as a normal form; of a tree the reduced one, whose strategies are plans of what to do where.

    Args:
        game: pygambit's; field: what it was given for.
    """
    return parse_nfg(Tokens(game.to_nfg(), game.title or "a game of pygambit", field))


def tree_of(game: pygambit.Game, field: str = FIELD) -> GameTree:
    """A game as a tree.

    Args:
        game: pygambit's; field: what it was given for.

    Raises:
        InvalidFieldError: naming the field: it is no tree, or a player forgets.
    """
    title = game.title or "a game of pygambit"
    if not game.is_tree:
        raise InvalidFieldError(field, f"{title} is in normal form", "a game in extensive form")
    return parse_efg(Tokens(game.to_efg(), title, field))


def gambit_game(game: NormalForm | GameTree) -> pygambit.Game:
    """The same game in pygambit, to be looked at by its own methods."""
    if isinstance(game, GameTree):
        return _pygambit(FIELD).read_efg(io.StringIO(efg_text(game)))
    return _pygambit(FIELD).read_nfg(io.StringIO(nfg_text(game)))


def catalogue_names() -> tuple[str, ...]:
    """Names of the games of pygambit's catalogue, in order.

    Raises:
        InvalidFieldError: pygambit is not installed.
    """
    return _names(_pygambit(FIELD))


@cache
def _names(library: Any) -> tuple[str, ...]:
    """As installed: it looks through all its files for them."""
    return tuple(library.catalog.games()["Game"])


def catalogue_game(name: str, field: str = FIELD) -> pygambit.Game:
    """A game of the catalogue.

    Raises:
        InvalidFieldError: naming the field: there is no such game, or pygambit is not installed.
    """
    names = catalogue_names()
    if name not in names:
        close = get_close_matches(name, names, n=3, cutoff=0.4) or names[:3]
        problem = f"pygambit's catalogue has no game {name!r}"
        raise InvalidFieldError(field, problem, f"one of {len(names)} names, such as {', '.join(close)}")
    return _pygambit(field).catalog.load(name)


def _pygambit(field: str) -> Any:
    """The library."""
    try:
        importlib.import_module("pygambit.catalog")
        return importlib.import_module("pygambit")
    except ImportError as error:
        allowed = "pip install 'rllib-stackelberg[gambit]'"
        raise InvalidFieldError(field, f"needs pygambit, which is not installed ({error})", allowed) from error
