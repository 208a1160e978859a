"""Asking the leader: which questions are open, and what happens when they have been answered.

An episode is a sequence of stages; a stage is a set of plays of the game (some updates of the response phase, the
reward phase, or, for the closure, every outcome there is). Plays run until the leader must move. All distinct
questions at which plays of a stage wait are its front: they are open together, and can be answered together or one by
one. What differs between the modes is small:

- `Closure`: one stage, all outcomes, each distinct question asked once; the response and the reward are then computed
  from the table of outcomes without any further play.
- `PathClosure` (path_closure.py): likewise, along all paths of followers who move several times.
- `InterimClosure` (interim_closure.py): asks its one question, where rules know expected payoffs without a table.
- `Foreseen` (foreseen.py): a stage is as many updates as can be foreseen; each distinct question is asked once.
- `Answered` (answered.py): likewise, of games with compiled rules; a stage ends where an answer is missing.
- `InPlay` (in_play.py): a stage per update and one for the reward; each distinct question is asked once.
- `EveryTurn` (in_play.py): as `InPlay`, but every leader turn of every play is asked, in order (the paper's POMDP).

All are batched over environments, each of which may be at another stage.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.plays.answers import Answers, SparseAnswers, make_answers
from rllib_stackelberg.plays.compiled_plays import make_plays
from rllib_stackelberg.plays.outcomes import OutcomeTable, Policies, Profiles
from rllib_stackelberg.plays.plays import Plays
from rllib_stackelberg.response.followers import Followers
from rllib_stackelberg.response.kinds import followers_for
from rllib_stackelberg.response.phase import Phase
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Streams


class Front(NamedTuple):
    """Open questions of some environments, all distinct.

    Attributes:
        envs: `[Q]`, ascending: whose questions they are.
        questions: `[Q]`, their keys.
        slots: `[Q]`, a play of each environment's own that waits there.
    """

    envs: Index
    questions: Index
    slots: Index

    def part(self, rows: Index | NDArray[np.bool_]) -> Front:
        """Some of the questions."""
        return Front(self.envs[rows], self.questions[rows], self.slots[rows])


class Credit(NamedTuple):
    """What of a reward phase met each answered question.

    Attributes:
        met: `[Q]`, weight of the reward's plays in which it was asked, of 1 for all plays.
        paid: `[Q]`, what those paid the leader from there on, weighted.
    """

    met: NDArray[np.float64]
    paid: NDArray[np.float64]


class Episodes(ABC):
    """Leader episodes of B environments, each paused at a front of questions or over.

    Attributes:
        question: `[B]`, key of the question that is next where one is asked at a time.
        over: `[B]`, whether the episode is over.
        value: `[B]`, leader payoff collected so far.
        penalty: `[B]`, what training subtracts from it (`LeaderSettings.deviation_penalty`).
        episode: `[B]`, number of the episode, from 0.
    """

    def __init__(self, envs: int):
        self.question = np.full(envs, -1, dtype=np.int64)
        self.over = np.ones(envs, dtype=bool)
        self.value = np.zeros(envs)
        self.penalty = np.zeros(envs)
        self.episode = np.full(envs, -1, dtype=np.int64)

    @abstractmethod
    def restart(self, envs: Index) -> None:
        """Begin a new episode in the given environments."""

    @abstractmethod
    def front(self, envs: Index) -> Front:
        """All open questions of the given environments, none of which is over."""

    @abstractmethod
    def posed(self, envs: Index) -> Front:
        """The next question of each given environment."""

    @abstractmethod
    def give(self, front: Front, actions: NDArray[np.float64]) -> None:
        """Answer open questions, some or all, and go on to the next ones, or to the end."""

    @abstractmethod
    def observe(self, front: Front) -> NDArray[np.float32]:
        """What the leader sees at open questions, `[Q, d]`."""

    @abstractmethod
    def open_choices(self, front: Front) -> NDArray[np.bool_]:
        """Which choices are open to the leader there, where its turn is masked, `[Q, choices]`."""

    def credit(self, envs: Index, questions: Index) -> Credit | None:
        """Of answered questions `[Q]` of episodes that are over; None where that is not known."""
        return None

    @abstractmethod
    def average_regret(self) -> NDArray[np.float64]:
        """Largest average regret of a follower, payoff units: `[B]`."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray]:
        """What an episode goes on from besides number and answers, by name, `[B, ...]`: the arrays themselves."""

    @property
    @abstractmethod
    def keeps_followers(self) -> bool:
        """Whether followers begin an episode as they ended the one before."""

    @property
    def rewarding(self) -> NDArray[np.bool_]:
        """`[B]`: whether the environment is in its reward phase; never where everything is asked first."""
        return np.zeros(len(self.over), dtype=bool)


