"""The rules contract: a leader-follower game, written once over a batch of plays.

A game is a turn-based game with private types, in which agent 0 leads and agents 1..n follow. Its rules are
array code over B plays at once: batch one gives the PettingZoo environment (aec/environment.py), batches of thousands
give the response phase and the solvers. The platform hands in types and chance; rules never draw a number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.rounding import number, shares
from rllib_stackelberg.rules.base import Batch, Rules, name_of
from rllib_stackelberg.rules.display import MOST_ENTRIES, facts_table, shown_parameters
from rllib_stackelberg.rules.pictures import Bars
from rllib_stackelberg.rules.priors import NO_CHANCE, Prior
from rllib_stackelberg.rules.turns import Seats, Turn, in_range

if TYPE_CHECKING:
    from gymnasium.spaces import Box

    from rllib_stackelberg.rules.compiled_rules import CompiledRules
    from rllib_stackelberg.rules.interim import InterimRules
    from rllib_stackelberg.rules.pictures import Picture
    from rllib_stackelberg.rules.solution import Bound, Method, StackelbergSolution

OVER = -1

PICTURED_ANSWERS = 4
"""Most mixtures of a leader that are drawn."""

USUAL_UPDATES = 250
"""Of a response phase: those of Brero et al., arXiv 2210.03852."""

NOTHING: NDArray[np.float64] = np.zeros(0)


@dataclass
class State(Batch):
    """Struct of arrays: B plays. Subclasses add the game's own arrays, each of shape `[B, ...]`."""

    types: NDArray[np.int64]
    chance: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.types)


