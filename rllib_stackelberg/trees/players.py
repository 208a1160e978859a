"""Who leads: a player of a game by number or by name."""

from __future__ import annotations

from collections.abc import Sequence

from rllib_stackelberg.errors import InvalidFieldError


def player_number(players: Sequence[str], given: int | str, field: str = "leader") -> int:
    """Place of a player, from 0.

    Args:
        players: their names, in order.
        given: a name, or a number from 1 (as text, too).
        field: what is refused.

    Raises:
        InvalidFieldError: there is no such player, or several of that name.

    >>> player_number(("Fox", "Hen"), "Hen"), player_number(("Fox", "Hen"), 1), player_number(("Fox", "Hen"), "2")
    (1, 0, 1)
    """
    named = [place for place, name in enumerate(players) if name == given]
    if len(named) == 1:
        return named[0]
    number = str(given)
    if not named and number.isascii() and number.isdecimal() and 1 <= int(number) <= len(players):
        return int(number) - 1
    problem = f"{len(named)} players are called {given!r}" if named else f"there is no player {given!r}"
    known = ", ".join(f"{place} ({name})" if name else str(place) for place, name in enumerate(players, start=1))
    raise InvalidFieldError(field, problem, f"a player's name or number: {known}")
