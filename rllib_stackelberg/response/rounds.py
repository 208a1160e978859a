"""Learners from experience in games of one round a play: millions of plays of a response in a second or less.

In each play every follower moves once and knows nothing of what others do in it, as sellers do that set prices period
after period and remember those of the last one. What is learned is what `TrajectoryResponse` and `PlayedTrajectories`
learn, with the same draws; a table of all plays is made of larger games, since a response here is longer than it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.trajectory import ExploringLearner
from rllib_stackelberg.plays.outcomes import TABLE_LIMIT
from rllib_stackelberg.plays.paths import Paths, PathTable
from rllib_stackelberg.response.fields import SAMPLED_PLAYS, ResponseFields
from rllib_stackelberg.response.followers import Settings
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.phase import Phase, next_draws
from rllib_stackelberg.response.rounds_engine import Rounds, Sessions, find_best, play_rounds, rounds_of
from rllib_stackelberg.response.rounds_plans import best_gain
from rllib_stackelberg.response.trajectories import TrajectoryResponse
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Stream, Streams

ROUNDS_LIMIT = 65_536
"""Most courses of play of a game of rounds: two sellers with 15 prices who remember the last ones have 50,625."""

HELD = 8_192
"""Plays whose draws are made at a time."""

MOVE = 3
"""Look-ups of an outcome that one move takes as long as."""


class RoundsResponse(TrajectoryResponse):
    """Followers that learn from experience, one move of each a play.

    Attributes:
        played: `[episode]`, plays of the response.
        best: `[episode, row]`, best action of each row.
    """

    def __init__(self, game: StackelbergGame, learners: Sequence[ExploringLearner], episodes: int, split: bool = False):
        """See `Followers`."""
        super().__init__(game, learners, episodes, split)
        followers, rows = len(self.learners), self.numbers.shape[1]
        self._learn, self._explore = learners[0].kernels.learn, learners[0].explore
        self.best = np.zeros((episodes, rows), dtype=np.int64)
        self._even, self._visits = np.zeros((episodes, rows)), np.zeros((episodes, rows))
        self._last, self._action = (np.full((episodes, followers), fill, dtype=np.int64) for fill in (-1, 0))
        self._owed = np.zeros((episodes, followers))
        self.played, self._unchanged = np.zeros(episodes, dtype=np.int64), np.zeros(episodes, dtype=np.int64)

    @classmethod
    def suits(cls, game: StackelbergGame, settings: ResponseFields) -> bool:
        """See `Followers`: games of rounds that are too large for other tables, or what only these followers do."""
        learners = settings.learners_of(ExploringLearner)  # type: ignore[type-abstract]
        alike = len(learners) == len(settings.followers) and len({learner.kernels for learner in learners}) == 1
        rounds = game.moves_apart and all(turn.times == 1 for turn in game.learned_turns)
        courses = Paths.count(game)
        if not alike or not rounds or courses > ROUNDS_LIMIT or settings.elicitation == "in_play":
            return False
        asked = settings.settled_plays is not None or any(learner.foresees for learner in learners)
        return asked or TABLE_LIMIT < courses <= settings.response_updates

    @classmethod
    def fit(cls, settings: Settings, game: StackelbergGame) -> Settings:
        """See `Followers`."""
        if settings.reward_plays == "exact" and game.memory > 1:
            raise InvalidFieldError("reward_plays", "exact, in a game with memory", "a number of plays")
        chosen = settings.reward_plays or ("exact" if game.memory == 1 else SAMPLED_PLAYS)
        return settings.model_copy(update={"reward_plays": chosen, "deviation_penalty": 0.0})

    @classmethod
    def update_lookups(cls, settings: ResponseFields, game: StackelbergGame) -> int:
        """See `Followers`: of a play."""
        return MOVE * max(game.moves, 1)

    def arrays(self) -> dict[str, NDArray]:
        """See `Followers`."""
        return super().arrays() | {"best": self.best, "played": self.played}

    def respond(self, table: PathTable, phase: Phase) -> None:
        """See `Followers`."""
        updates, settled = phase.settings.response_updates, phase.settings.settled_plays or 0
        rounds = [rounds_of(self.game, table, entry) for entry in range(len(table.after))]
        for n, row in enumerate(phase.rows.tolist()):
            own = rounds[n if len(rounds) > 1 else 0]
            sessions = self._begin(own, row)
            generator = phase.streams.generator(*phase.episodes[n], Stream.RESPONSE)
            while self.played[row] < updates:
                held = min(updates - int(self.played[row]), HELD)
                cells, uniforms = next_draws(self.game, [generator], held)
                nature = self.game.nature.index(cells[0])
                given = (self._who, own, sessions, row, nature, np.ascontiguousarray(uniforms[0]), settled)
                if play_rounds(self._learn, self._explore, *given) < held:
                    break
            self._end(row)

    def _begin(self, rounds: Rounds, row: int) -> Sessions:
        """Begin a response of one episode, with what it has learned before, if anything."""
        if not self._sums[row].any():
            for move, m in enumerate(rounds.mover):
                payoffs = payoffs_against_uniform(self.game, rounds, move) * self._who.unit
                width = int(self._who.widths[m])
                self.numbers[row, self.rows[m], :width] = self.learners[m].foreseen(payoffs)
        find_best(self._who, self.numbers[row], self.best[row])
        self._last[row], self._owed[row], self.played[row], self._unchanged[row] = -1, 0.0, 0, 0
        return Sessions(
            self.numbers,
            self._sums,
            self._even,
            self._visits,
            self.best,
            self._last,
            self._action,
            self._owed,
            self.carried,
            self.played,
            self._unchanged,
        )

    def _end(self, row: int) -> None:
        """Add to the sums of strategies what all actions have alike, and visits."""
        for m, rows in enumerate(self.rows):
            self._sums[row, rows, : self._who.actions[m]] += self._even[row, rows, None]
        self._sums[row, :, -1] += self._visits[row]
        self._even[row] = self._visits[row] = 0.0

    def _strategies(self, turn: int, numbers: Numbers, sums: Numbers, play: Play) -> Numbers:
        found = []
        for episode, plays in enumerate(self.played.tolist()):
            self.plays = plays
            found.append(super()._strategies(turn, numbers[episode], sums[episode], play))
        return np.stack(found)

    def deviation_gain(self, table: PathTable, settings: ResponseFields, streams: Streams, play: Play) -> float:
        """Largest gain of a follower from the best plan of all, that sees which state the last play has left.

        Per play, discounted as its learner does; worst over episodes. Where chance or types matter, or payoffs far
        ahead as much as now, see the function.
        """
        if self.game.nature.size > 1 or any(learner.patience == 1 for learner in self.learners):
            return super().deviation_gain(table, settings, streams, play)
        rounds, policies = rounds_of(self.game, table, 0), self.policies(play)
        return max(
            best_gain(rounds, [own[e] for own in policies], move, self.agent_of(rounds, move), patience, int(carried))
            for e, carried in enumerate(self.carried)
            for move, patience in enumerate(self.learners[m].patience for m in rounds.mover)
        )

    def agent_of(self, rounds: Rounds, move: int) -> int:
        """Who makes a move: column of the payoffs."""
        return int(self._who.agents[rounds.mover[move]])


def payoffs_against_uniform(game: StackelbergGame, rounds: Rounds, move: int) -> Numbers:
    """What a follower's actions pay if all others play uniformly, `[rows, actions]`.

    On average over types, chance and the states that look alike to it.
    """
    turns = [game.learned_turns[m] for m in rounds.mover]
    turn, actions = turns[move], np.array([turn.choices for turn in turns])
    digits = np.arange(rounds.after.shape[-1]) // rounds.strides[:, None] % actions.max(initial=1)
    own: Index = digits[move]
    real = (digits < actions[:, None]).all(axis=0)
    total, weight = np.zeros((turn.keys, turn.choices)), np.zeros((turn.keys, 1))
    paid = rounds.paid[..., turn.agent]
    for k in range(turn.choices):
        mean = paid[:, :, real & (own == k)].mean(axis=-1)
        np.add.at(total[:, k], rounds.row[move], mean * rounds.probabilities)
    np.add.at(weight[:, 0], rounds.row[move], np.broadcast_to(rounds.probabilities, rounds.row[move].shape))
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
