"""What a leader strategy was found to be worth, under one model of followers or under several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from rllib_stackelberg.evaluation.certificates import Certificate
from rllib_stackelberg.response.models import Play
from rllib_stackelberg.rounding import estimate, number
from rllib_stackelberg.rules.display import MOST_ENTRIES, facts_table


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Value of a leader strategy against a response algorithm.

    Attributes:
        leader_value: mean over response samples, exact over types where the certificate says so (else over plays);
            standard_error: of that mean.
        follower_values: likewise; play: whose value this is; by_play: leader value under every play.
        weights: per follower the mean strategy `[row][action]` under `play`.
        certificate: see certificates.py.
        unvisited: per follower the rows at which its learner never had a turn in the response: what it plays there is
            what learners begin with.
        by_model: the value under each of several models of followers, of which all the rest is then the mean
            (`mean_over_models`); empty for followers that are known.
    """

    leader_value: float
    standard_error: float
    follower_values: tuple[float, ...]
    play: Play | Literal["by model"]
    by_play: dict[str, float]
    weights: dict[str, list[list[float]]]
    certificate: Certificate
    unvisited: dict[str, list[int]] = field(default_factory=dict)
    by_model: tuple[ModelValue, ...] = ()

    @property
    def worst_value(self) -> float:
        """Leader value under the model that is worst for the leader."""
        return min((model.found.leader_value for model in self.by_model), default=self.leader_value)

    def _repr_html_(self) -> str:
        """For notebooks: what both sides get, and the certificate."""
        plays = ", ".join(f"{play} {number(value)}" for play, value in self.by_play.items())
        facts = {
            "leader value": str(estimate(self.leader_value, self.standard_error)),
            "followers' values": ", ".join(number(value) for value in self.follower_values[:MOST_ENTRIES]),
            "play": self.play,
            "leader value under every play": plays,
            "worst model": number(self.worst_value) if self.by_model else "",
        }
        return facts_table("Response of the followers", facts) + self.certificate._repr_html_()

    def data(self) -> dict[str, Any]:
        """As plain data."""
        models = {
            "worst_value": self.worst_value,
            "by_model": [{"name": m.name, "weight": m.probability} | m.found.data() for m in self.by_model],
        }
        return {
            "leader_value": self.leader_value,
            "standard_error": self.standard_error,
            "follower_values": list(self.follower_values),
            "play": self.play,
            "by_play": self.by_play,
            "weights": self.weights,
            "unvisited": self.unvisited,
            "certificate": self.certificate.data(),
        } | (models if self.by_model else {})


@dataclass(frozen=True, eq=False)
class ModelValue:
    """A leader strategy under one model of several: the model's name and probability, and what was found under it."""

    name: str
    probability: float
    found: Evaluation


def mean_over_models(models: Sequence[ModelValue]) -> Evaluation:
    """Value of a leader strategy against followers of whom only the probability of each model is known.

    Values and strategies are means over models. All models answer the same response streams, so their errors may add
    up: the standard error is the mean of theirs, which the true one does not exceed. The certificate is that of the
    model whose followers gain most by leaving their play: if it certifies an equilibrium, so do all.
    """
    found = [model.found for model in models]
    plays = {each.play for each in found}
    common = [play for play in found[0].by_play if all(play in each.by_play for each in found)]

    def mean(values: Sequence[float]) -> float:
        """Over models, by their probabilities."""
        return math.fsum(model.probability * value for model, value in zip(models, values, strict=True))

    return Evaluation(
        leader_value=mean([each.leader_value for each in found]),
        standard_error=mean([each.standard_error for each in found]),
        follower_values=tuple(map(mean, zip(*(each.follower_values for each in found), strict=True))),
        play=plays.pop() if len(plays) == 1 else "by model",
        by_play={play: mean([each.by_play[play] for each in found]) for play in common},
        weights={
            name: np.sum([m.probability * np.array(m.found.weights[name]) for m in models], axis=0).tolist()
            for name in found[0].weights
        },
        certificate=max((each.certificate for each in found), key=lambda c: (not c.equilibrium, c.deviation_gain)),
        unvisited={
            name: sorted(set(rows).intersection(*(each.unvisited[name] for each in found)))
            for name, rows in found[0].unvisited.items()
        },
        by_model=tuple(models),
    )
