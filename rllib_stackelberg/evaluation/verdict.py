"""What a result amounts to, in few words, and what to do next.

A value beside an equal optimum is no success if a follower would rather have played otherwise. The verdict says so
first. It is read off the plain data of a result alone, so that a table, a page and JSON say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from rllib_stackelberg.comparisons import exceeds
from rllib_stackelberg.rounding import estimate, number

Data = Mapping[str, Any]

Level = Literal["good", "open", "bad"]
"""Reached; not shown, or not reached; not what it looks like."""

REACHED = 1e-6
"""Share of a value by which it may miss the optimum: what six digits do not show."""

LONGER = 4
"""Times as many updates are advised for responses that were too short, and twice the training."""


class Kind(StrEnum):
    """What can be said of a result."""

    OPTIMUM = "optimum"
    EQUILIBRIUM = "equilibrium"
    BEST_AT_TIES = "best at ties"
    BELOW_OPTIMUM = "below optimum"
    AT_BOUND = "at bound"
    BELOW_BOUND = "below bound"
    NO_GAIN_FOUND = "no gain found"
    GAIN = "gain"
    NO_TURN = "no turn"
    NO_PAYOFF = "no payoff"
    NOT_MEASURED = "not measured"
    EXPLOITABLE = "exploitable"


@dataclass(frozen=True)
class Verdict:
    """What a result amounts to.

    Attributes:
        kind: what can be said.
        level: whether that is good.
        short: of a column, at most 26 characters.
        words: a sentence or two.
        advice: what to do next, one thing each; empty where there is nothing to do.
    """

    kind: Kind
    level: Level
    short: str
    words: str
    advice: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self) | {"kind": self.kind.value, "advice": list(self.advice)}


def verdict(result: Data, trained: bool = True) -> Verdict:
    """The verdict on a result: of `train`, `evaluate`, `respond` or of one of its models.

    Args:
        result: its plain data, as in result.json.
        trained: whether its leader strategy was learned, and more training can be advised.

    >>> certificate = {"play": "argmax", "equilibrium": False, "deviation_gain": 0.1456, "deviation_error": 0.0}
    >>> certificate |= {"deviation_plays": 0, "bcce_gap": 0.02, "regret_bound_vacuous": False, "updates": 250}
    >>> result = {"leader_value": 0.0, "standard_error": 0.0, "exact_value": 0.0, "certificate": certificate}
    >>> found = verdict(result | {"by_play": {"argmax": 0.0}, "follower_values": [0.2]})
    >>> found.level, found.short
    ('bad', 'a follower gains 0.1456')
    """
    if not result["certificate"]["equilibrium"]:
        return _gain(result, trained)
    if still := _without_turn(result):
        return _no_turn(still)
    if _nothing_paid(result):
        return _no_payoff()
    return _stable(result, trained)


def with_verdicts(result: dict[str, Any]) -> dict[str, Any]:
    """A result with its verdict, and each of its models with its own."""
    trained = "episodes" in result
    models = [dict(model) | {"verdict": verdict(model, trained).data()} for model in result.get("by_model", ())]
    return result | {"verdict": verdict(result, trained).data()} | ({"by_model": models} if models else {})


def population_verdict(result: Data) -> Verdict:
    """The verdict on a result of a game with a population."""
    exploited = result["exploitability"]
    if exploited is None:
        return Verdict(
            Kind.NOT_MEASURED, "open", "stability not measured",
            "Nobody has tried what either side would gain by learning on while the other stays as it is.",
            ("measure it, in a new run: --exploitability 100 (epochs of learning on)",),
        )  # fmt: skip
    gains = {side: exploited[side]["gain"] for side in ("leader", "members")}
    side = max(gains, key=gains.__getitem__)
    share = f"{100 * max(gains[side], 0.0):.3g} %"
    if gains[side] <= 0:
        words = f"Neither side gained by learning on for {exploited['epochs']} epochs while the other stayed."
        return Verdict(Kind.NO_GAIN_FOUND, "good", "no gain found", words)
    words = (
        f"The side of the {side} gained {share} of its payoff by learning on for {exploited['epochs']} epochs while "
        "the other stayed."
    )
    longer = "train longer: --max-seconds, and a larger --setting rate_decay_epochs (learning rates fall)"
    return Verdict(Kind.EXPLOITABLE, "open", f"{side} gained {share}", words, (longer,))


def _gain(result: Data, trained: bool) -> Verdict:
    certificate = result["certificate"]
    gain = estimate(certificate["deviation_gain"], certificate["deviation_error"], digits=4)
    known = "" if not certificate["deviation_plays"] else " (estimated from plays)"
    words = (
        f"Not an equilibrium: a follower could gain {gain}{known} by leaving the {certificate['play']} play. Its "
        "values are of play that the followers themselves would leave."
    )
    advice = _towards_equilibrium(certificate, trained) + _train_longer(result, trained)
    return Verdict(Kind.GAIN, "bad", f"a follower gains {gain}", words, advice)


def _towards_equilibrium(certificate: Data, trained: bool) -> tuple[str, ...]:
    option = "--response-updates" if trained else "--updates"
    longer = f"longer responses: {option} {LONGER * certificate['updates']}"
    if certificate["regret_bound_vacuous"]:
        longer += f" (after {certificate['updates']} updates the learners promise nothing yet)"
    advice = [longer]
    gap = certificate["bcce_gap"]
    if gap is not None and certificate["play"] != "average" and exceeds(certificate["deviation_gain"], gap):
        advice.append(f"average play instead, which misses its equilibrium (BCCE) by {gap:.4g}: --reward-play average")
    if trained:
        advice.append("rules that leave followers no doubt, in games with a table of outcomes: --margin 0.01")
    return tuple(advice)


def _train_longer(result: Data, trained: bool) -> tuple[str, ...]:
    if not trained:
        return ()
    seconds = f" {max(1, round(2 * result['seconds']))}" if "seconds" in result else ""
    return (f"train longer: --max-seconds{seconds}, or another --seed",)


def _without_turn(result: Data) -> Sequence[str]:
    """Followers that never had a turn while they were to learn."""
    unvisited, weights = result.get("unvisited", {}), result.get("weights", {})
    return [name for name, rows in unvisited.items() if len(rows) == len(weights.get(name, ()))]


def _no_turn(names: Sequence[str]) -> Verdict:
    who = names[0] if len(names) == 1 else f"{len(names)} followers"
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    words = (
        f"{listed} never had a turn in the response: what {'it plays' if len(names) == 1 else 'they play'} is what "
        "learners begin with, and says nothing."
    )
    advice = ("see how plays go: rllib-stackelberg play GAME", "longer responses, if turns are rare")
    return Verdict(Kind.NO_TURN, "bad", f"{who} had no turn", words, advice)


def _nothing_paid(result: Data) -> bool:
    return not any((*result["by_play"].values(), *result["follower_values"]))


def _no_payoff() -> Verdict:
    words = (
        "Every payoff was 0, of everybody in every play: nobody had anything to gain, which proves nothing unless the "
        "game is so."
    )
    advice = ("see whether plays pay: rllib-stackelberg play GAME",)
    return Verdict(Kind.NO_PAYOFF, "bad", "every payoff was 0", words, advice)


def _stable(result: Data, trained: bool) -> Verdict:
    certificate, exact, value = result["certificate"], result.get("exact_value"), result["leader_value"]
    stability, short = _stability(certificate)
    slack = 2 * result["standard_error"] + (0.0 if exact is None else REACHED * max(abs(exact), abs(value)))
    if exact is not None and exceeds(exact, value, slack=slack):
        reachable = result.get("reachable_value")
        if reachable is not None and not exceeds(reachable, value, slack=slack):
            words = (
                f"{stability} It is the best there is against followers that break ties like these; the exact optimum, "
                f"{number(exact - value)} more, counts on followers that help the leader where they are indifferent."
            )
            return Verdict(Kind.BEST_AT_TIES, "good", f"{short}, best at ties", words)
        words = f"{stability} The learned value is below the exact optimum by {number(exact - value)}."
        return Verdict(Kind.BELOW_OPTIMUM, "open", f"{short}, not optimal", words, _train_longer(result, trained))
    shown = not certificate["deviation_plays"] and certificate["bcce_gap"] is not None
    if exact is None and result.get("bound") is not None:
        return _beside_bound(result, trained, shown)
    if not shown:
        return Verdict(Kind.NO_GAIN_FOUND, "open", short, stability)
    if exact is not None:
        return Verdict(Kind.OPTIMUM, "good", f"{short}, optimal", f"{stability} The exact optimum is reached.")
    return Verdict(Kind.EQUILIBRIUM, "good", short, stability)


def _beside_bound(result: Data, trained: bool, shown: bool) -> Verdict:
    """Of a stable value (which is an equilibrium, if that is shown) that is known to be no more than a bound."""
    bound, value = result["bound"], result["leader_value"]
    stability, short = _stability(result["certificate"])
    slack = 2 * result["standard_error"] + REACHED * max(abs(bound), abs(value))
    if exceeds(bound, value, slack=slack):
        left = estimate(bound - value, result["standard_error"])
        words = (
            f"{stability} It is within {left} of the bound, which no strategy's value exceeds; how much of that can be "
            "had is not known."
        )
        if not shown:
            return Verdict(Kind.NO_GAIN_FOUND, "open", short, words)
        return Verdict(Kind.BELOW_BOUND, "open", f"{short}, below bound", words, _train_longer(result, trained))
    words = f"{stability} The bound is reached, which no strategy's value exceeds: nothing is left to gain."
    if not shown:
        return Verdict(Kind.NO_GAIN_FOUND, "open", f"{short}, at bound", words)
    return Verdict(Kind.AT_BOUND, "good", f"{short}, at bound", words)


def _stability(certificate: Data) -> tuple[str, str]:
    """Of play in which no gain was found: in words, and in few."""
    play = certificate["play"]
    if certificate["deviation_plays"]:
        found = f"No follower was found to gain by leaving the {play} play; that is estimated from plays."
        return found, "no gain found"
    if certificate["bcce_gap"] is None:
        found = (
            f"No follower gains by another action in one situation of the {play} play; changes in several at once were "
            "not tried."
        )
        return found, "no gain found"
    return f"The {play} play is an equilibrium: no follower gains by leaving it.", "equilibrium"
