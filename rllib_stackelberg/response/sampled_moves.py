"""Counterfactual regret minimisation from sampled plays: several moves in a play, and too many courses for a table.

An update draws nature once. For every follower a play is sampled in which it acts uniformly itself while the others
play what they have learned so far. At each of its own moves there every action is tried: the same play up to there,
from then on as everybody plays now. What follows estimates each action's counterfactual payoff without bias, but for
the probability of coming there, which uniform play makes the same in all updates: it is a unit, and learners are told
the payoffs themselves. Where everybody moves once this is the sampled update of response.py. An update of a follower
with L moves of K actions takes L K plays, not K to the power of L.

Lanctot, Waugh, Zinkevich & Bowling 2009 (Monte Carlo CFR); that any unbiased estimate will do, and that actions may be
probed: Gibson, Lanctot, Burch, Szafron & Bowling 2012. Regret falls with the square root of the number of updates.

The average strategy weighs each update by the follower's own probability of coming to the row. One more play an update,
uniform for everybody, meets every row with the same probability in all updates, and adds the strategy there times that
weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import UtilityLearner
from rllib_stackelberg.plays.outcomes import TABLE_LIMIT
from rllib_stackelberg.plays.paths import Paths
from rllib_stackelberg.response.course_engine import Nodes
from rllib_stackelberg.response.fields import ResponseFields
from rllib_stackelberg.response.fit import check_several_moves
from rllib_stackelberg.response.followers import PLAYED, Settings
from rllib_stackelberg.response.learned_rows import Record
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.played_trajectories import TOGETHER, reward_plays
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.response.sampled_moves_engine import Kept, Known, Lines, Room, learn_move, walk_updates
from rllib_stackelberg.rules.game import StackelbergGame


class SampledMoves(Response):
    """Followers that move several times in a play, with a learner at each of their rows, told sampled payoffs.

    Of the running sums (`Record`) payoffs are counterfactual ones, weighted by one over the probability of uniform
    play; strategies are weighted by the follower's own probability of coming there.

    Attributes:
        updates: `[episode]`, how many.
    """

    def __init__(self, game: StackelbergGame, learners: Sequence[UtilityLearner], episodes: int, split: bool = False):
        """See `Followers`."""
        super().__init__(game, learners, episodes, split)
        rows = self.numbers.shape[1]
        self.updates = np.zeros(episodes, dtype=np.int64)
        self._courses = np.zeros((episodes, rows), dtype=np.int64)
        self._forgets = np.zeros((episodes, rows), dtype=bool)

    @classmethod
    def suits(cls, game: StackelbergGame, settings: ResponseFields) -> bool:
        """See `Followers`: games too large for a table of paths, and others where that is asked for."""
        return not game.one_shot and (settings.update_mode == "sampled" or Paths.count(game) > TABLE_LIMIT)

    @classmethod
    def fit(cls, settings: Settings, game: StackelbergGame) -> Settings:
        """See `Followers`."""
        check_several_moves(settings, game)
        courses = f"{Paths.count(game):,} courses of play"
        for field, fine, problem, allowed in (
            ("followers", not settings.needs_expected, f"need exact updates over {courses}", "a learner from samples"),
            ("update_mode", settings.update_mode != "expected", f"expected over {courses}", "sampled"),
            (
                "leader_queries",
                settings.leader_queries == "once",
                "every_turn, of followers with several moves",
                "once",
            ),
            ("elicitation", settings.elicitation != "closure", f"closure of {courses}", "in_play"),
            ("ties", settings.ties in ("lowest", "uniform"), f"{settings.ties} over {courses}", "lowest or uniform"),
            (settings.steering, not settings.by_table and not settings.deviation_margin, f"over {courses}", "0"),
        ):
            if not fine:
                raise InvalidFieldError(field, problem, allowed)
        plays = reward_plays(settings, game)
        changes = {"update_mode": "sampled", "reward_plays": plays, "deviation_penalty": 0.0}
        return settings.model_copy(update=changes)

    @classmethod
    def in_play(cls, settings: ResponseFields, game: StackelbergGame) -> bool:
        """See `Followers`."""
        return True

    @classmethod
    def exact_updates(cls, settings: ResponseFields) -> bool:
        """See `Followers`."""
        return False

    @classmethod
    def update_lookups(cls, settings: ResponseFields, game: StackelbergGame) -> int:
        """See `Followers`: plays of all actions at all moves, each of that length."""
        lines = 1 + sum(turn.times * turn.choices for turn in game.learned_turns)
        return lines * max(game.moves, 1) * PLAYED // TOGETHER

    def arrays(self) -> dict[str, NDArray]:
        """See `Followers`."""
        more = {"updates": self.updates, "courses": self._courses, "forgets": self._forgets}
        return super().arrays() | more

    def learn_move(self, episodes: Index, turn: int, weight: float, information: Index, utilities: Numbers) -> None:
        """What a follower is told at one of its moves.

        Args:
            episodes: `[E]`; turn: the follower.
            weight: one over the probability of its own uniform actions before.
            information: its row `[E]`, -1 where it did not come so far.
            utilities: payoffs from there on, `[E, actions]`.
        """
        arguments = (np.int64(turn), episodes, information, np.ascontiguousarray(utilities), float(weight))
        learn_move(self.kernels, self._who, *arguments, self.numbers, self._sums)

    def walk(self, episodes: Index, nodes: Nodes, lines: Lines, known: Known) -> None:
        """Learn from updates of the given episodes `[N]` as far as all their plays are known."""
        length, width, actions = known.uniforms.shape[2], len(lines.follower), int(self._who.actions.max())
        mover, row, action = np.zeros((3, length), dtype=np.int64)
        place, gain = np.zeros(width, dtype=np.int64), np.zeros(width)
        room = Room(np.zeros((length + 1, actions)), mover, row, action, place, gain)
        kept = Kept(self.numbers, self._sums, self._courses, self._forgets, self.updates)
        walk_updates(self.kernels, self._who, nodes, lines, episodes, known, kept, room)

    def average(self, episodes: Index, turn: int, information: Index, shares: Numbers, courses: Index) -> Numbers:
        """Add what a follower plays now to its average strategy, and return it: `[E, actions]`.

        Args:
            episodes: `[E]`, distinct; turn: the follower; information: its rows `[E]`.
            shares: its own probability of coming there, `[E]`.
            courses: what it did before, as a number, `[E]`.
        """
        rows = self._who.first[turn] + information
        policies = self._strategies(turn, self.numbers[episodes, rows], self._sums[episodes, rows], "last")
        widest = (self._sums.shape[2] - 3) // 2
        self._sums[episodes, rows, widest : widest + policies.shape[1]] += shares[:, None] * policies
        known = self._courses[episodes, rows]
        self._forgets[episodes, rows] |= (known != 0) & (known != courses)
        self._courses[episodes, rows] = courses
        return policies

    def _strategies(self, turn: int, numbers: Numbers, sums: Numbers, play: Play) -> Numbers:
        """A row that the follower itself never came to is as it is now in time-average play."""
        if play != "average":
            return super()._strategies(turn, numbers, sums, play)
        policy = Record(sums, int(self._who.actions[turn])).policy
        total = policy.sum(axis=-1, keepdims=True)
        return np.where(
            total > 0, policy / np.where(total > 0, total, 1), self._strategies(turn, numbers, sums, "last")
        )

    def average_regret(self) -> Numbers:
        """See `Followers`: largest sum of a follower's rows' positive regrets, per update, estimated: `[episode]`.

        No plan would have paid a follower that forgets nothing more than that.
        """
        worst = np.zeros(len(self.numbers))
        for m in range(len(self.learners)):
            worst = np.maximum(worst, self.record(m).regret.sum(axis=1))
        return worst / np.maximum(self.updates, 1)

    def overall_regret(self) -> float | None:
        """The largest of these, summed over updates; None where a follower was seen to forget what it has done."""
        return None if self._forgets.any() else float((self.average_regret() * self.updates).max(initial=0.0))
