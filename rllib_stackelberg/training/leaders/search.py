"""Which snapshot of a run is kept, and whether there is anything left to find."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from rllib_stackelberg.comparisons import exceeds
from rllib_stackelberg.evaluation.strategies import Evaluation, tabulated
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.plays.strategy import LeaderStrategy
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.runs.options import TrainOptions
from rllib_stackelberg.training.leaders.beginnings import Beginning, Beginnings
from rllib_stackelberg.training.leaders.payoff_unit import payoff_unit
from rllib_stackelberg.training.leaders.snapshots import BestSnapshot, Valuer, evaluation_from
from rllib_stackelberg.training.leaders.targets import Target

OPTIMUM_TOLERANCE = 1e-6
"""How close to the exact value (in units of what the leader's payoffs span) counts as having reached it."""

SELECTION_TOLERANCE = 1e-3
"""Snapshots this close (in the same units) count as equally good."""

SETTLED_TOLERANCE = 2e-3
"""How close to the exact value (in the same units) the mean return of a settled leader is."""

CALM_ITERATIONS = 10
"""Iterations in a row in which mean return and greedy value agree so well, after which a leader starts afresh."""

USUAL_SCHEDULE = 150.0
"""Iterations that a leader is given whose exploration follows no schedule."""

FAR = 0.25
"""Of the way that a run has come from its first iteration: a leader whose exploring play is farther than that behind
the snapshot kept has none worth a costly valuation."""

TABLES = 64
"""Most leader strategies all of which are valued, one an iteration, to know what the best of them is worth."""

DECISIONS = ("optimal", "settled", "_begun", "_calm")
"""Of a search: plain values that it keeps from one iteration to the next."""

TRIALS = ("tried", "highest", "_closest", "_rounds", "_outset")
"""Likewise; a generation of an earlier version may have none, and the search begins with what they are at first."""


class Search:
    """What a run looks for: the best snapshot, and whether there is anything left to find.

    Attributes:
        unit: in which values are compared.
        best: the snapshot kept; target: the most that can be learned.
        optimal: whether the snapshot kept has reached the target, in an equilibrium of the followers.
        tables: how many leader strategies there are, if they are few enough to try all, else 0; tried: so far.
        highest: what the best of those tried is worth against these followers.
        settled: whether the snapshot kept is optimal, or worth as much as the best of all strategies, and the exploring
            leader's mean return has come close to that.
    """

    def __init__(
        self, options: TrainOptions, game: StackelbergGame, settings: LeaderSettings, schedule: float = USUAL_SCHEDULE
    ):
        """Begin.

        Args:
            options: of the run; game: its game; settings: how followers respond.
            schedule: iterations over which the leader explores less and less.
        """
        self.schedule = schedule
        self.unit = payoff_unit(game)
        self.options = options
        self.best = BestSnapshot(tolerance=SELECTION_TOLERANCE * self.unit)
        self.value = Valuer(game, settings, options.seed)
        self.target = Target(game, settings, waits=options.max_iterations is not None)
        self.optimal = self.settled = False
        self.tables = few_tables(game) if options.stop_at_optimum else 0
        self.tried, self.highest = 0, -math.inf
        self._begun = 0
        self._calm = 0
        self._rounds = 0
        self._closest: float | None = None  # value of the answers around which a fresh leader has looked closely
        self._outset = math.inf
        self._found: Evaluation | None = None

    def look(self, iteration: int, network: LeaderNetwork, mean_return: float) -> Evaluation:
        """The value of a snapshot, or of the last one that was due; the best is kept."""
        self.target.ask(iteration)
        if self._found is None:
            self._outset = mean_return
        if self._found is None or (self.value.due(iteration) and not self._far_behind(mean_return)):
            self._found = self.value(network, self.value.first_samples)
            self._compare(network, self._found)
            self._try_one()
        near = SETTLED_TOLERANCE * self.unit
        if self.target.value is not None:
            self.optimal = self.best.reaches(self.target.value, OPTIMUM_TOLERANCE * self.unit)
        goal = self._goal()
        self.settled = goal is not None and not exceeds(goal, mean_return, slack=near) and not math.isnan(mean_return)
        self._calm = self._calm + 1 if abs(mean_return - self._found.leader_value) <= near else 0
        return self._found

    def _far_behind(self, mean_return: float) -> bool:
        """Whether a valuation costs more than an iteration, and exploring play says that it is not worth it."""
        kept = self.best.found
        if kept is None or not self.value.large:
            return False
        come = kept.leader_value - self._outset
        return come > 0 and kept.leader_value - mean_return > FAR * come

    def _try_one(self) -> None:
        """Value the next of few leader strategies."""
        if self.tried < self.tables:
            found = self.value.of(table_strategy(self.value.game, self.tried), self.value.most_samples)
            self.tried += 1
            self.highest = max(self.highest, found.leader_value)

    def _goal(self) -> float | None:
        """What the snapshot kept has reached, if no other can be worth more; else None."""
        if self.optimal:
            return self.target.value
        kept, exhausted = self.best.found, 0 < self.tables == self.tried
        if kept is None or not exhausted:
            return None
        less = exceeds(self.highest, kept.leader_value, slack=OPTIMUM_TOLERANCE * self.unit)
        return None if less else kept.leader_value

    def reason(self) -> str | None:
        """Why the run ended before its budget was used up, in a sentence; None if it did not."""
        if not (self.options.stop_at_optimum and self.settled):
            return None
        if self.optimal and self.target.bound:
            assert self.best.found is not None
            number = self.best.found.certificate.response_samples
            judged = f"no follower gained by leaving its play in the {number} response(s) that it was judged by"
            reached = f"no strategy is worth more ({self.target.bound.method}), and {judged}"
        elif self.optimal:
            ties = self.target.value != self.target.exact
            known = "the optimum with these followers' ties" if ties else "the exact optimum"
            reached = f"{known} is reached, in an equilibrium of the followers"
        else:
            reached = f"all {self.tables} leader strategies were tried, and none is worth more against these followers"
        return f"Nothing is left to learn: {reached}, and exploring play earns as much. --no-stop-at-optimum goes on."

    def get_state(self) -> dict[str, Any]:
        """What later decisions depend on, as data."""
        kept = {name: getattr(self, name) for name in (*DECISIONS, *TRIALS)}
        found = self._found and asdict(self._found)
        return kept | {"found": found, "best": self.best.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from `get_state`, of a run with the same options."""
        for name in DECISIONS:
            setattr(self, name, state[name])
        for name in TRIALS:
            setattr(self, name, state.get(name, getattr(self, name)))
        self._found = state["found"] and evaluation_from(state["found"])
        self.best.set_state(state["best"])
        if self.best.network:
            self.best.network.check(self.value.game)

    def _compare(self, network: LeaderNetwork, found: Evaluation) -> None:
        for samples in self.value.further_samples:
            if not self.best.beaten_by(found):
                return
            found = self.value(network, samples)
        self.best.offer(network, found)

    def restarts(self, iteration: int, seconds: float) -> bool:
        """Whether the leader should start afresh before the given iteration, after so many seconds of training.

        Its time is up, or exploring pays it as much as its best answers do: there is nothing left to learn here. Unless
        the run says when that is, a leader has a third of its schedule for it, and starts afresh only if it is known
        that there is more to be had, and half another schedule fits in what is left of the run.
        """
        after, begun = self.options.restart_after, iteration - self._begun
        if after is not None:
            due = begun >= after or self._calm >= CALM_ITERATIONS
        else:
            calm = self._calm >= CALM_ITERATIONS and begun >= self.schedule / 3
            more = self.target.value is not None and self.options.stop_at_optimum
            due = more and (calm or begun >= self.schedule) and self._left(iteration, seconds) >= self.schedule / 2
        if due and not self.optimal:
            self._begun, self._calm = iteration, 0
            return True
        return False

    def beginning(self, beginnings: Beginnings) -> Beginning | None:
        """Where a fresh leader is to begin that is asked one question for numbers; None: at any answer.

        Close to the best answer so far, unless that has been done and has led to nothing better: what stopped somewhere
        close to an edge gets closer, and what did not is left to others, who begin by turns at a lucky answer and at
        any: the best of all need not lie close to what is good at first.
        """
        found, before = self.best.found, self._closest
        self._rounds += 1
        if found is None or (before is not None and not exceeds(found.leader_value, before, slack=self.best.tolerance)):
            return None if self._rounds % 2 else beginnings.lucky(self._rounds)
        self._closest = found.leader_value
        assert self.best.network is not None
        return beginnings.close(self.best.network)

    def _left(self, iteration: int, seconds: float) -> float:
        """Iterations that the run has left, about; a run of so many iterations repeats exactly."""
        limits = self.options
        by_number = math.inf if limits.max_iterations is None else limits.max_iterations - iteration
        if limits.max_seconds is None or not seconds:
            return by_number
        return min(by_number, (limits.max_seconds - seconds) * iteration / seconds)

    def finished(self, iteration: int, seconds: float) -> bool:
        """Whether the budget is used up, or nothing is left to find."""
        return self.options.finished(iteration, seconds) or (self.options.stop_at_optimum and self.settled)


def few_tables(game: StackelbergGame) -> int:
    """How many leader strategies there are, by their answers to all questions; 0 if more than `TABLES`, or costly."""
    turn = game.leader_turn
    if not turn.enumerable or turn.rows is None or not tabulated(game):
        return 0
    few = turn.rows * math.log(turn.choices) <= math.log(TABLES)
    return turn.choices**turn.rows if few else 0


def table_strategy(game: StackelbergGame, number: int) -> LeaderStrategy:
    """One of the strategies that `few_tables` counts: the digits of its number are its answers."""
    turn = game.leader_turn
    return LeaderStrategy.from_pairs(game, [(k, number // turn.choices**k % turn.choices) for k in range(turn.keys)])
