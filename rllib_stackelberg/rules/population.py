"""The second rules contract: a leader and a population of alike followers, period after period.

Every period the leader acts first; then every member of the population sees the leader's action beside its own state
and acts; then the rules say what that makes of everybody. Members are many and interchangeable, and their actions are
vectors, so there is nothing to enumerate: both sides learn policies. As in `game.py` rules are array code over B
plays side by side and never draw a number: the platform hands uniforms in.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rllib_stackelberg.arrays import Numbers
from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.lazy_modules import LazyModule
from rllib_stackelberg.rules.base import Batch, Rules, name_of
from rllib_stackelberg.rules.display import facts_table, shown_parameters
from rllib_stackelberg.rules.pictures import Bars, Picture
from rllib_stackelberg.rules.solution import PopulationSolution

if TYPE_CHECKING:
    from gymnasium import spaces
else:
    spaces = LazyModule("gymnasium.spaces")

RUNNING = 0
"""Index into `endings` of plays that go on."""


@dataclass
class PopulationState(Batch):
    """Struct of arrays: B plays. Subclasses add the game's own arrays, each of shape `[B, ...]`.

    Attributes:
        period: how many periods have been played; ending: index into the game's `endings`.
    """

    period: NDArray[np.int64]
    ending: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ending)


class PopulationGame(Rules, ABC):
    """Rules of a game between a leader and a population, over B plays. Subclass this to write one.

    A subclass sets the attributes in its constructor, whose keyword parameters are the game's parameters.

    Attributes:
        members: how many followers there are, N.
        periods: after how many a play is cut off, if it has not ended by itself.
        discount: weight of the next period's payoff beside this one's, where payoffs are discounted for ever and a play
            is a window of that; None: a play is worth the sum of what it pays. Whoever learns discounts like that
            unless told otherwise.
        leader_actions, member_actions: bounded boxes of w and v numbers, double precision.
        leader_space, member_space: what the leader and what a member sees of the state: boxes of d and e numbers,
            single precision, bounded or not.
        start_draws, draws: uniforms per member that `start` and a period are handed.
        endings: why plays end. The first is that they do not, the last that they are cut off at the horizon: a play
            that ended otherwise is over, and nothing comes after it.
        leader_terms, member_terms: what the numbers of an action are called.
        units: what `report` tells, and in which unit ("" for shares and indices).
        carries_over: parameters under other values of which a policy still knows what it sees and does (how many
            members there are). A saved policy is refused where any other parameter differs.
    """

    members: int
    periods: int
    discount: float | None = None
    leader_actions: spaces.Box
    member_actions: spaces.Box
    leader_space: spaces.Box
    member_space: spaces.Box
    start_draws: int = 1
    draws: int = 1
    endings: tuple[str, ...] = ("running", "horizon")
    leader_terms: tuple[str, ...] = ()
    member_terms: tuple[str, ...] = ()
    units: Mapping[str, str] = {}
    carries_over: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def start(self, uniforms: Numbers) -> Any:
        """Plays of which nothing has happened, from uniforms in [0, 1) `[B, N, start_draws]`."""

    @abstractmethod
    def observe_leader(self, state: Any) -> NDArray[np.float32]:
        """What the leader may see: `[B, d]`."""

    @abstractmethod
    def observe_members(self, state: Any) -> NDArray[np.float32]:
        """What each member may see of the state, the leader's action not included: `[B, N, e]`."""

    @abstractmethod
    def transition(
        self, state: Any, leader: Numbers, members: Numbers, uniforms: Numbers
    ) -> tuple[Any, Numbers, Numbers]:
        """One period of plays none of which has ended.

        Takes actions in range, `[B, w]` and `[B, N, v]`, and uniforms in [0, 1) `[B, N, draws]`. Returns the new state
        and the period's payoffs, the leader's `[B]` and the members' `[B, N]`. A play that ends has its reason in
        `ending`; periods and the horizon are counted in `step`. The new state shares no array with the old one, so that
        whoever keeps both can put other plays into either. Call `step`, which checks, instead of this.
        """

    @abstractmethod
    def report(self, state: Any) -> Mapping[str, Numbers]:
        """Figures of the last period for people, each `[B]`, in the order and units of `units`."""

    def best_response(self, state: Any, leader: Numbers) -> Numbers | None:
        """Exact best answers of the members `[B, N, v]` to the leader's actions `[B, w]`, where they are known.

        Of members who take what the others do together as given; if later periods matter, of a play without end.
        """
        return None

    def optimum(self) -> PopulationSolution | None:
        """The leader's best action against members who answer best, where it is known."""
        return None

    def _repr_html_(self) -> str:
        """For notebooks: how many there are, what both sides decide, and how plays end."""
        facts = {
            "parameters": shown_parameters(self.parameters),
            "members": f"{self.members:,}",
            "periods": f"{self.periods:,}, unless a play ends before",
            "the leader decides": _decided(self.leader_terms, self.leader_actions),
            "each member decides": _decided(self.member_terms, self.member_actions),
            "plays end by": ", ".join(self.endings[1:]),
            "figures": ", ".join(f"{name} ({unit})" if unit else name for name, unit in self.units.items()),
            "source": self.source,
        }
        return facts_table(name_of(self), facts)

    def pictured(self, action: Numbers) -> tuple[Picture, ...]:
        """How an action of the leader looks, in a few pictures; by default its numbers.

        Args:
            action: in the game's units `[w]`.
        """
        names = self.leader_terms or [f"number {k + 1}" for k in range(len(action))]
        return (Bars("What the leader does", dict(zip(names, action.tolist(), strict=True))),)

    @property
    def followers(self) -> tuple[str, ...]:
        """The one name under which the members act together."""
        return ("population_0",)

    @property
    def horizon(self) -> int:
        """Index into `endings` of plays that were cut off."""
        return len(self.endings) - 1

    @cached_property
    def member_view(self) -> spaces.Box:
        """Space of what a member sees when it acts: its own state, then the leader's action."""
        shown = self._wide(self.leader_actions)
        low = np.concatenate([self.member_space.low, shown[0]]).astype(np.float32)
        return spaces.Box(low, np.concatenate([self.member_space.high, shown[1]]).astype(np.float32), dtype=np.float32)

    def view_members(self, state: Any, leader: Numbers) -> NDArray[np.float32]:
        """What members see when they act, `[B, N, e + w]`, after the leader's action `[B, w]`."""
        own = self.observe_members(state)
        view = np.empty((*own.shape[:2], *self.member_view.shape), dtype=np.float32)
        view[..., : own.shape[2]], view[..., own.shape[2] :] = own, leader[:, None]
        return view

    def ended(self, state: Any) -> NDArray[np.int64]:
        """Index into `endings` of each play: `[B]`, `RUNNING` where it goes on."""
        return state.ending

    def step(
        self, state: Any, leader: ArrayLike, members: ArrayLike, uniforms: Numbers
    ) -> tuple[Any, Numbers, Numbers]:
        """Check the actions, then play one period; what has ended stays as it is and pays nothing.

        Args:
            state: B plays; leader: actions `[B, w]`; members: actions `[B, N, v]`.
            uniforms: in [0, 1), `[B, N, draws]`.

        Returns:
            The new state, the leader's payoffs `[B]`, the members' payoffs `[B, N]`.

        Raises:
            InvalidFieldError: an action has another shape, or is out of range.
            RulesError: the rules returned a payoff that is not finite.
        """
        leader, members = np.asarray(leader, dtype=np.float64), np.asarray(members, dtype=np.float64)
        self._check_shape("leader actions", leader, (len(state), *self.leader_actions.shape))
        self._check_shape("member actions", members, (len(state), self.members, *self.member_actions.shape))
        self._check_shape("uniforms", uniforms, (len(state), self.members, self.draws))
        if not state.ending.any():
            return self._play(state, leader, members, uniforms)
        live = np.flatnonzero(state.ending == RUNNING)
        leader_payoffs, member_payoffs = np.zeros(len(state)), np.zeros((len(state), self.members))
        after = state.take(np.arange(len(state)))
        if len(live):
            moved, leader_payoffs[live], member_payoffs[live] = self._play(
                state.take(live), leader[live], members[live], uniforms[live]
            )
            after.put(live, moved)
        return after, leader_payoffs, member_payoffs

    def _play(self, state: Any, leader: Numbers, members: Numbers, uniforms: Numbers) -> tuple[Any, Numbers, Numbers]:
        self.check_leader(leader)
        self._check_range(self.followers[0], self.member_actions, members)
        after, *payoffs = self.transition(state, leader, members, uniforms)
        for agent, paid in zip(self.agents, payoffs, strict=True):
            # A sum is one pass; it is finite unless an entry is not, or it overflows.
            if not math.isfinite(paid.sum()) and not np.isfinite(paid).all():
                at = tuple(np.argwhere(~np.isfinite(paid))[0])
                whose = agent if len(at) == 1 else f"member {at[1]} of {agent}"
                problem = f"payoff of {whose} is {paid[at]} in period {state.period[at[0]]}"
                raise RulesError(f"game {name_of(self)}: {problem}")
        after.period = state.period + 1
        late = after.period >= self.periods
        if late.any():
            after.ending = np.where(late & (after.ending == RUNNING), self.horizon, after.ending)
        return after, *payoffs

    def check_leader(self, leader: Numbers) -> None:
        """Refuse a leader action `[B, w]` out of range, by name."""
        self._check_range(self.leader, self.leader_actions, leader)

    def _check_shape(self, name: str, given: NDArray, wanted: tuple[int, ...]) -> None:
        if given.shape != wanted:
            raise InvalidFieldError(name, f"have shape {given.shape}", f"shape {wanted}")

    def _check_range(self, agent: str, actions: spaces.Box, given: Numbers) -> None:
        low, high = self._ranges[agent]
        good = (given >= low) & (given <= high)
        if not good.all():
            wrong = given[~good.all(axis=-1)][0]
            raise InvalidFieldError(f"action of {agent}", f"got {wrong.tolist()}", _words(actions))

    @cached_property
    def _ranges(self) -> dict[str, tuple[Numbers | float, Numbers | float]]:
        """Bounds of either agent's action; one number if all are the same, which is faster to compare with."""
        spaces = zip(self.agents, (self.leader_actions, self.member_actions), strict=True)
        bounds = {agent: self._wide(space) for agent, space in spaces}
        return {agent: (_shortest(low), _shortest(high)) for agent, (low, high) in bounds.items()}

    @staticmethod
    def _wide(actions: spaces.Box) -> tuple[Numbers, Numbers]:
        """The range of an action: a bound rounded to single precision, as policies return it, is in it."""
        low, high = actions.low.astype(np.float64), actions.high.astype(np.float64)
        return np.minimum(low, low.astype(np.float32)), np.maximum(high, high.astype(np.float32))


