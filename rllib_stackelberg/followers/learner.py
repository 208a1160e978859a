"""What a follower learns with: the description all learners share, and the protocol of utility learners.

A utility learner is told, at every update, the payoff of each of its actions. (Learners from experience are told what
happened to them: trajectory.py.) A learner is a frozen description (its parameters) with compiled functions over *one*
row (kernels.py). Everything else, a single row on the command line or a hundred thousand rows of a response phase,
loops over these, so a learner's formula is written once and gives the same bits in any batch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.compilation import kept, kernel
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import brief
from rllib_stackelberg.followers.kernels import Kernels
from rllib_stackelberg.followers.simplex import best_action

Described = TypeVar("Described")


@dataclass
class LearnerState:
    """What a learner keeps: `numbers [..., width]` over rows of any leading shape, and the number of actions."""

    numbers: NDArray[np.float64]
    actions: int


@dataclass(frozen=True)
class Traits:
    """What a learner promises.

    Attributes:
        name: how the command line calls it.
        feedback: "full": it is given the payoff of every own action; "bandit": it sees that of the one it drew.
        update_mode: "sampled" if one sampled play per update is enough; "expected" if it needs exact utilities.
        no_regret: whether its average regret vanishes against any sequence of utilities.
        commits: whether it knows the payoffs of leader and follower and commits to a response to every leader action.
    """

    name: str
    feedback: Literal["full", "bandit"] = "full"
    update_mode: Literal["sampled", "expected"] = "sampled"
    no_regret: bool = True
    commits: bool = False


class Learner(ABC):
    """A frozen dataclass of a learner's parameters, with `traits` and `kernels`: of one of its two subclasses."""

    traits: ClassVar[Traits]
    kernels: ClassVar[Any]
    registry: ClassVar[dict[str, type[Learner]]] = {}

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "traits" in vars(cls):  # a variant that keeps its parent's traits is not another learner
            Learner.registry[cls.traits.name] = cls

    @abstractmethod
    def start(self, actions: int) -> NDArray[np.float64]:
        """The numbers of a fresh row, `[width]`."""

    def committed(self, leader: NDArray[np.float64], follower: NDArray[np.float64]) -> NDArray[np.float64]:
        """The numbers of the rows of a learner that commits, `[leader action, width]`.

        Args:
            leader, follower: payoffs `[leader action, follower action]`.
        """
        raise NotImplementedError(f"{type(self).__name__} declares a commitment but has no committed()")

    def kernel_parameters(self) -> tuple[float, ...]:
        """What the kernels get as `parameters`; the fields, unless a learner prepares them."""
        return tuple(float(getattr(self, f.name)) for f in fields(self))  # type: ignore[arg-type]

    def regret_bound(self, actions: int, updates: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
        """Bound on the regret of the mixed strategies after that many updates; infinite without a promise.

        It holds against any sequence of utilities; that of a bandit learner in expectation over its draws, against a
        fixed action.

        Args:
            actions: number of own actions.
            updates: number of updates at a row, any shape.
            spread: largest difference between two utilities.
        """
        return np.full(np.shape(updates), math.inf)

    def parameters(self) -> dict[str, Any]:
        """Name and parameters, as plain data."""
        return {"name": self.traits.name} | {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    def text(self) -> str:
        """Name and parameters as the command line writes them."""
        return as_text(self.traits.name, self)


class UtilityLearner(Learner):
    """A learner that is told the payoff of every own action."""

    kernels: ClassVar[Kernels]

    def begin(self, shape: tuple[int, ...], actions: int) -> LearnerState:
        """Fresh rows."""
        fresh = self.start(actions)
        return LearnerState(np.tile(fresh, (*shape, 1)) if shape else fresh, actions)

    def policy(self, state: LearnerState) -> NDArray[np.float64]:
        """Mixed strategies `[..., actions]`: non-negative, each sums to 1."""
        rows = state.numbers.reshape(-1, state.numbers.shape[-1])
        policy = np.empty((len(rows), state.actions))
        _play_rows(self.kernels.play, rows, np.array([self.kernel_parameters()]), policy)
        return policy.reshape(*state.numbers.shape[:-1], state.actions)

    def judged(self, state: LearnerState) -> NDArray[np.float64]:
        """How good each action is, as far as it knows, `[..., actions]`: argmax play takes one of the largest.

        The mixed strategy, of a learner that does not hide ties in it.
        """
        return self.policy(state)

    def update(
        self, state: LearnerState, utilities: NDArray[np.float64], drawn: NDArray[np.int64] | int = -1
    ) -> LearnerState:
        """New rows after the payoffs `[..., actions]` of every own action (in units of the payoff range)."""
        shape = state.numbers.shape
        numbers = state.numbers.reshape(-1, shape[-1]).copy()
        payoffs = np.broadcast_to(np.asarray(utilities, dtype=float), (*shape[:-1], state.actions))
        actions = np.broadcast_to(np.asarray(drawn, dtype=np.int64), shape[:-1])
        _learn_rows(
            self.kernels.play,  # one by one: numba asks for the types of what a tuple holds at every call
            self.kernels.learn,
            numbers,
            np.array([self.kernel_parameters()]),
            np.array(payoffs, order="C").reshape(-1, state.actions),  # copies: read-only arrays are another type
            np.array(actions, order="C").reshape(-1),
        )
        return LearnerState(numbers.reshape(shape), state.actions)


@kept
def _play_rows(play, rows, parameters, policy):
    who = np.int64(0)
    for r in range(len(rows)):
        play(rows, r, parameters, who, policy, r, policy.shape[1])


@kept
def _learn_rows(play, learn, rows, parameters, utilities, drawn):
    actions, who, place = utilities.shape[1], np.int64(0), np.int64(0)
    policy = np.empty((1, actions))
    for r in range(len(rows)):
        play(rows, r, parameters, who, policy, place, actions)
        learn(rows, r, parameters, who, policy, place, actions, utilities[r], drawn[r])


@kernel
def draw_action(policy, place, actions, uniform):
    """Inverse-CDF draw from `policy[place, :actions]`; compiled.

    The running sum is sequential, so no batch can change it. It counts instead of stopping: what is drawn cannot be
    foreseen, and a branch that is foreseen wrongly costs more than the rest.
    """
    total = 0.0
    for k in range(actions):
        total += policy[place, k]
    target, reached, passed = uniform * total, 0.0, 0
    for k in range(actions - 1):
        reached += policy[place, k]
        passed += int(reached <= target)
    return passed


@kept
def _best_rows(rows, best):
    for r in range(len(rows)):
        best[r] = best_action(rows, r, rows.shape[1])


def argmax_play(policy: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most likely action, ties (within `TIE`) to the lowest index: `[..., k]` -> `[...]`.

    >>> argmax_play(np.array([[.5, .5], [.4, .6], [.5, .5 + 1e-15]]))
    array([0, 1, 0])
    """
    rows = np.ascontiguousarray(policy, dtype=np.float64).reshape(-1, policy.shape[-1])
    best = np.empty(len(rows), dtype=np.int64)
    _best_rows(rows, best)
    return best.reshape(policy.shape[:-1])


@kept
def _draw_rows(rows, uniforms, drawn):
    for r in range(len(rows)):
        drawn[r] = draw_action(rows, r, rows.shape[1], uniforms[r])


def draw_play(policy: NDArray[np.float64], uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Inverse-CDF draw: policy `[..., k]`, uniforms `[...]` -> actions `[...]`.

    >>> draw_play(np.array([[.25, .75], [.25, .75]]), np.array([.2, .3]))
    array([0, 1])
    """
    rows = np.ascontiguousarray(policy, dtype=np.float64).reshape(-1, policy.shape[-1])
    drawn = np.empty(len(rows), dtype=np.int64)
    _draw_rows(rows, np.ascontiguousarray(np.broadcast_to(uniforms, policy.shape[:-1])).reshape(-1), drawn)
    return drawn.reshape(policy.shape[:-1])


def learner_from_text(text: str) -> Learner:
    """A learner from the command line's `name:parameter=value,...`.

    >>> learner_from_text("mw:epsilon=0.1")
    MultiplicativeWeights(epsilon=0.1)
    """
    name, parameters = split_text(text)
    return described(_kind(name), parameters, "followers")


def learner_from_parameters(parameters: dict[str, Any]) -> Learner:
    """The inverse of `Learner.parameters`; values may be text."""
    given = {name: value for name, value in parameters.items() if name != "name"}
    return described(_kind(parameters.get("name")), given, "followers")


def _kind(name: Any) -> type[Learner]:
    if not isinstance(name, str) or name not in Learner.registry:
        raise InvalidFieldError("followers", f"unknown learner {brief(name)}", ", ".join(sorted(Learner.registry)))
    return Learner.registry[name]


def as_text(name: str, description: Any) -> str:
    """A frozen description under its name, as the command line writes it; the inverse of `split_text`.

    >>> as_text("mw", learner_from_text("mw:epsilon=0.1"))
    'mw:epsilon=0.1'
    """
    given = ",".join(f"{own.name}={getattr(description, own.name):.15g}" for own in fields(description))
    return f"{name}:{given}" if given else name


def split_text(text: str) -> tuple[str, dict[str, str]]:
    """Name and parameters of `name:parameter=value,...`."""
    name, _, rest = text.partition(":")
    return name, dict(item.partition("=")[::2] for item in rest.split(",") if item)


def described(kind: type[Described], parameters: Mapping[str, Any], field: str) -> Described:
    """A frozen description from its parameters, numbers that may be text; refused by name under `field`."""
    known = [own.name for own in fields(kind)]  # type: ignore[arg-type]
    values: dict[str, float] = {}
    for name, value in parameters.items():
        if name not in known:
            raise InvalidFieldError(field, f"unknown parameter {name!r}", ", ".join(known) or "none")
        try:
            values[name] = float(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidFieldError(f"{field}.{name}", f"got {brief(value)}", "a number") from error
        if not math.isfinite(values[name]):
            raise InvalidFieldError(f"{field}.{name}", f"got {brief(value)}", "a finite number")
    return kind(**values)
