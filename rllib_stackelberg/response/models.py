"""Models of how followers respond: which learners they are, how long they learn, and which play the leader is paid for.

A leader trained against one model knows nothing of the others. Against a mixture, one model is drawn per leader episode
and hidden from the leader, so what it maximises is the mean over models: a robust commitment against a population of
which only the shares are known (as in Bayesian Stackelberg games, where the types are payoffs: Paruchuri et al. 2008;
against bounded rationality: Pita et al. 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.validation import validated
from rllib_stackelberg.followers.learner import Learner, learner_from_parameters, learner_from_text
from rllib_stackelberg.rules.ties import Ties

Play = Literal["argmax", "last", "average"]
"""Which strategy a follower plays after it has learned."""


def _learner(value: Any) -> Any:
    if isinstance(value, str):
        return learner_from_text(value)
    return learner_from_parameters(value) if isinstance(value, dict) else value


def _several(value: Any) -> Any:
    if isinstance(value, list | tuple) and not value:
        raise InvalidFieldError("followers", "are none", "a learner for all, or one for each learned turn")
    return tuple(value) if isinstance(value, list | tuple) else (value,)


OneLearner = Annotated[
    Learner,
    BeforeValidator(_learner),
    PlainSerializer(lambda learner: learner.parameters(), return_type=dict),
]

if TYPE_CHECKING:
    Held = TypeVar("Held")
    Given = TypeVar("Given")

    class _Field(Generic[Held, Given]):
        """How a type checker is told that a field holds something else than it may be given: its default is cast."""

        def __get__(self, settings: object, owner: Any) -> Held: ...

        def __set__(self, settings: object, value: Given) -> None: ...

    Learners = _Field[tuple[Learner, ...], Learner | str | Sequence[Learner | str]]
    LearnersIfAny = _Field[tuple[Learner, ...] | None, Learner | str | Sequence[Learner | str] | None]
else:
    Learners = Annotated[tuple[OneLearner, ...], BeforeValidator(_several)]
    """One learner for all followers, or one per learned turn."""
    LearnersIfAny = Learners | None

Updates = Annotated[int, Field(ge=1, le=10**7)]
UpdateMode = Literal["sampled", "expected"]


HEAVIEST = 1e12
"""Largest weight of a model: weights are added up."""

MOST_MODELS = 100


class FollowerModel(BaseModel):
    """One way in which followers may respond. What is None is as in the settings that name the model.

    Attributes:
        name: what results call it; by default its learners as the command line writes them.
        weight: probability of being drawn, relative to the other models'.
        followers, response_updates, update_mode, reward_play, ties: as in `LeaderSettings`.

    >>> FollowerModel(name="hasty", followers="mw:epsilon=0.1", response_updates=20).followers
    (MultiplicativeWeights(epsilon=0.1),)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: Annotated[str, Field(min_length=1)] | None = None
    weight: Annotated[float, Field(gt=0, le=HEAVIEST, allow_inf_nan=False)] = 1.0
    followers: LearnersIfAny = cast(Any, None)
    response_updates: Updates | None = None
    update_mode: UpdateMode | None = None
    reward_play: Play | None = None
    ties: Ties | None = None

    def changes(self) -> dict[str, Any]:
        """The fields of `LeaderSettings` that this model sets."""
        fields = ("followers", "response_updates", "update_mode", "reward_play", "ties")
        return {field: value for field in fields if (value := getattr(self, field)) is not None}


def _models(value: Any) -> Any:
    return tuple(_model(k, each) for k, each in enumerate(value)) if isinstance(value, list | tuple) else value


def _model(place: int, value: Any) -> FollowerModel:
    """From whatever stands for a model: also a learner, its text, or one learner per turn."""
    if isinstance(value, FollowerModel):
        return value
    if value is None:
        raise InvalidFieldError(f"models.{place}", "is null", "a learner, or an object (name, weight, followers, ...)")
    try:
        return validated(FollowerModel, value if isinstance(value, dict) else {"followers": value})
    except InvalidFieldError as error:
        raise InvalidFieldError(f"models.{place}.{error.field}", error.problem, error.allowed) from error


if TYPE_CHECKING:
    FollowerModels = _Field[tuple[FollowerModel, ...], Sequence[FollowerModel | Learner | str]]
else:
    FollowerModels = Annotated[tuple[FollowerModel, ...], BeforeValidator(_models)]
    """A bad field of a model is refused with the model's place in the list."""


KINDS = {dict: "object", str: "text", bool: "truth value", int: "number", float: "number", type(None): "null"}


def models_from(data: Any) -> list[Any]:
    """Models from a file that was given for them: at least one; each is looked at when settings are made of it.

    Raises:
        InvalidFieldError: no list, or an empty one.
    """
    if not isinstance(data, list) or not 0 < len(data) <= MOST_MODELS:
        found = f"{len(data)} entries" if isinstance(data, list) else f"a JSON {KINDS.get(type(data), 'value')}"
        raise InvalidFieldError("models", f"the file holds {found}", f"a list of 1 to {MOST_MODELS} models")
    return data
