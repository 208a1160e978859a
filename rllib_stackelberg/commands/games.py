"""The command about games: their list, their pages, their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rllib_stackelberg.commands.application import Json, Parameters, command, parsed, show
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.folder import write_atomically
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.reports.game_tables import game_data, game_page, game_shown, games_table
from rllib_stackelberg.rules.registry import find_spec, finite
from rllib_stackelberg.rules.registry import games as all_games

if TYPE_CHECKING:
    from rllib_stackelberg.testing import conformance
else:
    conformance = LazyModule("rllib_stackelberg.testing.conformance")


@command
def games(
    game: Annotated[str | None, typer.Argument(help="the one whose page is shown", metavar="[GAME]")] = None,
    params: Parameters = None,
    export: Annotated[
        Path | None,
        typer.Option(help="new file (.nfg, .efg) that the game is written to, for Gambit and others [default: none]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the games, show the page of one, or write one to a file.

    Its page tells its rules, and its parameters with type, default and meaning.

    Examples:
        rllib-stackelberg games
        rllib-stackelberg games simple-allocation
        rllib-stackelberg games path/to/toll.py:Toll
        rllib-stackelberg games random-bimatrix actions=4 seed=2 --export game.nfg
    """
    if export is not None:
        if game is None:
            raise InvalidFieldError("export", "no game given", "games GAME [KEY=VALUE]... --export FILE")
        _export(game, parsed(params), export, as_json)
        return
    if params:
        raise InvalidFieldError("params", "mean nothing to a page", "only with --export")
    if game is None:
        rows = [game_data(spec) for spec in all_games()] if as_json else []  # loads every game
        show(games_table(all_games()), {"games": rows}, as_json)
        return
    page = game_page(find_spec(game))
    show(game_shown(page), page, as_json)


def _export(game: str, params: Mapping[str, Any], file: Path, as_json: bool) -> None:
    """Write a game to a new file of the format that its name ends in."""
    made = finite(conformance.sound_rules(game, **params))
    texts = made.exports()
    if file.suffix not in texts:
        allowed = f"a name that ends in {' or '.join(texts)}" if texts else "a game in normal or in extensive form"
        raise InvalidFieldError(
            "export", f"{made.id} is not written as {file.suffix or 'a file without ending'}", allowed
        )
    if file.exists():
        raise InvalidFieldError("export", f"{file} is there already", "a new file")
    content = texts[file.suffix]().encode()
    try:
        write_atomically(file, content)
    except OSError as error:
        problem = f"cannot write {file} ({error.strerror or error})"
        raise InvalidFieldError("export", problem, "a file in a folder that is there") from error
    data = {"game": made.id, "params": made.parameters, "file": str(file), "bytes": len(content)}
    show(f"wrote {file}, {len(content):,} bytes", data, as_json)
