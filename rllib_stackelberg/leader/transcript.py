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
from rllib_stackelberg.leader.elicitation import Episodes, Front
from rllib_stackelberg.rules.game import StackelbergGame


class Transcript:
    """Answers given in the latest episode of each environment, and the followers that those episodes began with."""

    def __init__(self, game: StackelbergGame, elicitation: Episodes):
        self.game = game
        self.elicitation = elicitation
        self._answered: list[tuple[Front, NDArray[np.float64]]] = []
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

    def add(self, front: Front, actions: NDArray[np.float64]) -> None:
        """Note answers `[Q, width]`, in the game's units."""
        self._answered.append((front, actions.copy()))

    def _entries(self, env: int) -> list[tuple[Front, NDArray[np.float64]]]:
        """Of the environment's latest episode; what the others were asked is among it."""
        return self._answered[self._since[env] - self._dropped :]

    def _answers(self, env: int) -> NDArray[np.float64]:
        rows = [actions[front.envs == env] for front, actions in self._entries(env)]
        return np.concatenate([np.zeros((0, self.game.leader_turn.width)), *rows])

    def _questions(self, env: int) -> Index:
        rows = [front.questions[front.envs == env] for front, _ in self._entries(env)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *rows])

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
            "questions": [self._questions(int(env)) for env in np.flatnonzero(~asked.over)],
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
        self._replay(live, state["answers"], state.get("questions", []))  # older ones were asked one by one
        if (asked.over != state["over"]).any() or (asked.question != state["question"]).any():
            raise RulesError(f"game {self.game.id}: an episode in progress does not repeat itself")
        asked.value[:], asked.penalty[:] = state["value"], state["penalty"]
        put(asked.arrays(), state["followers"])

    def _replay(self, live: Index, answers: list[NDArray[np.float64]], questions: list[Index]) -> None:
        asked = self.elicitation
        if len(live):
            self.begin(live)
            asked.restart(live)
        for step in range(max(map(len, answers), default=0)):
            due = [k for k, given in enumerate(answers) if len(given) > step]
            envs = live[due]
            front = self._open(envs, np.array([questions[k][step] for k in due])) if questions else asked.posed(envs)
            given = np.stack([answers[k][step] for k in due])
            self.add(front, given)
            asked.give(front, given)

    def _open(self, envs: Index, questions: Index) -> Front:
        """These questions, one of each environment.

        Raises:
            RulesError: one is not open.
        """
        front = self.elicitation.front(envs)
        rank = np.searchsorted(envs, front.envs)
        found = front.part(front.questions == questions[rank])
        if len(found.envs) != len(envs):
            raise RulesError(f"game {self.game.id}: an episode in progress does not repeat itself")
        return found


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
