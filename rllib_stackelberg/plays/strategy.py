"""A leader strategy as a table: question -> action. Printed, saved, compared, evaluated.

As plain data it is a list of `{"question": key, "label": text, "action": index or numbers, ...}`, in the game's units;
this is the `leader_strategy` of every result and what `respond --leader` reads. An action that is a choice and numbers
is `{"choice": index, "numbers": [...]}`; a list of the choice and the numbers is read, too. Beside an action that is a
mixture stand its `probabilities`, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.files.documents import brief
from rllib_stackelberg.plays.answers import make_answers
from rllib_stackelberg.plays.outcomes import outcomes_against
from rllib_stackelberg.plays.paths import paths_against
from rllib_stackelberg.plays.plays import Plays
from rllib_stackelberg.rules.display import MOST_ENTRIES, facts_table
from rllib_stackelberg.rules.game import StackelbergGame, Turn, check_actions

LeaderFunction = Callable[..., NDArray[np.float64]]
"""Leader observations `[N, d]` -> actions `[N, width]` in the game's units.

Where the leader's turn is masked, a second argument says which choices are open, `[N, choices]`.
"""

STRATEGY_FORMS = "a list of {question, action} objects or of (question, action) pairs"


@dataclass(frozen=True, eq=False)
class LeaderStrategy:
    """Answers to the questions a leader can be asked.

    Attributes:
        game: the game.
        answers: action `[width]` by question key.
    """

    game: StackelbergGame
    answers: dict[int, NDArray[np.float64]]

    @classmethod
    def from_pairs(cls, game: StackelbergGame, pairs: Iterable[tuple[int, Any]]) -> LeaderStrategy:
        """From (question key, action) pairs, checked.

        Raises:
            InvalidFieldError: an unknown question or an action out of range.
        """
        turn = game.leader_turn
        answers: dict[int, NDArray[np.float64]] = {}
        for key, action in pairs:
            if not isinstance(key, int) or isinstance(key, bool) or not 0 <= key < turn.keys:
                raise InvalidFieldError("question", f"got {brief(key)}", f"an integer in 0..{turn.keys - 1}")
            if key in answers:
                raise InvalidFieldError("question", f"{key} is answered twice", "one answer to each question")
            answers[key] = _action(turn, action)
            check_actions(game, turn, answers[key][None])
        return cls(game, answers)

    @classmethod
    def of(cls, game: StackelbergGame, given: GivenStrategy) -> LeaderStrategy:
        """From any form in which a strategy is handed over: one of these, pairs (a solution's), or plain data.

        Raises:
            InvalidFieldError: it is something else, or cannot be a strategy of this game.

        >>> from rllib_stackelberg import make_game, solve
        >>> game = make_game("escape")
        >>> strategy = LeaderStrategy.of(game, solve(game).leader_strategy)
        >>> LeaderStrategy.of(game, strategy.data()).answers == strategy.answers
        True
        """
        if isinstance(given, LeaderStrategy):
            return given if given.game is game else cls.from_pairs(game, given.answers.items())
        return cls.from_data(game, given)

    @classmethod
    def from_data(cls, game: StackelbergGame, data: Any) -> LeaderStrategy:
        """From the plain-data form, or from pairs.

        Raises:
            InvalidFieldError: it is something else, or cannot be a strategy of this game.
        """
        if not isinstance(data, list | tuple):
            raise InvalidFieldError("leader", "is no leader strategy", STRATEGY_FORMS)
        return cls.from_pairs(game, map(_pair, data))

    @classmethod
    def ask(cls, game: StackelbergGame, policy: LeaderFunction) -> LeaderStrategy:
        """Ask a policy every question that its own answers, any types and any follower moves can lead to."""
        return AskedPolicy(game, policy).everything()

    def __call__(self, plays: Plays, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """The answers that waiting plays need (`plays.Leader`).

        Raises:
            InvalidFieldError: a question that is met has no answer.
        """
        questions, actions = self._sorted
        met = plays.question[slots]
        place = np.minimum(np.searchsorted(questions, met), max(len(questions) - 1, 0))
        missing = met[questions[place] != met] if len(questions) else met
        if len(missing):
            turn, key = self.game.leader_turn, int(missing[0])
            problem = (
                f"has no answer at {turn.name!r} to question {key} ({self.game.describe(turn, key)}), which is met"
            )
            raise InvalidFieldError("leader", problem, "an answer to every question that is met")
        return actions[place]

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Questions in ascending order and their answers `[N, width]`."""
        questions = np.array(sorted(self.answers), dtype=np.int64)
        return questions, np.array([self.answers[int(key)] for key in questions])

    def signature(self) -> bytes:
        """Equal for equal strategies."""
        questions, actions = self._sorted
        return questions.tobytes() + actions.tobytes()

    def table(self) -> NDArray[np.float64]:
        """`[1, questions, width]`, for games of few questions; NaN where there is no answer."""
        turn = self.game.leader_turn
        table = np.full((1, turn.keys, turn.width), np.nan)
        for key, action in self.answers.items():
            table[0, key] = action
        return table

    def _repr_html_(self) -> str:
        """For notebooks: the first answers."""
        found = self.data(MOST_ENTRIES)
        left = len(self.answers) - len(found)
        facts = {entry["label"]: entry["shown"] for entry in found} | ({"more": f"{left:,} answers"} if left else {})
        return facts_table("Leader strategy", facts)

    def data(self, most: int | None = None) -> list[dict[str, Any]]:
        """The plain-data form; of at most so many questions, the lowest keys first."""
        turn = self.game.leader_turn
        return [self._entry(turn, key, action) for key, action in islice(self.answers.items(), most)]

    def _entry(self, turn: Turn, key: int, action: NDArray[np.float64]) -> dict[str, Any]:
        """Plain data of one answer."""
        mixture = self.game.probabilities(turn, key, action)
        return {
            "question": key,
            "label": self.game.describe(turn, key),
            "action": _plain(turn, action),
            **({} if mixture is None else {"probabilities": dict(mixture)}),
            "shown": self.game.describe_action(turn, key, action),
        }


GivenStrategy = LeaderStrategy | Sequence[tuple[int, Any]] | Sequence[Mapping[str, Any]]
"""What functions take for a leader strategy: see `LeaderStrategy.of`."""


def _pair(entry: Any) -> tuple[Any, Any]:
    """Question and action of one entry."""
    if isinstance(entry, Mapping) and {"question", "action"} <= entry.keys():
        return entry["question"], entry["action"]
    if isinstance(entry, list | tuple) and len(entry) == 2:
        return entry[0], entry[1]
    raise InvalidFieldError("leader", "is no leader strategy", STRATEGY_FORMS)


def _plain(turn: Turn, action: NDArray[np.float64]) -> Any:
    """An action `[width]` of a turn as plain data."""
    if turn.discrete:
        return int(action[0])
    return {"choice": int(action[0]), "numbers": action[1:].tolist()} if turn.chooses else action.tolist()


def _action(turn: Turn, action: Any) -> NDArray[np.float64]:
    """An action `[width]` of a turn from plain data."""
    if turn.chooses and turn.numbers and isinstance(action, Mapping) and set(action) == {"choice", "numbers"}:
        numbers = action["numbers"]
        action = [action["choice"], *(numbers if isinstance(numbers, list | tuple) else [numbers])]
    try:
        given = np.asarray(action)
        if given.ndim <= 1 and given.size == turn.width and given.dtype.kind in "iuf":
            return given.astype(float).reshape(turn.width)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InvalidFieldError("action", f"got {brief(action)}", _form(turn))


def _form(turn: Turn) -> str:
    both = turn.chooses and turn.numbers
    return f'{{"choice": c, "numbers": [...]}}, {turn.numbers} of them' if both else f"{turn.width} number(s)"


class AskedPolicy:
    """A policy that is asked each question once, whatever play meets it; what it said is kept.

    Args:
        game: the game; policy: what it answers.
        known: what it has answered before.
    """

    def __init__(self, game: StackelbergGame, policy: LeaderFunction, known: LeaderStrategy | None = None):
        self.game = game
        self.policy = policy
        self.answers = make_answers(game, 1)
        self._met: list[NDArray[np.int64]] = []
        if known is not None and known.answers:
            questions, actions = known._sorted
            self.answers.record(np.zeros(len(questions), dtype=np.int64), questions, actions)
            self._met.append(questions)

    def __call__(self, plays: Plays, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """The answers that waiting plays need (`plays.Leader`)."""
        questions, episode = plays.question[slots], np.zeros(len(slots), dtype=np.int64)
        unknown = np.flatnonzero(~self.answers.knows(episode, questions))
        new, first = np.unique(questions[unknown], return_index=True)
        if len(new):
            actions = self.policy(*plays.seen_by_leader(slots[unknown[first]]))
            self.answers.record(episode[: len(new)], new, actions)
            self._met.append(new)
        return self.answers.take(episode, questions)

    def everything(self) -> LeaderStrategy:
        """Its answers to every question that they, any types and any follower moves can lead to."""
        (outcomes_against if self.game.one_shot else paths_against)(self.game, self)
        return self.strategy()

    def strategy(self) -> LeaderStrategy:
        """Everything it has been asked."""
        met = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *self._met]))
        actions = self.answers.take(np.zeros(len(met), dtype=np.int64), met)
        return LeaderStrategy(self.game, dict(zip(met.tolist(), actions, strict=True)))
