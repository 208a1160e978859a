"""Settings of the leader's problem: checked on their own, and fitted to a game by its kind of followers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.validation import validated
from rllib_stackelberg.followers.trajectory import ExploringLearner
from rllib_stackelberg.plays.payoff_matrices import observed_matrices
from rllib_stackelberg.response.fields import ResponseFields
from rllib_stackelberg.response.kinds import followers_for, kinds_for
from rllib_stackelberg.response.models import FollowerModel
from rllib_stackelberg.rules.game import StackelbergGame


class ModelSettings(NamedTuple):
    """One model of a mixture: its name, its probability, and the settings of a run that knows no other."""

    name: str
    probability: float
    settings: LeaderSettings


class LeaderSettings(ResponseFields):
    """How followers respond, and how the leader is asked and rewarded; the fields are those of `ResponseFields`."""

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
        kinds_for(self)[0].refuse(self)
        if self.ties != "lowest" and self.reward_play != "argmax":
            raise InvalidFieldError("ties", f"{self.ties} is not for {self.reward_play} play", "lowest, or argmax play")
        if self.settled_plays is not None and not self.learners_of(ExploringLearner):  # type: ignore[type-abstract]
            problem = f"is not for {self.followers[0].traits.name}, which plays probabilities"
            raise InvalidFieldError("settled_plays", problem, "none, or learners that play their best action, or any")
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

    def in_play(self, game: StackelbergGame) -> bool:
        """Whether a leader episode of this game plays its updates, rather than look them up in a table of outcomes."""
        if self.models:
            return any(part.settings.in_play(game) for part in self.parts)
        return followers_for(game, self).in_play(self, game)

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
        return followers_for(game, self).fit(self, game)

    def long_response(self, game: StackelbergGame) -> bool:
        """Whether a response takes longer than everything else in a leader episode."""
        if self.models:
            return any(part.settings.long_response(game) for part in self.parts)
        return followers_for(game, self).long_response(self, game)

    def episode_outcomes(self, game: StackelbergGame) -> int:
        """Plays that the table of a leader episode is made of."""
        if self.models:
            return max(part.settings.episode_outcomes(game) for part in self.parts)
        return followers_for(game, self).episode_outcomes(game)

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