def _shortest(bound: Numbers) -> Numbers | float:
    return float(bound[0]) if (bound == bound[0]).all() else bound


def _words(actions: spaces.Box) -> str:
    low, high = actions.low, actions.high
    if (low == low[0]).all() and (high == high[0]).all():
        return f"{len(low)} numbers in [{low[0]:g}, {high[0]:g}]"
    return "numbers in " + ", ".join(f"[{a:g}, {b:g}]" for a, b in zip(low, high, strict=True))


def check_population(game: PopulationGame) -> None:
    """Refuse a game whose declarations contradict each other.

    Raises:
        InvalidFieldError: naming the declaration.
    """
    for name in ("members", "periods", "start_draws", "draws"):
        if getattr(game, name) < (0 if "draws" in name else 1):
            raise InvalidFieldError(name, f"is {getattr(game, name)}", "a positive number")
    for name in ("leader_actions", "member_actions"):
        space = getattr(game, name)
        if len(space.shape) != 1 or not space.is_bounded() or space.dtype != np.float64:
            raise InvalidFieldError(name, f"is {space}", "a bounded one-dimensional Box of float64")
    for side in ("leader", "member"):
        terms, numbers = getattr(game, f"{side}_terms"), getattr(game, f"{side}_actions").shape[0]
        if terms and len(terms) != numbers:
            raise InvalidFieldError(f"{side}_terms", f"are {terms}", f"none, or one for each of {numbers} numbers")
    for name in ("leader_space", "member_space"):
        if len(getattr(game, name).shape) != 1:
            raise InvalidFieldError(name, f"is {getattr(game, name)}", "a one-dimensional Box")
    if len(game.endings) < 2 or len(set(game.endings)) != len(game.endings):
        raise InvalidFieldError("endings", f"are {game.endings}", "different names, the first of plays that go on")


def _decided(terms: tuple[str, ...], actions: spaces.Box) -> str:
    """What the numbers of an action are."""
    count = actions.shape[0]
    return "; ".join(terms) or f"{count} number{'' if count == 1 else 's'}"
