"""Where episodes stand, as data, those in progress included.

An episode is a function of its number, its seed, the followers it began with and the leader's answers. So a saved
episode in progress is its answers, in order; whoever restores it begins it again and gives them. This needs no more of
a game than that it repeats itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Arrays, Index
from rllib_stackelberg.errors import RulesError
from rllib_stackelberg.leader.elicitation import Episodes
from rllib_stackelberg.rules.game import StackelbergGame


class Transcript:
    """Answers given in the latest episode of each environment, and the followers that those episodes began with."""

    def __init__(self, game: StackelbergGame, elicitation: Episodes):
        self.game = game
        self.elicitation = elicitation
        self._answered: list[tuple[Index, NDArray[np.float64]]] = []
        self._dropped = 0
        self._since = np.zeros(len(elicitation.over), dtype=np.int64)
        self._first: Arrays = {}

    def begin(self, envs: Index) -> None:
        """Forget what was answered in the given environments: their next episode begins."""
        if self.elicitation.keeps_followers:
            for name, values in self.elicitation.arrays().items():
                self._first.setdefault(name, np.zeros_like(values))[envs] = values[envs]
        self._since[envs] = self._dropped + len(self._answered)
        unused = int(self._since.min()) - self._dropped
        del self._answered[:unused]
        self._dropped += unused

    def add(self, envs: Index, actions: NDArray[np.float64]) -> None:
        """Note answers `[N, width]`, in the game's units."""
        self._answered.append((envs.copy(), actions.copy()))

    def _answers(self, env: int) -> NDArray[np.float64]:
        entries = self._answered[self._since[env] - self._dropped :]
        return np.concatenate([np.zeros((0, self.game.leader_turn.width)), *(a[e == env] for e, a in entries)])

    def get_state(self) -> dict[str, Any]:
        """Of all environments: episode numbers, followers, and the answers of the episodes in progress."""
        asked = self.elicitation
        return {
            "episode": asked.episode.copy(),
            "over": asked.over.copy(),
            "question": asked.question.copy(),
            "value": asked.value.copy(),
            "penalty": asked.penalty.copy(),
            "followers": _copies(asked.arrays()),
            "first_followers": _copies(self._first),
            "answers": [self._answers(int(env)) for env in np.flatnonzero(~asked.over)],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from `get_state`, in a fresh elicitation of the same game, settings and streams.

        Raises:
            RulesError: the game, begun and answered as before, asks something else.
        """
        asked, live = self.elicitation, np.flatnonzero(~state["over"])
        asked.episode[:] = state["episode"]
        asked.episode[live] -= 1
        if state["first_followers"]:
            put(asked.arrays(), state["first_followers"])
        self._replay(live, state["answers"])
        if (asked.over != state["over"]).any() or (asked.question != state["question"]).any():
            raise RulesError(f"game {self.game.id}: an episode in progress does not repeat itself")
        asked.value[:], asked.penalty[:] = state["value"], state["penalty"]
        put(asked.arrays(), state["followers"])

    def _replay(self, live: Index, answers: list[NDArray[np.float64]]) -> None:
        if len(live):
            self.begin(live)
            self.elicitation.restart(live)
        for step in range(max(map(len, answers), default=0)):
            due = [k for k, given in enumerate(answers) if len(given) > step]
            given = np.stack([answers[k][step] for k in due])
            self.add(live[due], given)
            self.elicitation.answer(live[due], given)


def _copies(arrays: Arrays) -> Arrays:
    return {name: values.copy() for name, values in arrays.items()}


def put(arrays: Arrays, values: Arrays) -> None:
    """Overwrite arrays in place by those of the same names.

    Raises:
        ValueError: one is of another shape.
    """
    for name, array in arrays.items():
        if np.shape(values[name]) != array.shape:
            raise ValueError(f"{name} has shape {np.shape(values[name])}, not {array.shape}")
        array[:] = values[name]
