"""Learners from experience in games of more courses of play than a table of paths may have: their plays are played.

They learn what they would learn along the table, with the same draws and bit for bit, move by move as plays go on. What
an episode holds does not grow with the number of courses, only with the rows that followers have.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rllib_stackelberg.arrays import Index, Numbers
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.followers.learner import draw_play
from rllib_stackelberg.followers.trajectory import TrajectoryLearner
from rllib_stackelberg.plays.outcomes import EXACT_LIMIT, TABLE_LIMIT
from rllib_stackelberg.plays.paths import Paths
from rllib_stackelberg.response.course_engine import Nodes
from rllib_stackelberg.response.fields import ResponseFields
from rllib_stackelberg.response.followers import DRAWN, PLAYED, Settings
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.trajectories import TrajectoryResponse, refuse_rounds_alone
from rllib_stackelberg.response.trajectory_engine import Ahead, Pending, end_plays, move_on, walk
from rllib_stackelberg.rules.game import StackelbergGame

TOGETHER = 10
"""Episodes whose plays are played side by side, as a rule: so much less does each cost."""


class PlayedTrajectories(TrajectoryResponse):
    """Followers that learn from experience, in plays that are played."""

    def __init__(
        self, game: StackelbergGame, learners: Sequence[TrajectoryLearner], episodes: int, split: bool = False
    ):
        """See `Followers`."""
        super().__init__(game, learners, episodes, split)
        followers, agents = len(self.learners), len(game.agents)
        shape = (episodes, followers)
        self._pending = Pending(
            np.full(shape, -1, dtype=np.int64),
            np.zeros(shape, dtype=np.int64),
            np.zeros(shape),
            np.zeros((episodes, agents)),
        )

    @classmethod
    def suits(cls, game: StackelbergGame, settings: ResponseFields) -> bool:
        """See `Followers`: games too large for a table, and others where that is asked for."""
        return settings.elicitation == "in_play" or Paths.count(game) > TABLE_LIMIT

    @classmethod
    def fit(cls, settings: Settings, game: StackelbergGame) -> Settings:
        """See `Followers`."""
        refuse_rounds_alone(settings)
        if settings.elicitation == "closure":
            problem = f"closure of {Paths.count(game):,} courses of play"
            raise InvalidFieldError("elicitation", problem, f"in_play above {TABLE_LIMIT:,}")
        return settings.model_copy(update={"reward_plays": reward_plays(settings, game), "deviation_penalty": 0.0})

    @classmethod
    def in_play(cls, settings: ResponseFields, game: StackelbergGame) -> bool:
        """See `Followers`."""
        return True

    @classmethod
    def update_lookups(cls, settings: ResponseFields, game: StackelbergGame) -> int:
        """See `Followers`: of a play."""
        return DRAWN * max(game.moves, 1) * PLAYED // TOGETHER

    def start(self, episodes: Index, updates: int) -> None:
        """Begin a response of so many plays: nothing is left to learn from."""
        self.plays = updates
        for values, fresh in zip(self._pending, (-1, 0, 0, 0), strict=True):
            values[episodes] = fresh

    def move(
        self, episodes: Index, turn: int, information: Index, paid: Numbers, plays: Index, uniforms: Numbers
    ) -> Index:
        """Actions of one follower in the plays that episodes are in, and what it learns from its move before.

        Args:
            episodes: `[N]`, distinct; turn: the follower; information: its rows `[N]`.
            paid: in these plays so far, `[N, agents]`.
            plays: played before, `[N]`.
            uniforms: to draw with, `[N]`.
        """
        chosen = np.zeros(len(episodes), dtype=np.int64)
        arguments = (np.int64(turn), episodes, information, paid, plays, uniforms)
        move_on(self._kernels, self._who, *arguments, self.numbers, self._sums, self._pending, chosen)
        return chosen

    def end(self, episodes: Index, paid: Numbers, carried: Index) -> None:
        """The plays that episodes are in have ended: payoffs `[N, agents]`, states left `[N]`."""
        end_plays(self._kernels, self._who, episodes, paid, self.game.memory > 1, self.numbers, self._pending)
        self.carried[episodes] = carried

    def walk(self, episodes: Index, nodes: Nodes, ahead: Ahead) -> None:
        """Go through plays as far as they are known; none of the episodes `[N]` is in one."""
        given = (nodes, self.game.nature.size, self.game.memory > 1, episodes, ahead)
        walk(self._kernels, self._who, *given, self.numbers, self._sums, self._pending, self.carried)

    def overall_regret(self) -> None:
        """None: what another action would have brought is not known."""

    def draw(self, episodes: Index, turn: int, information: Index, uniforms: Numbers, play: Play) -> Index:
        """Actions of one follower at the given information sets, drawn from what it has learned: `[N]`."""
        rows = self._who.first[turn] + information
        return draw_play(
            self._strategies(turn, self.numbers[episodes, rows], self._sums[episodes, rows], play), uniforms
        )


def reward_plays(settings: ResponseFields, game: StackelbergGame) -> int | str:
    """Plays of a reward phase that is played: "exact" where types and chance are all there is, and few.

    Raises:
        InvalidFieldError: "exact" is asked for where it cannot be.
    """
    certain = game.memory == 1 and settings.reward_play == "argmax" and not settings.split_ties
    if settings.reward_plays == "exact" and (game.memory > 1 or game.nature.size > EXACT_LIMIT):
        problem = "exact, in a game with memory" if game.memory > 1 else f"exact takes {game.nature.size:,} plays"
        raise InvalidFieldError("reward_plays", problem, "a number of plays")
    most = EXACT_LIMIT if settings.reward_plays == "exact" else TABLE_LIMIT
    if certain and not isinstance(settings.reward_plays, int) and game.nature.size <= most:
        return "exact"
    return settings.sampled_reward_plays
