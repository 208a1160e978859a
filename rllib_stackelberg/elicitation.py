"""Asking the leader: which observation it must answer next, and what happens when it has.

An episode is a sequence of stages; a stage is a set of plays of the game (one update of the response phase,
the reward phase, or, for the closure, every outcome there is). Plays run until the leader must move. What
differs between the modes is small:

- `Closure`: one stage, all outcomes, each distinct observation asked once, breadth-first; the response and
  the reward are then computed from the table of outcomes without any further play.
- `InPlay`: a stage per update and one for the reward; each distinct observation is asked once.
- `EveryTurn`: as `InPlay`, but every leader turn of every play is asked, in order (the paper's POMDP).

All are batched over environments, each of which may be at another stage.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.game import StackelbergGame
from rllib_stackelberg.outcomes import OutcomeTable, Profiles
from rllib_stackelberg.plays import Plays
from rllib_stackelberg.response import Response
from rllib_stackelberg.settings import LeaderSettings
from rllib_stackelberg.streams import Stream, Streams

Index = NDArray[np.int64]


class Answers:
    """The leader's answers of B episodes, by question key.

    Attributes:
        known: `[B, questions]`; actions: `[B, questions, width]` in the game's units.
    """

    def __init__(self, game: StackelbergGame, episodes: int):
        turn = game.turns[game.leader_turn]
        if turn.rows is None:
            raise InvalidFieldError("turns", f"leader turn {turn.name!r} has no finite rows", "an integer")
        self.known = np.zeros((episodes, turn.rows), dtype=bool)
        self.actions = np.zeros((episodes, turn.rows, turn.width))

    def forget(self, episodes: Index) -> None:
        """Drop all answers of the given episodes."""
        self.known[episodes] = False
        self.actions[episodes] = 0.0

    def record(self, episodes: Index, questions: Index, actions: NDArray[np.float64]) -> None:
        """Keep one answer per given episode."""
        self.known[episodes, questions] = True
        self.actions[episodes, questions] = actions


class Elicitation(ABC):
    """Episodes of B environments, each paused at a question or over.

    Attributes:
        answers: what the leader has answered.
        question: `[B]`, key of the open question.
        over: `[B]`, whether the episode is over.
        value: `[B]`, leader payoff collected so far.
        response: the followers.
    """

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int, width: int):
        self.game = game
        self.settings = settings
        self.streams = streams
        self.width = width
        self.answers = Answers(game, envs)
        self.response = Response(game, settings.followers, envs)
        self.plays = Plays(game, envs * width)
        self.question = np.full(envs, -1, dtype=np.int64)
        self.over = np.ones(envs, dtype=bool)
        self.value = np.zeros(envs)
        self.episode = np.full(envs, -1, dtype=np.int64)
        self._slot = np.zeros(envs, dtype=np.int64)

    @abstractmethod
    def _open(self, envs: Index) -> None:
        """Start the next stage of the given environments."""

    @abstractmethod
    def _close(self, envs: Index) -> Index:
        """Finish a stage whose plays are all over; returns the environments that have another stage."""

    def restart(self, envs: Index, answers: Answers | None = None) -> None:
        """Begin a new episode in the given environments (with one answer table for all of them, if given)."""
        self.episode[envs] += 1
        self.answers.forget(envs)
        if answers is not None:
            self.answers.known[envs] = answers.known[0]
            self.answers.actions[envs] = answers.actions[0]
        self.response.restart(envs)
        self.value[envs] = 0.0
        self.over[envs] = False
        self._draw(envs)
        self._open(envs)
        self._settle(envs)

    @abstractmethod
    def _draw(self, envs: Index) -> None:
        """Prepare the randomness of new episodes."""

    def answer(self, envs: Index, actions: NDArray[np.float64]) -> None:
        """Answer the open question of each given environment and go on to its next one, or to the end."""
        self.answers.record(envs, self.question[envs], actions)
        self._settle(envs)

    def observe(self, envs: Index) -> NDArray[np.float32]:
        """What the leader sees at the open questions, `[N, d]`."""
        return self.plays.observe_leader(self._slots_of(envs)[np.arange(len(envs)), self._slot[envs]])

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
        """Give each environment its next question; returns those whose plays are all over.

        Plays whose question has been answered go on first; what is asked is the question that fewest answers
        lead to (breadth-first), then the one of the lowest slot.
        """
        slots = self._slots_of(envs)
        while True:
            waiting: NDArray[np.bool_] = self.plays.waiting[slots]
            key = self.plays.question[slots]
            known = waiting & self.answers.known[envs[:, None], np.where(waiting, key, 0)]
            if not known.any():
                break
            row, column = np.nonzero(known)
            actions = self.answers.actions[envs[row], key[row, column]]
            self.plays.answer(slots[row, column], actions, self._choose)
        asked = np.asarray(waiting.any(axis=1))
        depth = np.where(waiting, self.plays.depth[slots], np.iinfo(np.int64).max)
        self._slot[envs] = depth.argmin(axis=1)
        self.question[envs[asked]] = key[asked, self._slot[envs[asked]]]
        return envs[~asked]

    def _finish(self, envs: Index) -> None:
        self.over[envs] = True
        self.question[envs] = -1


class Closure(Elicitation):
    """Asks every reachable question first, then responds from the table of all outcomes."""

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        self.profiles = Profiles.of(game)
        super().__init__(game, settings, streams, envs, width=len(self.profiles))

    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        return self.profiles.choose(slots, turn, information)

    def _draw(self, envs: Index) -> None:
        """Draws are made when the response runs."""

    def _open(self, envs: Index) -> None:
        if len(envs):
            nature = np.repeat(self.profiles.nature, len(self.profiles.joint), axis=0)
            self.plays.begin(self._slots_of(envs).ravel(), np.tile(nature, (len(envs), 1)), self._choose)

    def _close(self, envs: Index) -> Index:
        table = self.table(envs)
        episodes = [(int(env), int(self.episode[env])) for env in envs]
        learn(self.response, table, envs, self.settings, self.streams, episodes)
        self.value[envs] = self._reward(table, envs, episodes)
        self._finish(envs)
        return envs[:0]

    def table(self, envs: Index) -> OutcomeTable:
        """Outcomes of the given environments (of plays that are over; payoffs so far for the rest)."""
        return OutcomeTable.from_plays(self.plays, self.profiles, envs)

    def _reward(self, table: OutcomeTable, envs: Index, episodes: list[tuple[int, int]]) -> NDArray[np.float64]:
        policies = [policy[envs] for policy in self.response.policies(self.settings.reward_play)]
        if self.settings.reward_plays == "exact":
            return table.values(table.distribution(policies))[:, 0]
        plays = self.settings.reward_plays
        cells, uniforms = draws(self.game, self.streams, Stream.REWARD, plays, episodes)
        # The plays' own draws pick one profile each; a follower's row is the same in all of them.
        nature = self.game.nature.index(cells)
        entry = np.arange(len(envs))[:, None]
        joint = np.zeros(nature.shape, dtype=np.int64)
        for turn, stride in enumerate(table.profiles.strides):
            information = table.information[entry, nature, 0, turn]
            chosen = self.response.draw(
                envs[:, None], turn, information, uniforms[..., turn], self.settings.reward_play
            )
            joint += chosen * stride
        return np.cumsum(table.payoffs[entry, nature, joint, 0] * (1 / plays), axis=1)[:, -1]


class InPlay(Elicitation):
    """A stage per update and one for the reward; distinct observations are asked once."""

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        self.turns = len(game.learned_turns)
        actions = [turn.choices for turn in game.learned_turns]
        # Plays of a sampled update: follower `deviator` plays `own`, the others as drawn.
        self.deviator = np.repeat(np.arange(self.turns), actions)
        self.own = np.concatenate([np.arange(k) for k in actions]) if actions else np.zeros(0, dtype=int)
        self.settings = settings
        self.profiles = Profiles.of(game) if settings.expected or self._mixed_reward else None
        everything = len(self.profiles) if self.profiles else 0
        update_width = everything if settings.expected else len(self.own)
        if settings.reward_plays != "exact":
            self.reward_width = settings.reward_plays
        else:
            self.reward_width = everything if self._mixed_reward else game.nature.size
        super().__init__(game, settings, streams, envs, width=max(update_width, self.reward_width, 1))
        self.update_width = update_width
        self.stage = np.zeros(envs, dtype=np.int64)
        self._paid = np.zeros((envs, self.reward_width), dtype=bool)
        self._forced = np.full((envs * self.width, self.turns), -1, dtype=np.int64)
        self._uniforms = np.zeros((envs * self.width, self.turns))
        self._tables: dict[int, tuple[NDArray, NDArray]] = {}

    @property
    def rewarding(self) -> NDArray[np.bool_]:
        """`[B]`: whether the environment is in its reward phase."""
        return np.equal(self.stage, self.settings.response_updates)

    def _draw(self, envs: Index) -> None:
        updates = 0 if self.settings.expected else self.settings.response_updates
        for env in envs:
            episodes = [(int(env), int(self.episode[env]))]
            cells, uniforms = draws(self.game, self.streams, Stream.RESPONSE, updates, episodes)
            self._tables[int(env)] = (self.game.nature.values(cells[0]), uniforms[0])
        self.stage[envs] = 0

    def _open(self, envs: Index) -> None:
        rewarding = self.rewarding[envs]
        for subset, begin in ((envs[~rewarding], self._open_update), (envs[rewarding], self._open_reward)):
            if len(subset):
                slots = self._slots_of(subset)
                self.plays.waiting[slots] = False
                self._forced[slots] = -1
                begin(subset, slots)

    def _open_update(self, envs: Index, slots: Index) -> None:
        if self.settings.expected:
            self._begin_profiles(slots)
            return
        slots = slots[:, : self.update_width]
        nature = np.stack([self._tables[int(env)][0][self.stage[env]] for env in envs])
        uniforms = np.stack([self._tables[int(env)][1][self.stage[env]] for env in envs])
        self._forced[slots, self.deviator] = self.own
        self._uniforms[slots] = uniforms[:, None]
        self.plays.begin(slots.ravel(), np.repeat(nature, self.update_width, axis=0), self._choose)

    def _begin_profiles(self, slots: Index) -> None:
        profiles = self.profiles
        assert profiles is not None
        slots = slots[:, : len(profiles)]
        self._forced[slots] = np.tile(profiles.joint, (len(profiles.nature), 1))
        nature = np.repeat(profiles.nature, len(profiles.joint), axis=0)
        self.plays.begin(slots.ravel(), np.tile(nature, (len(slots), 1)), self._choose)

    def _open_reward(self, envs: Index, slots: Index) -> None:
        self._paid[envs] = False
        if self.settings.reward_plays == "exact":
            if self._mixed_reward:
                self._begin_profiles(slots)
                return
            # argmax play is deterministic: one play per (types, chance) is exact.
            nature = np.tile(self.game.nature.support()[0], (len(envs), 1))
            slots = slots[:, : self.game.nature.size]
        else:
            plays = self.settings.reward_plays
            episodes = [(int(env), int(self.episode[env])) for env in envs]
            cells, uniforms = draws(self.game, self.streams, Stream.REWARD, plays, episodes)
            slots = slots[:, :plays]
            nature = self.game.nature.values(cells).reshape(-1, self.game.nature.width)
            self._uniforms[slots] = uniforms
        self.plays.begin(slots.ravel(), nature, self._choose)

    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        envs = slots // self.width
        actions = self._forced[slots, turn]
        rewarding = self.rewarding[envs]
        for phase, play in ((~rewarding, "last"), (rewarding, self.settings.reward_play)):
            free = np.flatnonzero(phase & (actions < 0))
            if len(free):
                uniforms = self._uniforms[slots[free], turn]
                actions[free] = self.response.draw(envs[free], turn, information[free], uniforms, play)  # type: ignore[arg-type]
        return actions

    def _close(self, envs: Index) -> Index:
        rewarding = self.rewarding[envs]
        if rewarding.any():
            self._pay(envs[rewarding])
            self._finish(envs[rewarding])
        learning = envs[~rewarding]
        if len(learning):
            if self.settings.expected:
                self.response.learn_expected(self._profile_table(learning), learning)
            else:
                self._close_sampled(learning)
            self.stage[learning] += 1
        return learning

    def _close_sampled(self, envs: Index) -> None:
        slots = self._slots_of(envs)[:, : self.update_width]
        first = np.searchsorted(self.deviator, np.arange(self.turns))
        information = np.stack([self.plays.information[slots[:, first[k]], k] for k in range(self.turns)], axis=1)
        utilities = [
            self.plays.payoffs[slots[:, self.deviator == k], turn.agent]
            for k, turn in enumerate(self.game.learned_turns)
        ]
        uniforms = np.stack([self._tables[int(env)][1][self.stage[env]] for env in envs])
        self.response.learn_sampled(envs, information, uniforms, utilities)

    def _profile_table(self, envs: Index) -> OutcomeTable:
        profiles = self.profiles
        assert profiles is not None
        slots = self._slots_of(envs)[:, : len(profiles)]
        shape = (len(envs), len(profiles.nature), len(profiles.joint), -1)
        return OutcomeTable(
            self.game,
            profiles,
            self.plays.payoffs[slots].reshape(shape),
            self.plays.information[slots].reshape(shape),
        )

    @property
    def _mixed_reward(self) -> bool:
        """Whether the reward phase weighs all profiles by mixed strategies (known when all are played)."""
        return self.settings.reward_plays == "exact" and self.settings.reward_play != "argmax"

    def _reward_weights(self, envs: Index) -> NDArray[np.float64]:
        """Weight of each reward play, `[N, reward plays]`."""
        if self.settings.reward_plays != "exact":
            return np.full((len(envs), self.settings.reward_plays), 1 / self.settings.reward_plays)
        if self._mixed_reward:
            policies = [policy[envs] for policy in self.response.policies(self.settings.reward_play)]
            return self._profile_table(envs).distribution(policies).reshape(len(envs), -1)
        return np.tile(self.game.nature.support()[1], (len(envs), 1))

    def _pay(self, envs: Index) -> None:
        """Collect the leader's payoff of reward plays that have ended, each once, in play order."""
        slots = self._slots_of(envs)[:, : self.reward_width]
        ended = ~self.plays.waiting[slots] & ~self._paid[envs]
        self._paid[envs] |= ended
        payoffs = np.where(ended, self._reward_weights(envs) * self.plays.payoffs[slots, 0], 0.0)
        self.value[envs] += np.cumsum(payoffs, axis=1)[:, -1]


