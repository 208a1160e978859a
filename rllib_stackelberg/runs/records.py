"""What the files of a run say: a model for each, which a file must fit before anything is done with it."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from rllib_stackelberg.evaluation.certificates import Certificate
from rllib_stackelberg.files.record import Count, Finite, Record, Sum, Text
from rllib_stackelberg.rules.ties import Ties

MOST_PLAYS = 10**6


class Input(Record):
    """A file that a game was made from.

    Attributes:
        path: where it was; copy: what it is called in the folder `inputs`; sha256, size: of its content.
    """

    path: Text
    copied: Annotated[str, Field(alias="copy", pattern=r"^[A-Za-z_]\w*(\.\w{1,16})?$")]
    sha256: Sum
    size: Count


class Source(Record):
    """The code of a game of one's own.

    Attributes:
        module: that holds the class; sha256: of the file it was loaded from; version: of the package it is of.
    """

    module: Text
    sha256: Sum
    version: Text | None = None


class Config(Record):
    """config.json, of a run of either kind, or of online play.

    What else stands in it are options of that kind, which are checked where they are used.

    Attributes:
        game, params: as the person gave them; settings: all of them; seed, algo: of the run.
        plays: on which final policies are valued, of games with a population.
        inputs: by parameter; source: None of a game that comes with this package; versions: of packages.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    game: Text
    params: dict[str, Any]
    settings: dict[str, Any] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    algo: Text | None = None
    plays: Annotated[int, Field(ge=1, le=MOST_PLAYS)] | None = None
    inputs: dict[str, Input] = Field(default_factory=dict)
    source: Source | None = None
    versions: dict[str, Text] = Field(default_factory=dict)


class Training(Record):
    """training.json: what only training knows. Nothing in it stands for a value that can be recomputed."""

    iterations: Count
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    final_value: Finite | None = None
    episodes: Count | None = None
    mean_return: Finite | None = None
    explained_variance: Finite | None = None
    periods: Count | None = None
    stopped: Text | None = None
    meanwhile: Text | None = None


class Gain(Record):
    """What a side gains by learning on alone. Fields are those of training/populations/exploitability.py."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    gain: Finite


class Exploitability(Record):
    """exploitability.json."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    epochs: Count
    leader: Gain
    members: Gain


class ProgressLine(Record):
    """A line of progress.jsonl; the two kinds of run share a part of it."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    iteration: Count
    mean_return: float | None = None
    value: float | None = None
    best: float | None = None
    episodes: Count | None = None


class ChoiceAndNumbers(Record):
    """An action of the leader that is both."""

    choice: Count
    numbers: list[Finite]


class Answer(Record):
    """A leader's answer, in a result."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    question: int
    label: str
    action: int | list[Finite] | ChoiceAndNumbers
    shown: str


_CERTIFICATE: TypeAdapter[Certificate] = TypeAdapter(Certificate)


def certificate_from(data: dict[str, Any]) -> Certificate:
    """The inverse of `Certificate.data`.

    Raises:
        ValidationError: it is none.
    """
    own = {name: value for name, value in data.items() if name != "equilibrium"}
    return _CERTIFICATE.validate_python(own)


class ModelResult(Record):
    """What is known under one model of followers, or under the only one."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    leader_value: Finite
    standard_error: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    follower_values: list[Finite]
    play: str
    by_play: dict[str, Finite]
    weights: dict[str, list[list[Annotated[float, Field(ge=-1e-6, le=1 + 1e-6)]]]]
    unvisited: dict[str, list[Count]] = Field(default_factory=dict)
    certificate: dict[str, Any]

    @model_validator(mode="after")
    def _certified(self) -> Self:
        try:
            found = certificate_from(self.certificate)
        except ValidationError as error:
            raise ValueError(f"certificate: {error.errors()[0]['msg']}") from error
        numbers = (found.bcce_gap, found.deviation_gain, found.regret, found.regret_bound, found.deviation_error)
        if any(number is not None and not math.isfinite(number) for number in numbers) or found.updates < 0:
            raise ValueError("certificate: a number that is not finite, or below 0")
        return self


class NamedModelResult(ModelResult):
    """Of a result under several models."""

    name: str
    weight: Finite


class Result(ModelResult):
    """result.json of a game of finite types."""

    game: Text
    params: dict[str, Any]
    exact_value: Finite | None
    exact_method: str | None
    exact_reason: str | None = None
    exact_by_ties: dict[Ties, Finite] = Field(default_factory=dict)
    exact_best_by_ties: dict[Ties, Finite] = Field(default_factory=dict)
    reachable_value: Finite | None = None
    gap: Finite | None
    gap_note: str | None
    bound: Finite | None = None
    bound_method: str | None = None
    bound_gap: Finite | None = None
    baselines: dict[str, Finite] = Field(default_factory=dict)
    further_values: dict[str, Finite] = Field(default_factory=dict)
    questions: Count
    leader_strategy: list[Answer]
    worst_value: Finite | None = None
    by_model: list[NamedModelResult] | None = None
    episodes: Count
    iterations: Count
    seconds: Finite

    @model_validator(mode="after")
    def _one_certified(self) -> Self:
        if self.by_model is not None and not any(m.certificate == self.certificate for m in self.by_model):
            raise ValueError("the certificate is of none of its models")
        return self


class Summary(Record):
    """Mean and standard error of a figure."""

    mean: Finite | None
    standard_error: Finite | None


class PopulationResult(Record):
    """result.json of a game with a population."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    game: Text
    leader_value: Finite
    standard_error: Finite
    members_value: Finite
    members_standard_error: Finite
    lasted: Finite
    endings: dict[str, Finite]
    plays: Count
    iterations: Count
    seconds: Finite
    units: dict[str, str]
    average: dict[str, Summary]
    final: dict[str, Summary]
    exploitability: Exploitability | None

    @model_validator(mode="after")
    def _named_alike(self) -> Self:
        if not self.units.keys() <= self.average.keys() & self.final.keys():
            raise ValueError("units name figures that are not there")
        return self
