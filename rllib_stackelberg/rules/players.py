"""Which player of a game leads, as people say it."""

from __future__ import annotations

from collections.abc import Sequence

from rllib_stackelberg.errors import InvalidFieldError


def player_index(leads: int | str, players: Sequence[str], field: str = "leads") -> int:
    """Place of a player, counted from 0.

    Args:
        leads: number of the player, from 1, or its name; digits are a number.
        players: their names; those that are empty or not the only ones of their kind name nobody.
        field: what the player was given for.

    Raises:
        InvalidFieldError: naming the field: there is no such player.

    >>> player_index(2, ["Incumbent", "Entrant"]), player_index("Incumbent", ["Incumbent", "Entrant"])
    (1, 0)
    """
    said = str(leads).strip()
    if said.isdecimal() and 1 <= int(said[:9]) <= len(players):
        return int(said) - 1
    if said and list(players).count(said) == 1:
        return list(players).index(said)
    named = ", ".join(f"{number} ({name})" if name else f"{number}" for number, name in enumerate(players, start=1))
    raise InvalidFieldError(field, f"there is no player {said!r}", f"a number or a name of {named}")