class Elicitation(Episodes):
    """Episodes against one model of followers.

    Attributes:
        answers: what the leader has answered.
        response: the followers.
    """

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int, width: int = 1):
        super().__init__(envs)
        self.game = game
        self.settings = settings
        self.streams = streams
        self.width = width
        self.answers = self._make_answers(envs)
        self.response: Followers[Any, Any] = followers_for(game, settings).begin(settings, game, envs)
        self.plays = self._make_plays(envs * width)
        self._slot = np.zeros(envs, dtype=np.int64)

    def _make_plays(self, slots: int) -> Plays:
        return Plays(self.game, slots)

    def _make_answers(self, envs: int) -> Answers:
        return make_answers(self.game, envs)

    @abstractmethod
    def _open(self, envs: Index) -> None:
        """Start the next stage of the given environments."""

    @abstractmethod
    def _close(self, envs: Index) -> Index:
        """Finish a stage whose plays are all over; returns the environments that have another stage."""

    def average_regret(self) -> NDArray[np.float64]:
        """See `Episodes`."""
        return self.response.average_regret()

    def arrays(self) -> dict[str, NDArray]:
        """See `Episodes`: the followers."""
        return self.response.arrays()

    @property
    def keeps_followers(self) -> bool:
        """See `Episodes`."""
        return self.settings.keep_followers

    def restart(self, envs: Index) -> None:
        """See `Episodes`."""
        self.episode[envs] += 1
        self.answers.forget(envs)
        if not self.settings.keep_followers:
            self.response.restart(envs)
        self.value[envs] = 0.0
        self.penalty[envs] = 0.0
        self.over[envs] = False
        self._draw(envs)
        self._open(envs)
        self._settle(envs)

    @abstractmethod
    def _draw(self, envs: Index) -> None:
        """Prepare the randomness of new episodes."""

    def front(self, envs: Index) -> Front:
        """See `Episodes`: in ascending order of their keys."""
        slots = self._slots_of(envs)
        slots = slots[self.plays.waiting[slots]]
        owners, questions = slots // self.width, self.plays.question[slots]
        first = first_of_each(owners, questions, self.game.leader_turn.keys)
        return Front(owners[first], questions[first], slots[first] % self.width)

    def posed(self, envs: Index) -> Front:
        """See `Episodes`."""
        return Front(envs, self.question[envs], self._slot[envs])

    def give(self, front: Front, actions: NDArray[np.float64]) -> None:
        """See `Episodes`."""
        self.plays.check(front.envs * self.width + front.slots, actions)
        self.answers.record(front.envs, front.questions, actions)
        self._settle(np.unique(front.envs))

    def observe(self, front: Front) -> NDArray[np.float32]:
        """See `Episodes`."""
        return self.plays.observe_leader(front.envs * self.width + front.slots)

    def open_choices(self, front: Front) -> NDArray[np.bool_]:
        """See `Episodes`."""
        return self.plays.open_choices(front.envs * self.width + front.slots)

    def _slots_of(self, envs: Index) -> Index:
        return envs[:, None] * self.width + np.arange(self.width)

    @abstractmethod
    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        """Followers' actions in the given slots (`plays.Choose`)."""

    def _settle(self, envs: Index) -> None:
        while len(envs):
            envs = self._pose(envs)
            if len(envs):
                envs = self._close(envs)
                self._open(envs)

    def _pose(self, envs: Index) -> Index:
        """Leave open what is not known; returns the environments whose plays are all over.

        Plays whose question has been answered go on first. Where one question is asked at a time, it is the one that
        fewest answers lead to (breadth-first), then the one of the lowest slot.
        """
        slots = self._slots_of(envs)
        self.plays.go_on(slots.ravel(), np.repeat(envs, self.width), self.answers, self._choose)
        waiting: NDArray[np.bool_] = self.plays.waiting[slots]
        asked = np.asarray(waiting.any(axis=1))
        depth = np.where(waiting, self.plays.depth[slots], np.iinfo(np.int64).max)
        self._slot[envs] = depth.argmin(axis=1)
        self.question[envs[asked]] = self.plays.question[slots[asked, self._slot[envs[asked]]]]
        return envs[~asked]

    def _reported(self, table: Any, envs: Index) -> Policies:
        """What followers of the given environments play in the reward phase, one entry of the table each."""
        return self.response.reported(table, envs, self.settings.reward_play, self.settings.ties)

    def _finish(self, envs: Index) -> None:
        self.over[envs] = True
        self.question[envs] = -1


