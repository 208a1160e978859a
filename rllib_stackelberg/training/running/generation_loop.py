"""The loop of any training run: it iterates until nothing is left to do, and leaves generations to go on from.

Signals, limits of time and a full disk end it in one way, whatever is trained: what was saved last is whole. A subclass
says what an iteration is, what it is worth, when the run is over, and what a generation holds besides RLlib's state.
"""

from __future__ import annotations

import math
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from ray.rllib.algorithms.algorithm import Algorithm

from rllib_stackelberg.runs.folder import RunFolder
from rllib_stackelberg.runs.run_options import RunOptions
from rllib_stackelberg.training.running.checkpoints import Checkpoints, State
from rllib_stackelberg.training.running.deadlines import TimeIsUpError, until
from rllib_stackelberg.training.running.failures import Failures
from rllib_stackelberg.training.running.generations import PARTS, algorithm_parts, due, restore_algorithm, storing
from rllib_stackelberg.training.running.interruptions import Interruption
from rllib_stackelberg.training.running.randomness import generator_states, set_generator_states
from rllib_stackelberg.training.running.restoring import check_run, fitting
from rllib_stackelberg.training.running.tracking import Tracking

CUT_SECONDS = 1.0
"""An iteration that takes longer is saved before the next one, if that may be cut by the end of the run's time."""


class Standing(Protocol):
    """Where a run stands after an iteration."""

    @property
    def iteration(self) -> int:
        """How many there have been."""

    def line(self) -> dict[str, Any]:
        """As plain data; what the run's own kind of it is made from again."""


Stands = TypeVar("Stands", bound=Standing)


