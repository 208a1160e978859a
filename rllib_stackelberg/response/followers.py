"""What every kind of response has in common.

A kind is a way in which followers learn against the answers of a leader: which learners it takes, in which games, what
it cannot do, and how it responds. To add one, write a subclass of `Followers` in a file of its own and name it in
`kinds.KINDS`; how a leader strategy is valued against it stands in `evaluation/valuations.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.followers.learner import Learner
from rllib_stackelberg.plays.paths import courses
from rllib_stackelberg.plays.plays import Leader
from rllib_stackelberg.response.fields import ResponseFields
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.phase import Phase
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.ties import Ties

DRAWN = 20
"""Look-ups of an outcome that a sampled update takes as long as."""

PLAYED = 100
"""How much longer an update takes that is played instead of looked up."""

Table = TypeVar("Table")
Learns = TypeVar("Learns", bound=Learner)
Settings = TypeVar("Settings", bound=ResponseFields)


class Followers(ABC, Generic[Table, Learns]):
    """The followers of a number of leader episodes.

    Attributes:
        learns: kind of learners that followers of this kind learn with.
        table: kind of table of the game that they respond along.
        ruled: whether they break ties as the settings say.
        game: the game.
        learners: one per learned turn.
        rows: of each follower, among the rows of all, one after the other.
        split: whether argmax play plays tied actions with the same probability, instead of the lowest of them.
    """

    learns: type[Learns]
    table: type[Table]
    ruled: ClassVar[bool] = True

    def __init__(self, game: StackelbergGame, learners: Sequence[Learns], episodes: int, split: bool = False):
        """Begin with fresh followers.

        Args:
            game: the game.
            learners: one per learned turn, or one for all.
            episodes: how many.
            split: see above.
        """
        turns = game.learned_turns
        self.game = game
        self.learners = tuple(learners) * len(turns) if len(learners) == 1 else tuple(learners)
        self.split = split
        ends = np.cumsum([turn.keys for turn in turns], dtype=np.int64)
        self.rows = [slice(int(end) - turn.keys, int(end)) for end, turn in zip(ends, turns, strict=True)]
        self._fresh: dict[str, NDArray] = {}

    @classmethod
    def begin(cls, settings: ResponseFields, game: StackelbergGame, episodes: int) -> Self:
        """Fresh followers as the settings name them."""
        return cls(game, settings.learners_of(cls.learns), episodes, settings.split_ties)

    @classmethod
    def suits(cls, game: StackelbergGame, settings: ResponseFields) -> bool:
        """Whether learners of this kind respond in this way in a game, under these settings."""
        return True

    @classmethod
    def refuse(cls, settings: ResponseFields) -> None:
        """Refuse what followers of this kind cannot do in any game.

        Raises:
            InvalidFieldError: naming the field.
        """

    @classmethod
    @abstractmethod
    def fit(cls, settings: Settings, game: StackelbergGame) -> Settings:
        """The settings for a game, what they leave open chosen.

        Raises:
            InvalidFieldError: what followers of this kind cannot do in this game, by field name.
        """

    @classmethod
    @abstractmethod
    def tabulate(cls, game: StackelbergGame, leader: Leader) -> Table:
        """The table of all that can happen against a leader, one entry."""

    @classmethod
    def in_play(cls, settings: ResponseFields, game: StackelbergGame) -> bool:
        """Whether a leader episode plays its updates, rather than look them up in a table."""
        return False

    @classmethod
    def long_response(cls, settings: ResponseFields, game: StackelbergGame) -> bool:
        """Whether a response takes longer than everything else in a leader episode."""
        return False

    @classmethod
    def episode_outcomes(cls, game: StackelbergGame) -> int:
        """Plays that the table of a leader episode is made of, side by side in memory."""
        return courses(game)

    @classmethod
    @abstractmethod
    def exact_updates(cls, settings: ResponseFields) -> bool:
        """Whether an update is in expectation over all that can happen."""

    @classmethod
    @abstractmethod
    def update_lookups(cls, settings: ResponseFields, game: StackelbergGame) -> int:
        """Look-ups of an outcome in one update of one response."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray]:
        """All that changes, by name, `[episode, ...]` each: the arrays themselves, not copies."""

    def restart(self, episodes: NDArray[np.int64]) -> None:
        """Fresh followers in the given episodes."""
        for name, values in self.arrays().items():
            values[episodes] = self._fresh.get(name, 0)

    @abstractmethod
    def respond(self, table: Table, phase: Phase) -> None:
        """The whole response phase."""

    def policies(self, play: Play = "argmax") -> list[NDArray[np.float64]]:
        """Per learned turn the strategies `[episode, row, action]` under the given play."""
        return [self._policy(m, play) for m in range(len(self.learners))]

    @abstractmethod
    def _policy(self, turn: int, play: Play) -> NDArray[np.float64]:
        """Strategies `[episode, row, action]` of one follower; a row never met is as at the start in every play."""

    def reported(self, table: Table, rows: NDArray[np.int64], play: Play, ties: Ties) -> list[NDArray[np.float64]]:
        """Per learned turn the strategies `[N, rows, actions]` that are valued, ties broken by the rule.

        Args:
            table: one entry per given row, or one for all.
            rows: `[N]`, of the followers, who split ties themselves if the rule is "uniform".
            play: which.
            ties: the rule, of argmax play.
        """
        return [policy[rows] for policy in self.policies(play)]

    @abstractmethod
    def values(
        self, table: Table, phase: Phase, policies: Sequence[NDArray[np.float64]], play: Play
    ) -> NDArray[np.float64]:
        """Payoffs `[N, agents]` of a reward phase in which followers play the given strategies.

        Args:
            table: one entry per row of the phase, or one for all.
            phase: the reward phase.
            policies: per learned turn `[N, rows, actions]`.
            play: which play they are.
        """

    @abstractmethod
    def visits(self, turn: int) -> NDArray[np.float64]:
        """How often one follower has learned at each of its rows, in all episodes together: `[row]`."""

    @abstractmethod
    def average_regret(self) -> NDArray[np.float64]:
        """Largest average regret over followers and rows, payoff units: `[episode]`."""
