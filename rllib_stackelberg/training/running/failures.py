"""Games that fail: errors of their own are survived a few times, broken rules and games that hang are not.

After an error the game is made anew and the episodes in progress are given up; the next ones are others, with draws of
their own. A game that fails once more than it may, breaks its rules or does not return stops the run, with what the
game said.

How that reaches the driver from a remote env runner: RLlib ends the process of a runner whose environment raised, and
the driver is told no more than that it died. So a runner leaves a note first: a named Ray actor that exists only then,
holding one error.
"""

from __future__ import annotations

import logging
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import numpy as np
import ray
from numpy.typing import NDArray
from ray.rllib.algorithms.algorithm import Algorithm

from rllib_stackelberg.errors import FAULTS, GameError, InvalidFieldError, RulesError, RunStoppedError
from rllib_stackelberg.leader.elicitation import Front
from rllib_stackelberg.leader.env import Observations, StackelbergPOMDP
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.runs.run_options import GAME_SECONDS, MOST_FAILURES
from rllib_stackelberg.training.running.deadlines import DeadlineError, deadline

Found = TypeVar("Found")

FINAL = (RulesError, InvalidFieldError)
"""Errors that no other try can mend, and that end the run from whatever process: broken rules, and what is refused."""

LONG = 10
"""Times as long as from one question to the next may take a sample, or a valuation: both play many rounds."""

logger = logging.getLogger(__name__)


class EpisodesLostError(Exception):
    """A game failed and may be tried again."""


class Failures:
    """Counts the errors of a game in one process.

    Attributes:
        most: how many are survived; seconds: in which a call must return; count: errors so far.
    """

    def __init__(self, most: int = MOST_FAILURES, seconds: float = GAME_SECONDS):
        self.most, self.seconds, self.count = most, seconds, 0

    @contextmanager
    def counted(self, seconds: float, one_call: float | None = None) -> Iterator[None]:
        """Calls into a game, that many seconds at most; a single one of them, `one_call`.

        Raises:
            EpisodesLostError: the game failed, and may be tried again.
            GameError: it may not, or did not return.
            RulesError: it broke its rules.
            InvalidFieldError: something was refused by name, which is no fault of the game's.
            InterruptedRunError: a signal has come, which is none either.
        """
        try:
            with deadline(seconds, one_call):
                yield
        except DeadlineError as error:
            raise GameError(f"the game did not return: {told(error)}") from error
        except FAULTS as error:
            # A signal's error may come up in the midst of a game; nor is it a fault of the game's.
            others = isinstance(error, RunStoppedError | InvalidFieldError | EpisodesLostError)
            if others and not isinstance(error, GameError):
                raise
            self.count += 1
            if self.count > self.most:
                raise GameError(f"the game failed {self.count} times: {told(error)}") from error
            logger.warning("the game failed (%d of %d): %s", self.count, self.most, told(error))
            raise EpisodesLostError from error

    def survived(self, call: Callable[..., Found], *args: Any, long: bool = False) -> Found:
        """What a call into a game returns, tried again after errors of the game's; a long one plays many rounds."""
        limits = (self.seconds * LONG, self.seconds) if long else (self.seconds, None)
        while True:
            try:
                with self.counted(*limits):
                    return call(*args)
            except EpisodesLostError:
                continue


def told(error: BaseException) -> str:
    """The last line first, then the whole traceback: the game's own part of it is at its end."""
    return f"{error!r}\n{''.join(traceback.format_exception(error))}"


class Note:
    """Holds the error that ended an env runner."""

    def __init__(self, error: RulesError | InvalidFieldError):
        self.error = error

    def read(self) -> RulesError | InvalidFieldError:
        """The error."""
        return self.error


@contextmanager
def noting(name: str) -> Iterator[None]:
    """Leave a note of an error that ends an env runner.

    Args:
        name: of the note; "" of a runner in the driver's own process, which needs none.
    """
    try:
        yield
    except FINAL as error:
        if name:
            options = {"name": name, "lifetime": "detached", "num_cpus": 0, "get_if_exists": True}
            note = ray.remote(Note).options(**options).remote(error)
            ray.get(note.read.remote())  # the runner must not end before the note is there
        raise


