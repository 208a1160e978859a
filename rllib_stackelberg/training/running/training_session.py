"""A run that is trained, whatever it trains: from its beginning or a generation to a result in its folder.

What runs of games of finite types and of games with a population share is here: the folder, Ray, signals, where
numbers are followed, what is left of a run that fails. A subclass of `Training` says what the loop is, and what the
result is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, ClassVar, Generic, TypeVar

from rllib_stackelberg.errors import RunStoppedError
from rllib_stackelberg.runs.folder import RunFolder, command_for
from rllib_stackelberg.runs.game_of_run import parameters
from rllib_stackelberg.runs.run import Run
from rllib_stackelberg.runs.run_options import RunOptions
from rllib_stackelberg.training.running.checkpoints import Checkpoints, State
from rllib_stackelberg.training.running.deadlines import DeadlineError, deadline
from rllib_stackelberg.training.running.failures import LONG, Failures
from rllib_stackelberg.training.running.generation_loop import GenerationLoop
from rllib_stackelberg.training.running.generations import nothing_left, storing
from rllib_stackelberg.training.running.interruptions import Interruption, interruptible
from rllib_stackelberg.training.running.ray_sessions import KILLED, ray_session, torch_threads
from rllib_stackelberg.training.running.reporting import leave_report
from rllib_stackelberg.training.running.tracking import Tracking

STOP_SECONDS = 30.0
"""In which RLlib must stop its workers; one that does not react is left to Ray."""

Report = Callable[[Any], None]
Configure = Callable[[Any], Any]

AnyRun = TypeVar("AnyRun", bound=Run)
AnyOptions = TypeVar("AnyOptions", bound=RunOptions)


class Training(ABC, Generic[AnyRun, AnyOptions]):
    """What is trained in a run folder.

    Attributes:
        run: the run.
        options: its own, under the limits that it is to have.
        configure: has the last word on the RLlib configuration.
        failures: of the game, in this process.
        checkpoints: the run's generations.
    """

    run_kind: ClassVar[type[Run]]
    checkpoints_kind: ClassVar[type[Checkpoints]] = Checkpoints

    def __init__(self, run: AnyRun, options: AnyOptions, configure: Configure | None = None):
        self.run, self.options, self.configure = run, options, configure
        self.failures = Failures(options.max_failures, options.game_timeout)
        self.checkpoints = self.checkpoints_kind(run.folder.path)

    @classmethod
    def check_machine(cls, options: AnyOptions) -> None:
        """Refuse, by field name, what this machine does not have.

        Args:
            options: of the run.

        Raises:
            InvalidFieldError: naming the field and what it may be.
        """

    def loads(self) -> None:
        """Load what the run needs besides torch and Ray, while Ray waits for its processes."""

    @abstractmethod
    def loop(self, parts: Mapping[str, State] | None, interruption: Interruption) -> GenerationLoop[Any]:
        """What trains, ready to run; called in a Ray session.

        Args:
            parts: of the generation that it will go on from, None: it begins.
            interruption: the signal that tells it to stop.
        """

    @abstractmethod
    def finish(self, loop: GenerationLoop[Any], interruption: Interruption) -> dict[str, Any]:
        """The result, after training; called in the same session.

        Args:
            loop: that has trained.
            interruption: as before.
        """

    @classmethod
    @contextmanager
    def begun(cls, options: AnyOptions, report: Report | None, configure: Configure | None) -> Iterator[dict[str, Any]]:
        """Begin a run in a folder of its own; the result is there before Ray has ended, which takes seconds.

        Args:
            options: what to train.
            report: called with the progress after every iteration.
            configure: as of the class.
        """
        folder = RunFolder.create(options.out or options.new_folder(), options.game)
        with nothing_left(folder):
            cls.check_machine(options)
        with folder.locked(), storing(folder.path):
            folder.begin(options.resolved())
        own = options.kept_in(folder.path, parameters(folder))
        run: Any = cls.run_kind(folder, own.rules)
        made = cls(run, own, configure)
        with made._to_the_end(None, report, nothing_left(folder)) as result:
            yield result

    @contextmanager
    def gone_on_with(self, limits: Mapping[str, Any], report: Report | None) -> Iterator[dict[str, Any]]:
        """Go on with the run from its last good generation, or from its beginning where it has none.

        One that has a result, and nothing left to do, is left as it is.

        Args:
            limits: new ones in place of the run's, if any is given.
            report: as of `begun`.
        """
        self.check_machine(self.options)
        folder = self.run.folder
        with folder.locked():
            parts = self.checkpoints.load()  # warns of damage, also where nothing is left to do
            if (result := self.run.finished(self.options)) is not None:
                yield result
                return
            with storing(folder.path):
                folder.change(**limits)
                if parts is None:
                    folder.cut_progress(0)
        with self._to_the_end(parts, report, nullcontext()) as result:
            yield result

    @contextmanager
    def _to_the_end(
        self, parts: dict[str, State] | None, report: Report | None, scope: AbstractContextManager[None]
    ) -> Iterator[dict[str, Any]]:
        folder, options = self.run.folder, self.options
        advice = f"go on with: {command_for('resume', folder.path, options.game)}"
        try:
            session = ray_session(options.num_env_runners, options.ray_address, f"{KILLED}; {advice}", self.loads)
            with folder.locked(), scope, session, torch_threads(), interruptible() as interruption:
                loop = self.loop(parts, interruption)
                try:
                    with Tracking(folder.path, options) as tracking:
                        told = loop.run(parts, report, tracking)
                    with storing(folder.path):
                        folder.write("training", told)
                    result = self.finish(loop, interruption)
                    with storing(folder.path):
                        folder.write("result", result)
                    yield result
                finally:
                    with suppress(DeadlineError), deadline(STOP_SECONDS):
                        loop.stop()
        except RunStoppedError as error:
            error.add_note(advice)
            raise
        leave_report(self.run, LONG * options.game_timeout)