class GenerationLoop(ABC, Generic[Stands]):
    """A run from its beginning, or from a generation, to its end.

    A subclass sets what is left open here: `finished`, `iterate`, `look`, `outcome`, `get_state`, `set_state`.

    Attributes:
        iteration: how many there have been.
        saved: the iteration of the last generation, None if there is none.
        progress: after the last iteration, None before the first.
        tracking: where its numbers are followed, None: in the folder alone.
    """

    def __init__(
        self,
        folder: RunFolder,
        options: RunOptions,
        failures: Failures,
        checkpoints: Checkpoints,
        interruption: Interruption,
        progress_kind: Callable[..., Stands],
    ):
        """Begin at no iteration.

        Args:
            folder: of the run.
            options: its options.
            failures: of the game, in this process.
            checkpoints: its generations.
            interruption: the signal that tells it to stop.
            progress_kind: makes a progress of the entries of its line.
        """
        self.folder, self.checkpoints, self.interruption = folder, checkpoints, interruption
        self.failures, self._most_failures, self._told_failures = failures, options.max_failures, 0
        self.progress_kind = progress_kind
        self.iteration = 0
        self.progress: Stands | None = None
        self.saved: int | None = None
        self.tracking: Tracking | None = None
        self._lasted = 0.0  # seconds of the last iteration
        self._began = self._saved_at = time.monotonic()

    @property
    @abstractmethod
    def algorithms(self) -> Mapping[str, Algorithm]:
        """Whose state a generation holds, by name: "", or lower-case letters where there are several."""

    @abstractmethod
    def finished(self) -> bool:
        """Whether the run is over."""

    @abstractmethod
    def iterate(self) -> dict[str, Any]:
        """Train for an iteration; returns what was reported of it."""

    @abstractmethod
    def look(self, reported: dict[str, Any]) -> Stands:
        """Value what was learned in the iteration that has just been counted, and keep it if it is the best."""

    @abstractmethod
    def outcome(self) -> dict[str, Any]:
        """What is told of the training of a run that is over."""

    @abstractmethod
    def get_state(self) -> dict[str, State]:
        """Parts of a generation that only this kind of run has; what goes in the part `run` stands under that name."""

    @abstractmethod
    def set_state(self, parts: dict[str, State]) -> None:
        """The inverse of `get_state`, after all else has been taken over from a generation; called in `fitting`."""

    @property
    def ends(self) -> float:
        """When what is under way is cut, on the monotonic clock."""
        return math.inf

    @property
    def seconds(self) -> float:
        """Of training, those before a resumption included."""
        return time.monotonic() - self._began

    @abstractmethod
    def stop(self) -> None:
        """End what trains, once."""

    def prepare(self) -> None:
        """What is to be done before the clock starts."""

    def run(
        self,
        parts: dict[str, State] | None,
        report: Callable[[Stands], None] | None = None,
        tracking: Tracking | None = None,
    ) -> dict[str, Any]:
        """Train to the end; returns what the run tells of its training.

        Args:
            parts: of the generation to go on from, None: from the beginning.
            report: called with the progress after every iteration.
            tracking: where numbers are followed besides.

        Raises:
            InvalidFieldError: the generation is not of this run.
            RunStoppedError: a signal has come, or the folder cannot be written; what was saved last is whole.
        """
        self.tracking = tracking
        if parts is None:
            self.save()
        self.prepare()
        self._began = time.monotonic()
        if parts is not None:
            self.restore(parts)
        try:
            while not self.finished():
                self._stop_if_told()
                self.advance()
                if report and self.progress:
                    report(self.progress)
                if due(self.iteration, self._saved_at) or self._cut_next():
                    self.save()
            self.save()
        except TimeIsUpError:
            self.iteration = self.progress.iteration if self.progress else 0  # what was cut has not been
        return self.outcome()

    def advance(self) -> None:
        """An iteration, its worth, and its line of progress."""
        began = time.monotonic()
        with until(self.ends):
            reported = self.iterate()
            self.iteration += 1
            progress = self.look(reported)
        self.progress, self._lasted = progress, time.monotonic() - began
        with storing(self.folder.path):
            self.note(progress, reported)

    def note(self, progress: Stands, reported: dict[str, Any]) -> None:
        """Write down where the run stands, in the folder and wherever it is tracked; called in `storing`.

        Args:
            progress: after the iteration.
            reported: what RLlib said of it.
        """
        self._warn_of_failures(reported)
        self.folder.append_progress(progress.line())
        if self.tracking:
            self.tracking.log(progress.line(), reported)

    def called(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a call comes to that plays many times: the game may fail in it, too, and need not return soon."""
        return self.failures.survived(partial(call, *args, **kwargs), long=True)

    def _warn_of_failures(self, reported: dict[str, Any]) -> None:
        most = float(reported["env_runners"].get("game_failures", 0))
        failures = int(most) if math.isfinite(most) else 0  # runners that came back have no report yet
        if failures > self._told_failures:
            problem = f"the game has failed {failures} time(s) and was started again; {self._most_failures} are"
            warnings.warn(f"{problem} survived (max_failures)", RuntimeWarning, stacklevel=5)
        self._told_failures = failures

    def _cut_next(self) -> bool:
        """Whether the next iteration may be cut, in the middle of which nothing can be saved."""
        return self._lasted > CUT_SECONDS and time.monotonic() + 2 * self._lasted > self.ends

    def _stop_if_told(self) -> None:
        if self.interruption.signal is not None:
            self.save()
            raise self.interruption.error()

    def save(self) -> None:
        """Write a generation, unless there is one of this iteration."""
        if self.saved == self.iteration:
            return
        with storing(self.folder.path):
            self.checkpoints.save(self.iteration, self._parts())
        self.saved, self._saved_at = self.iteration, time.monotonic()

    def _parts(self) -> dict[str, State]:
        own = self.get_state()
        run = {
            "iteration": self.iteration,
            "seconds": self.seconds,
            "progress": self.progress and self.progress.line(),
            **own.pop("run"),
            "generators": generator_states(),
        }
        parts = {name: algorithm_parts(algo) for name, algo in self.algorithms.items()}
        named = {name + part: state for name, found in parts.items() for part, state in found.items()}
        return named | own | {"run": run}

    def restore(self, parts: dict[str, State]) -> None:
        """Go on from a generation.

        Args:
            parts: of it; what is large may be taken out of them.

        Raises:
            InvalidFieldError: it is not of this run.
        """
        with fitting(self.folder.path):
            run = parts["run"]
            check_run(run)
            for name, algo in self.algorithms.items():
                restore_algorithm(algo, {part: parts[name + part] for part in PARTS})
            self.iteration = self.saved = run["iteration"]
            self.progress = self.progress_kind(**run["progress"]) if run["progress"] else None
            self.set_state(parts)
            self._began = time.monotonic() - run["seconds"]
            set_generator_states(run["generators"])
        self.folder.cut_progress(self.iteration)