def fault_entries(most_failures: int = MOST_FAILURES, game_seconds: float = GAME_SECONDS) -> dict[str, Any]:
    """Entries of an environment's configuration: what is survived of a game, and where it is noted what is not.

    Args:
        most_failures, game_seconds: as of `Failures`.
    """
    note = f"broken-game-{uuid.uuid4().hex}"
    return {"note": note, "most_failures": most_failures, "game_seconds": game_seconds}


class WorkerLeaderEnv(StackelbergPOMDP):
    """The leader's problem on an env runner, with a game that may fail.

    Args:
        make: a game, to begin with and in place of one that has failed.
        settings, num_envs, seed: as the parent's.
        failures: what is survived.
        game: one that is made already, to begin with.
    """

    note_name = ""

    def __init__(
        self,
        make: Callable[[], StackelbergGame],
        settings: LeaderSettings,
        num_envs: int,
        seed: int,
        failures: Failures,
        game: StackelbergGame | None = None,
    ):
        self.make = make
        self.failures = failures
        super().__init__(failures.survived(make) if game is None else game, settings, num_envs=num_envs, seed=seed)

    def place(self, worker: int, note_name: str) -> None:
        """Say which runner the environment is on (0: the driver's own), which also selects its streams.

        RLlib does not pass this to the constructor of a vector environment; the env runner calls it (resumable.py).
        """
        self.worker = worker
        self.note_name = note_name if worker else ""

    def _start(self, seed: int) -> None:
        with self._noting():
            self.failures.survived(super()._start, seed)

    def begin(self, envs: NDArray[np.int64]) -> None:
        """As the parent's, but for `EpisodesLostError`: all episodes have been given up."""
        with self._failing():
            super().begin(envs)

    def answer(self, front: Front, actions: NDArray) -> NDArray[np.float64]:
        """As the parent's, but for `EpisodesLostError`: all episodes have been given up."""
        with self._failing():
            return super().answer(front, actions)

    def reset(self, **kwargs: Any) -> tuple[Observations, dict[str, Any]]:
        """As the parent's."""
        try:
            return super().reset(**kwargs)
        except EpisodesLostError:
            return self.reset()

    def step(
        self, actions: NDArray
    ) -> tuple[Observations, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """As the parent's; episodes that were given up are cut short."""
        ended = self._ended.copy()
        try:
            return super().step(actions)
        except EpisodesLostError:
            self._begin_instead(np.flatnonzero(ended))
            self._ended = ~ended
            return self._observations(), np.zeros(self.num_envs), np.zeros_like(ended), ~ended, {}

    def _begin_instead(self, envs: NDArray[np.int64]) -> None:
        """Begin the episodes that should have begun in the step that failed."""
        try:
            if len(envs):
                self.begin(envs)
        except EpisodesLostError:
            self._begin_instead(envs)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        with self._noting():
            try:
                with self.failures.counted(self.failures.seconds):
                    yield
            except EpisodesLostError:
                self.game = self.failures.survived(self.make)
                self.abandon()  # which the game may fail in once too often
                raise

    def _noting(self) -> AbstractContextManager[None]:
        return noting(self.note_name)


def final_error(error: BaseException) -> RulesError | InvalidFieldError | None:
    """What ended the run behind an exception of RLlib, if it is the game's own error or a refusal."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, FINAL):
        cause = cause.__cause__ or cause.__context__
    return cause


def noted_error(algo: Algorithm) -> RulesError | InvalidFieldError | None:
    """What a remote env runner left before it ended, if it did."""
    name = algo.config.env_config.get("note")
    try:
        note = ray.get_actor(name) if name else None
    except ValueError:
        note = None
    if note is None:
        return None
    error = ray.get(note.read.remote())
    ray.kill(note)
    return error
