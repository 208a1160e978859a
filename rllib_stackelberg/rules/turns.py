"""Kinds of turn and the actions they allow; what of a game speaks of which follower."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    from gymnasium import spaces
else:
    spaces = LazyModule("gymnasium.spaces")

Kind = Literal["leader", "learned", "reply"]


@dataclass(frozen=True)
class Turn:
    """One kind of turn of one agent (a buyer may have two: message, buy).

    Attributes:
        name: what is done in it.
        agent: who moves; 0 is the leader.
        actions: `Discrete(k)` (starting at 0) or a one-dimensional bounded `Box`. The leader's may also be a choice
            and numbers, `Tuple((Discrete(k), Box))`; a `Dict` of one of each is taken for it. Such an action is
            `[1 + m]`: the choice, then the numbers.
        kind: "leader": asked of the leader's policy; "learned": a no-regret learner plays it, one row per
            private information; "reply": the rules supply the dominant answer.
        rows: number of keys `information` can return at this turn; None when too many to index.
        sees_leader: whether a follower sees the leader's earlier action before this turn.
        times: how often at most it is taken in a play.
        coarse: whether a learner takes some of what it is shown for the same: different observations have one key.
        masked: whether not all choices of the leader's are open always (`StackelbergGame.open_choices`).

    >>> actions = spaces.Dict(buyer=spaces.Discrete(3), price=spaces.Box(0, 1, (1,)))
    >>> offer = Turn("offer", 0, actions, "leader")
    >>> offer.actions[0], offer.choices, offer.numbers, offer.width, offer.discrete
    (Discrete(3), 3, 1, 2, False)
    """

    name: str
    agent: int
    actions: spaces.Discrete | spaces.Box | spaces.Tuple | spaces.Dict
    kind: Kind
    rows: int | None = 1
    sees_leader: bool = False
    times: int = 1
    coarse: bool = False
    masked: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.actions, spaces.Dict) and len(self.actions.spaces) == 2:
            parts = sorted(self.actions.spaces.values(), key=lambda space: not isinstance(space, spaces.Discrete))
            object.__setattr__(self, "actions", spaces.Tuple(parts))

    @cached_property
    def parts(self) -> tuple[spaces.Discrete | None, spaces.Box | None]:
        """The choice and the numbers that an action consists of, None for what it has not."""
        if isinstance(self.actions, spaces.Tuple):
            return self.actions[0], self.actions[1]  # type: ignore[return-value]  # checked where games are made
        choice, numbers = isinstance(self.actions, spaces.Discrete), isinstance(self.actions, spaces.Box)
        return self.actions if choice else None, self.actions if numbers else None  # type: ignore[return-value]

    @cached_property
    def discrete(self) -> bool:
        """Whether an action is a choice alone: there are finitely many, `range(choices)`."""
        return isinstance(self.actions, spaces.Discrete)

    @property
    def enumerable(self) -> bool:
        """Whether an action is a choice alone, from the same list always."""
        return self.discrete and not self.masked

    @property
    def chooses(self) -> bool:
        """Whether an action begins with a choice."""
        return self.parts[0] is not None

    @property
    def numbers(self) -> int:
        """How many bounded numbers an action has besides a choice."""
        box = self.parts[1]
        return 0 if box is None else int(box.shape[0])

    @property
    def width(self) -> int:
        """Columns of an action: the choice, if there is one, and the numbers."""
        return int(self.chooses) + self.numbers

    @property
    def choices(self) -> int:
        """Number of choices, of a turn that has one to make."""
        choice = self.parts[0]
        if choice is None:
            raise TypeError(f"turn {self.name!r} has continuous actions")
        return int(choice.n)

    @property
    def box(self) -> spaces.Box:
        """The bounds of an action's numbers."""
        box = self.parts[1]
        if box is None:
            raise TypeError(f"turn {self.name!r} has discrete actions")
        return box

    @property
    def keys(self) -> int:
        """Number of rows, of a turn that has a finite one.

        Raises:
            InvalidFieldError: there are too many to number.
        """
        if self.rows is None:
            problem = f"has more information at turn {self.name!r} than a 64-bit key can number"
            raise InvalidFieldError("game", problem, "a smaller one: fewer agents, messages or stages")
        return self.rows

    @property
    def allowed(self) -> str:
        """What actions there are, in words."""
        said = [f"an integer in 0..{self.choices - 1}"] if self.chooses else []
        if self.numbers:
            said.append(f"{self.numbers} numbers in [{self.box.low.min():g}, {self.box.high.max():g}]")
        return " and ".join(said)


def in_range(turn: Turn, actions: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which numbers of actions `[B, >= width]` a turn allows, `[B, width]`."""
    first = int(turn.chooses)
    choice, numbers = actions[:, :first], actions[:, first : turn.width]
    if first:
        good = (choice >= 0) & (choice < turn.choices) & (choice == np.floor(choice))
        if turn.discrete:
            return good
        return np.concatenate([good, (numbers >= turn.box.low) & (numbers <= turn.box.high)], axis=1)
    return np.asarray((numbers >= turn.box.low) & (numbers <= turn.box.high))


@dataclass(frozen=True, eq=False)
class Seats:
    """Which entries of the leader's observation speak of which follower; all others are shared.

    What is seen of a follower is the same for all followers, entry by entry, and so is what an action says of them: of
    `followers * j` choices (or numbers, where an action is numbers alone) those from `b * j` on are about follower b.
    Networks that are shared between followers follow from it: none of them has weights of its own.

    Attributes:
        columns: `[followers, features]`, the first follower's entries in the first row.

    >>> Seats([[0, 2], [1, 3]]).shared(6)
    array([4, 5])
    """

    columns: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", np.array(self.columns))

    @property
    def followers(self) -> int:
        """How many."""
        return len(self.columns)

    @property
    def features(self) -> int:
        """Entries for each."""
        return int(self.columns.shape[1])

    def shared(self, width: int) -> NDArray[np.int64]:
        """The other entries of an observation of that many."""
        return np.setdiff1d(np.arange(width), self.columns)
