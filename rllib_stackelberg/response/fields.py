"""The fields of the leader's problem: how followers respond, and how the leader is asked and paid."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from rllib_stackelberg.followers.learner import Learner
from rllib_stackelberg.followers.multiplicative_weights import MultiplicativeWeights
from rllib_stackelberg.response.models import FollowerModels, Learners, Play, UpdateMode, Updates
from rllib_stackelberg.rules.ties import Ties

SAMPLED_PLAYS = 100
"""Plays of a reward phase that is sampled by default: the paper's number."""
PLAYS_ASKED_ONCE = 2000
"""The same where followers move once and a question is asked once, so that a play costs little. What a leader is paid
is then less noisy than what its answers differ by: with a hundred plays it learns to be ten times worse."""
PLAYS_JUDGED = 500
"""The same where no follower learns and a leader is asked several questions: each answer is then judged by what plays
paid from its question on, not all of them by what all plays paid."""

OfKind = TypeVar("OfKind", bound=Learner)


class ResponseFields(BaseModel):
    """How followers respond, and how the leader is asked and rewarded.

    Attributes:
        followers: one learner for all followers, or one per learned turn; either utility learners or learners from
            experience.
        models: several ways in which followers may respond, one of which every leader episode draws; what a model
            leaves open is as here. Empty: followers always respond as the other fields say.
        response_updates: updates of the response phase; plays of it, for learners from experience.
        settled_plays: a response ends, before all its updates, once no follower's best action has changed anywhere for
            so many plays (Calvano et al. have 100,000); None: it does not. For learners from experience that choose
            their best action or a uniform one, in games in which followers move once a play (rounds.py).
        update_mode: "sampled" (the paper's) or "expected" (exact over types and others' strategies); by default
            what the learners declare they need. Where followers move several times in a play "expected"
            (counterfactual.py) up to `outcomes.TABLE_LIMIT` courses of play, and "sampled" (sampled_moves.py) beyond.
        leader_queries: "once": each distinct observation is asked once; "every_turn": the paper's
            step-by-step POMDP.
        elicitation: with "once": "closure" asks everything first, "in_play" pauses the response at an
            unmet observation; by default chosen by the size of the game. Of learners from experience "in_play" plays
            every play (played_trajectories.py).
        reward_play: which strategy followers play in the reward phase.
        ties: which of several actions that they have learned to be equally good (weights within 1e-12 of each other)
            followers take in argmax play: "lowest" (the paper's), "leader" (the one that is best for the leader),
            "against" (the worst for it) or "uniform" (each with the same probability). Of several followers see
            tie_breaking.py. With sampled updates only actions that pay alike in every play stay tied; with expected
            ones also those that pay alike on average.
        reward_plays: "exact" (types and chance enumerated) or a number of sampled plays; by default exact where
            that takes up to `outcomes.TABLE_LIMIT` (4,096) plays, else `PLAYS_ASKED_ONCE` (2,000), `PLAYS_JUDGED` (500)
            where no follower learns and there are several questions, or `SAMPLED_PLAYS` (100, the paper's number) of
            learners from experience and where the leader is asked at every turn.
        deviation_margin: how much better, in payoff units, a follower's action shall be for it than every other one,
            wherever it may have to choose. 0: as good is enough. With a margin it does not matter how followers break
            ties, nor that they judge payoffs wrongly by less than the margin: the mechanism is robust to both, and
            costs the leader what it has to leave them for that. Training only, never part of a reported value.
        deviation_penalty: the leader's reward in training is lowered by this times what followers lack of the margin,
            in expectation over types and summed over followers. With margin 0 that steers the leader, among equally
            valuable answers, to those whose play is an equilibrium. By default 0 without a margin, and with one the
            leader's payoff range divided by it: a play in which a follower lacks all of the margin costs as much as
            the worst outcome instead of the best. Closure and exact reward plays only.
        keep_followers: followers begin each leader episode of a run as they ended the one before, instead of afresh.
            Training only: a reported value is always of fresh followers.
        response_transitions: with "every_turn", the share of the response phase's transitions that the leader's
            learner sees: 1 is the paper's Stackelberg POMDP, 0 its Basic POMDP.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    followers: Learners = cast(Any, (MultiplicativeWeights(),))
    models: FollowerModels = cast(Any, ())
    response_updates: Updates = Field(
        default=250, description="how often followers update in a response [default: as `games GAME` says, else 250]"
    )
    settled_plays: Annotated[int, Field(ge=1, le=10**7)] | None = Field(
        default=None, description="end a response once no best action has changed for so many plays [default: never]"
    )
    update_mode: UpdateMode | None = None
    leader_queries: Literal["once", "every_turn"] = Field(
        default="once", description="ask once per observation, or at every turn"
    )
    elicitation: Literal["closure", "in_play"] | None = None
    reward_play: Play = Field(
        default="argmax",
        description="what followers play while the leader is paid: the action each finds best, a draw from what each "
        "ended with, or all that was played while they learned",
    )
    ties: Ties = Field(
        default="lowest",
        description="which of equally good actions followers take: the lowest, the best or worst for the leader, any",
    )
    reward_plays: Literal["exact"] | Annotated[int, Field(ge=1, le=10**6)] | None = None
    deviation_margin: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="how much better followers' actions shall be for them than others, in payoff units, whatever that "
        "costs",
    )
    deviation_penalty: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    keep_followers: bool = False
    response_transitions: float = Field(
        default=1.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="share of the response phase's turns that the leader learns from; below 1 only with "
        "--leader-queries every_turn",
    )

    def learners_of(self, kind: type[OfKind]) -> tuple[OfKind, ...]:
        """Those of the followers' learners that are of a kind."""
        return tuple(learner for learner in self.followers if isinstance(learner, kind))

    @property
    def steering(self) -> str:
        """Which of the two fields that lower the leader's reward was given."""
        return "deviation_margin" if self.deviation_margin else "deviation_penalty"

    @property
    def split_ties(self) -> bool:
        """Whether followers split ties themselves, without knowing what is best for the leader."""
        return self.ties == "uniform"

    @property
    def by_table(self) -> bool:
        """Whether a reward phase needs the payoffs of play that is not played."""
        return bool(self.deviation_penalty) or self.ties in ("leader", "against")

    @property
    def whole_reward(self) -> bool:
        """Whether an exact reward phase takes all outcomes, rather than what followers play for certain."""
        return self.reward_play != "argmax" or self.ties != "lowest" or self.by_table

    @property
    def sampled_reward_plays(self) -> int:
        """Plays of a reward phase that is not exact."""
        return self.reward_plays if isinstance(self.reward_plays, int) else SAMPLED_PLAYS

    @property
    def needs_expected(self) -> bool:
        """Whether a learner here cannot work from samples."""
        return any(learner.traits.update_mode == "expected" for learner in self.followers)

    @property
    def expected(self) -> bool:
        """Whether updates are exact."""
        return self.update_mode == "expected" or self.needs_expected
