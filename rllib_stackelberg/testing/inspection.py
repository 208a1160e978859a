"""Plays of a game, looked at closely: what the rules hand over at each step, against what the contract asks for.

An `Inspector` plays a number of plays side by side and some of them again one by one, with random actions and the
extreme ones. It notes faults instead of raising at the first, as long as it can play on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.comparisons import NEGLIGIBLE, exceeds
from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.plays.sample_plays import draw_nature, scripted_actions
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn, present
from rllib_stackelberg.rules.own_games import told

MOST_STEPS = 10_000
"""Steps after which a play is taken to have no end."""

LOOKED_AT = 100
"""Steps in which everything is looked at; from then on payoffs and the end alone."""

SHOWN = 12
"""Entries of an observation that is shown in full."""

ONE_KEY = {
    "learned": (
        "a key for each thing that is seen: a learner keeps one row for each key, and would take these for the same. "
        "It begins anew against every leader strategy, so what the leader always does need be neither seen nor part "
        "of the key; a follower that is shown the leader's action needs a row for each. If the follower is meant to "
        "take them for the same: Turn(..., coarse=True)"
    ),
    "leader": "a key for each thing that is seen: the leader is asked once for each key, and its answer holds for both",
}


@dataclass(frozen=True)
class Finding:
    """A fault of a game.

    Attributes:
        about: what of the contract it is about: a method, or a declaration.
        problem: what is wrong, with agent, turn and key.
        remedy: what it should be, and why.
    """

    about: str
    problem: str
    remedy: str


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was seen of a game.

    Attributes:
        findings: its faults, in the order they were met; none for a game that keeps the contract.
        plays: how many were played; steps: how many steps the longest took.
        paid: smallest and largest total payoff seen, `[agents, 2]`.
        keys: per kind of turn how many different keys were met.
    """

    findings: tuple[Finding, ...]
    plays: int
    steps: int
    paid: NDArray[np.float64]
    keys: tuple[int, ...]


class FaultyError(Exception):
    """The rules cannot be played on."""


@dataclass
class _Seen:
    """What was seen at one kind of turn: of a key the first observation and mask, of an observation the first key."""

    views: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    keys: dict[bytes, int] = field(default_factory=dict)
    masks: dict[int, NDArray[np.bool_]] = field(default_factory=dict)


