"""A game in normal form as files hold it: names, and payoffs that are exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm, prod

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import check_comparable
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.players import player_index

PAYOFFS = 2**18
"""Most payoffs of a game, over all players and all profiles."""

EXACT_FLOATS = 2**53
"""Up to which every integer is a float."""


@dataclass(frozen=True)
class NormalForm:
    """Every player picks a strategy, all at once, and is paid by what all have picked.

    Attributes:
        players: names, in the order in which players are numbered; any text, also none.
        strategies: names of each player's strategies.
        payoffs: of every player after the other at a profile; profiles in the order of counting in which the last
            player's strategy changes fastest.
        title, comment: for people.

    Raises:
        InvalidFieldError: field "payoffs": a player is without strategies, the number of payoffs is another one, or
            no float holds one.

    >>> one = Fraction(1)
    >>> game = NormalForm(("Row", "Column"), (("T", "B"), ("L",)), (one, one / 3, 2 * one, -one))
    >>> game.shape, game.numbers[1, 0].tolist(), game.led_by("Column").players
    ((2, 1), [2.0, -1.0], ('Column', 'Row'))
    """

    players: tuple[str, ...]
    strategies: tuple[tuple[str, ...], ...]
    payoffs: tuple[Fraction, ...]
    title: str = ""
    comment: str = ""

    def __post_init__(self) -> None:
        if not self.players or len(self.players) != len(self.strategies) or not all(self.strategies):
            raise InvalidFieldError("payoffs", "there is a player without strategies", "at least one for each player")
        expected = prod(self.shape) * len(self.players)
        if len(self.payoffs) != expected:
            raise InvalidFieldError("payoffs", f"there are {len(self.payoffs):,}", f"{expected:,} of them")
        check_comparable("payoffs", self.numbers)

    @classmethod
    def of(cls, payoffs: NDArray[np.float64], title: str = "") -> NormalForm:
        """A game of payoffs `[strategies of each player..., players]`, whose players and strategies are numbered.

        A float stands for the shortest decimal number that it is written as.
        """
        counts = payoffs.shape[:-1]
        return cls(
            players=tuple(f"Player {number}" for number in range(1, len(counts) + 1)),
            strategies=tuple(tuple(map(str, range(1, count + 1))) for count in counts),
            payoffs=tuple(Fraction(repr(payoff)) for payoff in payoffs.ravel().tolist()),
            title=title,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """How many strategies each player has."""
        return tuple(map(len, self.strategies))

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """Payoffs as floats, `[strategies of each player..., players]`."""
        return np.array(self.payoffs, dtype=float).reshape(*self.shape, len(self.players))

    def in_integers(self, player: int) -> tuple[NDArray[np.float64], int]:
        """A player's payoffs times the least factor that makes all of them integers, and that factor.

        Solvers that take floats at their word are exact on integers; on 1/3 they are not. The payoffs as they are, and
        1, where the integers are too large for it.
        """
        own = self.payoffs[player :: len(self.players)]
        factor = lcm(*(payoff.denominator for payoff in own))
        whole = [int(payoff * factor) for payoff in own]
        if max(map(abs, whole)) > EXACT_FLOATS:
            return self.numbers[..., player], 1
        return np.array(whole, dtype=float).reshape(self.shape), factor

    def led_by(self, leads: int | str) -> NormalForm:
        """The same game with that player, by number from 1 or by name, as the first one; others stay in order.

        Raises:
            InvalidFieldError: field "leads": there is no such player.
        """
        first = player_index(leads, self.players)
        order = [first, *(player for player in range(len(self.players)) if player != first)]
        payoffs = np.array(self.payoffs, dtype=object).reshape(*self.shape, len(self.players))
        return NormalForm(
            players=tuple(self.players[player] for player in order),
            strategies=tuple(self.strategies[player] for player in order),
            payoffs=tuple(payoffs[..., order].transpose(*order, len(order)).ravel().tolist()),
            title=self.title,
            comment=self.comment,
        )


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names to tell things apart by: where one is empty or not the only one of its kind its number, from 1, stands too.

    >>> unique_names(("Left", "", "Right", "Left"))
    ('Left (1)', '(2)', 'Right', 'Left (4)')
    """
    numbered = list(enumerate(names, start=1))
    alone = Counter(names)
    found = [name if name and alone[name] == 1 else f"{name} ({number})".strip() for number, name in numbered]
    if len(set(found)) < len(found):  # such as "(2)" beside an empty second name
        found = [f"{number}: {name}" for number, name in numbered]
    return tuple(found)
