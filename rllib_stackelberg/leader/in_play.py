"""Asking while the response runs: a stage per update, and one for the reward.

`InPlay` pauses the response at unmet questions (exact updates of large games); `EveryTurn` is the paper's step-by-step
POMDP; sampled updates are asked about ahead of time (foreseen.py, answered.py). All play what `Closure` looks up, with
the same draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.leader.elicitation import Elicitation, Front
from rllib_stackelberg.plays.outcomes import OutcomeTable, Profiles
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.response.phase import draws
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.streams import Stream, Streams


class InPlay(Elicitation):
    """A stage per update and one for the reward; distinct questions are asked once.

    Attributes:
        sampled: plays of the reward phase; None: all there are, weighted.
    """

    response: Any  # of a kind that learns from plays: which one, subclasses say

    def __init__(self, game: StackelbergGame, settings: LeaderSettings, streams: Streams, envs: int):
        self.turns = len(game.learned_turns)
        actions = [turn.choices for turn in game.learned_turns]
        # Plays of a sampled update: follower `deviator` plays `own`, the others as drawn.
        self.deviator = np.repeat(np.arange(self.turns), actions)
        self.own = np.concatenate([np.arange(k) for k in actions]) if actions else np.zeros(0, dtype=int)
        self.settings = settings
        self.sampled = settings.reward_plays if isinstance(settings.reward_plays, int) else None
        self.profiles = Profiles.of(game) if settings.expected or self._whole_reward else None
        everything = len(self.profiles) if self.profiles else 0
        self.update_width = everything if settings.expected else self._sampled_width(settings)
        exact_width = everything if self._whole_reward else game.nature.size
        self.reward_width = self._reward_width(exact_width if self.sampled is None else self.sampled)
        super().__init__(game, settings, streams, envs, width=max(self.update_width, self.reward_width, 1))
        self.stage = np.zeros(envs, dtype=np.int64)
        self._paid = np.zeros((envs, self.reward_width), dtype=bool)
        self._forced = np.full((envs * self.width, self.turns), -1, dtype=np.int64)
        self._uniforms = np.zeros((envs * self.width, game.moves))
        updates = 0 if settings.expected else self._held(settings.response_updates)
        self._cells = np.zeros((envs, updates, len(game.nature.blocks)), dtype=np.int64)
        self._draws = np.zeros((envs, updates, game.moves))

    def _sampled_width(self, settings: LeaderSettings) -> int:
        """Plays side by side in a stage of sampled updates."""
        return len(self.own)

    def _reward_width(self, plays: int) -> int:
        """Plays side by side in a stage of the reward phase, which has so many."""
        return plays

    def _held(self, updates: int) -> int:
        """Updates of a response whose draws are held at a time."""
        return updates

    @property
    def rewarding(self) -> NDArray[np.bool_]:
        """`[B]`: whether the environment is in its reward phase."""
        return np.equal(self.stage, self.settings.response_updates)

    def _draw(self, envs: Index) -> None:
        updates = self._draws.shape[1]
        episodes = [(int(env), int(self.episode[env])) for env in envs]
        self._cells[envs], self._draws[envs] = draws(self.game, self.streams, Stream.RESPONSE, updates, episodes)
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
        nature = self.game.nature.values(self._cells[envs, self.stage[envs]])
        uniforms = self._draws[envs, self.stage[envs]]
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
        if self._whole_reward:
            self._begin_profiles(slots)
            return
        slots = slots[:, : self.reward_width]
        if self.sampled is None:
            nature, uniforms = self._reward_nature(envs), np.zeros((*slots.shape, self._uniforms.shape[1]))
        else:
            cells, uniforms = self._reward_draws(envs)
            nature = self.game.nature.values(cells).reshape(-1, self.game.nature.width)
        self._begin_rewards(envs, slots, nature, uniforms)

    def _begin_rewards(self, envs: Index, slots: Index, nature: Index, uniforms: NDArray[np.float64]) -> None:
        """Begin reward plays in slots `[N, plays]`: types and chance `[N * plays, width]`, draws `[N, plays, M]`."""
        self._uniforms[slots] = uniforms
        self.plays.begin(slots.ravel(), nature, self._choose)

    def _reward_draws(self, envs: Index) -> tuple[Index, NDArray[np.float64]]:
        """Nature's cells and followers' uniforms of a sampled reward phase, `[N, plays, ...]`."""
        episodes = [(int(env), int(self.episode[env])) for env in envs]
        return draws(self.game, self.streams, Stream.REWARD, self.reward_width, episodes)

    def _reward_nature(self, envs: Index) -> Index:
        """Types and chance of the reward's plays, `[N * plays, width]`; not of one that plays all profiles."""
        if self.sampled is not None:
            return self.game.nature.values(self._reward_draws(envs)[0]).reshape(-1, self.game.nature.width)
        # argmax play is deterministic: one play per (types, chance) is exact.
        return np.tile(self.game.nature.support()[0], (len(envs), 1))

    def _choose(self, slots: Index, turn: int, information: Index) -> Index:
        envs = slots // self.width
        actions = self._forced[slots, turn]
        rewarding = self.rewarding[envs]
        phases: list[tuple[NDArray[np.bool_], Play]] = [(~rewarding, "last"), (rewarding, self.settings.reward_play)]
        for phase, play in phases:
            free = np.flatnonzero(phase & (actions < 0))
            if len(free):
                uniforms = self._uniforms[slots[free], turn]
                actions[free] = self.response.draw(envs[free], turn, information[free], uniforms, play)
        return actions

    def _close(self, envs: Index) -> Index:
        rewarding = self.rewarding[envs]
        if rewarding.any():
            self._pay(envs[rewarding])
            if self.settings.deviation_penalty:
                table = self._profile_table(envs[rewarding])
                reported = self._reported(table, envs[rewarding])
                missing = table.lacking(reported, self.settings.deviation_margin)
                self.penalty[envs[rewarding]] = self.settings.deviation_penalty * missing
            self._finish(envs[rewarding])
        learning = envs[~rewarding]
        if len(learning):
            self._close_update(learning)
        return learning

    def _close_update(self, envs: Index) -> None:
        """Let followers learn from a stage of the response phase, and count its updates."""
        if self.settings.expected:
            self.response.learn_expected(self._profile_table(envs), envs)
        else:
            self._close_sampled(envs)
        self.stage[envs] += 1

    def _close_sampled(self, envs: Index) -> None:
        slots = self._slots_of(envs)[:, : self.update_width]
        first = np.searchsorted(self.deviator, np.arange(self.turns))
        information = self.plays.information[slots[:, first], np.arange(self.turns)]
        utilities = [
            self.plays.payoffs[slots[:, self.deviator == k], turn.agent]
            for k, turn in enumerate(self.game.learned_turns)
        ]
        uniforms = self._draws[envs, self.stage[envs]]
        self.response.learn_sampled(envs, information, uniforms, utilities)

    def _profile_table(self, envs: Index) -> OutcomeTable:
        profiles = self.profiles
        assert profiles is not None
        slots = self._slots_of(envs)[:, : len(profiles)]
        shape = (len(envs), len(profiles.nature), len(profiles.joint))
        return OutcomeTable(
            self.game,
            profiles,
            self.plays.payoffs[slots].reshape(*shape, len(self.game.agents)),
            self.plays.information[slots].reshape(*shape, self.turns),
        )

    @property
    def _whole_reward(self) -> bool:
        """Whether the reward phase plays all profiles and weighs them by strategies, known when all are played."""
        return self.sampled is None and self.settings.whole_reward

    def _reward_weights(self, envs: Index) -> NDArray[np.float64]:
        """Weight of each reward play, `[N, reward plays]`."""
        if self.sampled is not None:
            return np.full((len(envs), self.sampled), 1 / self.sampled)
        if self._whole_reward:
            table = self._profile_table(envs)
            return table.distribution(self._reported(table, envs)).reshape(len(envs), -1)
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

    def front(self, envs: Index) -> Front:
        """See `Episodes`: the one question that is next."""
        return self.posed(envs)

    def give(self, front: Front, actions: NDArray[np.float64]) -> None:
        """Play each answer in the play that waits for it."""
        envs = front.envs
        self.answers.record(envs, front.questions, actions)
        self.plays.answer(self._slots_of(envs)[np.arange(len(envs)), front.slots], actions, self._choose)
        rewarding = envs[self.rewarding[envs]]
        if len(rewarding) and not self._whole_reward:
            self._pay(rewarding)
        self._settle(envs)

    def _pose(self, envs: Index) -> Index:
        slots = self._slots_of(envs)
        waiting = self.plays.waiting[slots]
        asked = waiting.any(axis=1)
        self._slot[envs] = waiting.argmax(axis=1)
        self.question[envs[asked]] = self.plays.question[slots[asked, self._slot[envs[asked]]]]
        return envs[~asked]