class Inspector:
    """Plays a game and notes what is wrong with it.

    Args:
        game: the game; seed: of types, chance and actions.
        plays: how many side by side; singles: how many of them again on their own.
    """

    def __init__(self, game: StackelbergGame, plays: int, singles: int, seed: int):
        self.game, self.plays, self.singles = game, plays, singles
        self.rng = np.random.default_rng(seed)
        self.findings: dict[tuple[Any, ...], Finding] = {}
        self.seen: dict[int, _Seen] = {}
        self.steps = 0
        self.totals = np.zeros((plays, 0))

    def inspection(self) -> Inspection:
        """What has been seen so far."""
        agents = self.totals.shape[1]
        paid = np.stack([self.totals.min(axis=0), self.totals.max(axis=0)], axis=1) if agents else np.zeros((0, 2))
        met = {k: len(seen.views) for k, seen in self.seen.items()}
        keys = tuple(met.get(k, 0) for k in range(len(self.game.turns))) if met else ()
        return Inspection(tuple(self.findings.values()), self.plays, self.steps, paid, keys)

    def find(self, about: str, problem: str, remedy: str, *once: Any) -> None:
        """Note a fault; of those alike in `once`, the first."""
        self.findings.setdefault((about, *(once or (problem,))), Finding(about, problem, remedy))

    def play(self) -> None:
        """All plays to their end."""
        game = self.game
        nature = draw_nature(game, self.plays, self.rng)
        carried = self.rng.integers(game.memory, size=self.plays)
        self.totals = np.zeros((self.plays, len(game.agents)))
        taken = np.zeros((self.plays, len(game.turns)), dtype=np.int64)
        state = self._called("start", game.begin, nature, carried)
        self._check_state("start", state, self.plays)
        alone = [self._called("start", game.begin, nature[k : k + 1], carried[k : k + 1]) for k in range(self.singles)]
        while (turn := self._turns_of(state)).max(initial=OVER) != OVER:
            if self.steps == MOST_STEPS:
                self._stop("turn", f"a play has no end after {MOST_STEPS:,} steps", f"{OVER} for plays that are over")
            if game.simultaneous and self.steps < LOOKED_AT and self.steps % len(game.agents) == 0:
                self._check_round(state.take(np.flatnonzero(turn != OVER)))
            for k in present(turn):
                taken[turn == k, k] += 1
                if self.steps < LOOKED_AT:
                    self._look(state, turn, k)
            state, alone = self._move(state, turn, alone if self.steps < LOOKED_AT else [])
            self.steps += 1
        self._check_times(taken)
        self._check_range()
        self._check_carried(state)

    def _move(self, state: State, turn: NDArray[np.int64], alone: list[State]) -> tuple[State, list[State]]:
        """One step of every play, and of those that are played alone."""
        actions = self._called("reply", scripted_actions, self.game, state, turn, self.rng)
        keys = self._called("information", self.game.information, state)
        before = state.take(np.arange(self.plays))
        after, payoffs = self._step(state, actions)
        for name in _changed(before, state):
            remedy = "a new array: plays are values, and one state is gone on from more than once"
            self.find("transition", f"changes `{name}` of the state that it is given", remedy)
        for play in range(len(alone)):
            together = turn[play], keys[play], payoffs[play]
            alone[play] = self._step_alone(alone[play], actions[play : play + 1], *together)
        if payoffs[turn == OVER].any():
            self.find("transition", "a play that is over still pays", "0 for plays that are over")
        self.totals += np.where((turn != OVER)[:, None], payoffs, 0.0)
        return after, alone

    def _step(self, state: State, actions: NDArray[np.float64]) -> tuple[State, NDArray[np.float64]]:
        after, payoffs = self._called("transition", self.game.step, state, actions)
        if np.shape(payoffs) != (len(state), len(self.game.agents)):
            shape = f"[plays, agents], here {(len(state), len(self.game.agents))}"
            self._stop("transition", f"returns payoffs of shape {np.shape(payoffs)}", shape)
        self._check_state("transition", after, len(state))
        return after, payoffs

    def _step_alone(self, single: State, action: Any, turn: int, key: int, payoffs: Any) -> State:
        """A play on its own must go as it does beside others."""
        own_row = "each play by its own row of the arrays alone"
        if self._called("turn", self.game.turn, single)[0] != turn:
            self.find("turn", "of a play on its own is another than beside other plays", own_row)
        elif turn != OVER and self._called("information", self.game.information, single)[0] != key:
            self.find("information", "the key of a play on its own is another than beside other plays", own_row)
        after, paid = self._step(single, action)
        if not np.array_equal(paid[0], payoffs):
            if np.array_equal(paid, self._step(single, action)[1]):
                self.find("transition", "a play on its own pays otherwise than beside other plays", own_row)
            else:
                remedy = "no random numbers of its own: declare `chance`, which is handed to `start`"
                self.find("transition", "pays differently when it is called again", remedy)
        return after

    def _look(self, state: State, turn: NDArray[np.int64], k: int) -> None:
        """What whoever is at turn `k` sees and knows."""
        kind, there = self.game.turns[k], state.take(np.flatnonzero(turn == k))
        views = self._views(there, kind)
        keys = self._array("information", self._called("information", self.game.information, there), len(there))
        if kind.rows is None or kind.kind == "reply":
            return
        seen = self.seen.setdefault(k, _Seen())
        for key, view in zip(keys.tolist(), views, strict=True):
            self._check_key(kind, seen, key, view)
        if kind.masked:
            self._check_masks(there, seen, keys)

    def _check_masks(self, waiting: State, seen: _Seen, keys: NDArray[np.int64]) -> None:
        """What is open to the leader must follow from what it sees: one key, one mask."""
        found = self._called("open_choices", self.game.opened, waiting)
        for key, mask in zip(keys.tolist(), found, strict=True):
            known = seen.masks.setdefault(key, mask)
            if not np.array_equal(known, mask):
                choice = int(np.flatnonzero(known != mask)[0])
                problem = f"choice {choice} is open at one play of question {key} and not at another"
                remedy = "the same choices wherever the leader sees the same: it is asked once for each key"
                self.find("open_choices", problem, remedy, "two masks")

    def _views(self, state: State, kind: Turn) -> NDArray[np.float32]:
        """What the agent of a turn sees, `[plays, d]`, found to be in its space."""
        agent, space = self.game.agents[kind.agent], self.game.observation_spaces[kind.agent]
        seen = np.asarray(self._called("observe", self.game.observe, state, kind.agent), dtype=np.float32)
        if seen.shape != (len(state), *space.shape):
            shape = f"{(len(state), *space.shape)}, as observation_spaces declare"
            self._stop("observe", f"what {agent} sees has shape {seen.shape}", shape)
        outside = ~((seen >= space.low - 1e-6) & (seen <= space.high + 1e-6))
        if outside.any():
            row, entry = np.argwhere(outside)[0]
            low, high = float(space.low[entry]), float(space.high[entry])
            problem = f"{agent} sees {seen[row, entry]:g} in entry {entry} at turn {kind.name!r}"
            self.find("observe", problem, f"a number in [{low:g}, {high:g}], as observation_spaces declare", agent)
        return seen + 0  # -0 and 0 are the same thing seen

    def _check_key(self, kind: Turn, seen: _Seen, key: int, view: NDArray[np.float32]) -> None:
        agent = self.game.agents[kind.agent]
        where = f"of {agent} at turn {kind.name!r}"
        if not 0 <= key < kind.keys:
            self._stop(
                "information",
                f"key {key} {where} is not in 0..{kind.keys - 1}",
                f"fewer, or more rows: the turn says rows={kind.rows}",
            )
        known = seen.views.setdefault(key, view)
        if not (kind.coarse or np.array_equal(known, view)):
            problem = f"key {key} {where} stands for two different observations, {_difference(known, view)}"
            self.find("information", problem, ONE_KEY[kind.kind], "one key", kind.name, agent)
        other = seen.keys.setdefault(view.tobytes(), key)
        if other != key:
            problem = f"keys {other} and {key} {where} stand for one observation, {_numbers(view)}"
            remedy = "show in `observe` what tells them apart, or return one key: nobody knows more than is observed"
            self.find("information", problem, remedy, "two keys", kind.name, agent)

    def _turns_of(self, state: State) -> NDArray[np.int64]:
        turn = self._array("turn", self._called("turn", self.game.turn, state), len(state))
        if ((turn < OVER) | (turn >= len(self.game.turns))).any():
            wrong = turn[(turn < OVER) | (turn >= len(self.game.turns))][0]
            self._stop(
                "turn", f"returns {wrong}", f"an index of `turns`, 0..{len(self.game.turns) - 1}, or {OVER}: over"
            )
        return turn

    def _check_round(self, state: State) -> None:
        """Of a simultaneous game: two rounds from one state, in which everybody moves in turn and sees the same."""
        rounds = [state, state]
        for k, agent in enumerate(self.game.agents):
            turns = [self._turns_of(after) for after in rounds]
            movers = {OVER if t == OVER else self.game.turns[t].agent for t in np.concatenate(turns).tolist()}
            if movers != {k}:
                problem = f"not {agent} alone moves at place {k} of a round"
                self._stop(
                    "simultaneous", problem, "every agent once, in the order of `agents`; or simultaneous = False"
                )
            first, second = (self._called("observe", self.game.observe, after, k) for after in rounds)
            if not np.array_equal(first, second):
                problem = f"{agent} sees what others do in the same round"
                self.find("simultaneous", problem, "nothing of it shown in `observe`; or simultaneous = False", agent)
            moves = [
                self._called("reply", scripted_actions, self.game, after, turn, self.rng)
                for after, turn in zip(rounds, turns, strict=True)
            ]
            rounds = [self._step(after, moved)[0] for after, moved in zip(rounds, moves, strict=True)]

    def _check_times(self, taken: NDArray[np.int64]) -> None:
        for kind, most in zip(self.game.turns, taken.max(axis=0), strict=True):
            if kind.kind == "learned" and most > kind.times:
                problem = f"{self.game.agents[kind.agent]} takes turn {kind.name!r} {most} times in a play"
                self.find("turns", problem, f"Turn(..., times={most}), or fewer: `times` is {kind.times}")

    def _check_carried(self, state: State) -> None:
        if self.game.memory > 1:
            left = self._array("carried", self._called("carried", self.game.carried, state), len(state))
            wrong = left[(left < 0) | (left >= self.game.memory)]
            if len(wrong):
                problem = f"a play leaves {wrong[0]} to the next one"
                self.find("carried", problem, f"0..{self.game.memory - 1}, as `memory` declares")

    def _check_range(self) -> None:
        low, high = np.asarray(self.game.payoff_range, dtype=float).T
        slack = NEGLIGIBLE * (high - low)
        least, most = self.totals.min(axis=0), self.totals.max(axis=0)
        sides = ("below", least, exceeds(low, least, slack=slack)), ("above", most, exceeds(most, high, slack=slack))
        for side, paid, outside in sides:
            for k in np.flatnonzero(outside):
                problem = f"a play pays {self.game.agents[k]} {paid[k]:g}, {side} its [{low[k]:g}, {high[k]:g}]"
                remedy = "the smallest and the largest total payoff of a play: learners scale payoffs by them"
                self.find("payoff_range", problem, remedy)

    def _check_state(self, about: str, state: Any, plays: int) -> None:
        if not isinstance(state, State):
            self._stop(about, f"returns a {type(state).__name__}", "a dataclass derived from State")
        for part in fields(state):
            held = np.shape(getattr(state, part.name))
            if held[:1] != (plays,):
                problem = f"`{part.name}` of {type(state).__name__} has shape {held} for {plays} plays"
                self._stop(about, problem, "an array with a row for each play")
        undeclared = {name for name in vars(state) if not hasattr(type(state), name)}
        undeclared -= {part.name for part in fields(state)}
        if undeclared:
            problem = f"{type(state).__name__} holds `{min(undeclared)}`, which is no field of it"
            self._stop(
                about, problem, "@dataclass over the class, and a line `name: np.ndarray` for each of its arrays"
            )

    def _array(self, about: str, found: Any, plays: int) -> NDArray[np.int64]:
        values = np.asarray(found)
        if values.shape != (plays,) or not np.issubdtype(values.dtype, np.integer):
            problem = f"returns {values.dtype} of shape {values.shape} for {plays} plays"
            self._stop(about, problem, f"integers of shape ({plays},)")
        return values.astype(np.int64)

    def _called(self, about: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """What a method of the rules returns; its own errors are faults."""
        try:
            return call(*arguments)
        except (RulesError, InvalidFieldError) as error:
            self._stop(about, str(error), "finite payoffs, and replies in range")
        except Exception as error:
            self._stop(
                about, f"raises {told(error)}", "no error: methods take and return arrays over all plays at once"
            )

    def _stop(self, about: str, problem: str, remedy: str) -> None:
        self.find(about, problem, remedy)
        raise FaultyError


def _changed(before: State, after: State) -> list[str]:
    """Fields whose arrays are not the same."""
    pairs = ((part.name, getattr(before, part.name), getattr(after, part.name)) for part in fields(before))
    return [name for name, old, new in pairs if not (old.dtype == object or np.array_equal(old, new, equal_nan=True))]


def _difference(first: NDArray, second: NDArray) -> str:
    """Two observations; of long ones, the first entry in which they differ."""
    if len(first) <= SHOWN:
        return f"{_numbers(first)} and {_numbers(second)}"
    entry = int(np.flatnonzero(first != second)[0])
    return f"entry {entry} being {first[entry]:g} and {second[entry]:g}"


def _numbers(view: NDArray) -> str:
    more = ", ..." if len(view) > SHOWN else ""
    return f"({', '.join(f'{value:g}' for value in view[:SHOWN])}{more})"
