"""A leader strategy as a table: question -> action. Printed, saved, compared, evaluated.

As plain data it is a list of `{"question": key, "label": text, "action": index or numbers, ...}`, in the game's units;
this is the `leader_strategy` of every result and what `respond --leader` reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.game import StackelbergGame, check_actions
from rllib_stackelberg.outcomes import Profiles
from rllib_stackelberg.plays import Plays

LeaderFunction = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Leader observations `[N, d]` -> actions `[N, width]` in the game's units."""


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
        turn = game.turns[game.leader_turn]
        answers: dict[int, NDArray[np.float64]] = {}
        for key, action in pairs:
            if not isinstance(key, int) or not 0 <= key < turn.keys:
                raise InvalidFieldError("question", f"got {key!r}", f"an integer in 0..{turn.keys - 1}")
            try:
                answers[key] = np.asarray(action, dtype=float).reshape(turn.width)
            except (TypeError, ValueError) as error:
                raise InvalidFieldError("action", f"got {action!r}", f"{turn.width} number(s)") from error
            check_actions(game, turn, answers[key][None])
        return cls(game, answers)

    @classmethod
    def from_data(cls, game: StackelbergGame, data: Any) -> LeaderStrategy:
        """From the plain-data form."""
        if not isinstance(data, list) or not all(
            isinstance(e, dict) and {"question", "action"} <= e.keys() for e in data
        ):
            raise InvalidFieldError("leader", "is no leader strategy", "a list of {question, action} objects")
        return cls.from_pairs(game, ((entry["question"], entry["action"]) for entry in data))

    @classmethod
    def ask(cls, game: StackelbergGame, policy: LeaderFunction) -> LeaderStrategy:
        """Ask a policy every question that its own answers, any types and any follower moves can lead to."""
        profiles = Profiles.of(game)
        plays = Plays(game, len(profiles))
        nature = np.repeat(profiles.nature, len(profiles.joint), axis=0)
        plays.begin(np.arange(len(profiles)), nature, profiles.choose)
        answers: dict[int, NDArray[np.float64]] = {}
        while plays.waiting.any():
            slots = np.flatnonzero(plays.waiting)
            keys, first = np.unique(plays.question[slots], return_index=True)
            new = [k for k, key in enumerate(keys) if int(key) not in answers]
            if new:
                actions = policy(plays.observe_leader(slots[first[new]]))
                answers |= {int(keys[k]): action for k, action in zip(new, actions, strict=True)}
            plays.answer(slots, np.stack([answers[int(key)] for key in plays.question[slots]]), profiles.choose)
        return cls(game, dict(sorted(answers.items())))

    def table(self) -> NDArray[np.float64]:
        """`[1, questions, width]`; questions without an answer are NaN, so that meeting one is noticed."""
        turn = self.game.turns[self.game.leader_turn]
        table = np.full((1, turn.keys, turn.width), np.nan)
        for key, action in self.answers.items():
            table[0, key] = action
        return table

    def data(self) -> list[dict[str, Any]]:
        """The plain-data form."""
        turn = self.game.turns[self.game.leader_turn]
        discrete = isinstance(turn.actions, Discrete)
        return [
            {
                "question": key,
                "label": self.game.describe(turn, key),
                "action": int(action[0]) if discrete else action.tolist(),
                "shown": self.game.describe_action(key, action),
            }
            for key, action in self.answers.items()
        ]
