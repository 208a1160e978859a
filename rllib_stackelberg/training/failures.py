"""How a game's own error reaches the driver from a remote env runner.

RLlib ends the process of a runner whose environment raised, and the driver is told no more than that it died. So a
runner leaves a note first: a named Ray actor that exists only then, holding one string.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray.rllib.algorithms.algorithm import Algorithm

from rllib_stackelberg.errors import RulesError
from rllib_stackelberg.leader_env import StackelbergPOMDP


class Note:
    """Holds the message of a broken game."""

    def __init__(self, message: str):
        self.message = message

    def read(self) -> str:
        """The message."""
        return self.message


class WorkerLeaderEnv(StackelbergPOMDP):
    """The leader's problem on an env runner: on a remote one it leaves a note when the game breaks its rules."""

    note_name = ""

    def place(self, worker: int, note_name: str) -> None:
        """Say which runner the environment is on (0: the driver's own), which also selects its streams.

        RLlib does not pass this to the constructor of a vector environment; a callback calls it.
        """
        self.worker = worker
        self.note_name = note_name if worker else ""

    def begin(self, envs):  # type: ignore[no-untyped-def]
        """As the parent's."""
        with self._noting():
            return super().begin(envs)

    def answer(self, envs, actions):  # type: ignore[no-untyped-def]
        """As the parent's."""
        with self._noting():
            return super().answer(envs, actions)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except RulesError as error:
            self._leave_note(error)
            raise

    def _leave_note(self, error: RulesError) -> None:
        if not self.note_name:
            return
        options = {"name": self.note_name, "lifetime": "detached", "num_cpus": 0, "get_if_exists": True}
        note = ray.remote(Note).options(**options).remote(str(error))
        ray.get(note.read.remote())  # the runner must not end before the note is there


def rules_error(error: Exception, algo: Algorithm) -> RulesError | None:
    """The game's own error behind an exception of RLlib, if there is one."""
    marker = f"{RulesError.__module__}.{RulesError.__qualname__}: "
    told = [line.partition(marker)[2] for line in "".join(traceback.format_exception(error)).splitlines()]
    if any(told):
        return RulesError(next(message for message in reversed(told) if message))
    name = algo.config.env_config.get("note")
    try:
        note = ray.get_actor(name) if name else None
    except ValueError:
        note = None
    if note is None:
        return None
    message = ray.get(note.read.remote())
    ray.kill(note)
    return RulesError(message)
