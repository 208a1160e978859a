"""The numbers of a run where people watch them: TensorBoard's event files always, W&B and MLflow on demand.

The last two go through Ray's own integrations; nothing here imports either. Steps are iterations.
"""

from __future__ import annotations

import math
import re
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from numbers import Real
from pathlib import Path
from typing import Any, Protocol, Self

from ray.air.integrations.mlflow import setup_mlflow
from ray.air.integrations.wandb import setup_wandb
from ray.tune.utils import flatten_dict
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary

from rllib_stackelberg.runs.run_options import RunOptions

REPORTED = ("env_runners", "learners", "timers")
"""Parts of RLlib's result that are logged."""

FLUSH_SECONDS = 5.0

LOGGED_WHOLE = 1_000
"""First iterations, all of which are logged; then every tenth up to ten times as many, then every hundredth, ..."""

NOT_IN_NAMES = re.compile(r"[^\w./ -]")
"""MLflow refuses metrics called so."""

Numbers = Mapping[str, float]


class Sink(Protocol):
    """Something numbers are logged to."""

    def log(self, numbers: Numbers, step: int) -> None:
        """Take the numbers of a step."""

    def close(self) -> None:
        """Write what is left."""


class TensorBoard:
    """Event files under `tensorboard/` of the run folder.

    Written here and now: tensorboardX's own `SummaryWriter` hands them to a thread, and waits for ever once that has
    died of a full disk.
    """

    def __init__(self, folder: Path):
        place = folder / "tensorboard"
        place.mkdir(exist_ok=True)
        self.events = EventsWriter(str(place / "events"))
        self._flushed = time.monotonic()

    def log(self, numbers: Numbers, step: int) -> None:
        """One event for all; a run that is killed loses a few seconds of them."""
        values = [Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]
        self.events.write_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.events.flush()
            self._flushed = time.monotonic()

    def close(self) -> None:
        """Close the file; if the disk is full, what is left is lost."""
        with suppress(OSError):
            self.events.close()


class MLflow:
    """A run of an MLflow experiment, on the server of MLFLOW_TRACKING_URI or in MLflow's local store."""

    def __init__(self, folder: Path, experiment: str, config: dict[str, Any]):
        self.mlflow = setup_mlflow(
            config, experiment_name=experiment, run_name=folder.name, create_experiment_if_not_exists=True
        )

    def log(self, numbers: Numbers, step: int) -> None:
        """One request."""
        self.mlflow.log_metrics(dict(numbers), step=step)

    def close(self) -> None:
        """End the run."""
        self.mlflow.end_run()


class WandB:
    """A run of a W&B project; WANDB_MODE=offline keeps it in the run folder."""

    def __init__(self, folder: Path, project: str, config: dict[str, Any]):
        self.run = setup_wandb(config, project=project, name=folder.name, dir=str(folder))

    def log(self, numbers: Numbers, step: int) -> None:
        """One row."""
        self.run.log(dict(numbers), step=step)

    def close(self) -> None:
        """Finish the run."""
        self.run.finish()


class Tracking:
    """All that a run logs to; a context. A service that fails is warned of and left; the run goes on."""

    def __init__(self, folder: Path, options: RunOptions):
        config = options.resolved()
        self.services: list[Sink] = []
        if options.mlflow:
            self.services.append(MLflow(folder, options.mlflow, config))
        if options.wandb:
            self.services.append(WandB(folder, options.wandb, config))
        self.files = TensorBoard(folder)

    def log(self, progress: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Log an iteration, if it is one of those that are.

        Args:
            progress: of the leader (a line of progress.jsonl); result: what RLlib reported.

        Raises:
            OSError: the run folder cannot be written.
        """
        reported = {part: result[part] for part in REPORTED if part in result}
        step = int(progress["iteration"])
        if not is_logged(step):
            return
        numbers = finite({"leader": dict(progress), "rllib": reported})
        self.files.log(numbers, step)
        for service in list(self.services):
            try:
                service.log(numbers, step)
            except Exception as error:  # whatever a service's client may raise
                name = type(service).__name__
                warnings.warn(f"{name} is no longer logged to: {error!r}", RuntimeWarning, stacklevel=2)
                self.services.remove(service)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        for sink in (self.files, *self.services):
            sink.close()


def is_logged(iteration: int) -> bool:
    """Whether an iteration's numbers are logged: 900 in every power of ten, so a run of days fills no disk.

    >>> [sum(map(is_logged, range(1, most + 1))) for most in (1_000, 10_000, 100_000)]
    [1000, 1900, 2800]
    """
    apart = 1
    while iteration > LOGGED_WHOLE * apart:
        apart *= 10
    return iteration % apart == 0


def finite(nested: dict[str, Any]) -> dict[str, float]:
    """Numbers among nested values, by path."""
    flat = flatten_dict(nested, delimiter="/")
    return {
        NOT_IN_NAMES.sub("_", name): float(value)
        for name, value in flat.items()
        if isinstance(value, Real) and math.isfinite(value)
    }
