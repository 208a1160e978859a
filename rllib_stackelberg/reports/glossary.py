"""Words of results, explained in a line each: where a table or a page first shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

WORDS = {
    "learned value": "what the leader gets once fresh followers have learned to respond",
    "exact optimum": "the most a leader can get from followers in equilibrium",
    "gap": "exact optimum minus learned value",
    "bound": "a number that no strategy's value exceeds, and that none need reach",
    "bound gap": "bound minus learned value",
    "equilibrium": "play that no follower gains by leaving",
    "deviation gain": "what a follower gets more by another action in one situation",
    "argmax": "each follower plays what it holds to be best after its last update",
    "last": "each follower draws from its strategy after its last update",
    "average": "followers play as in an update of their response drawn at random",
    "BCCE gap": "the most that one fixed action would have paid more, per update",
    "regret": "what the best fixed action would have paid more, summed over updates",
    "exploitability": "what a side gains by learning on alone, as a share of its payoff",
}
"""Each fits a line of a terminal, its word included."""

ONLINE_WORDS = {
    "Stackelberg equilibrium": "best commitment of the leader, best response to it",
    "best manipulation": "the most a follower gets by answering with other payoffs",
    "regret": "of the leader: to the equilibrium; of the follower: to best responses",
    "error of the estimate": "how far what a player believes of the game is from it",
}
"""Words of online play, each of a line, as above."""

ONLINE_UNITS = "Payoffs are per round, in the game's units; regret is a sum over all rounds."

UNITS = "All in the game's payoff units per play; regret is a sum over all updates."

ESTIMATED = "± is a standard error."


def explained(words: Iterable[str]) -> dict[str, str]:
    """Those of the words that are explained here, in the order they are given.

    >>> explained(["gap", "seconds"])
    {'gap': 'exact optimum minus learned value'}
    """
    return {word: WORDS[word] for word in words if word in WORDS}


def words_of(result: Mapping[str, Any]) -> dict[str, str]:
    """The words that a result is told in, explained."""
    certificate = result["certificate"]
    known = ("exact optimum", "gap") if result["exact_value"] is not None else ()
    if not known and result.get("bound") is not None:
        known = ("bound", "bound gap")
    learned = ("BCCE gap", "regret") if certificate["bcce_gap"] is not None else ()
    return explained(("learned value", *known, certificate["play"], "equilibrium", *learned))
