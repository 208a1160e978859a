"""Games in extensive form from the literature."""

from __future__ import annotations

from fractions import Fraction

from rllib_stackelberg.trees.growth import Growth, Place
from rllib_stackelberg.trees.tree import GameTree


def entry_deterrence() -> GameTree:
    """An incumbent that could deter entry if it were believed to fight (Selten 1978, one town).

    Staying out pays the incumbent 2; peace after entry 1 each; a fight -1 each. Commitment to fight is worth 2 to the
    incumbent, the subgame perfect equilibrium 1.

    >>> entry_deterrence().players
    ('incumbent', 'entrant')
    """
    growth = Growth(("incumbent", "entrant"))
    out, enter = growth.move(growth.root, 1, ("out", "enter"))
    growth.leaf(out, (2, 0))
    fight, peace = growth.move(enter, 0, ("fight", "accommodate"))
    growth.leaf(fight, (-1, -1))
    growth.leaf(peace, (1, 1))
    return growth.tree("Entry deterrence")


def bagwell() -> GameTree:
    """A first mover whose move is not seen (Bagwell 1995, its game of two firms without a signal).

    Leader (5, 3), (6, 4), follower (2, 1), (3, 4): S and S in a commitment (5), C and C in equilibrium (4).

    >>> len(bagwell().nodes)
    7
    """
    growth = Growth(("first", "second"))
    payoffs = {("S", "S"): (5, 2), ("S", "C"): (3, 1), ("C", "S"): (6, 3), ("C", "C"): (4, 4)}
    for own, place in zip("SC", growth.move(growth.root, 0, "SC"), strict=True):
        for other, end in zip("SC", growth.move(place, 1, "SC", "unseen"), strict=True):
            growth.leaf(end, payoffs[own, other])
    return growth.tree("Unobserved commitment")


def centipede(moves: int = 4) -> GameTree:
    """Two players take turns to take the larger of two piles, or to pass and double both (Rosenthal 1981).

    Piles start at 4 and 1; after the last pass the players swap places at the doubled piles (McKelvey & Palfrey 1992).

    Args:
        moves: how many moves at most.

    >>> centipede(2).paid.tolist()
    [[4.0, 1.0], [2.0, 8.0], [16.0, 4.0]]
    """
    growth = Growth(("first", "second"))
    place, large, small = growth.root, 4, 1
    for number in range(moves):
        player = number % 2
        take, place = growth.move(place, player, ("take", "pass"))
        growth.leaf(take, (large, small) if player == 0 else (small, large))
        large, small = 2 * large, 2 * small
    growth.leaf(place, (large, small) if moves % 2 == 0 else (small, large))
    return growth.tree("Centipede")


def kuhn_poker(cards: str = "JQK") -> GameTree:
    """Poker with one card each, one bet and no raise (Kuhn 1950). In equilibrium the first player loses 1/18.

    Both pay 1. A player may bet 1 more, which the other one calls or folds to. The higher card wins.

    Args:
        cards: from the lowest to the highest, one letter each.

    >>> tree = kuhn_poker()
    >>> len(tree.leaves), len(tree.sets_of(0)), len(tree.sets_of(1))
    (30, 6, 6)
    """
    growth = Growth(("first", "second"))
    dealt = growth.chance(growth.root, {card: Fraction(1, len(cards)) for card in cards})
    for first, place in zip(cards, dealt, strict=True):
        rest = cards.replace(first, "")
        for second, start in zip(rest, growth.chance(place, dict.fromkeys(rest, Fraction(1, len(rest)))), strict=True):
            _bets(growth, start, (first, second), 1 if cards.index(first) > cards.index(second) else -1)
    return growth.tree("Kuhn poker")


def _bets(growth: Growth, place: Place, cards: tuple[str, str], winner: int) -> None:
    """The bets after a deal; `winner` is 1 if the first player has the higher card, else -1."""

    def asked(place: Place, player: int, actions: tuple[str, str], before: tuple[str, ...]) -> list[Place]:
        """A player who knows its own card and what was done before."""
        return growth.move(place, player, actions, known=(cards[player], before))

    check, bet = asked(place, 0, ("check", "bet"), ())
    checked, raised = asked(check, 1, ("check", "bet"), ("check",))
    growth.leaf(checked, (winner, -winner))
    for at, player, before in ((raised, 0, ("check", "bet")), (bet, 1, ("bet",))):
        fold, call = asked(at, player, ("fold", "call"), before)
        growth.leaf(fold, (-1, 1) if player == 0 else (1, -1))
        growth.leaf(call, (2 * winner, -2 * winner))