class AskedFirst(Elicitation):
    """Asks every question that can be met, then lets followers respond along the table of all that can happen."""

    @abstractmethod
    def table(self, envs: Index) -> Any:
        """What can happen in the given environments, an entry each (`Followers.table`)."""

    def _draw(self, envs: Index) -> None:
        """Draws are made when the response runs."""

    def _close(self, envs: Index) -> Index:
        table = self.table(envs)
        phase = Phase(envs, self.settings, self.streams, [(int(env), int(self.episode[env])) for env in envs])
        self.response.respond(table, phase)
        policies = self._reported(table, envs)
        self.value[envs] = self.response.values(table, phase, policies, self.settings.reward_play)[:, 0]
        if self.settings.deviation_penalty:
            missing = table.lacking(policies, self.settings.deviation_margin)
            self.penalty[envs] = self.settings.deviation_penalty * missing
        self._finish(envs)
        return envs[:0]


class Closure(AskedFirst):
    """Where followers move once: asks along all outcomes."""

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        self.profiles = Profiles.of(game)
        super().__init__(game, settings, streams, envs, width=len(self.profiles))

    def _make_plays(self, slots: int) -> Plays:
        return make_plays(self.game, slots)

    def _make_answers(self, envs: int) -> Answers:
        # Compiled rules look answers up in hash tables.
        return (
            super()._make_answers(envs)
            if self.game.compiled is None
            else SparseAnswers(envs, self.game.leader_turn.width)
        )

    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        return self.profiles.choose(slots, turn, information)

    def _open(self, envs: Index) -> None:
        if len(envs):
            nature = np.repeat(self.profiles.nature, len(self.profiles.joint), axis=0)
            self.plays.begin(self._slots_of(envs).ravel(), np.tile(nature, (len(envs), 1)), self._choose)

    def table(self, envs: Index) -> OutcomeTable:
        """Outcomes of the given environments (of plays that are over; payoffs so far for the rest)."""
        return OutcomeTable.from_plays(self.plays, self.profiles, envs)


def first_of_each(owners: Index, keys: Index, count: int) -> Index:
    """Where each distinct (owner, key) stands first, in ascending order of both.

    Args:
        owners: ascending; keys: of each, in `range(count)`.
    """
    if (int(owners.max(initial=0)) + 1) * count < 2**62:
        return np.unique(owners * count + keys, return_index=True)[1]
    order = np.lexsort((keys, owners))
    apart = (np.diff(owners[order], prepend=-1) != 0) | (np.diff(keys[order], prepend=-1) != 0)
    return order[apart]
