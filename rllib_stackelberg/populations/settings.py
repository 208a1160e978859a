"""Settings of SMFRL: how a leader and a population of members learn together."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from gymnasium.spaces import Box
from pydantic import BaseModel, ConfigDict, Field

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.validation import validated
from rllib_stackelberg.populations.play import narrowed
from rllib_stackelberg.rules.population import PopulationGame

Count = Annotated[int, Field(ge=1, le=10**6)]
Width = Annotated[int, Field(ge=1, le=4096)]
Side = Annotated[int, Field(ge=1, le=10**4)]
"""Games side by side: each takes memory, and time in every period."""

DEEPEST = 16
"""Most hidden layers."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]

BYTES = 4
"""Of a number in the buffer."""


class PopulationSettings(BaseModel):
    """How both sides learn; the defaults are this project's, `PAPER` holds those of the paper's released code.

    One set of defaults is for all games: docs/measured/taxation_training.md has what each is for, and what it does.
    A game adds to it what its own rules ask for (`RunDefaults.settings`).

    Attributes:
        stackelberg: members see the leader's action, and the leader's actor counts on their answer to what it would do;
            otherwise they do not see it, and the leader takes what they did as given (the paper's ablation).
        through_members: the leader's actor also ascends by how what it does moves their answer; the paper's does not.
        mean_field: critics see the members' mean state and mean action; otherwise each only its own (ablation).
        learning: which sides learn; the other plays on as it is.
        member_low, member_high, leader_low, leader_high: bounds of actions within those of the game.
        plays: games side by side on each env runner.
        epoch_periods: periods of all plays together between two rounds of updates.
        updates: of each side in an epoch.
        random_epochs: first epochs whose actions are uniform; nothing is learned but what observations are like.
        critic_epochs: epochs after those in which only critics learn.
        batch: periods of an update; batch_members: members of each of these whose own losses are computed.
        kept_members: of a period, drawn at random, that the buffer holds; their exact mean is held besides.
        buffer_mb: how large the buffer may become; buffer_periods: how many periods it holds at most. Few make critics
            exact near what is done now, at the price of forgetting everything else.
        gamma: discount of a period, on both sides; that of the game where it has one.
        n_step: periods whose payoffs critics are taught as they were, before they are asked what follows. An error in
            what follows then counts gamma^n instead of gamma; but what was done in these periods was explored, or is
            old.
        centred: critics learn what is paid above the mean of recent rewards, instead of all of it. Sharper where doing
            right matters little beside what is paid anyway. Where early policies are paid far less than later ones it
            takes a scale that forgets (`recent`, `popart`).
        recent: least share of an epoch's rewards in the statistics that rewards are measured by. 0: all so far count
            the same, and years of ruin at the beginning may make all that is paid later look small to critics for
            long. If `centred`, it is .1 at least.
        popart: whether critics go on saying the same when the unit of rewards moves: their last layers are rescaled by
            what the unit did (van Hasselt et al. 2016, arXiv 1602.07714). Otherwise they must learn it anew.
        rate: of Adam; critic_rate: of the critics; rate_decay: the actors' factor every `rate_decay_epochs`;
            critic_rate_decay: the critics'. Critics that learn ever more slowly lose track of what actors still do.
        leader_pace: the rate of the leader's actor over that of the members'. Below 1 the members learn their answer to
            a leader that hardly moves meanwhile: two time scales (Borkar 1997). pace_decay: its factor every
            `rate_decay_epochs`; the theorem wants a pace that goes to 0.
        noise: standard deviation of the exploration in the unit box of actions; noise_decay: its factor every
            `rate_decay_epochs`.
        mixing: share of the networks in their targets after an update.
        averaging: the part of all updates of actors so far that their averages look back on: snapshots and saved
            policies act by the averages (Polyak & Juditsky 1992), exploring plays by the actors. 0: no averages.
        critics: of each side, that learn apart; critic_value: what targets and actors take of what they say, their mean
            or the least (Fujimoto et al. 2018, arXiv 1802.09477). The least is wary of what has not been seen.
        layer_norm: whether critics' hidden layers are normalised before the activation (Ba et al. 2016, arXiv
            1607.06450).
        cutting: chance that an exploring play is cut off after a period, not over, and another one begins. Without it
            plays that last long are all of about the same age, and a buffer or an epoch may hold no beginnings. With
            1 - gamma, ages are as common in play as they count in the discounted value.
        squash_penalty: on actors whose outputs go far to an end of the unit box, from where they cannot be moved any
            more.
        member_pull: of members' actors towards the middle of their box, in squares of what is squashed: a tie-break.
            Where members are all but indifferent it decides what they do; otherwise the errors of their critic decide,
            and what they do wanders, there and by the network's smoothness elsewhere. It must be small beside what
            they lose by a wrong action where that matters, in the unit of critics: if `centred`, that is the deviation
            of payoffs, which is small itself where hardly anything is at stake.
        hidden: widths of critics' hidden layers; activation: between them: with "silu" critics are smooth, and what is
            best near the middle of what they have seen is found more closely; with "relu" they mislead less outside
            of it. actor_hidden: widths of actors'.
        evaluate_every: epochs between snapshots that are valued; evaluation_plays: on which plays each.
        keep: which snapshot of its second half a run keeps: the last, of those whose plays lasted longest, or the best.
            The best is a rescue where training is unsteady; but a leader is worth most at moments at which members have
            not found their answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stackelberg: bool = True
    through_members: bool = False
    mean_field: bool = True
    learning: Annotated[tuple[Literal["leader", "members"], ...], Field(min_length=1)] = ("leader", "members")
    member_low: tuple[float, ...] | None = None
    member_high: tuple[float, ...] | None = None
    leader_low: tuple[float, ...] | None = None
    leader_high: tuple[float, ...] | None = None
    plays: Side = 24
    epoch_periods: Count = 900
    updates: Count = 600
    random_epochs: Annotated[int, Field(ge=0)] = 1
    critic_epochs: Annotated[int, Field(ge=0)] = 1
    batch: Count = 128
    batch_members: Count = 4
    kept_members: Count = 20
    buffer_mb: Positive = 256.0
    buffer_periods: Count = 6_000
    gamma: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.975
    n_step: Count = 1
    centred: bool = True
    recent: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.3
    popart: bool = True
    rate: Positive = 5e-4
    critic_rate: Positive = 2e-3
    rate_decay: Fraction = 0.8
    critic_rate_decay: Fraction = 0.85
    rate_decay_epochs: Count = 1
    noise: Annotated[float, Field(ge=0, le=1)] = 0.15
    noise_decay: Fraction = 0.85
    leader_pace: Positive = 0.2
    pace_decay: Fraction = 0.95
    mixing: Fraction = 0.05
    averaging: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.1
    critics: Annotated[int, Field(ge=1, le=16)] = 2
    critic_value: Literal["least", "mean"] = "mean"
    layer_norm: bool = True
    cutting: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.05
    squash_penalty: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1
    member_pull: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    hidden: Annotated[tuple[Width, ...], Field(min_length=1, max_length=DEEPEST)] = (64, 64)
    activation: Literal["relu", "silu"] = "silu"
    actor_hidden: Annotated[tuple[Width, ...], Field(min_length=1, max_length=DEEPEST)] = (32, 32)
    evaluate_every: Count = 5
    evaluation_plays: Side = 8
    keep: Literal["last", "best"] = "last"

    @classmethod
    def checked(cls, /, **values: Any) -> Self:
        """Build settings; a bad value is refused by field name.

        Raises:
            InvalidFieldError: naming the field and what it may be.
        """
        return validated(cls, values)

    @classmethod
    def of(cls, game: PopulationGame, /, **values: Any) -> Self:
        """As `checked`, for a game: discounted as it is, unless `gamma` is among the values.

        Raises:
            InvalidFieldError: naming the field and what it may be.
        """
        own = {} if game.discount is None else {"gamma": game.discount}
        return cls.checked(**own | values)

    def boxes(self, game: PopulationGame) -> tuple[Box, Box]:
        """The boxes of actions of the leader and of a member.

        Raises:
            InvalidFieldError: bounds that are not within the game's, by name.
        """
        return (
            narrowed(game.leader_actions, self.leader_low, self.leader_high, "leader"),
            narrowed(game.member_actions, self.member_low, self.member_high, "member"),
        )

    def kept(self, game: PopulationGame) -> int:
        """How many members of a period the buffer holds."""
        return min(self.kept_members, game.members)

    def capacity(self, game: PopulationGame) -> int:
        """Periods the buffer has room for: each holds the leader's view, the means, and the kept members.

        Raises:
            InvalidFieldError: fewer than a batch.
        """
        member = game.member_space.shape[0] + game.member_actions.shape[0]
        numbers = game.leader_space.shape[0] + game.leader_actions.shape[0] + 1 + member
        numbers += self.kept(game) * (member + 1)
        periods = int(self.buffer_mb * 2**20 / (BYTES * numbers))
        if periods < self.batch:
            raise InvalidFieldError("buffer_mb", f"holds {periods} periods", f"more, for a batch of {self.batch}")
        if self.buffer_periods < self.epoch_periods:
            problem = f"{self.buffer_periods} are less than epoch_periods={self.epoch_periods}"
            raise InvalidFieldError("buffer_periods", problem, f">= {self.epoch_periods}")
        return min(periods, self.buffer_periods)


PAPER: dict[str, Any] = {
    "plays": 1,
    "epoch_periods": 300,
    "updates": 100,
    "random_epochs": 0,
    "critic_epochs": 0,
    "batch_members": 8,
    "kept_members": 100,
    "buffer_periods": 10**6,
    "centred": False,
    "recent": 0.0,
    "popart": False,
    "rate": 3e-4,
    "critic_rate": 3e-4,
    "rate_decay": 0.95,
    "critic_rate_decay": 0.95,
    "rate_decay_epochs": 35,
    "noise": 0.01,
    "noise_decay": 1.0,
    "leader_pace": 1.0,
    "pace_decay": 1.0,
    "averaging": 0.0,
    "critics": 1,
    "layer_norm": False,
    "cutting": 0.0,
    "squash_penalty": 0.0,
    "hidden": (128, 128),
    "activation": "relu",
    "actor_hidden": (128, 128),
    "keep": "best",
}
"""What the paper's released code does differently from the defaults of this class, which a game may replace.

Mi et al., arXiv 2403.12093; its buffer holds a million periods.
"""
