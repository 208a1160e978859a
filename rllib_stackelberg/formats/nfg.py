"""Gambit's files of games in normal form (.nfg), read and written.

    NFG 1 R "Title" { "Player 1" "Player 2" } { 2 2 } "Comment"
    1 1  0 2  0 2  1 1

The last list has the payoffs of all players at one profile after the other; the first player's strategy changes
fastest. Strategies may have names, `{ { "T" "B" } { "L" "R" } }`, in place of their numbers. Payoffs may also be given
once, as outcomes `{ { "win" 1, -1 } { "" 0, 0 } }`, followed by the outcome's number at each profile (0: nothing).

Source: Gambit, "The strategic game (.nfg) file format", payoff version and outcome version.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from pathlib import Path

import numpy as np

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.formats.normal_form import PAYOFFS, NormalForm
from rllib_stackelberg.formats.tokens import Tokens, quoted, written

ALLOWED = "a game in normal form, in Gambit's format (.nfg)"


def read_nfg(file: str | Path, field: str = "file") -> NormalForm:
    """The game in a file.

    Args:
        file: where it is; field: what it was given for.

    Raises:
        InvalidFieldError: naming the field: the file cannot be read, or is no such file; with its line.
    """
    return parse_nfg(Tokens.of_file(file, field, ALLOWED))


def parse_nfg(tokens: Tokens) -> NormalForm:
    """The game in a text; as `read_nfg`.

    >>> parse_nfg(Tokens('NFG 1 R "" { "A" "B" } { 2 1 }  1 1/3  2 -1', "a text", "file")).numbers[:, 0].tolist()
    [[1.0, 0.3333333333333333], [2.0, -1.0]]
    """
    tokens.word("NFG", of="as the first word of a game in normal form")
    tokens.word("1", of="the version of the format")
    tokens.word("R", "D", of="how numbers are written")
    title = tokens.text("the game's title")
    players = tokens.quoted_list("the players", "a player's name")
    if not players:
        raise tokens.refused("there are no players", 'names of players, such as { "1" "2" }')
    strategies = _strategies(tokens, players)
    comment = tokens.text("the comment") if tokens.kind == "text" else ""
    profiles = prod(map(len, strategies))
    by_profile = _outcomes(tokens, players, profiles) if tokens.at("{") else _payoffs(tokens, players, profiles)
    try:
        return NormalForm(tuple(players), tuple(strategies), _reordered(by_profile, strategies), title, comment)
    except InvalidFieldError as error:
        raise tokens.refused(f"{error.field}: {error.problem}", error.allowed) from error


def _strategies(tokens: Tokens, players: list[str]) -> list[tuple[str, ...]]:
    """Names of each player's strategies, or their numbers where only those are given."""
    tokens.brace("{", "the strategies")
    named = tokens.at("{")
    found: list[tuple[str, ...]] = []
    for number, name in enumerate(players, start=1):
        whose = f"player {number}{f' ({name})' if name else ''}"
        at = tokens.start
        if named:
            own = tuple(tokens.quoted_list(f"the strategies of {whose}", "a strategy's name"))
        else:
            count = tokens.whole(f"how many strategies {whose} has")
            own = tuple(map(str, range(1, min(count, PAYOFFS + 1) + 1)))
        if not own:
            raise tokens.refused(f"{whose} has no strategies", "at least one for each player", at)
        found.append(own)
        payoffs = prod(map(len, found)) * len(players)
        if payoffs > PAYOFFS:
            raise tokens.refused(f"there are more than {PAYOFFS:,} payoffs", f"up to {PAYOFFS:,} of them", at)
    tokens.brace("}", f"the strategies of {len(players)} players")
    return found


def _payoffs(tokens: Tokens, players: list[str], profiles: int) -> list[list[Fraction]]:
    """Payoffs `[profile][player]` of a file that lists them."""
    expected = f"payoffs of {len(players)} players at {profiles:,} profiles"
    values = tokens.numbers(profiles * len(players), expected)
    return [values[at : at + len(players)] for at in range(0, len(values), len(players))]


def _outcomes(tokens: Tokens, players: list[str], profiles: int) -> list[list[Fraction]]:
    """Payoffs `[profile][player]` of a file that lists outcomes, and which of them each profile has."""
    tokens.brace("{", "the outcomes")
    outcomes = [[Fraction(0)] * len(players)]
    while not tokens.at("}"):
        tokens.brace("{", "an outcome")
        tokens.text("the outcome's name")
        outcomes.append(tokens.payoffs(len(players)))
    tokens.advance()
    at = tokens.start
    places = tokens.numbers(profiles, f"an outcome at each of {profiles:,} profiles")
    wrong = next((place for place in places if place not in range(len(outcomes))), None)
    if wrong is not None:
        raise tokens.refused(f"there is no outcome {wrong}", f"a number of 0..{len(outcomes) - 1}", at)
    return [outcomes[int(place)] for place in places]


def _reordered(by_profile: list[list[Fraction]], strategies: list[tuple[str, ...]]) -> tuple[Fraction, ...]:
    """Payoffs in the order of `NormalForm`: in the file the first player's strategy changes fastest."""
    counts = [len(own) for own in strategies]
    table = np.empty((len(by_profile), len(strategies)), dtype=object)
    table[:] = by_profile
    turned = table.reshape(*reversed(counts), len(counts)).transpose(*reversed(range(len(counts))), len(counts))
    return tuple(turned.ravel().tolist())


def nfg_text(game: NormalForm) -> str:
    """The file of a game, in the payoff version with named strategies; numbers are exact.

    Names are written as they are. Gambit 16.7 itself reads those of printable ASCII alone, without spaces at the ends.

    Raises:
        InvalidFieldError: a name cannot be written in this format.

    >>> one = Fraction(1)
    >>> print(nfg_text(NormalForm(("1", "2"), (("T", "B"), ("L",)), (one, one / 3, 2 * one, -one), "Two by one")))
    NFG 1 R "Two by one" { "1" "2" }
    <BLANKLINE>
    { { "T" "B" }
    { "L" }
    }
    ""
    <BLANKLINE>
    1 1/3
    2 -1
    <BLANKLINE>
    """
    named = "\n".join(f"{{ {' '.join(map(quoted, own))} }}" for own in game.strategies)
    players = len(game.players)
    table = np.array(game.payoffs, dtype=object).reshape(*game.shape, players)
    rows = table.transpose(*reversed(range(players)), players).reshape(-1, players)
    lines = [" ".join(map(written, row)) for row in rows.tolist()]
    header = f"NFG 1 R {quoted(game.title)} {{ {' '.join(map(quoted, game.players))} }}"
    return "\n".join([header, "", f"{{ {named}", "}", quoted(game.comment), "", *lines, ""])
