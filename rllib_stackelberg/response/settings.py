"""Settings of the leader's problem: how followers respond and how the leader is asked and paid."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.validation import validated
from rllib_stackelberg.followers.learner import Learner, UtilityLearner
from rllib_stackelberg.followers.multiplicative_weights import MultiplicativeWeights
from rllib_stackelberg.followers.trajectory import TrajectoryLearner
from rllib_stackelberg.plays.outcomes import EXACT_LIMIT, TABLE_LIMIT, Profiles
from rllib_stackelberg.plays.paths import Paths
from rllib_stackelberg.plays.payoff_matrices import observed_matrices
from rllib_stackelberg.response.models import FollowerModel, FollowerModels, Followers, UpdateMode, Updates
from rllib_stackelberg.response.response import Play
from rllib_stackelberg.rules.base import name_of
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.rules.ties import Ties

SAMPLED_PLAYS = 100
"""Plays of a reward phase that is sampled by default."""

LONG_RESPONSE = 10_000
"""Moves from which on a response of learners from experience takes longer than everything else in an episode."""


def _named(fits: Callable[[type[Learner]], bool]) -> str:
    """Names of the learners that fit."""
    return ", ".join(name for name, kind in sorted(Learner.registry.items()) if fits(kind))


class ModelSettings(NamedTuple):
    """One model of a mixture: its name, its probability, and the settings of a run that knows no other."""

    name: str
    probability: float
    settings: LeaderSettings


class LeaderSettings(BaseModel):
    """How followers respond, and how the leader is asked and rewarded.

    Attributes:
        followers: one learner for all followers, or one per learned turn; either utility learners or learners from
            experience.
        models: several ways in which followers may respond, one of which every leader episode draws; what a model
            leaves open is as here. Empty: followers always respond as the other fields say.
        response_updates: updates of the response phase; plays of it, for learners from experience.
        update_mode: "sampled" (the paper's) or "expected" (exact over types and others' strategies); by default
            what the learners declare they need, and "expected" where followers move several times in a play
            (counterfactual.py).
        leader_queries: "once": each distinct observation is asked once; "every_turn": the paper's
            step-by-step POMDP.
        elicitation: with "once": "closure" asks everything first, "in_play" pauses the response at an
            unmet observation; by default chosen by the size of the game.
        reward_play: which strategy followers play in the reward phase.
        ties: which of several actions that they have learned to be equally good (weights within 1e-12 of each other)
            followers take in argmax play: "lowest" (the paper's), "leader" (the one that is best for the leader),
            "against" (the worst for it) or "uniform" (each with the same probability). Of several followers see
            tie_breaking.py. With sampled updates only actions that pay alike in every play stay tied; with expected
            ones also those that pay alike on average.
        reward_plays: "exact" (types and chance enumerated) or a number of sampled plays; by default exact where
            that takes up to `outcomes.TABLE_LIMIT` (4,096) plays, else `SAMPLED_PLAYS` (100, the paper's number).
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

    followers: Followers = (MultiplicativeWeights(),)
    models: FollowerModels = ()
    response_updates: Updates = Field(
        default=250, description="updates of a response phase [default: as `games GAME` says, else 250]"
    )
    update_mode: UpdateMode | None = None
    leader_queries: Literal["once", "every_turn"] = Field(
        default="once", description="ask once per observation, or at every turn"
    )
    elicitation: Literal["closure", "in_play"] | None = None
    reward_play: Play = Field(default="argmax", description="followers' play in the reward phase")
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
        description="share of response-phase turns learned from, asked at every turn",
    )

    @classmethod
    def checked(cls, /, **values: Any) -> Self:
        """Build settings; a bad value is refused by field name.

        Raises:
            InvalidFieldError: naming the field and what it may be.
        """
        settings = validated(cls, values)
        names = [part.name for part in settings.parts]
        if twice := [name for name in names if names.count(name) > 1]:
            raise InvalidFieldError("models", f"two are called {twice[0]!r}", "a name for each, or different learners")
        for part in settings.parts:
            with _of_model(part.name):
                part.settings._check()
        return settings

    def _check(self) -> None:
        """Refuse, by name, fields that do not go together."""
        if self.update_mode == "sampled" and self.needs_expected:
            raise InvalidFieldError("update_mode", "a learner here needs exact utilities", "expected")
        if self.from_experience:
            self._refuse_for_experience()
        elif self.expected:
            self._refuse_for_bandits()
        if self.ties != "lowest" and self.reward_play != "argmax":
            raise InvalidFieldError("ties", f"{self.ties} is not for {self.reward_play} play", "lowest, or argmax play")
        if self.response_transitions < 1 and self.leader_queries == "once":
            problem = f"got {self.response_transitions:g} for a leader that is asked once"
            raise InvalidFieldError("response_transitions", problem, "1, or leader_queries=every_turn")

    @property
    def parts(self) -> tuple[ModelSettings, ...]:
        """The models one by one; without any, these settings alone."""
        total = math.fsum(model.weight for model in self.models)
        return tuple(self._part(model, total) for model in self.models) or (ModelSettings("", 1.0, self),)

    def _part(self, model: FollowerModel, total: float) -> ModelSettings:
        own = self.model_copy(update=model.changes() | {"models": ()})
        name = model.name or ", ".join(learner.text() for learner in own.followers)
        return ModelSettings(name, model.weight / total, own)

    def _refuse_for_experience(self) -> None:
        if len(self.learners_from_experience) < len(self.followers):
            raise InvalidFieldError("followers", "mix utility learners and learners from experience", "one kind")
        for field, value, allowed in (
            ("leader_queries", "every_turn", "once"),
            ("elicitation", "in_play", "closure"),
            ("update_mode", "expected", "sampled"),
        ):
            if getattr(self, field) == value:
                raise InvalidFieldError(field, f"{value} is not for learners from experience", allowed)
        if self.deviation_penalty or self.deviation_margin:
            raise InvalidFieldError(self._steering, "is not for learners from experience", "0")
        if self.ties != "lowest":
            raise InvalidFieldError("ties", f"{self.ties} is not for learners from experience", "lowest")

    def _refuse_for_bandits(self) -> None:
        bandits = [learner.traits.name for learner in self.followers if learner.traits.feedback == "bandit"]
        if bandits and self.needs_expected:
            problem = f"{bandits[0]} learns from the action it drew, another needs exact utilities"
            raise InvalidFieldError("followers", problem, "one kind")
        if bandits:
            raise InvalidFieldError("update_mode", f"{bandits[0]} learns from the action it drew", "sampled")

    def in_play(self, game: StackelbergGame) -> bool:
        """Whether a leader episode of this game plays its updates, rather than look them up in a table of outcomes."""
        if self.models:
            return any(part.settings.in_play(game) for part in self.parts)
        if self.from_experience or not game.one_shot:
            return False
        if self.leader_queries == "every_turn" or self.elicitation is not None:
            return self.leader_queries == "every_turn" or self.elicitation == "in_play"
        return Profiles.count(game) > TABLE_LIMIT

    def fitted(self, game: StackelbergGame) -> Self:
        """These settings for a given game, `reward_plays` chosen.

        Raises:
            InvalidFieldError: what the game is too large for, or does not have what the followers need, by name.
        """
        if self.models:
            # What is chosen for one model need not fit another: it is chosen again for each.
            for part in self.parts:
                with _of_model(part.name):
                    part.settings.fitted(game)
            return self
        if any(learner.traits.commits for learner in self.followers):
            observed_matrices(game)
        game.leader_turn.keys  # noqa: B018 (refuses questions that cannot be numbered)
        if self.from_experience:
            return self._fitted_to_paths(game)
        if not game.one_shot:
            return self._fitted_to_rows(game)
        filled = self.model_copy(update={"deviation_penalty": self._penalty(game)})
        return filled._fitted_in_play(game) if self.in_play(game) else filled._fitted_to_table(game)

    def _penalty(self, game: StackelbergGame) -> float:
        """What lacks of the margin costs the leader per unit; by default its payoff range per margin."""
        if self.deviation_penalty is not None:
            return self.deviation_penalty
        return float(np.ptp(game.payoff_range[0])) / self.deviation_margin if self.deviation_margin else 0.0

    def _fitted_to_table(self, game: StackelbergGame) -> Self:
        """Leader episodes that are looked up in a table of outcomes."""
        outcomes = Profiles.count(game)
        if outcomes > TABLE_LIMIT:
            raise InvalidFieldError("elicitation", f"closure of {outcomes:,} outcomes", f"in_play above {TABLE_LIMIT}")
        chosen = self.reward_plays or "exact"
        if self.deviation_penalty and chosen != "exact":
            raise InvalidFieldError(self._steering, "needs exact rewards", "0 with sampled reward plays")
        return self.model_copy(update={"reward_plays": chosen})

    def _fitted_in_play(self, game: StackelbergGame) -> Self:
        """Leader episodes whose updates are played."""
        outcomes = Profiles.count(game)
        if self.expected and outcomes > EXACT_LIMIT:
            field = "followers" if self.needs_expected else "update_mode"
            allowed = f"sampled updates, or up to {EXACT_LIMIT:,} outcomes"
            raise InvalidFieldError(field, f"exact updates over {outcomes:,} outcomes", allowed)
        for field, unset, given in (
            (self._steering, "0", bool(self.deviation_penalty)),
            ("ties", "lowest or uniform", self.ties in ("leader", "against")),
        ):
            if given and (outcomes > EXACT_LIMIT or isinstance(self.reward_plays, int)):
                problem = f"takes an exact reward phase of all {outcomes:,} outcomes"
                allowed = f"{unset}, or exact reward plays up to {EXACT_LIMIT:,} outcomes"
                raise InvalidFieldError(field, problem, allowed)
        # Certain play takes one play per (types, chance) to be exact. Other play takes one per outcome.
        plays = outcomes if self.whole_reward else game.nature.size
        if self.reward_plays == "exact" and plays > EXACT_LIMIT:
            allowed = f"a number of plays, or exact up to {EXACT_LIMIT:,} plays"
            raise InvalidFieldError("reward_plays", f"exact takes {plays:,} plays in this game", allowed)
        few = EXACT_LIMIT if self._by_table else TABLE_LIMIT
        chosen = self.reward_plays or ("exact" if plays <= few else SAMPLED_PLAYS)
        return self.model_copy(update={"reward_plays": chosen})

    @property
    def _steering(self) -> str:
        """Which of the two fields that lower the leader's reward was given."""
        return "deviation_margin" if self.deviation_margin else "deviation_penalty"

    @property
    def split_ties(self) -> bool:
        """Whether followers split ties themselves, without knowing what is best for the leader."""
        return self.ties == "uniform"

    @property
    def _by_table(self) -> bool:
        """Whether a reward phase needs the payoffs of play that is not played."""
        return bool(self.deviation_penalty) or self.ties in ("leader", "against")

    @property
    def whole_reward(self) -> bool:
        """Whether an exact reward phase takes all outcomes, rather than what followers play for certain."""
        return self.reward_play != "argmax" or self.ties != "lowest" or self._by_table

    def _fitted_to_rows(self, game: StackelbergGame) -> Self:
        """Utility learners, one at each information set of followers that move several times in a play."""
        name, turns = name_of(game), len(game.learned_turns)
        if game.memory > 1:
            known = _named(lambda kind: issubclass(kind, TrajectoryLearner))
            raise InvalidFieldError("followers", f"learn within a play, and {name} has a memory", known)
        if any(learner.traits.feedback != "full" for learner in self.followers):
            known = _named(lambda kind: issubclass(kind, UtilityLearner) and kind.traits.feedback == "full")
            raise InvalidFieldError("followers", f"see one action's payoff, and {name} has several moves a play", known)
        if len(self.followers) not in (1, turns):
            allowed = f"one for all, or one for each of {turns}"
            raise InvalidFieldError("followers", f"{len(self.followers)} learners", allowed)
        for field, fine, allowed in (
            ("leader_queries", self.leader_queries == "once", "once"),
            ("elicitation", self.elicitation != "in_play", "closure"),
            ("update_mode", self.update_mode != "sampled", "expected"),
            ("reward_plays", self.reward_plays in (None, "exact"), "exact"),
            (self._steering, not (self.deviation_penalty or self.deviation_margin), "0"),
        ):
            if not fine:
                problem = f"{getattr(self, field)} is not for followers with several moves in a play"
                raise InvalidFieldError(field, problem, allowed)
        self._check_paths(game)
        exact = {"update_mode": "expected", "reward_plays": "exact", "deviation_penalty": 0.0}
        return self.model_copy(update=exact)

    @staticmethod
    def _check_paths(game: StackelbergGame) -> None:
        if (paths := Paths.count(game)) > TABLE_LIMIT:
            allowed = f"up to {TABLE_LIMIT:,}, as a table of paths"
            raise InvalidFieldError("game", f"has {paths:,} courses of play", allowed)

    def _fitted_to_paths(self, game: StackelbergGame) -> Self:
        self._check_paths(game)
        if self.reward_plays == "exact" and game.memory > 1:
            raise InvalidFieldError("reward_plays", "exact, in a game with memory", "a number of plays")
        chosen = self.reward_plays or ("exact" if game.memory == 1 else SAMPLED_PLAYS)
        return self.model_copy(update={"reward_plays": chosen, "deviation_penalty": 0.0})

    @property
    def from_experience(self) -> bool:
        """Whether followers learn from experience."""
        return bool(self.learners_from_experience)

    @property
    def learners_from_experience(self) -> tuple[TrajectoryLearner, ...]:
        """Those of the followers' learners."""
        return tuple(learner for learner in self.followers if isinstance(learner, TrajectoryLearner))

    @property
    def utility_learners(self) -> tuple[UtilityLearner, ...]:
        """Those of the followers' learners."""
        return tuple(learner for learner in self.followers if isinstance(learner, UtilityLearner))

    def long_response(self, game: StackelbergGame) -> bool:
        """Whether a response takes longer than everything else in a leader episode."""
        if self.models:
            return any(part.settings.long_response(game) for part in self.parts)
        return self.from_experience and self.response_updates * game.moves >= LONG_RESPONSE

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

    @property
    def random_response(self) -> bool:
        """Whether two responses to the same leader can differ, under the same model."""
        return any(not part.settings.expected for part in self.parts)


@contextmanager
def _of_model(name: str) -> Iterator[None]:
    """What is refused says under which model."""
    try:
        yield
    except InvalidFieldError as error:
        if not name:
            raise
        raise InvalidFieldError(error.field, f"under model {name!r}: {error.problem}", error.allowed) from error
