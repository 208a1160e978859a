"""Why a learned value is not the exact optimum: how much of the gap is due to followers, how much was not learned.

The exact optimum is what the best leader strategy is worth if followers play the equilibrium that is best for the
leader: at ties they help it. Followers who learn need not do so. What tells the parts apart is the optimum's own
strategy, valued against the same followers: what it loses there no leader can learn to get with it; what it is still
worth more than the learned one has not been learned. Where it is known, the best strategy against followers that break
ties as these do says the same of all strategies.
"""

from __future__ import annotations

from dataclasses import dataclass

from rllib_stackelberg.comparisons import NEGLIGIBLE
from rllib_stackelberg.evaluation.certificates import Certificate
from rllib_stackelberg.evaluation.values import Evaluation
from rllib_stackelberg.response.kinds import followers_for
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.solution import StackelbergSolution
from rllib_stackelberg.rules.ties import TAKEN, Ties


def rule_of(settings: LeaderSettings) -> Ties | None:
    """How all followers break ties in the play that is reported; None if they differ, or do not play for certain."""
    rules = {part.settings.ties if part.settings.reward_play == "argmax" else None for part in settings.parts}
    return rules.pop() if len(rules) == 1 else None


def best_against(solution: StackelbergSolution, game: StackelbergGame, settings: LeaderSettings) -> float | None:
    """What the best leader strategy is worth against a follower that breaks ties as the settings say; None if unknown.

    Of several followers a solver selects an equilibrium by the rule, which need not be what learners play.
    """
    return selected_by(solution, game, settings) if len(game.learned_turns) == 1 else None


def selected_by(solution: StackelbergSolution, game: StackelbergGame, settings: LeaderSettings) -> float | None:
    """What the best leader strategy is worth if followers choose among what is stable by the rule of the settings."""
    ties = rule_of(settings)
    if ties is None or settings.models or not followers_for(game, settings).ruled:
        return None
    return solution.best_by_ties.get(ties)


@dataclass(frozen=True)
class Gap:
    """A learned value beside the exact one.

    Attributes:
        exact: the optimum's value; found: what was learned, and what it is worth.
        optimum: the optimum's own strategy against the same followers; None if it could not be valued.
        best: value of the best strategy against a follower that breaks ties as this one does; None if unknown.
        selected: value of the best strategy if several followers chose among their equilibria by the same rule.
        ties: how followers break ties; None if they differ in that.
        margin: that followers shall have, as the leader was trained; 0: none.
    """

    exact: float
    found: Evaluation
    optimum: Evaluation | None = None
    best: float | None = None
    selected: float | None = None
    ties: Ties | None = None
    margin: float = 0.0

    @property
    def size(self) -> float:
        """Exact value minus learned value."""
        return self.exact - self.found.leader_value

    def note(self) -> str | None:
        """The explanation in words; None where there is no gap beyond rounding and standard error."""
        if self._above(self.exact, self.found.leader_value, self.found.standard_error):
            return "; ".join(self._parts())
        if not self._above(self.found.leader_value, self.exact, self.found.standard_error):
            return None
        if not self.found.certificate.equilibrium:
            return "the value exceeds the equilibrium optimum because the reported play is no equilibrium"
        return "the value exceeds the optimum because followers play an equilibrium that the solver did not consider"

    def _parts(self) -> list[str]:
        if self.optimum is None:
            return [
                "the optimum's own strategy could not be valued against these followers: what they cost is not known"
            ]
        own, error = self.optimum.leader_value, self.optimum.standard_error
        if self._above(self.exact, own, error):
            return [*self._lost(own, error), self._left(own, error)]
        worth = f"the optimum's own strategy is worth {_number(own)} against these followers, too"
        return [worth, self._price()] if self._price() else [f"{worth}: all of the gap has not been learned"]

    def _price(self) -> str:
        """That the optimum's own strategy leaves followers less than the margin; empty if it does not."""
        left = None if self.optimum is None else self.optimum.certificate.margin
        if left is None or left >= self.margin:
            return ""
        leaves = f"leaves them a margin of {_number(max(left, 0.0))}"
        return f"but it {leaves}, and the leader was trained to leave them {_number(self.margin)}"

    def _lost(self, own: float, error: float) -> list[str]:
        """What these followers cost the optimum's own strategy, and why."""
        assert self.optimum is not None
        certificate = self.optimum.certificate
        helped, worth = certificate.helping, f"its own strategy is worth {_number(own)}"
        if helped is None or not self._above(helped, own, error):
            other = self._other(certificate)
            return [f"against the optimum's own strategy these followers play {other}, worth {_number(own)}"]
        who = f", who take {TAKEN[self.ties]} of equally good actions," if self.ties else ""
        counts = "the optimum counts on followers that help the leader where they are indifferent"
        found = [counts, f"against these followers{who} {worth}"]
        if self._above(self.exact, helped, error):
            found.append(f"with such help {_number(helped)}, as they play {self._other(certificate)}")
        return found

    @staticmethod
    def _other(certificate: Certificate) -> str:
        if certificate.equilibrium:
            return "another equilibrium than the solver's"
        return f"no equilibrium (one of them could gain {_number(certificate.deviation_gain)})"

    def _left(self, own: float, error: float) -> str:
        """What of the gap could have been learned."""
        value, known = self.found.leader_value, self.best
        if known is not None and self._above(known, value, self.found.standard_error):
            ties, left = _number(self.exact - known), _number(known - value)
            best = f"the best strategy against such followers is worth {_number(known)}"
            return f"{best}: {ties} of the gap is due to ties, {left} has not been learned"
        if known is not None:
            best = f"the best strategy against such followers is worth {_number(known)}"
            return f"{best}, and that was learned: all of the gap is due to ties"
        if self._above(own, value, error + self.found.standard_error):
            more, price = _number(own - value), self._price()
            learned = f"{more} of the gap has not been learned"
            return f"that is {more} more than what was learned, {price}" if price else learned
        if self.selected is None:
            return "what was learned is worth no less, and nothing better is known against these followers"
        best = f"if they chose among equilibria like that, the best strategy would be worth {_number(self.selected)}"
        larger = self._above(self.selected, value, self.found.standard_error)
        return f"{best}, {'more' if larger else 'no more'} than what was learned"

    def _above(self, more: float, less: float, error: float) -> bool:
        """Whether a value is larger than another one by more than rounding and two standard errors."""
        return more - less > NEGLIGIBLE * max(abs(self.exact), abs(more), abs(less)) + 2 * error


def _number(value: float) -> str:
    return f"{value:.5g}"
