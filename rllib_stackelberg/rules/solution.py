"""The result of an exact solver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from rllib_stackelberg.comparisons import exceeds
from rllib_stackelberg.rounding import number
from rllib_stackelberg.rules.display import MOST_ENTRIES, facts_table
from rllib_stackelberg.rules.ties import Ties

Action = int | tuple[float, ...]


@dataclass(frozen=True)
class StackelbergSolution:
    """An optimal commitment and what it is worth.

    Attributes:
        leader_value: leader payoff; the supremum where it is not attained.
        follower_values: payoff of each follower.
        leader_strategy: (question key, action) pairs, in the game's units; unreachable questions left out.
        method: how it was found.
        tie_break: how indifferent followers were taken to act.
        exists: False if followers have no pure equilibrium against any leader strategy; values are then nan.
        by_ties: what this strategy is worth to the leader by how followers break ties; "leader" is the best for it that
            they may do, "against" the worst. Empty where it is not known.
        best_by_ties: likewise what the best strategy against such followers is worth.
        doubt: why the value is not certain (payoffs that rounding may have tied or parted, a program that could not be
            verified), for people; empty if it is.
        details: further findings by name.
    """

    leader_value: float
    follower_values: tuple[float, ...]
    leader_strategy: tuple[tuple[int, Action], ...]
    method: str
    tie_break: str
    exists: bool = True
    by_ties: Mapping[Ties, float] = field(default_factory=lambda: MappingProxyType({}))
    best_by_ties: Mapping[Ties, float] = field(default_factory=lambda: MappingProxyType({}))
    doubt: str = ""
    details: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def certain(self) -> bool:
        """Whether the value is known to be that of an optimal commitment."""
        return not self.doubt

    def _repr_html_(self) -> str:
        """For notebooks."""
        answers = [f"{question}: {_action(action)}" for question, action in self.leader_strategy]
        more = [f"and {len(answers) - MOST_ENTRIES:,} more"] if len(answers) > MOST_ENTRIES else []
        facts = {
            "leader value": number(self.leader_value),
            "followers' values": ", ".join(number(value) for value in self.follower_values),
            "leader strategy (question: answer)": "; ".join(answers[:MOST_ENTRIES] + more),
            "method": self.method,
            "ties": self.tie_break,
            "not certain": self.doubt,
        }
        return facts_table("Exact optimum" if self.exists else "No pure equilibrium of the followers", facts)


def _action(action: Action) -> str:
    """An answer of the leader: a choice, or numbers."""
    return str(action) if isinstance(action, int) else f"({', '.join(number(float(each)) for each in action)})"


@dataclass(frozen=True)
class Method:
    """A way to a game's exact optimum.

    Attributes:
        solve: finds it, for followers that break ties in the leader's favour.
        beyond: why this game is beyond it (its size, its kind), for people; empty where it is not.
    """

    solve: Callable[[], StackelbergSolution]
    beyond: str = ""


@dataclass(frozen=True)
class Bound:
    """A number that the value of no leader strategy exceeds, whatever equilibrium followers are in.

    It need not be reached by any: it is no optimum.

    Attributes:
        value: leader payoff.
        method: what it is, in a few words: "first best".
        source: where it is from; empty if that is plain.
    """

    value: float
    method: str
    source: str = ""


@dataclass(frozen=True)
class PopulationSolution:
    """A leader's best action in a game with a population whose members answer best, the same in every period.

    Attributes:
        leader_action: in the game's units `[w]`.
        leader_value: the leader's payoff of a play, the sum over its periods, at that action; an expectation, where
            plays start by chance, over a population without end.
        members_value: the same of the members, on average.
        method: how it was found.
        details: further findings by name.
    """

    leader_action: tuple[float, ...]
    leader_value: float
    members_value: float
    method: str
    details: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


def doubt(value: float, otherwise: Iterable[float]) -> str:
    """Why a value is not certain, from the values by other notions of rounding."""
    others = [other for other in otherwise if exceeds(other, value) or exceeds(value, other)]
    if not others:
        return ""
    return f"followers' payoffs differ by about what rounding is; depending on what is a tie: {others[0]:.9g}"
