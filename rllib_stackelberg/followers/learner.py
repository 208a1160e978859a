"""The protocol of utility learners: what they keep per information row, how they play and update.

A learner is a frozen description (its parameters); the arrays it learns in are handed to it. All methods
are array code over any leading shape, so the same learner plays one follower or a hundred thousand.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError

LearnerState = dict[str, NDArray[np.float64]]
"""Arrays of a learner, each `[..., k]` over the same leading shape."""

TIE = 1e-12
"""Weights within this relative distance of the largest count as tied with it."""


@dataclass(frozen=True)
class Traits:
    """What a learner promises.

    Attributes:
        name: how the command line calls it.
        feedback: "full": it is given the payoff of every own action; "bandit": of the one it played.
        update_mode: "sampled" if one sampled play per update is enough; "expected" if it needs exact utilities.
        no_regret: whether its average regret vanishes against any sequence of utilities.
    """

    name: str
    feedback: Literal["full", "bandit"] = "full"
    update_mode: Literal["sampled", "expected"] = "sampled"
    no_regret: bool = True


class Learner(ABC):
    """A utility learner. Subclasses are frozen dataclasses of their parameters."""

    traits: ClassVar[Traits]
    registry: ClassVar[dict[str, type[Learner]]] = {}

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "traits" in vars(cls):  # a variant that keeps its parent's traits is not another learner
            Learner.registry[cls.traits.name] = cls

    @abstractmethod
    def start(self, shape: tuple[int, ...], actions: int) -> LearnerState:
        """Fresh arrays for every row of the leading `shape`."""

    @abstractmethod
    def policy(self, state: LearnerState) -> NDArray[np.float64]:
        """Mixed strategy `[..., actions]`: non-negative, each row sums to 1."""

    @abstractmethod
    def update(self, state: LearnerState, utilities: NDArray[np.float64]) -> LearnerState:
        """New arrays after the payoffs `[..., actions]` of every own action (in units of the payoff range)."""

    def regret_bound(self, actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
        """Bound on the regret of the mixed strategies after that many updates; infinite without a promise.

        Args:
            actions: number of own actions.
            updates: number of updates at a row, any shape.
            spread: largest difference between two utilities.
        """
        return np.full(np.shape(updates), math.inf)

    def parameters(self) -> dict[str, Any]:
        """Name and parameters, as plain data."""
        return {"name": self.traits.name} | {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]


def argmax_play(policy: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most likely action, ties (within `TIE`) to the lowest index: `[..., k]` -> `[...]`.

    >>> argmax_play(np.array([[.5, .5], [.4, .6], [.5, .5 + 1e-15]]))
    array([0, 1, 0])
    """
    best = policy.max(axis=-1, keepdims=True)
    return np.argmax(policy >= best - TIE * np.abs(best), axis=-1)


def draw_play(policy: NDArray[np.float64], uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Inverse-CDF draw: policy `[..., k]`, uniforms `[...]` -> actions `[...]`.

    The running sum is sequential whatever the batch, so the draw does not depend on the batch.

    >>> draw_play(np.array([[.25, .75], [.25, .75]]), np.array([.2, .3]))
    array([0, 1])
    """
    steps = np.cumsum(policy, axis=-1)
    drawn = (steps[..., :-1] <= uniforms[..., None] * steps[..., -1:]).sum(axis=-1)
    return np.asarray(drawn, dtype=np.int64)


def learner_from_text(text: str) -> Learner:
    """A learner from the command line's `name:parameter=value,...`.

    >>> learner_from_text("mw:epsilon=0.1")
    MultiplicativeWeights(epsilon=0.1)
    """
    name, _, rest = text.partition(":")
    if name not in Learner.registry:
        raise InvalidFieldError("followers", f"unknown learner {name!r}", ", ".join(sorted(Learner.registry)))
    parameters = dict(item.partition("=")[::2] for item in rest.split(",") if item)
    return learner_from_parameters({"name": name} | parameters)


def learner_from_parameters(parameters: dict[str, Any]) -> Learner:
    """The inverse of `Learner.parameters`; values may be text."""
    kind = Learner.registry[parameters["name"]]
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    values: dict[str, float] = {}
    for name, value in parameters.items():
        if name == "name":
            continue
        if name not in known:
            raise InvalidFieldError("followers", f"unknown parameter {name!r}", ", ".join(known) or "none")
        try:
            values[name] = float(value)
        except ValueError as error:
            raise InvalidFieldError(f"followers.{name}", f"got {value!r}", "a number") from error
    return kind(**values)