class StackelbergGame(Rules, ABC):
    """Rules of a leader-follower game over B plays. Subclass this to write a game.

    Where a follower is indifferent, the order in which its actions are numbered matters: learners take the lowest of
    equally good ones unless told otherwise (`LeaderSettings.ties`), solvers the best for the leader (rules/ties.py).

    A subclass sets `turns`, `prior`, `payoff_range` and `observation_spaces` (and `chance` if it has chance
    moves) in its constructor, whose keyword parameters are the game's parameters.

    Attributes:
        turns: every kind of turn; exactly one of them has kind "leader".
        prior: over the followers' types, one column per follower.
        type_parts: columns of the prior that a follower's type consists of, if it is drawn in parts: a value for each
            item. Those of the first follower come first.
        chance: over chance moves (channel noise, demand), one column each; none by default.
        payoff_range: `[agents, 2]`, smallest and largest total payoff per agent of a play whose reply turns
            follow `reply`.
        observation_spaces: one bounded `Box` per agent.
        memory: number of states in which a play can leave the next one (a repeated market: its last prices); the
            first play starts in state 0. 1: plays have nothing to do with each other.
        utility_scale: follower payoffs are divided by this before a learner sees them; the largest payoff
            range among followers unless a game says otherwise.
        estimand: numbers of the game that its players may have to estimate (what demand depends on), `[k]`.
        simultaneous: whether play goes in rounds in which every agent moves once, in the order of `agents`, and none
            sees what the others do in it; such a game is a PettingZoo parallel environment, too.
        moves_apart: whether every follower moves in every play, and none knows what others do in it. If not, sampled
            updates are played unless told otherwise: what is drawn for a table of outcomes would be wrong.
        plays_at_once: most plays side by side, where their number can be chosen.
        seats: which entries of what the leader sees speak of which follower, where its actions speak of each of them
            in the same way; None: networks take both as they come.
    """

    turns: tuple[Turn, ...]
    prior: Prior
    type_parts: int = 1
    chance: Prior = NO_CHANCE
    payoff_range: NDArray[np.float64]
    observation_spaces: tuple[Box, ...]
    memory: int = 1
    estimand: NDArray[np.float64] = NOTHING
    simultaneous: bool = False
    moves_apart: bool = True
    plays_at_once: ClassVar[int] = 65_536
    seats: Seats | None = None

    @abstractmethod
    def start(self, types: NDArray[np.int64], chance: NDArray[np.int64]) -> State:
        """Plays with the given types `[B, followers * type_parts]` and chance moves `[B, chance.width]`."""

    def resume(self, types: NDArray[np.int64], chance: NDArray[np.int64], carried: NDArray[np.int64]) -> State:
        """As `start`, after plays that left the given states `[B]`; a game with memory has this one too."""
        return self.start(types, chance)

    def carried(self, state: State) -> NDArray[np.int64]:
        """State in which each finished play leaves the next one, in `range(memory)`: `[B]`."""
        return np.zeros(len(state), dtype=np.int64)

    @abstractmethod
    def turn(self, state: State) -> NDArray[np.int64]:
        """Index into `turns` of what happens next in each play, `OVER` where it is over: `[B]`."""

    @abstractmethod
    def observe(self, state: State, agent: int) -> NDArray[np.float32]:
        """What that agent may see, and nothing else: `[B, d]`."""

    @abstractmethod
    def transition(self, state: State, actions: NDArray[np.float64]) -> tuple[State, NDArray[np.float64]]:
        """Apply one action per play, `[B, width]` with a discrete action in column 0.

        Returns the new state and the payoffs `[B, agents]` of this step, to read alone. Actions are in range; those
        of finished plays mean nothing. Call `step`, which checks, instead of this.
        """

    def information(self, state: State) -> NDArray[np.int64]:
        """Key of what the agent to move knows: a learner's row, or the leader's question. `[B]`."""
        return np.zeros(len(state), dtype=np.int64)

    def open_choices(self, state: State) -> NDArray[np.bool_]:
        """Which of the leader's choices are open where it is to move, `[B, choices]`; all of them by default.

        For a leader's turn that is `masked`. It must follow from what the leader sees there, and one choice at least
        must be open. Of plays that do not wait for the leader it means nothing. Call `opened`, which checks, instead.
        """
        return np.ones((len(state), self.leader_turn.choices), dtype=bool)

    def reply(self, state: State) -> NDArray[np.float64]:
        """Dominant action of the agent to move, `[B, width]`, for plays at a "reply" turn."""
        raise NotImplementedError(f"{type(self).__name__} declares a reply turn but has no reply()")

    def opening_rows(self, nature: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Rows of all followers, where their learned turns open the play and each depends on nature alone.

        A shortcut that a game may offer: such turns are taken all at once, with `after_opening`, and none by one.

        Args:
            nature: types and chance moves, `[B, nature.width]`.

        Returns:
            What `information` gives at each of `learned_turns`, `[B, learned turns]`; None from a game that offers it
            not, whatever `nature` is.
        """
        return None

    def after_opening(self, nature: NDArray[np.int64], actions: NDArray[np.int64]) -> State:
        """The plays after all learned turns, with actions `[B, learned turns]`: as turn by turn, bit for bit.

        Asked of a game whose `opening_rows` are not None. Such turns pay nobody.
        """
        raise NotImplementedError(f"{type(self).__name__} has opening_rows() but no after_opening()")

    @property
    def compiled(self) -> CompiledRules | None:
        """The same rules as compiled functions of one play, from a game that offers them and `opening_rows`."""
        return None

    def interim(self) -> InterimRules | None:
        """Expected payoffs by a way shorter than all outcomes, from a game that knows one; None if not.

        Such a game has followers who all move once, none knowing what others do, and asks its leader one question.
        """
        return None

    def signal(self, state: State) -> NDArray[np.float64]:
        """What everybody learns at the end of a play beside the actions (the demand there was): `[B, d]`."""
        return np.zeros((len(state), 0))

    def methods(self) -> Mapping[str, Method]:
        """Ways to the exact optimum that the game knows beside enumeration, by name; the best one first."""
        return {}

    def optimum(self) -> StackelbergSolution | None:
        """The exact optimum, where the game knows a better way to it than enumeration; None if not.

        By default found by the first of `methods` that the game is not beyond. A game that knows a single way may
        override this instead.
        """
        return next((method.solve() for method in self.methods().values() if not method.beyond), None)

    def bound(self) -> Bound | None:
        """A number that no leader strategy's value exceeds, where the game knows a good one; None if not."""
        return None

    def baselines(self) -> dict[str, float]:
        """What the leader gets in simpler ways that the game knows of, by name: beside what it has learned."""
        return {}

    def further_values(self, answers: Mapping[int, NDArray[np.float64]]) -> dict[str, float]:
        """What a leader strategy is worth besides, by name: where types stand for more of them than there are in play.

        Args:
            answers: action `[leader width]` by question.
        """
        return {}

    def exports(self) -> Mapping[str, Callable[[], str]]:
        """What a file for other programs would say of the game, by the ending of its name (".nfg"); none by default."""
        return {}

    def describe(self, turn: Turn, key: int) -> str:
        """What the agent knows at this turn when `information` returns `key`, for people."""
        return f"{turn.name} {key}" if (turn.rows or 2) > 1 else turn.name

    def probabilities(self, turn: Turn, key: int, action: NDArray[np.float64]) -> Mapping[str, float] | None:
        """Of an action `[turn.width]` that is a mixture what is played with which probability; None of any other."""
        return None

    def describe_action(self, turn: Turn, key: int, action: NDArray[np.float64]) -> str:
        """What an action `[turn.width]` at this turn and `key` is, for people.

        By default its `probabilities`, or its number(s).
        """
        mixture = self.probabilities(turn, key, action)
        if mixture is not None:
            return shares(mixture.items())
        chosen = [str(int(action[0]))] if turn.chooses else []
        numbers = ", ".join(f"{number:.4g}" for number in action[len(chosen) :])
        return ": ".join([*chosen, numbers] if turn.numbers else chosen)

    def pictured(self, answers: Mapping[int, NDArray[np.float64]]) -> tuple[Picture, ...]:
        """How a leader strategy looks, in a few pictures; by default the mixtures among its first answers.

        Args:
            answers: action `[leader width]` by question.
        """
        turn, found = self.leader_turn, []
        for key, action in islice(answers.items(), PICTURED_ANSWERS):
            mixture = self.probabilities(turn, key, action)
            if mixture is not None:
                found.append(Bars(f"{self.describe(turn, key)}: probability of each action", mixture))
        return tuple(found)

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know of a game that has been played, and is no fault of it; for people."""
        return ()

    @property
    def response_updates(self) -> int:
        """Updates in which followers learn by default: more where payoffs differ by little and are met rarely."""
        return USUAL_UPDATES

    @property
    def utility_scale(self) -> float:
        """Divisor that brings followers' payoffs to a range of one."""
        low, high = np.asarray(self.payoff_range, dtype=float)[1:].T
        widest = float((high - low).max(initial=0.0))
        return widest if widest > 0 else 1.0

    def _repr_html_(self) -> str:
        """For notebooks: who moves, what is drawn before a play, and what can be got."""
        kinds = {"leader": "asked of the leader", "learned": "learned", "reply": "the best reply"}
        moves = [f"{turn.name} ({self.agents[turn.agent]}, {kinds[turn.kind]})" for turn in self.turns[:MOST_ENTRIES]]
        more = [f"and {len(self.turns) - MOST_ENTRIES:,} more"] if len(self.turns) > MOST_ENTRIES else []
        low, high = (number(float(each)) for each in self.payoff_range[0])
        facts = {
            "parameters": shown_parameters(self.parameters),
            "followers": f"{len(self.followers):,}",
            "moves": "; ".join(moves + more),
            "values of types and chance": f"{self.nature.size:,}",
            "the leader's payoff lies in": f"{low} to {high}",
            "source": self.source,
        }
        return facts_table(name_of(self), facts)

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """Names: leader_0, follower_0, follower_1, ..."""
        return ("leader_0", *self.followers)

    @cached_property
    def followers(self) -> tuple[str, ...]:
        """Names of the followers."""
        return tuple(f"follower_{i}" for i in range(len(self.payoff_range) - 1))

    @cached_property
    def leader_index(self) -> int:
        """Where the leader's kind of turn stands among `turns`: what `turn` returns for it."""
        return next(k for k, turn in enumerate(self.turns) if turn.kind == "leader")

    @cached_property
    def leader_turn(self) -> Turn:
        """The leader's kind of turn."""
        return self.turns[self.leader_index]

    @cached_property
    def learned_turns(self) -> tuple[Turn, ...]:
        """The learned turn of each follower, in follower order."""
        return tuple(sorted((turn for turn in self.turns if turn.kind == "learned"), key=lambda t: t.agent))

    @cached_property
    def played_alone(self) -> bool:
        """Whether no learner has a choice to make, and the leader is asked several questions.

        Then nothing but nature and the leader's answers matters, and each of these by what plays pay from its question
        on: the leader's problem is a Markov decision process, or a partially observed one.
        """
        return self.leader_turn.rows != 1 and all(turn.choices == 1 for turn in self.learned_turns)

    @cached_property
    def moves(self) -> int:
        """Most learned moves in a play."""
        return sum(turn.times for turn in self.learned_turns)

    @cached_property
    def width(self) -> int:
        """Columns of an action array."""
        return max(turn.width for turn in self.turns)

    @cached_property
    def _first_alike(self) -> NDArray[np.int64]:
        """Per kind of turn the first one with the same actions: with many agents few checks do."""
        first = [next(j for j, other in enumerate(self.turns) if other.actions == turn.actions) for turn in self.turns]
        return np.array(first)

    @cached_property
    def nature(self) -> Prior:
        """Types and chance moves together."""
        return Prior.product(self.prior, self.chance)

    @cached_property
    def one_shot(self) -> bool:
        """Whether every follower moves at most once in a play, and plays have nothing to do with each other."""
        return self.memory == 1 and all(turn.times == 1 for turn in self.learned_turns)

    def begin(self, nature: NDArray[np.int64], carried: NDArray[np.int64] | None = None) -> State:
        """Plays from values of `nature`, `[B, nature.width]`, after plays that left the states `[B]` (0 by default)."""
        types, chance = nature[:, : self.prior.width], nature[:, self.prior.width :]
        if self.memory == 1:
            return self.start(types, chance)
        return self.resume(types, chance, np.zeros(len(nature), dtype=np.int64) if carried is None else carried)

    def step(self, state: State, actions: NDArray[np.float64]) -> tuple[State, NDArray[np.float64]]:
        """Check the actions, then apply the rules.

        Raises:
            InvalidFieldError: an action is out of its turn's range, or a choice that is not open.
            RulesError: the rules returned a payoff that is not finite, or open choices that are none.
        """
        turn = self.turn(state)
        alike = np.where(turn == OVER, OVER, self._first_alike[turn])
        for k in present(alike):
            rows = np.flatnonzero(alike == k)
            given = actions if len(rows) == len(actions) else actions[rows]
            good = in_range(self.turns[k], given)
            if not good.all():
                wrong = rows[~good.all(axis=1)]
                check_actions(self, self.turns[turn[wrong[0]]], actions[wrong])
        if self.leader_turn.masked:
            self._check_choices(state, turn, actions)
        state, payoffs = self.transition(state, actions)
        # A sum is one pass; it is finite unless an entry is not, or it overflows.
        if not np.isfinite(different(payoffs).sum()) and not np.isfinite(payoffs).all():
            play, agent = np.argwhere(~np.isfinite(payoffs))[0]
            at = self.turns[turn[play]]
            raise RulesError(
                f"game {name_of(self)}: payoff of {self.agents[agent]} is "
                f"{payoffs[play, agent]} at step {at.name!r} of {self.agents[at.agent]}"
            )
        return state, payoffs

    def opened(self, state: State) -> NDArray[np.bool_]:
        """Which choices are open to the leader, `[B, choices]`, in plays that wait for it.

        Raises:
            RulesError: `open_choices` returned something else, or none is open at a question.
        """
        found, shape = np.asarray(self.open_choices(state)), (len(state), self.leader_turn.choices)
        if found.shape != shape or found.dtype != np.bool_:
            returned = f"open_choices() returned {found.dtype} of shape {found.shape}"
            raise RulesError(f"game {name_of(self)}: {returned}, not booleans of shape {shape}, one for each choice")
        closed = np.flatnonzero(~found.any(axis=1))
        if len(closed):
            key = int(self.information(state)[closed[0]])
            question = f"question {key} ({self.describe(self.leader_turn, key)})"
            raise RulesError(f"game {name_of(self)}: no choice is open at {self.leader_turn.name!r}, {question}")
        return found

    def check_leader(self, state: State, actions: NDArray[np.float64]) -> None:
        """Refuse actions `[B, leader width]` of the leader in plays that wait for it.

        Raises:
            InvalidFieldError: one is out of range, or a choice that is not open.
        """
        check_actions(self, self.leader_turn, actions)
        if self.leader_turn.masked:
            self._check_choices(state, np.full(len(state), self.leader_index), actions)

    def _check_choices(self, state: State, turn: NDArray[np.int64], actions: NDArray[np.float64]) -> None:
        """Refuse choices of the leader that are not open."""
        asking = np.flatnonzero(turn == self.leader_index)
        if not len(asking):
            return
        found = self.opened(state if len(asking) == len(state) else state.take(asking))
        chosen = actions[asking, 0].astype(np.int64)
        closed = np.flatnonzero(~found[np.arange(len(asking)), chosen])
        if len(closed):
            row = closed[0]
            key = int(self.information(state.take(asking[[row]]))[0])
            problem = f"choice {chosen[row]} is not open at question {key} ({self.describe(self.leader_turn, key)})"
            allowed = f"an open one: {', '.join(map(str, np.flatnonzero(found[row])))}"
            raise InvalidFieldError(f"{self.leader_turn.name} of {self.agents[0]}", problem, allowed)


def different(payoffs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Payoffs `[B, agents]`; if they are one row broadcast to all plays, that row: to look through them takes long.

    >>> different(np.broadcast_to(0.0, (1000, 65))).shape
    (1, 65)
    """
    return payoffs if payoffs.strides[0] else payoffs[:1]


def present(turns: NDArray[np.int64]) -> list[int]:
    """Which kinds of turn occur among those of a batch, `OVER` left out; ascending."""
    return np.flatnonzero(np.bincount(turns + 1)[1:]).tolist()


def check_actions(game: StackelbergGame, turn: Turn, actions: NDArray[np.float64]) -> None:
    """Refuse actions `[B, >= width]` outside a turn's range, by name."""
    good = in_range(turn, actions)
    if good.all():
        return
    wrong = actions[~good.all(axis=1)][0, : turn.width]
    raise InvalidFieldError(f"{turn.name} of {game.agents[turn.agent]}", f"got {wrong.tolist()}", turn.allowed)