class EveryTurn(InPlay):
    """Asks at every leader turn of every play, in order; what is answered is played there and only there."""

    def answer(self, envs: Index, actions: NDArray[np.float64]) -> None:
        """Play the answer in the play that waits for it."""
        self.answers.record(envs, self.question[envs], actions)
        slots = self._slots_of(envs)[np.arange(len(envs)), self._slot[envs]]
        self.plays.answer(slots, actions, self._choose)
        rewarding = envs[self.rewarding[envs]]
        if len(rewarding) and not self._mixed_reward:
            self._pay(rewarding)
        self._settle(envs)

    def _pose(self, envs: Index) -> Index:
        slots = self._slots_of(envs)
        waiting = self.plays.waiting[slots]
        asked = waiting.any(axis=1)
        self._slot[envs] = waiting.argmax(axis=1)
        self.question[envs[asked]] = self.plays.question[slots[asked, self._slot[envs[asked]]]]
        return envs[~asked]


def draws(
    game: StackelbergGame, streams: Streams, stream: Stream, plays: int, episodes: list[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nature's cells `[E, plays, blocks]` and followers' uniforms `[E, plays, learned turns]` of episodes.

    A fixed number of uniforms per play, whatever is played: the nature blocks first, then the followers.
    """
    blocks, turns = len(game.nature.blocks), len(game.learned_turns)
    table = [streams.uniforms(env, episode, stream, (plays, blocks + turns)) for env, episode in episodes]
    uniforms = np.stack(table)
    return game.nature.draw(uniforms[..., :blocks]), uniforms[..., blocks:]


def learn(
    response: Response,
    table: OutcomeTable,
    rows: Index,
    settings: LeaderSettings,
    streams: Streams,
    episodes: list[tuple[int, int]],
    trace: Callable[[], None] | None = None,
) -> None:
    """The whole response phase of the given rows of `response`, from a table of outcomes.

    `trace` is called before every update.
    """
    if settings.expected:
        for _ in range(settings.response_updates):
            if trace:
                trace()
            response.learn_expected(table, rows)
        return
    if not table.simultaneous:
        raise InvalidFieldError("elicitation", "followers of this game see each other's moves", "in_play")
    cells, uniforms = draws(table.game, streams, Stream.RESPONSE, settings.response_updates, episodes)
    response.learn_from_table(table, rows, table.game.nature.index(cells), uniforms, trace)
