"""What the centralised critic sees beyond the actor: the hidden state of the leader's problem.

A view per way of asking, and one for several models of followers. All entries are in [0, 1].
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.leader.elicitation import AskedFirst, Closure, Episodes
from rllib_stackelberg.leader.in_play import EveryTurn, InPlay
from rllib_stackelberg.leader.interim_closure import InterimClosure
from rllib_stackelberg.leader.mixture import Mixture
from rllib_stackelberg.leader.path_closure import PathClosure
from rllib_stackelberg.plays.answers import Answers
from rllib_stackelberg.response.response import Response
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame

ANSWER_LIMIT = 512
"""Most numbers the answers so far may take in the critic's view."""

PROVISIONAL_UPDATES = 4


def relative(policy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Strategies `[B, rows, actions]` divided by each row's largest entry, flat: `[B, rows * actions]`."""
    return (policy / policy.max(axis=-1, keepdims=True)).reshape(len(policy), -1)


@dataclass(frozen=True, eq=False)
class SeatEntries:
    """Which entries of a view speak of which follower, and which of all of them alike.

    Entries that are neither, such as answers by question, would tell a critic who is who: one that must not know is not
    shown them.

    Attributes:
        own: `[followers, features]`; shared: `[entries]`.
    """

    own: NDArray[np.int64]
    shared: NDArray[np.int64]

    def after(self, entries: int) -> SeatEntries:
        """The same, that many entries further on."""
        return SeatEntries(self.own + entries, self.shared + entries)


def weight_entries(game: StackelbergGame, first: int) -> NDArray[np.int64]:
    """Entries of followers' strategies, laid out from `first` on, `[followers, rows * actions]`.

    None for each, `[followers, 0]`, unless all followers have the same rows and actions.
    """
    turns, followers = game.learned_turns, len(game.followers)
    alike = len(turns) == followers and len({(turn.rows, turn.choices) for turn in turns}) == 1
    each = turns[0].keys * turns[0].choices if alike else 0
    return first + np.arange(followers * each).reshape(followers, each)


class CriticView(ABC):
    """Maps episodes to the critic's part of their observation.

    Attributes:
        width: number of entries.
        seats: whom they speak of.
    """

    width: int
    seats: SeatEntries

    @abstractmethod
    def __call__(self, elicitation: Episodes, envs: Index) -> NDArray[np.float32]:
        """`[N, width]` of the given environments, in [0, 1]."""


class WeightsView(CriticView):
    """Followers' weights and the phase (0 response, 1 reward): the state of the paper's POMDP."""

    def __init__(self, game: StackelbergGame):
        self.width = sum(t.keys * t.choices for t in game.learned_turns) + 1
        self.seats = SeatEntries(weight_entries(game, 0), np.array([self.width - 1]))

    def __call__(self, elicitation: Episodes, envs: Index) -> NDArray[np.float32]:
        """Weights in follower order, then the phase."""
        assert isinstance(elicitation, InPlay)
        weights = [relative(policy[envs]) for policy in elicitation.response.policies("last")]
        phase = elicitation.rewarding[envs, None].astype(np.float64)
        return np.concatenate([*weights, phase], axis=1).astype(np.float32)


class AnswersView:
    """The answers so far: per question an asked flag and the action (choice one-hot, numbers in unit scale)."""

    def __init__(self, game: StackelbergGame):
        self.turn = game.leader_turn
        self.first = self.turn.choices if self.turn.chooses else 0
        self.columns = self.first + self.turn.numbers
        self.questions = self.turn.keys
        self.width = self.questions * (self.columns + 1)
        if self.width > ANSWER_LIMIT:
            self.width = 0

    def __call__(self, answers: Answers, envs: Index) -> NDArray[np.float64]:
        """`[N, width]`."""
        if not self.width:
            return np.zeros((len(envs), 0))
        known, actions = (part[envs] for part in answers.table(self.questions))
        shown = np.zeros((*known.shape, self.columns))
        if self.first:
            shown[..., : self.first] = np.eye(self.first)[actions[..., 0].astype(np.int64)]
        if self.turn.numbers:
            low, high = self.turn.box.low, self.turn.box.high
            shown[..., self.first :] = (actions[..., int(self.turn.chooses) :] - low) / np.where(
                high > low, high - low, 1
            )
        asked = known[..., None].astype(np.float64)
        return np.concatenate([shown * asked, asked], axis=-1).reshape(len(asked), -1)


class SoFarView(CriticView):
    """The answers so far, where what followers would learn from them takes a whole response."""

    def __init__(self, game: StackelbergGame):
        self.answers = AnswersView(game)
        self.width = self.answers.width
        self.seats = SeatEntries(np.zeros((len(game.followers), 0), dtype=np.int64), np.zeros(0, dtype=np.int64))

    def __call__(self, elicitation: Episodes, envs: Index) -> NDArray[np.float32]:
        """Answers."""
        assert isinstance(elicitation, AskedFirst)
        return self.answers(elicitation.answers, envs).astype(np.float32)


class ProgressView(CriticView):
    """In-play asking: followers' weights as they stand, the phase, how far the response is, the answers."""

    def __init__(self, game: StackelbergGame, settings: LeaderSettings):
        self.updates = settings.response_updates
        self.weights = WeightsView(game)
        self.answers = AnswersView(game)
        self.width = self.weights.width + 1 + self.answers.width
        self.seats = SeatEntries(self.weights.seats.own, self.weights.width - 1 + np.arange(2))

    def __call__(self, elicitation: Episodes, envs: Index) -> NDArray[np.float32]:
        """Weights, phase, share of updates done, answers."""
        assert isinstance(elicitation, InPlay)
        progress = np.minimum(elicitation.stage[envs, None] / self.updates, 1.0)  # a reward phase may take stages
        parts = (self.weights(elicitation, envs), progress, self.answers(elicitation.answers, envs))
        return np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")


class ProvisionalView(CriticView):
    """Closure asking: the answers so far, and a short expected response to them.

    While the closure is asked, followers have learned nothing yet, so their weights carry no information.
    What predicts the episode's value is how they would respond if the answers so far were all: outcomes that
    still wait for an answer count with the payoffs collected up to there.
    """

    def __init__(self, game: StackelbergGame, settings: LeaderSettings):
        self.game = game
        self.settings = settings
        self.answers = AnswersView(game)
        strategies = sum(t.keys * t.choices for t in game.learned_turns)
        self.low, high = (float(x) for x in game.payoff_range[0])
        self.spread = high - self.low if high > self.low else 1.0
        self.width = self.answers.width + strategies + 1
        self.seats = SeatEntries(weight_entries(game, self.answers.width), np.array([self.width - 1]))
        self.single = game.leader_turn.rows == 1

    def __call__(self, elicitation: Episodes, envs: Index) -> NDArray[np.float32]:
        """Answers, provisional strategies, provisional leader value."""
        assert isinstance(elicitation, Closure)
        answers = self.answers(elicitation.answers, envs)
        if self.single:
            # One question: nothing has been answered when it is asked, and a bandit has no state.
            rest = np.zeros((len(envs), self.width - self.answers.width))
            return np.concatenate([answers, rest], axis=1).astype(np.float32)
        table = elicitation.table(envs)
        response = Response.begin(self.settings, self.game, len(envs))
        response.learn_expected(table, np.arange(len(envs)), PROVISIONAL_UPDATES)
        policies = response.reported(table, np.arange(len(envs)), "argmax", self.settings.ties, together=False)
        value = (table.values(table.distribution(policies))[:, :1] - self.low) / self.spread
        shown = [relative(policy) for policy in response.policies("last")]
        return np.clip(np.concatenate([answers, *shown, value], axis=1), 0, 1).astype(np.float32)


class MixtureView(CriticView):
    """Several models: which one was drawn (one-hot), then what is seen under it.

    What the leader cannot see is most of what its return varies with when models differ: told to the critic, it leaves
    the advantage estimates alone.
    """

    def __init__(self, views: Sequence[CriticView]):
        self.views = tuple(views)
        self.width = len(self.views) + max(view.width for view in self.views)
        self.seats = self._seats()

    def _seats(self) -> SeatEntries:
        """Of views that are laid out alike, theirs; else which model was drawn and no more."""
        first, models = self.views[0].seats, np.arange(len(self.views))
        others = [view.seats for view in self.views]
        alike = all(
            np.array_equal(seats.own, first.own) and np.array_equal(seats.shared, first.shared) for seats in others
        )
        if not alike:
            return SeatEntries(first.own[:, :0], models)
        moved = first.after(len(models))
        return SeatEntries(moved.own, np.concatenate([models, moved.shared]))

    def __call__(self, elicitation: Episodes, envs: Index) -> NDArray[np.float32]:
        """One-hot model, its view, zeros up to the widest view."""
        assert isinstance(elicitation, Mixture)
        seen = np.zeros((len(envs), self.width), dtype=np.float32)
        models = len(self.views)
        seen[np.arange(len(envs)), elicitation.model[envs]] = 1.0
        for k, (view, member) in enumerate(zip(self.views, elicitation.members, strict=True)):
            own = elicitation.model[envs] == k
            if own.any():
                seen[own, models : models + view.width] = view(member, envs[own])
        return seen


@singledispatch
def critic_view(elicitation: Episodes, game: StackelbergGame) -> CriticView:
    """The view that fits a way of asking: one is registered for each."""
    raise NotImplementedError(f"no critic's view of {type(elicitation).__name__}")


@critic_view.register
def _(elicitation: Closure, game: StackelbergGame) -> CriticView:
    return ProvisionalView(game, elicitation.settings)


@critic_view.register(PathClosure)
@critic_view.register(InterimClosure)
def _(elicitation: AskedFirst, game: StackelbergGame) -> CriticView:
    return SoFarView(game)


@critic_view.register
def _(elicitation: InPlay, game: StackelbergGame) -> CriticView:
    return ProgressView(game, elicitation.settings)


@critic_view.register
def _(elicitation: EveryTurn, game: StackelbergGame) -> CriticView:
    return WeightsView(game)


@critic_view.register
def _(elicitation: Mixture, game: StackelbergGame) -> CriticView:
    return MixtureView([critic_view(member, game) for member in elicitation.members])
