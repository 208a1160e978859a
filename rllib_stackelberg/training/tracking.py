"""The numbers of a run where people watch them: TensorBoard's event files always, W&B and MLflow on demand.

The last two go through Ray's own integrations; nothing here imports either. Steps are iterations.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, Protocol, Self

from ray.air.integrations.mlflow import setup_mlflow
from ray.air.integrations.wandb import setup_wandb
from ray.tune.utils import flatten_dict
from tensorboardX import SummaryWriter

from rllib_stackelberg.options import TrainOptions

REPORTED = ("env_runners", "learners", "timers")
"""Parts of RLlib's result that are logged."""

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
    """Event files under `tensorboard/` of the run folder."""

    def __init__(self, folder: Path):
        self.writer = SummaryWriter(str(folder / "tensorboard"))

    def log(self, numbers: Numbers, step: int) -> None:
        """A scalar for each; flushed, so that a run that is killed keeps them."""
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, global_step=step)
        self.writer.flush()

    def close(self) -> None:
        """Close the file."""
        self.writer.close()


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
    """All that a run logs to; a context."""

    def __init__(self, folder: Path, options: TrainOptions):
        config = options.resolved()
        self.sinks: list[Sink] = [TensorBoard(folder)]
        if options.mlflow:
            self.sinks.append(MLflow(folder, options.mlflow, config))
        if options.wandb:
            self.sinks.append(WandB(folder, options.wandb, config))

    def log(self, progress: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Log an iteration.

        Args:
            progress: of the leader (a line of progress.jsonl); result: what RLlib reported.
        """
        reported = {part: result[part] for part in REPORTED if part in result}
        numbers = finite({"leader": dict(progress), "rllib": reported})
        for sink in self.sinks:
            sink.log(numbers, int(progress["iteration"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        for sink in self.sinks:
            sink.close()


def finite(nested: dict[str, Any]) -> dict[str, float]:
    """Numbers among nested values, by path."""
    flat = flatten_dict(nested, delimiter="/")
    return {
        NOT_IN_NAMES.sub("_", name): float(value)
        for name, value in flat.items()
        if isinstance(value, Real) and math.isfinite(value)
    }
